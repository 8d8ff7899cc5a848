"""`evenodds train`: train on a source until there is a verdict."""

from __future__ import annotations

import json as jsonlib
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from evenodds.cli.display import Display
from evenodds.cli.options import NO_FLAGS, Device, FlatFlags
from evenodds.core.distributed import rank
from evenodds.data.source import find
from evenodds.runs.status import EXITS


def train(
    source: str,
    *,
    out: Path | None = None,
    device: Device = "auto",
    log: Literal["none", "tensorboard", "trackio"] = "none",
    json: bool = False,
    flags: FlatFlags = NO_FLAGS,
) -> int:
    """Train a GAN on a source and write a run folder; the same command again resumes.

    On several GPUs or machines: torchrun --nproc-per-node N -m evenodds train SOURCE ...

    Parameters
    ----------
    source:
        people, digits or faces; a folder, zip or tar of pictures; a CSV, TSV or Parquet table; hf:user/name on the Hub.
    out:
        The run folder; by default runs/NAME, after the source.
    log:
        Log metrics to TensorBoard (RUN/tensorboard) or to Trackio (on this machine), too.
    json:
        Print one JSON object with the verdict and its evidence, and nothing else, on stdout.
    """
    data_source = find(source, flags.data)
    folder = out or Path("runs") / data_source.name
    with Display(quiet=json or rank() > 0) as display, stop_on_signals() as stop:
        # Here and not above: torch takes seconds, and a wrong flag should be told at once.
        from evenodds.core.device import find_device
        from evenodds.training.context import Context
        from evenodds.training.session import train_run

        context = Context(find_device(device), observer=display, stop=stop)
        result = train_run(data_source, source, flags.recipe(), folder, context, log)
    if json and not rank():
        print(jsonlib.dumps(result.to_json()))
    return EXITS.get(result.verdict.verdict, 0)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set the event, so that the game ends after its round; a second one ends it at once."""
    stop = threading.Event()

    def ask(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
