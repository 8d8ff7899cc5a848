"""Sizes of pictures: read, written, chosen, and which of them networks can grow to. No torch here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from evenodds.core.errors import UserError
from evenodds.core.spec import Size

AUTO = "auto"
SMALLEST, LARGEST = 8, 1024
"""Pixels of a side, at least and at most."""
FIRST, FIRST_OF_RECTANGLE = 7, 9
"""Pixels at which the shorter side begins, at most. A rectangle may begin a little larger than a square, or 16:9 would
have none."""
LEAST = 4
"""Pixels at which the shorter side begins, at least."""
WIDEST_ASPECT = 4
"""Longer over shorter side, at most, of what is chosen by itself."""
AREA = 1 / 8
"""What a factor in the number of pixels costs against the same factor in the aspect, where a size is chosen."""


class Start(NamedTuple):
    """The map that a picture grows from, in places, and how often it doubles."""

    height: int
    width: int
    doublings: int

    @property
    def places(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width


def read_size(value: Any) -> int | str:
    """A size as settings keep it: the side of a square, such as 64; "256x144" (width x height) for a rectangle; "auto".

    Takes these, a square as text, and a tuple (width, height). Raises ValueError for anything else.

    >>> read_size("256x144"), read_size((64, 64)), read_size("64")
    ('256x144', 64, 64)
    """
    parts = value
    if isinstance(value, str):
        text = value.strip().lower()
        if text == AUTO:
            return AUTO
        parts = text.replace("×", "x").split("x")
        if not all(part.strip().isdecimal() for part in parts):
            parts = ()
    elif isinstance(value, int):
        parts = (value,)
    sides = [int(part) for part in parts] if are_sides(parts) else []
    if len(sides) not in (1, 2):
        raise ValueError(
            f"{value!r} is no size, give an integer such as 64, width x height such as 256x144, or auto"
        )
    if not all(SMALLEST <= side <= LARGEST for side in sides):
        raise ValueError(
            f"each side is greater than or equal to {SMALLEST} and less than or equal to {LARGEST} px"
        )
    return as_setting(sides[0], sides[-1])


def are_sides(parts: Any) -> bool:
    """Whether these are numbers, or texts that hold such."""
    return isinstance(parts, list | tuple) and all(
        isinstance(part, int | str) and not isinstance(part, bool) for part in parts
    )


def size_of(setting: int | str) -> Size:
    """Pixels of a size that settings keep, which is not "auto": the inverse of ``as_setting``.

    >>> size_of("256x144"), size_of(64)
    ((256, 144), 64)
    """
    if isinstance(setting, int):
        return setting
    width, _, height = setting.partition("x")
    return int(width), int(height)


def as_setting(width: int, height: int) -> int | str:
    """Pixels as --size takes them.

    >>> as_setting(256, 144), as_setting(64, 64)
    ('256x144', 64)
    """
    return width if width == height else f"{width}x{height}"


def start_of(width: int, height: int) -> Start:
    """Where a picture begins that grows by doubling: on the smallest map of at least 4 places a side.

    Raises UserError for a size that no such map gives, naming the nearest ones.

    >>> start_of(256, 144)
    Start(height=9, width=16, doublings=4)
    """
    start = find_start(width, height)
    if start is None:
        shorter = FIRST if width == height else FIRST_OF_RECTANGLE
        what = "" if width == height else " on the shorter side"
        nearest = " or ".join(str(as_setting(*one)) for one in nearest_sizes(width, height))
        raise UserError(
            f"--size {as_setting(width, height)}: pictures grow by doubling from {LEAST} to {shorter} px{what}, "
            f"take {nearest} instead"
        )
    return start


def find_start(width: int, height: int) -> Start | None:
    """``start_of``, or None."""
    shorter = min(width, height)
    k = max(0, (shorter // LEAST).bit_length() - 1)
    if width != height:
        divisor = math.gcd(width, height)
        k = min(k, (divisor & -divisor).bit_length() - 1)
    most = FIRST if width == height else FIRST_OF_RECTANGLE
    whole = not (width | height) & ((1 << k) - 1)
    # A rectangle of no doublings would have no layer that makes a picture of a map.
    if not whole or not LEAST <= shorter >> k <= most or (k == 0 and width != height):
        return None
    return Start(height >> k, width >> k, k)


def nearest_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """The two sizes (width, height) nearest to one that cannot be grown to; of a square squares, below and above it."""
    if width == height:
        squares = [start << k for k in range(12) for start in range(LEAST, FIRST + 1)]
        below, above = [side for side in squares if side < width], [side for side in squares if side > width]
        return [(side, side) for side in (*sorted(below)[-1:], min(above))]
    near = {
        (x, y)
        for k in range(1, 9)
        for x in around(width, 1 << k)
        for y in around(height, 1 << k)
        if find_start(x, y) is not None
    }
    return sorted(near, key=lambda one: (round(apart(one, (width, height)), 9), one))[:2]


def around(side: int, step: int) -> list[int]:
    """The multiples of a step next to a side, within what a side may have."""
    below = side // step * step
    return [multiple for multiple in (below, below + step) if SMALLEST <= multiple <= LARGEST]


def apart(one: tuple[int, int], other: tuple[int, int]) -> float:
    """How far two sizes are apart, as factors of their sides."""
    return sum(abs(math.log(mine / its)) for mine, its in zip(one, other, strict=True))


class Chosen(NamedTuple):
    """The size that was chosen for pictures, and how many of them have about its aspect."""

    size: Size
    alike: int


def automatic(sizes: Sequence[tuple[int, int]], side: int) -> Chosen:
    """The size for pictures of many sizes (width, height): of their most frequent aspect, as nearly as every network
    can make it with about ``side`` squared pixels."""
    counts = Counter(of_aspect(*reduced(*one), side) for one in sizes)
    [(best, alike)] = counts.most_common(1)
    return Chosen(best[0] if best[0] == best[1] else best, alike)


def reduced(width: int, height: int) -> tuple[int, int]:
    """An aspect in lowest terms."""
    divisor = math.gcd(width, height)
    return width // divisor, height // divisor


@cache
def of_aspect(width: int, height: int, side: int) -> tuple[int, int]:
    """The size that networks can make which is nearest to an aspect, with about ``side`` squared pixels."""
    aspect, area = math.log(width / height), 2 * math.log(side)

    def cost(one: tuple[int, int]) -> float:
        off = abs(math.log(one[0] / one[1]) - aspect)
        return round(off + AREA * abs(math.log(one[0] * one[1]) - area), 9)

    return min(candidates(side), key=lambda one: (cost(one), one))


@cache
def candidates(side: int) -> tuple[tuple[int, int], ...]:
    """Sizes that every network can make, of at least half and at most twice ``side`` squared pixels."""
    sizes = {
        (width << k, height << k)
        for k in range(1, 9)
        for width in range(LEAST, WIDEST_ASPECT * FIRST + 1)
        for height in range(LEAST, WIDEST_ASPECT * FIRST + 1)
        if min(width, height) <= FIRST and max(width, height) <= WIDEST_ASPECT * min(width, height)
    }
    return tuple(
        sorted(
            one
            for one in sizes
            if min(one) >= SMALLEST and max(one) <= LARGEST and side**2 <= 2 * one[0] * one[1] <= 4 * side**2
        )
    )
