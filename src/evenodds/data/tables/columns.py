"""Codecs for one column of a table each: its values to the places of an encoded row, and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from evenodds.core.errors import UserError
from evenodds.core.spec import Span
from evenodds.data.tables.files import floats, to_dtype
from evenodds.data.tables.quantiles import (
    EVEN,
    LIMIT,
    Floats,
    gaps_of,
    knots_of,
    lattice_of,
    normal,
    repeats,
    spikes_of,
    spread,
)

MAX_LEVELS = 256


@dataclass(frozen=True)
class NumberColumn:
    """A number as a normal score z of its empirical distribution, in [-3.5, 3.5].

    The map is piecewise linear through (``knots``, ``grid``). A value that holds several knots gets a random
    score within its own stretch: the distributional transform (Rüschendorf 2009, J. Stat. Plan. Inference
    139), so that D never sees an atom. Values on a lattice are first spread over +-0.49 of its step
    (dequantisation, Theis 2016, 1511.01844) unless ``scores`` gives each of them a stretch of its own.

    Where wide gaps part the column, each of its ``stretches`` has as many ``knots`` and scores N(0, 1) of its own:
    one map over all would make neighbours of values that are far apart, and fakes would fall between (mode-specific
    normalisation, Xu 2019, 1907.00503, section 4.2, here exact).

    Stretches, ``spikes`` (values that hold much of the column alone) and missing values are choices, one-hot places
    (stretch 1, ..., "missing" if any, spike 1, ...) before the number's own place, noise for the last two.
    """

    name: str
    dtype: str
    decimals: int | None
    step: float
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    spikes: tuple[float, ...]
    missing: bool
    stretches: int = 1

    @classmethod
    def fit(cls, name: str, series: pd.Series[Any], rng: np.random.Generator) -> NumberColumn:
        """The codec of a numeric column with at least one value that is finite."""
        x, absent = floats(series)
        values = x[~absent]
        levels, counts = np.unique(values, return_counts=True)
        decimals, step = lattice_of(levels, series.dtype == np.float32)
        if decimals is not None:
            values, levels = np.round(values, decimals), np.round(levels, decimals)
        spiky = spikes_of(counts)
        rest, counts = levels[~spiky], counts[~spiky]
        scores: tuple[float, ...] = ()
        stretches = 1
        if repeats(counts):
            edges = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
            knots = np.repeat(rest, 2)
            scores = tuple(normal(np.repeat(edges, 2)[1:-1]).tolist())
        else:
            dense = np.sort(spread(values[~np.isin(values, levels[spiky])], step, rng))
            gaps = gaps_of(rest, counts)
            stretches = len(gaps) + 1
            parts = (np.split(some, np.searchsorted(some, gaps)) for some in (dense, rest))
            knots = np.concatenate([knots_of(part, ends, step) for part, ends in zip(*parts, strict=True)])
        return cls(
            name,
            str(series.dtype),
            decimals,
            step,
            tuple(knots.tolist()),
            scores,
            tuple(levels[spiky].tolist()),
            bool(absent.any()),
            stretches,
        )

    @property
    def choices(self) -> int:
        """How many one-hot places come before the number's own; 0 where there is nothing to choose."""
        choices = self.stretches + self.missing + len(self.spikes)
        return choices if choices > 1 else 0

    @property
    def width(self) -> int:
        return self.choices + 1

    @property
    def parts(self) -> Floats:
        """The knots of each stretch, (stretches, n)."""
        return np.array(self.knots).reshape(self.stretches, -1)

    @property
    def grid(self) -> Floats:
        """The normal scores of a stretch's knots, rising from -3.5 to 3.5."""
        return np.array(self.scores) if self.scores else EVEN

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value of training."""
        margin = 0.0 if self.scores else 0.49 * self.step
        ends = (self.knots[0] + margin, self.knots[-1] - margin, *self.spikes)
        if self.decimals is not None:
            ends = tuple(round(end, self.decimals) for end in ends)
        return min(ends), max(ends)

    def spans(self, start: int) -> tuple[Span, ...]:
        split = start + self.choices
        number = Span(split, split + 1, "number")
        return (Span(start, split, "choice"), number) if self.choices else (number,)

    def values(self, series: pd.Series[Any]) -> Floats:
        """Values (n,) as floats, rounded as training's were; NaN where missing. UserError for text."""
        x, absent = floats(series)
        if self.decimals is not None:
            x = np.round(x, self.decimals)
        return np.where(absent, np.nan, x)

    def encode(self, series: pd.Series[Any], rng: np.random.Generator) -> NDArray[np.float32]:
        """Values (n) as places (n, width). Values outside the nearest stretch score between 3.5 and 4.

        UserError for a missing value where training saw none.
        """
        x = self.values(series)
        absent = np.isnan(x)
        if absent.any() and not self.missing:
            raise unseen(self.name, "a missing value", int(absent.argmax()))
        return self.encode_values(x, rng)

    def encode_values(self, x: Floats, rng: np.random.Generator) -> NDArray[np.float32]:
        """What ``values`` gave (n,) as places (n, width); none is missing where training saw none."""
        absent = np.isnan(x)
        x = np.where(absent, 0.0, x)
        parts = self.parts
        choice = np.searchsorted((parts[:-1, -1] + parts[1:, 0]) / 2, x)
        choice[absent] = self.stretches
        for index, spike in enumerate(self.spikes, start=self.stretches + self.missing):
            choice[(x == spike) & ~absent] = index
        z = np.clip(rng.standard_normal(len(x)), -LIMIT, LIMIT)
        for index, knots in enumerate(parts):
            z[choice == index] = self._score(x[choice == index], knots, rng)
        block = np.zeros((len(x), self.width), np.float32)
        if self.choices:
            block[np.arange(len(x)), choice] = 1
        block[:, -1] = z
        return block

    def _score(self, x: Floats, knots: Floats, rng: np.random.Generator) -> Floats:
        grid = self.grid
        if not self.scores:
            x = spread(x, self.step, rng)
        first = np.searchsorted(knots, x, "left")
        last = np.searchsorted(knots, x, "right") - 1
        z = np.empty_like(x)
        on = last >= first  # the value holds the knots first to last
        low, high = ndtr(grid[first[on]]), ndtr(grid[last[on]])
        # 1 % is kept free at both ends: rounding to float32 must not carry a value to its neighbour.
        z[on] = ndtri(low + (high - low) * rng.uniform(0.01, 0.99, on.sum()))
        right = np.clip(first[~on], 1, len(knots) - 1)
        share = (x[~on] - knots[right - 1]) / np.maximum(knots[right] - knots[right - 1], 1e-300)
        z[~on] = grid[right - 1] + np.clip(share, 0, 1) * (grid[right] - grid[right - 1])
        excess = np.maximum(x - knots[-1], 0) - np.maximum(knots[0] - x, 0)
        beyond = np.clip(excess / ((knots[-1] - knots[0]) or 1.0), -1, 1)
        return np.where(excess == 0, z, np.sign(excess) * LIMIT + 0.5 * beyond)

    def decode(self, block: NDArray[Any], rng: np.random.Generator) -> pd.Series[Any]:
        """Places (n, width), one-hot or soft, as values (n), in the dtype and the range of the column."""
        parts, grid = self.parts, self.grid
        choice = block[:, :-1].argmax(1) if self.choices else np.zeros(len(block), np.intp)
        stretch = np.minimum(choice, self.stretches - 1)
        z = np.clip(block[:, -1].astype(np.float64), -LIMIT, LIMIT)
        left = np.clip(np.searchsorted(grid, z, "right") - 1, 0, len(grid) - 2)
        share = (z - grid[left]) / (grid[left + 1] - grid[left])
        low, high = parts[stretch, left], parts[stretch, left + 1]
        x = np.clip(low + share * (high - low), parts[stretch, 0], parts[stretch, -1])
        if self.step and not self.scores:
            origin = self.knots[0] + 0.49 * self.step
            x = origin + np.rint((x - origin) / self.step) * self.step
        absent = choice == (self.stretches if self.missing else -1)
        for index, spike in enumerate(self.spikes, start=self.stretches + self.missing):
            x[choice == index] = spike
        if self.decimals is not None:
            x = np.round(x, self.decimals)
        return pd.Series(to_dtype(x, absent, self.dtype), name=self.name)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "number", **asdict(self)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> NumberColumn:
        return cls(**fields(facts))


