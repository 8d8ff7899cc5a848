"""The journal's figures shown elsewhere too, while a game goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, Literal, NamedTuple

from evenodds.core.optional import need
from evenodds.runs.messages import MESSAGES, event_sentence
from evenodds.runs.run import Run

LoggerName = Literal["none", "tensorboard", "trackio"]
FOLDER = "tensorboard"
"""Where in the run TensorBoard's files lie."""
PROJECT = "evenodds"
"""What Trackio keeps runs under."""


class Logger(NamedTuple):
    """Where a line of the journal goes, and what is done in the end."""

    note: Callable[[dict[str, Any]], None]
    close: Callable[[], None]


@contextmanager
def logging(run: Run, name: LoggerName) -> Iterator[None]:
    """While it is entered, each line of the run's journal goes to the logger too: the numbers of checks, by round, and
    events as texts.

    tensorboard: to RUN/tensorboard. trackio: to where Trackio keeps its runs on this machine, or where its environment
    says. Raises UserError where the package is missing.
    """
    if name == "none":
        yield
        return
    need(name, "log", f"--log {name}")
    logger = {"tensorboard": tensorboard, "trackio": trackio}[name](run)
    run.listeners.append(logger.note)
    try:
        yield
    finally:
        run.listeners.remove(logger.note)
        logger.close()


def tensorboard(run: Run) -> Logger:
    """TensorBoard's files."""
    from torch.utils.tensorboard import SummaryWriter

    # What was logged after the last checkpoint is played, and logged, again.
    last = run.checkpoints.last()
    writer = SummaryWriter(run.path / FOLDER, purge_step=None if last is None else int(last.name) + 1)

    def note(line: dict[str, Any]) -> None:
        step = int(line.get("round", 0))
        if "event" in line:
            writer.add_text(str(line["event"]), sentence(line), step)
        for key, value in numbers(line).items():
            writer.add_scalar(key, value, step)
        writer.flush()

    return Logger(note, writer.close)


def trackio(run: Run) -> Logger:
    """Trackio's database on this machine; the same name goes on with the same run."""
    import trackio

    # It speaks on stdout, which --json keeps for its own.
    with redirect_stdout(sys.stderr):
        board = trackio.init(
            PROJECT,
            run.path.resolve().name,
            config={"run": str(run.path.resolve()), **run.recipe.model_dump(mode="json")},
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def note(line: dict[str, Any]) -> None:
        values = {str(line["event"]): sentence(line)} if "event" in line else numbers(line)
        if values:
            board.log(values, step=int(line.get("round", 0)))

    def close() -> None:
        with redirect_stdout(sys.stderr):
            trackio.finish()

    return Logger(note, close)


def numbers(line: dict[str, Any]) -> dict[str, float]:
    """A check's figures; none of an event."""
    if "event" in line:
        return {}
    return {key: value for key, value in line.items() if isinstance(value, int | float) and key != "round"}


def sentence(line: dict[str, Any]) -> str:
    """An event in words."""
    if f"event {line['event']}" in MESSAGES:
        return event_sentence(line)
    return ", ".join(f"{key}: {value}" for key, value in line.items() if key not in ("event", "round"))
