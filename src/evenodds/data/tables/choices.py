"""Choices that never stand together, such as a husband and a woman: found in encoded rows, and mended in fakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.data.tables.columns import CategoryColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.evidence import CHANCE, FEWEST
from evenodds.data.tables.fitting import Column
from evenodds.data.tables.quantiles import LIMIT

MOST_PLACES = 64
"""Choices of a column, at most, of which pairs are looked at."""
_CHUNK = 8_192
_STEPS = 10_000
"""Choices that are tried for one row, at most."""

Codes = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Combinations:
    """Pairs of choices that no row has. ``counts`` holds for each column that has some how often each of its choices is
    made, in the table's order; ``forbidden`` for two columns the pairs of their choices, by position."""

    counts: tuple[tuple[str, tuple[int, ...]], ...] = ()
    forbidden: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that have such choices."""
        return tuple(name for name, _ in self.counts)

    @cached_property
    def allowed(self) -> dict[tuple[int, int], Bools]:
        """For two columns, by position among ``names``, which of their choices may stand together, (k, l)."""
        sizes = [len(counts) for _, counts in self.counts]
        tables: dict[tuple[int, int], Bools] = {}
        for first, second, pairs in self.forbidden:
            one, other = self.names.index(first), self.names.index(second)
            table = np.ones((sizes[one], sizes[other]), np.bool_)
            table[tuple(np.array(pairs).T)] = False
            tables[one, other], tables[other, one] = table, table.T
        return tables

    @property
    def pairs(self) -> int:
        """How many pairs of choices never stand together."""
        return sum(len(pairs) for *_, pairs in self.forbidden)

    def sentence(self, columns: Sequence[Column]) -> str:
        """How many there are, with the one that is the least likely of chance, for the user."""
        named = {column.name: column for column in columns}
        counts = dict(self.counts)
        *_, one, other, i, j = max(
            (counts[one][i] * counts[other][j], one, other, i, j)
            for one, other, pairs in self.forbidden
            for i, j in pairs
        )
        shown = " with ".join(f"{name}={_level(named[name], at)}" for name, at in ((one, i), (other, j)))
        what = "pair of choices never stands" if self.pairs == 1 else "pairs of choices never stand"
        return f"{self.pairs} {what} together, such as {shown}: no fake has them"

    def mend(
        self,
        rows: NDArray[Any],
        columns: Sequence[Column],
        rng: np.random.Generator,
        fixed: Sequence[str] = (),
    ) -> NDArray[Any]:
        """Rows (n, width), in which of two choices that never stand together the later one in the table is drawn anew,
        as often as the data has the others; columns of ``fixed`` stay."""
        if not self.counts or not len(rows):
            return rows
        blocks = dict(blocks_of(columns))
        spans = [blocks[name] for name in self.names]
        before = np.stack([rows[:, start:stop].argmax(1) for start, stop in spans], axis=1)
        sequence = sorted(range(len(spans)), key=lambda index: self.names[index] not in fixed)
        free = sum(name not in fixed for name in self.names)
        after = self._resolved(before, sequence, len(spans) - free, rng)
        changed = np.flatnonzero((after != before).any(1))
        if len(changed):
            rows = rows.copy()
            for column, (start, stop) in enumerate(spans):
                some = changed[after[changed, column] != before[changed, column]]
                rows[some, start:stop] = 0
                rows[some, start + after[some, column]] = 1
        return rows

    def _resolved(self, codes: Codes, sequence: list[int], fixed: int, rng: np.random.Generator) -> Codes:
        """Choices (n, columns), column by column in agreement with those before; the first ``fixed`` ones stay."""
        codes, original = codes.copy(), codes
        dead = np.zeros(len(codes), np.bool_)
        for position, column in enumerate(sequence[fixed:], start=fixed):
            ties = [other for other in sequence[:position] if (other, column) in self.allowed]
            right = np.ones(len(codes), np.bool_)
            for other in ties:
                right &= self.allowed[other, column][codes[:, other], codes[:, column]]
            wrong = np.flatnonzero(~right)
            if not len(wrong):
                continue
            weights = np.tile(np.array(self.counts[column][1], np.float64), (len(wrong), 1))
            for other in ties:
                weights *= self.allowed[other, column][codes[wrong, other]]
            dead[wrong[weights.sum(1) == 0]] = True
            with np.errstate(divide="ignore"):
                drawn = (np.log(weights) + rng.gumbel(size=weights.shape)).argmax(1)
            codes[wrong, column] = drawn
        for row in np.flatnonzero(dead):
            codes[row] = self._searched(original[row], sequence, fixed)
        return codes

    def _searched(self, codes: Codes, sequence: list[int], fixed: int) -> Codes:
        """One row's choices (columns,), by search with steps back; as they were where there is no way."""
        tried: list[Iterator[int]] = []
        answer, steps = codes.copy(), 0
        while len(tried) < len(sequence) - fixed:
            position = fixed + len(tried)
            tried.append(self._options(answer, codes, sequence, position))
            while (option := next(tried[-1], None)) is None:
                tried.pop()
                if not tried:
                    return codes
            steps += 1
            if steps > _STEPS:
                return codes
            answer[sequence[fixed + len(tried) - 1]] = option
        return answer

    def _options(self, answer: Codes, codes: Codes, sequence: list[int], position: int) -> Iterator[int]:
        """The choices of a column that agree with those before, its own first and then the most frequent."""
        column = sequence[position]
        counts = np.array(self.counts[column][1])
        possible = counts > 0
        for other in sequence[:position]:
            if (other, column) in self.allowed:
                possible &= self.allowed[other, column][answer[other]]
        order = np.argsort(-counts, kind="stable")
        return iter(sorted(order[possible[order]].tolist(), key=lambda choice: choice != codes[column]))

    def to_json(self) -> dict[str, Any]:
        return {"counts": self.counts, "forbidden": self.forbidden}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Combinations:
        """What ``to_json`` gave."""
        counts = tuple((name, tuple(counts)) for name, counts in facts["counts"])
        forbidden = tuple((one, other, tuple(map(tuple, pairs))) for one, other, pairs in facts["forbidden"])
        return cls(counts, forbidden)


