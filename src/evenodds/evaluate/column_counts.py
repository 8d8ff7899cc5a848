"""Counts real rows and fakes of every column, and of the pairs of columns that are least alike, to be plotted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.metrics.columns import Kind, number
from evenodds.runs.column_plots import (
    Axis,
    Box,
    BoxesPlot,
    CategoryPlot,
    ColumnPlot,
    LevelsPlot,
    NumberPlot,
    PairPlot,
    ScatterPlot,
    Unit,
)

BINS = (8, 24)
"""Fewest and most bins of a histogram; between them the root of the rows."""
TAIL = 0.005
"""Share of a side's values at either end that an axis may leave out."""
FAR = 1.25
"""How much wider the range of all values may be for an axis to show them all."""
LEVELS = 15
"""Levels of a category that are counted each for itself."""
PAIR_LEVELS = 8
"""The same beside another column."""
POINTS = 300
"""Rows of each side whose two numbers are plotted."""
PAIRS = 6
"""Pairs of columns that are plotted."""
PERCENTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
OTHERS, MISSING = "(others)", "(missing)"
"""What is written where levels stand."""

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]
Units = dict[str, Unit]
"""The columns that are dates."""


def column_plots(
    real: pd.DataFrame, fake: pd.DataFrame, kinds: dict[str, Kind], units: Units, shapes: dict[str, float]
) -> tuple[ColumnPlot, ...]:
    """A plot of every column, the least alike first; those that cannot be compared, for a side has no value, before
    them. ``real`` and ``fake`` are tables as ``metrics.columns.comparable`` gives them."""
    plots: list[ColumnPlot] = []
    for name in sorted(kinds, key=lambda name: shapes.get(name, -1.0)):
        shape = shapes.get(name)
        if kinds[name] == "number":
            plots.append(number_plot(clean(name), real[name], fake[name], shape, units.get(name)))
        else:
            plots.append(category_plot(clean(name), real[name], fake[name], shape))
    return tuple(plots)


def number_plot(
    name: str, real: pd.Series[Any], fake: pd.Series[Any], shape: float | None, unit: Unit | None = None
) -> NumberPlot:
    """Histograms of both sides with common edges."""
    sides = [number(side) for side in (real, fake)]
    present = [side[~np.isnan(side)] for side in sides]
    edges, whole = edges_of(*present)
    both = np.concatenate(present)
    counts = [np.histogram(side.clip(edges[0], edges[-1]), edges)[0].tolist() for side in present]
    return NumberPlot(
        name=name,
        shape=shape,
        edges=tuple(edges.tolist()),
        real=tuple(counts[0]),
        fake=tuple(counts[1]),
        missing=(len(sides[0]) - len(present[0]), len(sides[1]) - len(present[1])),
        beyond=(bool((both < edges[0]).any()), bool((both > edges[-1]).any())),
        whole=whole,
        unit=unit,
    )


def edges_of(real: Numbers, fake: Numbers) -> tuple[Numbers, bool]:
    """Edges of equal bins over most of both sides' values, and whether all values are whole numbers: then as many of
    them fall into each bin, for else a histogram would be a comb."""
    low, high = bounds(real, fake)
    count = min(max(math.isqrt(max(len(real), 1)), BINS[0]), BINS[1])
    both = np.concatenate([real, fake])
    whole = bool((both == np.rint(both)).all()) and len(both) > 0
    if whole:
        low, high = math.floor(low), math.ceil(high)
        step = max(1, math.ceil((high - low + 1) / count))
        edges = low - 0.5 + step * np.arange(math.ceil((high - low + 1) / step) + 1, dtype=np.float64)
    else:
        edges = 2 * np.linspace(low / 2, high / 2, count + 1)  # halves: their difference is finite
    if not (np.diff(edges) > 0).all():  # one value, or too large for its neighbours to differ
        margin = max(1e-6 * max(abs(low), abs(high)), 0.5)
        edges = np.array([low - margin, high + margin])
    return edges, whole


