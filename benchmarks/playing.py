"""What a user types, run for a benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenodds.core.device import find_device
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler


def train(source: str | Path, run: Path, *flags: str) -> dict[str, Any]:
    """What `evenodds train SOURCE --out RUN` answers, and the seconds of the whole command as ``command_seconds``.

    A game that ends `collapsed` or `diverged` exits with 3, and its best state is measured like any other.
    """
    start = time.monotonic()
    command = [sys.executable, "-m", "evenodds", "train", str(source), "--out", str(run), "--json", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "command_seconds": time.monotonic() - start}


def sample(run: Path, to: Path, *flags: str) -> None:
    """`evenodds sample RUN --out TO`."""
    command = [sys.executable, "-m", "evenodds", "sample", str(run), "--out", str(to), *flags]
    subprocess.run(command, check=True, capture_output=True)


def pictures_of(run: Path, n: int) -> NDArray[np.uint8]:
    """n fakes of a run's best state, uint8 (n, H, W, C)."""
    return np.concatenate(list(Sampler(Run.open(run), find_device("cpu")).pictures(n, 0)))
