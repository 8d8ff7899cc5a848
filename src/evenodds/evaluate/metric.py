"""One score, stamped with all that it hangs on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

DIGITS = 6
"""Significant digits that are written."""


@dataclass(frozen=True)
class Stamp:
    """What a figure was measured on. Two figures compare only where all of this is the same."""

    extractor: str
    """What made the features, or what they are where nothing was extracted."""
    resizer: str
    """How pictures were brought to the extractor's size."""
    split: Literal["train", "held-out"]
    """Which reals fakes are measured against."""
    real_n: int
    fake_n: int


@dataclass(frozen=True)
class Metric:
    """A score of the fakes, with that of reals in their place where that can be had."""

    name: str
    """Stable: scripts read it."""
    title: str
    """For people."""
    value: float
    stamp: Stamp
    better: Literal["lower", "higher", "half", "reals"]
    """Which way is better; ``half`` where 0.5 means that nothing can be told, ``reals`` where neither more nor less
    than theirs is."""
    low: float | None = None
    high: float | None = None
    """A 95 % interval, where there is one."""
    p_value: float | None = None
    reals: float | None = None
    """The same of as many other reals in the fakes' place: what a perfect G would get."""

    def to_json(self) -> dict[str, Any]:
        """As JSON, the stamp's facts beside the others."""
        facts = {**asdict(self), **asdict(self.stamp)}
        del facts["stamp"]
        return {
            key: float(f"{fact:.{DIGITS}g}") if isinstance(fact, float) else fact
            for key, fact in facts.items()
        }
