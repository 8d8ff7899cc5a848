"""Codecs for one column of a table each: its values to the places of an encoded row, and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from evenodds.data.reading import floats, typed
from evenodds.errors import UserError
from evenodds.spec import Span

LIMIT = 3.5
"""Normal scores of values seen in training lie in [-LIMIT, LIMIT]."""
KNOTS = 1001
_EVEN = np.linspace(-LIMIT, LIMIT, KNOTS)
MAX_LEVELS = 256
_MAX_SPIKES = 8
_TAIL = float(ndtr(-LIMIT))
_EXACT = 2.0**53  # whole numbers below it are exact in float64

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NumberColumn:
    """A number as a normal score z of its empirical distribution, in [-3.5, 3.5].

    The map is piecewise linear through (``knots``, ``grid``). A value that holds several knots gets a random
    score within its own stretch: the distributional transform (Rüschendorf 2009, J. Stat. Plan. Inference
    139), so that D never sees an atom. Values on a lattice are first spread over +-0.49 of its step
    (dequantisation, Theis 2016, 1511.01844) unless ``scores`` gives each of them a stretch of its own.

    ``spikes`` (values that hold much of the column alone) and missing values are choices, one-hot places
    ("value", "missing" if any, spike 1, ...) before the number's own place, which is noise for them.
    """

    name: str
    dtype: str
    decimals: int | None
    step: float
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    spikes: tuple[float, ...]
    missing: bool

    @classmethod
    def fit(cls, name: str, series: pd.Series[Any], rng: np.random.Generator) -> NumberColumn:
        """The codec of a numeric column with at least one value that is finite."""
        x, absent = floats(series)
        values = x[~absent]
        levels, counts = np.unique(values, return_counts=True)
        decimals, step = _lattice(levels, series.dtype == np.float32)
        if decimals is not None:
            values, levels = np.round(values, decimals), np.round(levels, decimals)
        spiky = _spikes(counts)
        rest, counts = levels[~spiky], counts[~spiky]
        scores: tuple[float, ...] = ()
        if _repeats(counts):
            edges = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
            knots = np.repeat(rest, 2)
            scores = tuple(_normal(np.repeat(edges, 2)[1:-1]).tolist())
        else:
            spread = _spread(values[~np.isin(values, levels[spiky])], step, rng)
            knots = np.quantile(spread, _uniform(_EVEN))
            knots[[0, -1]] = rest[0] - 0.49 * step, rest[-1] + 0.49 * step
        spikes = tuple(levels[spiky].tolist())
        return cls(
            name, str(series.dtype), decimals, step, tuple(knots.tolist()), scores, spikes, bool(absent.any())
        )

    @property
    def choices(self) -> int:
        """How many one-hot places come before the number's own; 0 where a value is all there is."""
        return 1 + self.missing + len(self.spikes) if self.missing or self.spikes else 0

    @property
    def width(self) -> int:
        return self.choices + 1

    @property
    def grid(self) -> Floats:
        """The normal scores of the knots, rising from -3.5 to 3.5."""
        return np.array(self.scores) if self.scores else _EVEN

    def spans(self, start: int) -> tuple[Span, ...]:
        split = start + self.choices
        number = Span(split, split + 1, "number")
        return (Span(start, split, "category"), number) if self.choices else (number,)

    def encode(self, series: pd.Series[Any], rng: np.random.Generator) -> NDArray[np.float32]:
        """Values (n) as places (n, width). Values outside the training range score between 3.5 and 4.

        UserError for a missing value where training saw none.
        """
        x, absent = floats(series)
        if absent.any() and not self.missing:
            raise unseen(self.name, "a missing value", int(absent.argmax()))
        if self.decimals is not None:
            x = np.round(x, self.decimals)
        choice = absent.astype(np.intp)
        for place, spike in enumerate(self.spikes, start=1 + self.missing):
            choice[(x == spike) & ~absent] = place
        plain = choice == 0
        z = np.clip(rng.standard_normal(len(x)), -LIMIT, LIMIT)
        z[plain] = self._score(x[plain], rng)
        block = np.zeros((len(x), self.width), np.float32)
        if self.choices:
            block[np.arange(len(x)), choice] = 1
        block[:, -1] = z
        return block

    def _score(self, x: Floats, rng: np.random.Generator) -> Floats:
        knots, grid = np.array(self.knots), self.grid
        if not self.scores:
            x = _spread(x, self.step, rng)
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
        knots, grid = np.array(self.knots), self.grid
        z = np.clip(block[:, -1].astype(np.float64), -LIMIT, LIMIT)
        left = np.clip(np.searchsorted(grid, z, "right") - 1, 0, len(grid) - 2)
        share = (z - grid[left]) / (grid[left + 1] - grid[left])
        x = np.clip(knots[left] + share * (knots[left + 1] - knots[left]), knots[0], knots[-1])
        if self.step and not self.scores:
            origin = knots[0] + 0.49 * self.step
            x = origin + np.rint((x - origin) / self.step) * self.step
        absent = np.zeros(len(x), np.bool_)
        if self.choices:
            choice = block[:, :-1].argmax(1)
            absent = choice == (1 if self.missing else -1)
            for place, spike in enumerate(self.spikes, start=1 + self.missing):
                x[choice == place] = spike
        if self.decimals is not None:
            x = np.round(x, self.decimals)
        return pd.Series(typed(x, absent, self.dtype), name=self.name)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "number", **asdict(self)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> NumberColumn:
        return cls(**fields(facts))


