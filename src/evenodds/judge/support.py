"""What values real rows have, and how far outside of them a row lies: what encoded rows cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from evenodds.data.store import Block
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.fitting import Column, inner_of
from evenodds.judge.pairs import LevelPairs, Places
from evenodds.judge.scoring import Floats

OUTERMOST, FEWEST = 0.05, 5
"""A tail is the outermost 5 % of the values on a side, at least 5 of them."""
WIDEST, NARROWEST = 1 / 20, 1 / 1000
"""A tail's length as a share of the column's range: a tenth of the range beyond it is two tails or more."""
FARTHEST = 1e6
"""More tails than this count as so many."""
LIMIT = 20.0
"""A score is lowered by no more than this and the logarithm of the rest, so that all stay finite."""
TOLD = float(np.log(2))
"""What lowers a probability by less than half is not worth a word."""


class Oddity(NamedTuple):
    """What lies outside: a code of ``oddities.SENTENCES``, the facts of its sentence, and by how much it lowers the
    score."""

    code: str
    facts: dict[str, Any]
    lowers: float


@dataclass(frozen=True)
class Range:
    """The least and the greatest value of a number's column, the lengths of its tails there, and what may stand in for
    a value; whether one was missing."""

    low: float
    high: float
    low_tail: float
    high_tail: float
    middle: float
    missing: bool

    @classmethod
    def fit(cls, x: Floats, step: float) -> Self:
        """The range of values (n,), NaN where missing, on a lattice of ``step`` (0 for none)."""
        present = np.sort(x[~np.isnan(x)])
        if not len(present):  # only what is missing was seen: any value is as good
            most = float(np.finfo(np.float64).max)
            return cls(-most, most, 1.0, 1.0, 0.0, True)
        low, high = tail_length(-present[::-1], step), tail_length(present, step)
        ends = (float(present[0]), float(present[-1]))
        return cls(*ends, low, high, float(present[len(present) // 2]), len(present) < len(x))

    def lowers(self, x: Floats, rows: int) -> Floats:
        """By how much values (n,), NaN where missing, lower the score of a row beside ``rows`` real ones.

        u tails beyond the edge by u + u²: the density of reals is taken to fall on from the edge as a normal law's does
        (exponentially, and faster the farther out), that of fakes and nonsense to stay. A missing value where none was:
        by -log(1 / (rows + 1)).
        """
        below, above = (self.low - x) / self.low_tail, (x - self.high) / self.high_tail
        u = np.clip(np.maximum(below, above), 0, FARTHEST)
        absent = 0.0 if self.missing else np.log1p(rows)
        return np.where(np.isnan(x), absent, u + u * u)

    def inside(self, x: Floats) -> Floats:
        """The nearest values (n,) of training."""
        return np.where(np.isnan(x) & (not self.missing), self.middle, np.clip(x, self.low, self.high))


@dataclass(frozen=True)
class Levels:
    """Which places of a category's column were seen, how many levels were seen once, and the most frequent place."""

    seen: tuple[bool, ...]
    once: int
    usual: int

    @classmethod
    def fit(cls, codes: NDArray[np.intp], column: CategoryColumn) -> Self:
        """The levels of places (n,)."""
        counts = np.bincount(codes, minlength=column.width)
        # Levels that share a place are told apart by the codec's own counts alone.
        once = sum(n == 1 for n in column.counts) if column.merged else int((counts == 1).sum())
        return cls(tuple((counts > 0).tolist()), once, int(counts.argmax()))

    def were_seen(self, codes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which places (n,) were seen."""
        return np.append(self.seen, False)[codes]

    def lowers(self, codes: NDArray[np.intp], rows: int) -> Floats:
        """By how much places (n,) lower the score of a row beside ``rows`` real ones.

        By -log((once + 1) / (rows + 1)) where they were not seen: the Good-Turing estimate (Good 1953, Biometrika 40)
        of how often a new level comes.
        """
        return np.where(self.were_seen(codes), 0.0, -np.log((self.once + 1) / (rows + 1)))

    def inside(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Places (n,), the most frequent one for each that was not seen."""
        return np.where(self.were_seen(codes), codes, self.usual)


class Look(NamedTuple):
    """Rows as the judge takes them: encoded, with the nearest known value for each that lies outside, and by how much
    what lies outside lowers their scores."""

    block: Block
    lowers: Floats


@dataclass(frozen=True)
class Support:
    """What values real rows have: ranges of numbers and dates, levels of categories, pairs of levels.

    It is fitted to the reals that a judge is trained on. Held-out reals lie outside as often as new ones do, so
    p-values stay exact whatever the evidence weighs.
    """

    codec: TableCodec
    rows: int
    columns: tuple[Range | Levels, ...]
    pairs: LevelPairs

    @classmethod
    def fit(cls, codec: TableCodec, block: Block) -> Self:
        """The support of real rows as a store keeps them (n, width)."""
        values = codec.values(codec.decode(block, np.random.default_rng(0)))
        columns: list[Range | Levels] = []
        for column, x in zip(codec.columns, values, strict=True):
            inner = inner_of(column)
            fitted = Range.fit(x, inner.step) if isinstance(inner, NumberColumn) else Levels.fit(x, inner)
            columns.append(fitted)
        return cls(codec, len(block), tuple(columns), LevelPairs.fit(places_of(codec, values)))

    def look(self, frame: pd.DataFrame) -> Look:
        """Look at rows. Raises UserError for a column that is absent, and for a value that does not read."""
        values = self.codec.values(frame)
        return self._look(values, self._parts(values))

    def examine(self, frame: pd.DataFrame) -> tuple[Look, list[tuple[Oddity, ...]]]:
        """Look at rows, and name what lies outside in each, what decides most first. Raises as ``look`` does."""
        values = self.codec.values(frame)
        parts = self._parts(values)
        return self._look(values, parts), self._named(frame, values, parts)

    def look_at_stored(self, block: Block) -> Look:
        """Look at rows as a store keeps them, (n, width); those that lie inside stay as they are."""
        seen = self.look(self.codec.decode(block, np.random.default_rng(0)))
        return Look(np.where(seen.lowers[:, None] > 0, seen.block, block), seen.lowers)

    def oddities(self, frame: pd.DataFrame) -> list[tuple[Oddity, ...]]:
        """What lies outside in each row, what decides most first."""
        return self.examine(frame)[1]

    def _look(self, values: list[NDArray[Any]], parts: Floats) -> Look:
        pairs = zip(self.columns, values, strict=True)
        inside: list[NDArray[Any]] = [extent.inside(x) for extent, x in pairs]
        return Look(self.codec.encode_values(inside, np.random.default_rng(0)), limited(parts.sum(1)))

    def _named(
        self, frame: pd.DataFrame, values: list[NDArray[Any]], parts: Floats
    ) -> list[tuple[Oddity, ...]]:
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        series = ((column.name, series.array) for column, series in self.codec.series_of(frame))
        frame = frame.assign(**{name: array for name, array in series if name not in frame})
        by_row: list[tuple[Oddity, ...]] = [()] * len(frame)
        for row in np.flatnonzero((parts >= TOLD).any(1)):
            one = [x[row : row + 1] for x in values]
            oddities = self._oddities(frame.iloc[row], one, parts[row])
            by_row[row] = tuple(sorted(oddities, key=lambda oddity: -oddity.lowers))
        return by_row

    def _parts(self, values: list[NDArray[Any]]) -> Floats:
        """By how much each column, and last the pairs, lower the score, (n, columns + 1)."""
        strangeness = self.pairs.strangeness(places_of(self.codec, values))
        if not len(strangeness):  # of a table without categories
            strangeness = np.zeros(len(values[0]))
        parts = [extent.lowers(x, self.rows) for extent, x in zip(self.columns, values, strict=True)]
        return np.stack([*parts, self.pairs.lowers(strangeness)], axis=1)

    def _oddities(self, row: pd.Series[Any], values: list[NDArray[Any]], parts: Floats) -> Iterator[Oddity]:
        for number in np.flatnonzero(parts[:-1] >= TOLD):
            column, extent = self.codec.columns[number], self.columns[number]
            facts, value = {"column": column.name, "rows": self.rows}, row[column.name]
            code = "missing" if pd.isna(value) else "level"
            if code != "missing":
                facts["value"] = shown(value)
                if isinstance(extent, Range):
                    code, more = beyond(column, extent, float(values[number][0]))
                    facts |= more
            yield Oddity(code, facts, float(parts[number]))
        if parts[-1] >= TOLD:
            categories = [n for n, one in enumerate(self.codec.columns) if is_category(one)]
            pair = self.pairs.strangest(places_of(self.codec, values))
            names = [self.codec.names[categories[column]] for column, _ in (pair.first, pair.second)]
            facts = {"column": names[0], "value": shown(row[names[0]]), "other": names[1]}
            facts |= {"beside": shown(row[names[1]]), "rows": self.rows, "expected": pair.expected}
            yield Oddity("pair", facts, float(parts[-1]))

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, without the codec and what ``pairs`` keeps as tensors."""
        return {"rows": self.rows, "columns": [asdict(extent) for extent in self.columns]}

    @classmethod
    def from_json(cls, codec: TableCodec, facts: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """From ``to_json``'s object and the tensors of ``pairs``. Raises KeyError and TypeError for others."""
        columns = tuple(
            Levels(tuple(extent["seen"]), extent["once"], extent["usual"])
            if "seen" in extent
            else Range(**extent)
            for extent in facts["columns"]
        )
        return cls(codec, facts["rows"], columns, LevelPairs.from_tensors(facts["rows"], tensors))


def tail_length(x: Floats, step: float) -> float:
    """The length of the upper tail of sorted values (n,): by how much its values lie beyond its beginning, on average.

    It is at least a step of the lattice, and between a thousandth and a twentieth of the range, so that a column of few
    far values, or of one value almost everywhere, has a tail, too.

    >>> tail_length(np.arange(101.0), step=1.0)
    2.0
    """
    beyond = x[-max(FEWEST, round(OUTERMOST * len(x))) :]
    reach = x[-1] - x[0]
    length = float(np.clip((beyond - beyond[0]).mean(), NARROWEST * reach, WIDEST * reach))
    return max(length, step) or abs(float(x[-1])) or 1.0


def beyond(column: Column, extent: Range, x: float) -> tuple[str, dict[str, Any]]:
    """The code and the facts of a value x outside a range: by how much of the edge, or for dates which edge."""
    side = "below" if x < extent.low else "above"
    edge = extent.low if side == "below" else extent.high
    if isinstance(column, DateColumn):
        moment = column.moments(pd.Series([edge], dtype="Float64").astype("Int64")).iloc[0]
        return ("before" if side == "below" else "after"), {"edge": shown(moment)}
    return side, {"by": shown(abs(x - edge))}


def limited(lowers: Floats) -> Floats:
    """What lowers scores (n,): itself up to LIMIT, and growing by the logarithm beyond."""
    return np.minimum(lowers, LIMIT) + np.log1p(np.maximum(lowers - LIMIT, 0))


def is_category(column: Column) -> bool:
    return isinstance(inner_of(column), CategoryColumn)


def places_of(codec: TableCodec, values: list[NDArray[Any]]) -> Places:
    """Of all columns' values those of the categories."""
    return [x for column, x in zip(codec.columns, values, strict=True) if is_category(column)]


def shown(value: Any) -> str:
    """A value as a user reads it."""
    if pd.isna(value):
        return "NA"
    if isinstance(value, float | np.floating):
        number = float(value)
        return f"{number:.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:.6g}"
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return f"{value:%Y-%m-%d}"
    return str(value)
