"""What hangs together in a table, exactly and in all rows: columns that others determine, sums, and parts of moments.

Each must hold in every row, and be nothing that chance brings about: its probability, were the columns independent,
lies below e**-CHANCE over all that was tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.derivations import Derivation, Lookup
from evenodds.data.tables.evidence import CHANCE, FEWEST, Codes, Derived, Table
from evenodds.data.tables.formulas import parts, sums

MOST_LEVELS = 256
"""Levels, at most, of a column that determines another together with a third, or by numbers."""
MOST_SHARING = 10_000
"""Levels, at most, of a category that alone determines another column, and values of that."""
GROUP = 5
"""Rows to each pair of levels, on average and at least, where two columns determine a third."""
_FIRST = 600
"""Rows on which what does not hold mostly shows."""


def dependencies(table: Table, derived: Derived) -> None:
    """Adds to ``derived`` what determines columns of a table."""
    if table.count < FEWEST:
        return
    for search in (formulas, lookups, pair_lookups):
        for one in list(search(table, derived)):
            derived.add(one)


def formulas(table: Table, derived: Derived) -> Iterator[Derivation]:
    """Columns that are computed from others."""
    yield from parts(table)
    yield from sums(table)


def determinants(table: Table) -> list[str]:
    """Columns whose decoded values are those of the data and no others: choices without a shared place, and numbers of
    few values that repeat."""
    names = []
    for name, one in table.columns.items():
        few = table.distinct(name) <= MOST_LEVELS
        closed = isinstance(one, CategoryColumn) and not one.merged
        if few and (closed or (isinstance(one, NumberColumn) and bool(one.scores))):
            names.append(name)
    return names


def _sharing(table: Table) -> list[str]:
    """Choices of which rare ones share places, but decode to the data's values and no others."""
    return [
        name
        for name, one in table.columns.items()
        if isinstance(one, CategoryColumn) and one.merged and table.distinct(name) <= MOST_SHARING
    ]


def lookups(table: Table, derived: Derived) -> list[Derivation]:
    """Columns that one other determines. Of columns that say the same the first is learnt; of several that determine
    one the one with the fewest levels."""
    names = [name for name in table.columns if _can_be_looked_up(table, name)]
    tested = len(names) ** 2
    by = [name for name in (*determinants(table), *_sharing(table)) if not derived.has(name)]
    made: list[Derivation] = []
    for target in names:
        if derived.has(target):
            continue
        fitting = [one for one in by if one != target and _determines(table, one, target, tested)]
        same = [one for one in fitting if table.distinct(one) == table.distinct(target)]
        before = [one for one in same if target not in by or _first(table, one, target)]
        coarse = sorted((one for one in fitting if one not in same), key=table.distinct)
        if before or coarse:
            source = (before or coarse)[0]
            made.append(lookup(table, (source,), target, bool(before)))
    return made


def _first(table: Table, one: str, other: str) -> bool:
    """Whether one of two columns comes first in the table."""
    names = list(table.columns)
    return names.index(one) < names.index(other)


def _can_be_looked_up(table: Table, name: str) -> bool:
    return not isinstance(table.columns[name], DateColumn) and 2 <= table.distinct(name) <= MOST_SHARING


def _determines(table: Table, one: str, target: str, tested: int) -> bool:
    """Whether a column determines another in all rows, and not by chance."""
    codes, values = table.codes(one), table.codes(target)
    if table.distinct(one) < table.distinct(target) or not _function(codes, values):
        return False
    sizes, numbers = np.unique(np.bincount(codes), return_counts=True)
    shares = np.bincount(values) / table.count
    with np.errstate(divide="ignore"):
        log = sum(
            count * np.log((shares**size).sum())
            for size, count in zip(sizes, numbers, strict=True)
            if size > 1
        )
    return bool(log < -CHANCE - np.log(max(tested, 1)))


def _function(codes: Codes, values: Codes) -> bool:
    """Whether equal codes (n,) have equal values (n,)."""
    for some in (slice(0, _FIRST), slice(None)):
        few, its = codes[some], values[some]
        first = np.zeros(int(few.max()) + 1, np.intp)
        first[few] = its  # the last one of each code
        if not (first[few] == its).all():
            return False
    return True


def pair_lookups(table: Table, derived: Derived) -> Iterator[Derivation]:
    """Columns that two others determine together and neither alone, with many rows to each pair."""
    by = [
        name
        for name in determinants(table)
        if not derived.has(name)
        and isinstance(table.columns[name], CategoryColumn)
        and table.distinct(name) > 2
    ]
    targets = [name for name in table.columns if not derived.has(name) and _can_be_looked_up(table, name)]
    pairs = list(combinations(by, 2))
    tested = max(1, len(pairs) * len(targets))
    for first, second in pairs:
        both = table.codes(first) * table.distinct(second) + table.codes(second)
        compact = pd.factorize(both)[0].astype(np.intp)
        levels = int(compact.max()) + 1
        if table.count < GROUP * levels:
            continue
        for target in targets:
            values = table.codes(target)
            if target in (first, second) or table.distinct(target) < GROUP or table.distinct(target) > levels:
                continue
            if not _function(compact, values):
                continue
            if all(_adds(table, compact, one, target, tested) for one in (first, second)):
                yield lookup(table, (first, second), target)


def _adds(table: Table, both: Codes, one: str, target: str, tested: int) -> bool:
    """Whether agreement within pairs of levels is no chance, where a value depends on one of the two columns alone."""
    codes, values = table.codes(one), table.codes(target)
    counts = np.zeros((table.distinct(one), table.distinct(target)))
    np.add.at(counts, (codes, values), 1)
    same = ((counts / counts.sum(1, keepdims=True)) ** 2).sum(1)
    again = pd.Series(both).duplicated().to_numpy()
    return bool(np.log(np.maximum(same[codes[again]], 1e-300)).sum() < -CHANCE - np.log(tested))


def lookup(table: Table, by: tuple[str, ...], target: str, reversible: bool = False) -> Lookup:
    """The table by which one or two columns give another."""
    levels = tuple(tuple(table.frame[name].dropna().drop_duplicates().tolist()) for name in by)
    code = np.zeros(table.count, np.intp)
    for name, seen in zip(by, levels, strict=True):
        index = pd.Index(list(seen)).get_indexer(pd.Index(table.frame[name]))
        absent = table.frame[name].isna().to_numpy(np.bool_)
        code = code * (len(seen) + 1) + np.where(absent, len(seen), index)
    size = int(np.prod([len(one) + 1 for one in levels]))
    rows = np.full(size, -1, np.intp)
    values, uniques = pd.factorize(table.frame[target], use_na_sentinel=False)
    rows[code] = values
    listed = tuple(None if pd.isna(value) else value for value in uniques.tolist())
    return Lookup(
        target, by, levels, tuple(rows.tolist()), listed, str(table.frame[target].dtype), reversible
    )