def bounds(*sides: Numbers) -> tuple[float, float]:
    """The range that holds all but the outermost values of each side, or all of them where these are not far out; 0 and
    0 where no side has any."""
    sides = tuple(side for side in sides if len(side))
    if not sides:
        return 0.0, 0.0
    ends = np.array([np.quantile(side, (0, TAIL, 1 - TAIL, 1), method="nearest") for side in sides])
    (least, low, _, _), (_, _, high, most) = ends.min(0).tolist(), ends.max(0).tolist()
    near = most / 2 - least / 2 <= FAR * (high / 2 - low / 2)  # halves: their difference is finite
    return (least, most) if near else (low, high)


def category_plot(name: str, real: pd.Series[Any], fake: pd.Series[Any], shape: float | None) -> CategoryPlot:
    """Rows of each of the most frequent levels on both sides."""
    levels = top_levels(real, fake, LEVELS)
    sides = [level_codes(side, levels) for side in (real, fake)]
    counts = [np.bincount(side, minlength=len(levels) + 2).tolist() for side in sides]
    rest = {*real.dropna().tolist(), *fake.dropna().tolist()} - set(levels)
    return CategoryPlot(
        name=name,
        shape=shape,
        levels=tuple(map(level_text, levels)),
        real=tuple(counts[0][:-2]),
        fake=tuple(counts[1][:-2]),
        others=len(rest),
        other=(counts[0][-2], counts[1][-2]),
        missing=(counts[0][-1], counts[1][-1]),
    )


def top_levels(real: pd.Series[Any], fake: pd.Series[Any], most: int) -> list[Any]:
    """The levels with the largest shares of both sides together, numbers in their order, others the largest first. One
    more than ``most`` are all of them: one that is left over is named, too."""
    shares = [side.astype(object).value_counts(normalize=True) for side in (real, fake)]
    levels = shares[0].add(shares[1], fill_value=0).sort_values(ascending=False, kind="stable").index
    chosen = list(levels if len(levels) <= most + 1 else levels[:most])
    if all(isinstance(level, (bool, int, float, np.number, np.bool_)) for level in chosen):
        chosen.sort()
    return chosen


def level_codes(side: pd.Series[Any], levels: list[Any]) -> Codes:
    """Each row's level as its index; one more is every other level, and two more a gap."""
    values = side.astype(object)
    index = pd.Index(levels, dtype=object).get_indexer(pd.Index(values, dtype=object))
    codes = np.where(index < 0, len(levels), index)
    return np.where(values.isna().to_numpy(np.bool_), len(levels) + 1, codes).astype(np.int64)


def level_text(level: Any) -> str:
    """A level as it is read."""
    return f"{level:g}" if isinstance(level, float) else clean(str(level))


def clean(text: str) -> str:
    """The text without what UTF-8 cannot say."""
    return text.encode("utf-8", "replace").decode("utf-8")


def pair_plots(
    real: pd.DataFrame,
    fake: pd.DataFrame,
    kinds: dict[str, Kind],
    units: Units,
    trends: list[tuple[str, str, float]],
) -> tuple[PairPlot, ...]:
    """Plots of the first ``PAIRS`` pairs in ``trends``, which are sorted, the least alike first."""
    plots: list[PairPlot] = []
    for first, second, trend in trends[:PAIRS]:
        numbers = [name for name in (first, second) if kinds[name] == "number"]
        if len(numbers) == 2:
            plots.append(scatter_plot(real, fake, (first, second), units, trend))
        elif numbers:
            category = second if numbers == [first] else first
            plots.append(boxes_plot(real, fake, (category, numbers[0]), units.get(numbers[0]), trend))
        else:
            plots.append(levels_plot(real, fake, (first, second), trend))
    return tuple(plots)


