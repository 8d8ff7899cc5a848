"""How long something takes that is played again and again, and how far such figures lie apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def seconds_each(
    play: Callable[[], Any], seconds: float, clock: Callable[[], float] = time.monotonic
) -> float:
    """Seconds of a play by the clock, over whole ones of at least so many seconds together."""
    start, plays = clock(), 0
    while True:
        play()
        plays += 1
        spent = clock() - start
        if spent >= seconds:
            return spent / plays


def spread(name: str, times: Sequence[float], digits: int = 3, before: str = "") -> dict[str, float]:
    """The cells of a row that say how far ratios lie apart: their median under ``name``, the least and the most; what
    stands ``before`` each name is of several such in one row."""
    cells = {name: statistics.median(times), "least": min(times), "most": max(times)}
    return {f"{before}{cell}": round(value, digits) for cell, value in cells.items()}
