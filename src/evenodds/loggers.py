"""The journal's figures shown elsewhere too, while a game goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from evenodds.extras import need
from evenodds.run import Run

LoggerName = Literal["none", "tensorboard"]
FOLDER = "tensorboard"
"""Where in the run TensorBoard's files lie."""


@contextmanager
def logging(run: Run, name: LoggerName) -> Iterator[None]:
    """While it is entered, each line of the run's journal goes to the logger too.

    tensorboard: the numbers of checks, by round, and events as texts, in RUN/tensorboard. Raises UserError where its
    package is missing.
    """
    if name == "none":
        yield
        return
    need("tensorboard", "log", "--log tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    # What was logged after the last checkpoint is played, and logged, again.
    last = run.last()
    purge = None if last is None else int(last.name) + 1
    writer = SummaryWriter(run.path / FOLDER, purge_step=purge)

    def note(line: dict[str, Any]) -> None:
        step = int(line.get("round", 0))
        if "event" in line:
            told = ", ".join(
                f"{key}: {value}" for key, value in line.items() if key not in ("event", "round")
            )
            writer.add_text(str(line["event"]), told, step)
        for key, value in line.items():
            if "event" not in line and isinstance(value, int | float) and key != "round":
                writer.add_scalar(key, value, step)
        writer.flush()

    run.listeners.append(note)
    try:
        yield
    finally:
        run.listeners.remove(note)
        writer.close()
