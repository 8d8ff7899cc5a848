"""Whether columns of fake rows look like the real ones, each for itself and two by two, as SDMetrics defines it (its
documentation: Column Shapes, Column Pair Trends). Missing values are left out of shapes and numbers' trends."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.derivations import Lookup

Kind = Literal["number", "category"]
Codes = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Of reals and of fakes, from 0 on."""
BINS = 10
"""Equal bins of the reals' range into which a number is put beside a category."""


def kinds_of(codec: TableCodec) -> dict[str, Kind]:
    """Which columns are compared as numbers, dates among them, and which as categories; those that follow from others
    too."""
    learnt_columns: dict[str, Kind] = {
        column.name: "category" if isinstance(column, CategoryColumn) else "number"
        for column in codec.required_columns
    }
    derived: dict[str, Kind] = {
        one.name: "category" if isinstance(one, Lookup) and not one.amounts else "number"
        for one in codec.derived
    }
    both = {**derived, **learnt_columns}
    return {name: both[name] for name in codec.order or both if name in both}


def comparable(table: pd.DataFrame, codec: TableCodec) -> pd.DataFrame:
    """The learnt columns of a table and those that follow from them, dates as whole numbers of days, seconds or
    microseconds."""
    table = codec.with_stand_ins(table)
    dates = {
        column.name: column.ticks(table[column.name])
        for column in codec.required_columns
        if isinstance(column, DateColumn) and column.name in table
    }
    names = dict.fromkeys((*codec.names, *(one.name for one in codec.derived)))
    return table[[name for name in names if name in table]].assign(**dates)


def shapes(real: pd.DataFrame, fake: pd.DataFrame, kinds: dict[str, Kind]) -> dict[str, float]:
    """For each column how alike its values are spread, in [0, 1]: 1 less the Kolmogorov-Smirnov statistic of numbers, 1
    less the total variation distance of categories; nan where a side has no value."""
    return {
        name: (ks_complement if kind == "number" else tv_complement)(real[name], fake[name])
        for name, kind in kinds.items()
    }


def trends(real: pd.DataFrame, fake: pd.DataFrame, kinds: dict[str, Kind]) -> dict[tuple[str, str], float]:
    """For each pair of columns how alike they hang together, in [0, 1]: of two numbers 1 less half the difference of
    their correlations, otherwise 1 less the total variation distance of the pairs' frequencies, numbers in BINS bins of
    the reals' range. nan where a correlation is not defined."""
    numbers = {
        name: (number(real[name]), number(fake[name])) for name, kind in kinds.items() if kind == "number"
    }
    levels = {
        name: binned(*numbers[name]) if kind == "number" else codes(real[name], fake[name])
        for name, kind in kinds.items()
    }
    values = {}
    for pair in combinations(kinds, 2):
        if all(name in numbers for name in pair):
            (a, x), (b, y) = (numbers[name] for name in pair)
            values[pair] = 1 - abs(correlation(a, b) - correlation(x, y)) / 2
        else:
            (first, mine), (second, other) = (levels[name] for name in pair)
            width = 1 + max(int(second.max()), int(other.max()))
            values[pair] = 1 - variation(first * width + second, mine * width + other)
    return values


def ks_complement(real: pd.Series[Any], fake: pd.Series[Any]) -> float:
    """1 less the greatest difference of the two empirical distributions; nan where a side has no value."""
    a, x = (values[~np.isnan(values)] for values in (number(real), number(fake)))
    if not len(a) or not len(x):
        return float("nan")
    return 1 - float(ks_2samp(a, x, method="asymp").statistic)


def tv_complement(real: pd.Series[Any], fake: pd.Series[Any]) -> float:
    """1 less half the sum of the frequencies' differences; nan where a side has no value."""
    a, x = real.dropna(), fake.dropna()
    if a.empty or x.empty:
        return float("nan")
    return 1 - variation(*codes(a, x))


def variation(a: NDArray[np.int64], x: NDArray[np.int64]) -> float:
    """The total variation distance of two samples of codes, 0 and up."""
    most = 1 + max(int(a.max()), int(x.max()))
    first, second = (np.bincount(side, minlength=most) / len(side) for side in (a, x))
    return float(np.abs(first - second).sum() / 2)


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's, over rows in which both are known; nan where one is constant there."""
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[both], b[both]
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def number(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Numbers as float64 with nan for missing."""
    return pd.to_numeric(column).to_numpy(np.float64, na_value=np.nan)


def binned(real: NDArray[np.float64], fake: NDArray[np.float64]) -> Codes:
    """Numbers as their bin's place; what lies outside is in the bin at that end, missing ones in one of their own."""
    edges = np.histogram_bin_edges(real[~np.isnan(real)], BINS)[1:-1]
    first, second = (np.where(np.isnan(x), BINS, np.digitize(x, edges)) for x in (real, fake))
    return first, second


def codes(real: pd.Series[Any], fake: pd.Series[Any]) -> Codes:
    """Categories as codes from 0 on that both sides share, missing ones with one of their own."""
    both = pd.concat([real, fake], ignore_index=True).astype(object)
    values = pd.factorize(both, use_na_sentinel=False)[0].astype(np.int64)
    return values[: len(real)], values[len(real) :]
