"""What a sample is: shapes, ranges and column spans. The lowest floor: it imports nothing of ours."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

WITH_ALPHA: Literal[4] = 4
"""Channels of pictures that are learnt with their transparency."""

Size = int | tuple[int, int]
"""A square's side, or width and height, in pixels."""


def sides_of(size: Size) -> tuple[int, int]:
    """Width and height."""
    return (size, size) if isinstance(size, int) else size


@dataclass(frozen=True)
class PictureSpec:
    """A picture as a float32 tensor of shape (channels, height, width) with values in [-1, 1]."""

    channels: int
    height: int
    width: int
    bands: bool = False
    """Whether the channels are bands of measurements and neither gray, color nor alpha, however many they are."""

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, self.height, self.width)

    @property
    def alpha(self) -> bool:
        """Whether the last channel is alpha; the color before it is premultiplied around 0."""
        return self.channels == WITH_ALPHA and not self.bands

    @classmethod
    def of(cls, channels: int, size: Size, bands: bool = False) -> PictureSpec:
        """The spec of pictures of a size."""
        width, height = sides_of(size)
        return cls(channels, height, width, bands)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return (self.width, self.height)

    @property
    def shorter(self) -> int:
        """The shorter side, by which stages are named."""
        return min(self.height, self.width)

    @property
    def side(self) -> int:
        """The side of the square of as many pixels, to the nearest: what cost goes by, and what was measured."""
        return round(math.sqrt(self.height * self.width))

    def at_side(self, side: int) -> PictureSpec:
        """The spec of the same pictures enlarged or made small until their shorter side has so many pixels."""
        height, width = (other * side // self.shorter for other in (self.height, self.width))
        return replace(self, height=height, width=width)


@dataclass(frozen=True)
class Span:
    """The places start to stop - 1 of an encoded row.

    ``number``: each place is one normal score, about N(0, 1), bounded by +-4.
    ``category``: the places are one choice, one-hot for a real row.
    ``choice``: the same, of the number after it: its side of a gap, that it is missing, or a value that many rows hold.
    """

    start: int
    stop: int
    kind: Literal["number", "category", "choice"]

    @property
    def width(self) -> int:
        return self.stop - self.start

    @property
    def places(self) -> range:
        return range(self.start, self.stop)


@dataclass(frozen=True)
class RowSpec:
    """A table row as a float32 vector of shape (width,), cut into spans that follow one another."""

    spans: tuple[Span, ...]

    @property
    def width(self) -> int:
        return self.spans[-1].stop

    @property
    def categorical(self) -> bool:
        """Whether a column is a category, and not only a number's own choice."""
        return any(span.kind == "category" for span in self.spans)

    @property
    def shape(self) -> tuple[int]:
        return (self.width,)


SampleSpec = PictureSpec | RowSpec

LARGEST, CHANNELS, WIDEST = 4096, 16, 1_000_000
"""Of a file's word: a picture's largest side and channels, a row's largest width."""

ValuedKind = Literal["labels", "columns"]
PicturedKind = Literal["pairs", "unpaired", "outlines", "gray", "small", "masked"]
ConditionKind = Literal[ValuedKind, PicturedKind]

ON_DISK: dict[ConditionKind, str] = {"gray": "grey"}
"""Kinds whose name in files is older: fingerprints of prepared data are taken with it."""

VALUED: tuple[ConditionKind, ...] = get_args(ValuedKind)
"""What can be given as values."""
PICTURED: tuple[ConditionKind, ...] = get_args(PicturedKind)
"""What can be given besides values; each is a picture."""


@dataclass(frozen=True)
class Condition:
    """What G is handed beside noise: chosen values, encoded like a table's row, or a picture.

    ``places`` are those of the sample in which a row of the kind ``columns`` holds the values itself; no other kind
    has any.
    """

    kind: ConditionKind
    spec: SampleSpec
    places: tuple[int, ...] = ()

    @property
    def pictures(self) -> bool:
        return isinstance(self.spec, PictureSpec)

    @property
    def paired(self) -> bool:
        """Whether each sample has a condition of its own; of two unpaired sets neither says anything of the other,
        and D sees the sample alone."""
        return self.kind != "unpaired"


def at_most(spec: SampleSpec, rows: int, pictures: int, pixels: int, fewest: int = 1) -> int:
    """How many samples cost about the same: ``rows``, or ``pictures``, or of larger ones as many as have ``pixels``
    between them, but never under ``fewest``."""
    if not isinstance(spec, PictureSpec):
        return rows
    return max(fewest, min(pictures, pixels // (spec.height * spec.width)))


def spec_to_json(spec: SampleSpec) -> dict[str, Any]:
    """A spec as plain JSON values; ``spec_from_json`` is its inverse."""
    kind = "picture" if isinstance(spec, PictureSpec) else "row"
    facts = {"kind": kind, **asdict(spec)}
    if not facts.get("bands", True):
        del facts["bands"]  # files of gray and color are as they were
    return facts


def spec_from_json(facts: dict[str, Any]) -> SampleSpec:
    """The spec that ``spec_to_json`` wrote. Raises ValueError, KeyError or TypeError for anything else: files may come
    from anybody, and sizes decide how much memory is taken."""
    if facts["kind"] == "picture":
        sides = facts["channels"], facts["height"], facts["width"]
        if not all(type(side) is int and 1 <= side <= LARGEST for side in sides) or sides[0] > CHANNELS:
            raise ValueError(f"{sides} are no picture's channels, height and width")
        if type(facts.get("bands", False)) is not bool:
            raise ValueError(f"{facts['bands']!r} does not say whether a picture has bands")
        return PictureSpec(*sides, facts.get("bands", False))
    spans = tuple(Span(**span) for span in facts["spans"])
    position = 0
    for span in spans:
        if type(span.stop) is not int or span.start != position or not position < span.stop <= WIDEST:
            raise ValueError(f"{span} does not follow place {position}")
        if span.kind not in ("number", "category", "choice"):
            raise ValueError(f"{span} is of no known kind")
        position = span.stop
    if not spans:
        raise ValueError("a row has no columns")
    return RowSpec(spans)


def condition_to_json(condition: Condition | None) -> dict[str, Any] | None:
    """A condition as plain JSON values; ``condition_from_json`` is its inverse."""
    if condition is None:
        return None
    kind = ON_DISK.get(condition.kind, condition.kind)
    return {"kind": kind, "spec": spec_to_json(condition.spec), "places": list(condition.places)}


def condition_from_json(facts: dict[str, Any] | None) -> Condition | None:
    """The condition that ``condition_to_json`` wrote."""
    if facts is None:
        return None
    spec, places = spec_from_json(facts["spec"]), tuple(facts["places"])
    kind = next((kind for kind, name in ON_DISK.items() if name == facts["kind"]), facts["kind"])
    if kind not in (*VALUED, *PICTURED) or (kind in PICTURED) != isinstance(spec, PictureSpec):
        raise ValueError(f"{kind!r} is no condition of this kind of sample")
    if not all(type(position) is int and 0 <= position < WIDEST for position in places):
        raise ValueError("a condition's places are no places of a row")
    return Condition(kind, spec, places)