def scatter_plot(
    real: pd.DataFrame, fake: pd.DataFrame, names: tuple[str, str], units: Units, trend: float
) -> ScatterPlot:
    """The two numbers of rows that have both."""
    sides = [np.stack([number(side[name]) for name in names], 1) for side in (real, fake)]
    sides = [side[~np.isnan(side).any(1)] for side in sides]
    count = min(POINTS, *map(len, sides))
    ranges = [bounds(sides[0][:, index], sides[1][:, index]) for index in (0, 1)]
    points = [
        tuple(zip(*(positions(side[:count, index], ranges[index]) for index in (0, 1)), strict=True))
        for side in sides
    ]
    axes = [
        Axis(low=low, high=high, unit=units.get(name))
        for name, (low, high) in zip(names, ranges, strict=True)
    ]
    return ScatterPlot(
        names=(clean(names[0]), clean(names[1])),
        trend=trend,
        axes=(axes[0], axes[1]),
        real=points[0],
        fake=points[1],
    )


def positions(values: Numbers, ends: tuple[float, float]) -> list[float]:
    """Where values lie between both ends, from 0 to 1; what lies beyond is at the end."""
    low, width = ends[0] / 2, ends[1] / 2 - ends[0] / 2
    if not width:
        return [0.5] * len(values)
    shares: Numbers = ((values / 2 - low) / width).clip(0, 1)
    rounded: list[float] = shares.round(4).tolist()
    return rounded


def levels_plot(real: pd.DataFrame, fake: pd.DataFrame, names: tuple[str, str], trend: float) -> LevelsPlot:
    """How many rows have each pair of levels."""
    labels, codes = zip(*(pair_levels(real[name], fake[name]) for name in names), strict=True)
    shape = (len(labels[0]), len(labels[1]))
    counts = []
    for side in (0, 1):
        cells = np.zeros(shape, np.int64)
        np.add.at(cells, (codes[0][side], codes[1][side]), 1)
        counts.append(tuple(map(tuple, cells.tolist())))
    return LevelsPlot(
        names=(clean(names[0]), clean(names[1])), trend=trend, levels=labels, real=counts[0], fake=counts[1]
    )


def pair_levels(real: pd.Series[Any], fake: pd.Series[Any]) -> tuple[tuple[str, ...], list[Codes]]:
    """Names of a category's levels, the rest's and gaps' among them where there are any, and both sides' codes."""
    levels = top_levels(real, fake, PAIR_LEVELS)
    sides = [level_codes(side, levels) for side in (real, fake)]
    names = [*map(level_text, levels), OTHERS, MISSING]
    used = np.unique(np.concatenate([np.arange(len(levels)), *sides]))
    return tuple(names[code] for code in used), [np.searchsorted(used, side) for side in sides]


def boxes_plot(
    real: pd.DataFrame, fake: pd.DataFrame, names: tuple[str, str], unit: Unit | None, trend: float
) -> BoxesPlot:
    """Percentiles of a number at each level of a category."""
    category, measured = names
    levels, codes = pair_levels(real[category], fake[category])
    sides = [number(side[measured]) for side in (real, fake)]
    ends = bounds(*(side[~np.isnan(side)] for side in sides))
    boxes = [
        tuple(box(side[code == level], ends) for level in range(len(levels)))
        for side, code in zip(sides, codes, strict=True)
    ]
    counts = [tuple(np.bincount(code, minlength=len(levels)).tolist()) for code in codes]
    return BoxesPlot(
        names=(clean(category), clean(measured)),
        trend=trend,
        axis=Axis(low=ends[0], high=ends[1], unit=unit),
        levels=levels,
        real=counts[0],
        fake=counts[1],
        real_boxes=boxes[0],
        fake_boxes=boxes[1],
    )


def box(values: Numbers, ends: tuple[float, float]) -> Box | None:
    """Percentiles of the known values as positions; None where there is none."""
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    low, lower, middle, upper, high = positions(np.quantile(present, PERCENTILES), ends)
    return low, lower, middle, upper, high
