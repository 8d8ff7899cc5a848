"""What is plotted of a table's columns, as numbers: real rows and fakes counted side by side by `evenodds score`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

Counts = tuple[NonNegativeInt, ...]
Unit = Literal["D", "s", "us"]
"""Of dates, which are whole numbers of it since 1970."""
Position = Annotated[float, Field(ge=0, le=1)]
"""Where a value lies in the range of its axis."""
Box = tuple[Position, Position, Position, Position, Position]
"""The 5th, 25th, 50th, 75th and 95th percentile."""


class Plot(BaseModel):
    """Frozen; what a later version adds is left alone."""

    model_config = ConfigDict(frozen=True)


class Axis(Plot):
    """A number's range, and of dates their unit."""

    low: FiniteFloat
    high: FiniteFloat
    unit: Unit | None = None


class NumberPlot(Plot):
    """A histogram of numbers or dates: rows in each bin between ``edges``, what lies beyond them in the bins at the
    ends, and gaps."""

    kind: Literal["number"] = "number"
    name: str
    shape: FiniteFloat | None
    """How alike both are spread, as ``metrics.columns.shapes`` has it; None where a side has no value."""
    edges: tuple[FiniteFloat, ...]
    real: Counts
    fake: Counts
    missing: tuple[NonNegativeInt, NonNegativeInt]
    """Real rows and fakes with a gap."""
    beyond: tuple[bool, bool]
    """Whether there are values beyond the first and the last edge."""
    whole: bool = False
    """Whether all values are whole numbers, so that edges lie halfway between two."""
    unit: Unit | None = None

    @model_validator(mode="after")
    def check_bins(self) -> Self:
        rising = all(low < high for low, high in itertools.pairwise(self.edges))
        if not self.real or not rising or {len(self.real), len(self.fake)} != {len(self.edges) - 1}:
            raise ValueError("its bins do not fit its edges")
        return self


class CategoryPlot(Plot):
    """Rows of each level, those of the other levels together, and gaps."""

    kind: Literal["category"] = "category"
    name: str
    shape: FiniteFloat | None
    levels: tuple[str, ...]
    real: Counts
    fake: Counts
    others: NonNegativeInt
    """How many levels are not named."""
    other: tuple[NonNegativeInt, NonNegativeInt]
    missing: tuple[NonNegativeInt, NonNegativeInt]

    @model_validator(mode="after")
    def check_levels(self) -> Self:
        if {len(self.real), len(self.fake)} != {len(self.levels)}:
            raise ValueError("its counts do not fit its levels")
        return self


class ScatterPlot(Plot):
    """Two numbers: points of equally many real rows and fakes, as positions on both axes."""

    kind: Literal["scatter"] = "scatter"
    names: tuple[str, str]
    trend: FiniteFloat
    """How alike both hang together, as ``metrics.columns.trends`` has it."""
    axes: tuple[Axis, Axis]
    real: tuple[tuple[Position, Position], ...]
    fake: tuple[tuple[Position, Position], ...]


class LevelsPlot(Plot):
    """Two categories: rows of each pair of levels, the first column's levels downward."""

    kind: Literal["levels"] = "levels"
    names: tuple[str, str]
    trend: FiniteFloat
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    real: tuple[Counts, ...]
    fake: tuple[Counts, ...]

    @model_validator(mode="after")
    def check_cells(self) -> Self:
        down, across = map(len, self.levels)
        if any(len(side) != down or {*map(len, side)} != {across} for side in (self.real, self.fake)):
            raise ValueError("its counts do not fit its levels")
        return self


class BoxesPlot(Plot):
    """A number (the second name) at each level of a category (the first), with the rows of each level."""

    kind: Literal["boxes"] = "boxes"
    names: tuple[str, str]
    trend: FiniteFloat
    axis: Axis
    levels: tuple[str, ...]
    real: Counts
    fake: Counts
    real_boxes: tuple[Box | None, ...]
    """None where no row of the level has the number."""
    fake_boxes: tuple[Box | None, ...]

    @model_validator(mode="after")
    def check_levels(self) -> Self:
        sides = (self.real, self.fake, self.real_boxes, self.fake_boxes)
        if {*map(len, sides)} != {len(self.levels)}:
            raise ValueError("its boxes do not fit its levels")
        return self


ColumnPlot = Annotated[NumberPlot | CategoryPlot, Field(discriminator="kind")]
PairPlot = Annotated[ScatterPlot | LevelsPlot | BoxesPlot, Field(discriminator="kind")]
COLUMN: TypeAdapter[ColumnPlot] = TypeAdapter(ColumnPlot)
PAIR: TypeAdapter[PairPlot] = TypeAdapter(PairPlot)
T = TypeVar("T")


class TablePlots(Plot):
    """Every column and the worst pairs of columns, the least alike first."""

    checkpoint: NonNegativeInt
    """The round of the state that made the fakes."""
    split: Literal["train", "held-out"]
    """Which rows the real ones are."""
    real_n: NonNegativeInt
    fake_n: NonNegativeInt
    columns: tuple[ColumnPlot, ...]
    pairs: tuple[PairPlot, ...]


def read_plots(facts: dict[str, Any] | None) -> TablePlots | None:
    """What ``TablePlots.model_dump`` gave, without the plots that do not read; None where nothing of it does."""
    facts = facts or {}
    columns, pairs = (
        tuple(readable(facts.get(name), adapter)) for name, adapter in (("columns", COLUMN), ("pairs", PAIR))
    )
    try:
        return TablePlots.model_validate({**facts, "columns": columns, "pairs": pairs})
    except ValidationError:
        return None


def readable(plots: Any, adapter: TypeAdapter[T]) -> Iterable[T]:
    """Those of a list that the adapter takes."""
    for plot in plots if isinstance(plots, list) else []:
        try:
            yield adapter.validate_python(plot)
        except ValidationError:
            continue  # damaged, or of a kind that a later version draws