@dataclass(frozen=True)
class CategoryColumn:
    """One choice among ``levels`` (text, numbers or booleans, the most frequent first), one-hot.

    The first ``alone`` levels have a place each; later ones share one place and are drawn by their own
    ``counts`` on decoding, so that none is lost. Missing values, if any, have the last place.
    """

    name: str
    dtype: str
    levels: tuple[Any, ...]
    counts: tuple[int, ...]
    alone: int
    missing: bool

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
        """How many levels share one place."""
        return len(self.levels) - self.alone

    @property
    def width(self) -> int:
        return self.alone + bool(self.merged) + self.missing

    def spans(self, start: int) -> tuple[Span, ...]:
        return (Span(start, start + self.width, "category"),)

    def encode(self, series: pd.Series[Any], rng: np.random.Generator) -> NDArray[np.float32]:
        """Values (n) as one-hot places (n, width). UserError for a value that training never saw."""
        absent = series.isna().to_numpy(np.bool_)
        if self.dtype == "str" and series.dtype != "str":
            series = series.astype("str")
        code = pd.Index(self.levels).get_indexer(pd.Index(series))
        strange = (code < 0) & ~absent
        if strange.any():
            row = int(strange.argmax())
            raise unseen(self.name, repr(series.iloc[row]), row)
        if absent.any() and not self.missing:
            raise unseen(self.name, "a missing value", int(absent.argmax()))
        place = np.where(absent, self.width - 1, np.minimum(code, self.alone))
        block = np.zeros((len(series), self.width), np.float32)
        block[np.arange(len(series)), place] = 1
        return block

    def decode(self, block: NDArray[Any], rng: np.random.Generator) -> pd.Series[Any]:
        """Places (n, width), one-hot or soft, as values (n): the largest place wins."""
        code = block.argmax(1)
        absent = code == (self.width - 1 if self.missing else -1)
        shared = np.flatnonzero((code == self.alone) & ~absent) if self.merged else np.empty(0, np.intp)
        if len(shared):
            rare = np.array(self.counts[self.alone :], np.float64)
            code[shared] = self.alone + rng.choice(len(rare), len(shared), p=rare / rare.sum())
        values = pd.Series(list(self.levels), dtype=self.dtype)
        picked: Any = values.array.take(np.where(absent, -1, code), allow_fill=self.missing)
        return pd.Series(picked, name=self.name)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "category", **asdict(self)}

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


def _lattice(levels: Floats, single: bool) -> tuple[int | None, float]:
    """How many decimals the sorted distinct values have (None for 8 or more) and the step of their lattice.

    The step is the greatest common divisor of their differences; 0 where there is none to speak of.
    ``single`` says that they were float32, whose decimals only show after rounding back.
    """
    kind = np.float32 if single else np.float64
    for decimals in range(8):
        if (np.round(levels, decimals).astype(kind) == levels.astype(kind)).all():
            break
    else:
        return None, 0.0
    scaled = levels * 10.0**decimals
    if len(levels) < 2 or np.abs(scaled).max() >= _EXACT:
        return decimals, 0.0
    return decimals, float(np.gcd.reduce(np.diff(np.rint(scaled).astype(np.int64)))) / 10.0**decimals


def _repeats(counts: NDArray[np.intp]) -> bool:
    """Whether values repeat so much that they are the column's only values: each gets its own stretch."""
    return len(counts) <= KNOTS // 2 and bool(counts.sum() >= 10 * len(counts))


def _spikes(counts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of the sorted distinct values stand out, at most 8.

    One holds over 2 % of the rows (over 20 % where values repeat, since there each has its stretch anyway)
    and over 5 times the mean of its ten nearest neighbours: a tall value of a smooth histogram is no spike.
    """
    total = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(len(counts))
    low, high = np.maximum(place - 5, 0), np.minimum(place + 6, len(counts))
    around = (total[high] - total[low] - counts) / np.maximum(high - low - 1, 1)
    floor = (0.2 if _repeats(counts) else 0.02) * counts.sum()
    spiky = (counts > floor) & (counts > 5 * around) & (len(counts) > 1)
    spiky[np.argsort(np.where(spiky, -counts, 0), kind="stable")[_MAX_SPIKES:]] = False
    return np.asarray(spiky, np.bool_)


def _spread(x: Floats, step: float, rng: np.random.Generator) -> Floats:
    return x + step * rng.uniform(-0.49, 0.49, len(x)) if step else x


def _uniform(z: Floats) -> Floats:
    """Scores in [-3.5, 3.5] as shares in [0, 1] of the normal distribution cut at +-3.5."""
    return np.asarray(np.clip((ndtr(z) - _TAIL) / (1 - 2 * _TAIL), 0, 1), np.float64)


def _normal(share: Floats) -> Floats:
    """The inverse of ``_uniform``."""
    return np.asarray(np.clip(ndtri(_TAIL + share * (1 - 2 * _TAIL)), -LIMIT, LIMIT), np.float64)