def _level(column: Column, index: int) -> str:
    """What a choice of a column is."""
    block = np.zeros((2, column.width), np.float32)
    block[:, index] = 1
    inner = column.inner if isinstance(column, DateColumn) else column
    stretch = not isinstance(inner, CategoryColumn) and index < inner.stretches
    if stretch:  # its ends
        block[:, -1] = [-LIMIT, LIMIT]
    low, high = column.decode(block, np.random.default_rng(0))
    if stretch:
        return f"{low} to {high}"
    return "nothing" if pd.isna(low) else str(low)


def blocks_of(columns: Sequence[Column]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The columns that have choices, and where in an encoded row these stand."""
    start = 0
    for column in columns:
        inner = column.inner if isinstance(column, DateColumn) else column
        choices = inner.width if isinstance(inner, CategoryColumn) else inner.choices
        if choices:
            yield column.name, (start, start + choices)
        start += column.width


def combinations_of(
    rows: NDArray[np.float32], columns: Sequence[Column], both: Sequence[tuple[str, ...]], search: bool
) -> Combinations:
    """The pairs of choices that never stand together in encoded rows (n, width) though independent columns would have
    CHANCE of them and more; of the pairs of columns in ``both`` every pair that no row has."""
    count = len(rows)
    blocks = {
        name: span
        for name, span in blocks_of(columns)
        if any(name in pair for pair in both)
        or (span[1] - span[0] <= MOST_PLACES and search and count >= FEWEST)
    }
    if not blocks:
        return Combinations()
    places = np.concatenate([np.arange(start, stop) for start, stop in blocks.values()])
    together = np.zeros((len(places), len(places)), np.float64)
    for start in range(0, count, _CHUNK):
        chunk = rows[start : start + _CHUNK][:, places]
        together += (chunk.T @ chunk).astype(np.float64)
    ends = np.cumsum([0, *(stop - start for start, stop in blocks.values())]).tolist()
    names, alone = list(blocks), np.diag(together)
    forbidden = []
    for i, j in combinations(range(len(names)), 2):
        block = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        chosen = (names[i], names[j]) in both or (names[j], names[i]) in both
        expected = np.outer(alone[block[0]], alone[block[1]]) / count
        never = (together[block] == 0) & ((expected >= CHANCE) | chosen)
        if never.any():
            pairs = tuple((int(first), int(second)) for first, second in np.argwhere(never))
            forbidden.append((names[i], names[j], pairs))
    used = {name for one, other, _ in forbidden for name in (one, other)}
    counts = tuple(
        (name, tuple(alone[ends[i] : ends[i + 1]].astype(int).tolist()))
        for i, name in enumerate(names)
        if name in used
    )
    return Combinations(counts, tuple(forbidden))