@dataclass(frozen=True)
class CategoryColumn:
    """One choice among ``levels`` (text, numbers or booleans, the most frequent first), one-hot.

    The first ``alone`` levels have a place each. Later ones share places, as many of them in turn as ``shared`` says,
    or one where it is empty, and are drawn by their own ``counts`` on decoding, so that none is lost. Missing values,
    if any, have the last place.
    """

    name: str
    dtype: str
    levels: tuple[Any, ...]
    counts: tuple[int, ...]
    alone: int
    missing: bool
    shared: tuple[int, ...] = ()

    @classmethod
    def fit(cls, name: str, series: pd.Series[Any]) -> CategoryColumn:
        """The codec of a column with at least one value; at most 256 places."""
        missing = bool(series.isna().any())
        counts = series.value_counts()
        room = MAX_LEVELS - missing
        alone = len(counts) if len(counts) <= room else room - 1
        levels = tuple(counts.index.tolist())
        return cls(name, str(series.dtype), levels, tuple(map(int, counts.tolist())), alone, missing)

    @property
    def merged(self) -> int:
        """How many levels share places."""
        return len(self.levels) - self.alone

    @property
    def sharing(self) -> NDArray[np.intp]:
        """How many levels each of the shared places has."""
        return np.array(self.shared or ([self.merged] if self.merged else []), np.intp)

    @property
    def width(self) -> int:
        return self.alone + len(self.sharing) + self.missing

    def spans(self, start: int) -> tuple[Span, ...]:
        return (Span(start, start + self.width, "category"),)

    def values(self, series: pd.Series[Any]) -> NDArray[np.intp]:
        """Values (n,) as the indices of their places; -1 where training never saw one, or none missing."""
        absent = series.isna().to_numpy(np.bool_)
        if self.dtype == "str" and series.dtype != "str":
            series = series.astype("str")
        code = pd.Index(self.levels).get_indexer(pd.Index(series))
        places = np.concatenate(
            [np.arange(self.alone), np.repeat(self.alone + np.arange(len(self.sharing)), self.sharing)]
        )
        placed = np.where(code < 0, -1, places[code])
        return np.where(absent, self.width - 1 if self.missing else -1, placed)

    def encode(self, series: pd.Series[Any], rng: np.random.Generator) -> NDArray[np.float32]:
        """Values (n) as one-hot places (n, width). UserError for a value that training never saw."""
        codes = self.values(series)
        strange = codes < 0
        if strange.any():
            absent = series.isna().to_numpy(np.bool_)
            row = int((strange & ~absent).argmax() if (strange & ~absent).any() else strange.argmax())
            raise unseen(self.name, "a missing value" if absent[row] else repr(series.iloc[row]), row)
        return self.encode_values(codes, rng)

    def encode_values(self, codes: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float32]:
        """What ``values`` gave (n,), none of them -1, as one-hot places (n, width)."""
        block = np.zeros((len(codes), self.width), np.float32)
        block[np.arange(len(codes)), codes] = 1
        return block

    def decode(self, block: NDArray[Any], rng: np.random.Generator) -> pd.Series[Any]:
        """Places (n, width), one-hot or soft, as values (n): the largest place wins."""
        code = block.argmax(1)
        absent = code == (self.width - 1 if self.missing else -1)
        slot, first = code.copy(), self.alone
        for at, count in enumerate(self.sharing.tolist()):
            shared = np.flatnonzero((slot == self.alone + at) & ~absent)
            rare = np.array(self.counts[first : first + count], np.float64)
            if len(shared):
                code[shared] = first + rng.choice(count, len(shared), p=rare / rare.sum())
            first += count
        values = pd.Series(list(self.levels), dtype=self.dtype)
        picked: Any = values.array.take(np.where(absent, -1, code), allow_fill=self.missing)
        return pd.Series(picked, name=self.name)

    def to_json(self) -> dict[str, Any]:
        facts = asdict(self)
        return {
            "kind": "category",
            **(facts if self.shared else {k: v for k, v in facts.items() if k != "shared"}),
        }

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> CategoryColumn:
        return cls(**fields(facts))


def unseen(name: str, what: str, row: int) -> UserError:
    """The error for a value (``what``, at position ``row`` from 0) that a column's training never saw."""
    return UserError(
        f"column {name!r} has {what} in row {row + 1}, unknown from training; change it or drop the row"
    )


def fields(facts: dict[str, Any]) -> dict[str, Any]:
    """A codec's JSON as its dataclass fields: the kind dropped, lists as tuples."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in facts.items() if key != "kind"}
