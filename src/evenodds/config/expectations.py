"""What a budget's pictures are expected to be: how near games on record came by how many pictures D had seen.

`benchmarks/scales.py` writes ``curves.json``: for each side in pixels and each scale the points of its games, and the
curve through them, distance = floor + at_10k * (seen / 10,000) ** -exponent (docs/experiments/scales.md).
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from evenodds.config.settings import ScaleName

UNIT = 10_000
"""Pictures seen at which a curve's distance above its floor is written down."""
LOOKS = (
    (2.0, "colors and blurs"),
    (0.5, "shapes that can be guessed at, with faults in all of them"),
    (0.0, "recognizable at a glance, with faults at a second one"),
)
"""What fakes at such a distance or above look like, by eye (docs/experiments/scales.md)."""


class Curve(NamedTuple):
    """How the distance of fakes falls at one side in pixels and one scale, within what games on record have seen."""

    side: int
    scale: ScaleName
    floor: float
    at_10k: float
    exponent: float
    most_seen: float
    played: float
    """Share of a budget in seconds that rounds take; the rest is for checks."""

    def distance(self, seen: float) -> float:
        """The distance of the checks that is expected after D has seen so many pictures.

        >>> Curve(64, "tiny", 0.5, 2.0, 1.0, 50_000, 0.7).distance(20_000)
        1.5
        """
        return float(self.floor + self.at_10k * (max(seen, 1) / UNIT) ** -self.exponent)

    def seen(self, distance: float) -> float:
        """How many pictures D sees until a distance is expected; infinite at the floor and below.

        >>> Curve(64, "tiny", 0.5, 2.0, 1.0, 50_000, 0.7).seen(1.5)
        20000.0
        """
        if distance <= self.floor:
            return math.inf
        return float(UNIT * (self.at_10k / (distance - self.floor)) ** (1 / self.exponent))


@cache
def curves() -> list[Curve]:
    """The curves on record."""
    content = json.loads((files("evenodds.config") / "curves.json").read_text("utf-8"))
    return [Curve(*(one[name] for name in Curve._fields)) for one in content["curves"]]


def curve_of(side: int, scale: ScaleName) -> Curve | None:
    """The curve on record of a side in pixels and a scale; None where there is none: beyond what was measured nothing
    is said."""
    return next((one for one in curves() if (one.side, one.scale) == (side, scale)), None)


def played_share(side: int, scale: ScaleName) -> float:
    """The share of a budget in seconds that rounds take, by the games on record of the nearest side at this scale."""
    of_scale = [one for one in curves() if one.scale == scale]
    return min(of_scale, key=lambda one: abs(math.log(one.side / side))).played if of_scale else 1.0


def look(distance: float) -> str:
    """What fakes at a distance look like, in words.

    >>> look(3.0)
    'colors and blurs'
    """
    return next(words for least, words in LOOKS if distance >= least)


def next_distance(distance: float) -> float | None:
    """The distance at which fakes begin to look better in words than at this one; None where no words are left."""
    return next((least for least, _ in LOOKS if distance >= least), 0.0) or None
