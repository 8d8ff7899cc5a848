"""Rare levels of a column with many: those that go with the same level of another column share a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.data.tables.columns import CategoryColumn
from evenodds.data.tables.files import normalize
from evenodds.data.tables.fitting import Column

GROUPS = 64
"""Places that rare levels share, at most."""
REPEATED = 3
"""Rows to each rare level, on average and at least, from which it is told what they go with."""
CLEAR = 0.1
"""Share of the other column's entropy, at least, that rare levels take away beyond what shuffled ones do."""

Codes = NDArray[np.intp]


def with_groups(columns: Sequence[Column], frame: pd.DataFrame, notes: list[str]) -> tuple[Column, ...]:
    """The columns of a frame, in which rare levels that share a place share it with those alone that mostly go with
    the same level of the category that they say most of. The ``notes`` that say otherwise are mended."""
    others = [one for one in columns if isinstance(one, CategoryColumn) and 2 <= len(one.levels) < GROUPS]
    result: list[Column] = []
    for column in columns:
        if isinstance(column, CategoryColumn) and column.merged:
            name, column = _grouped(column, others, frame)
            if name is not None:
                start = f"column {column.name!r}: {len(column.levels)} levels, the rarest "
                by = f"{column.merged} share {len(column.shared)} places, by the {name!r} that they go with"
                notes[:] = [start + by if note.startswith(start) else note for note in notes]
        result.append(column)
    return tuple(result)


def _grouped(
    column: CategoryColumn, others: Sequence[CategoryColumn], frame: pd.DataFrame
) -> tuple[str | None, CategoryColumn]:
    """A column whose rare levels share places by the category that they go with, and what that is called; as it was
    where they go with none."""
    room = column.alone + 1 - GROUPS  # as many places as before, at most
    codes = _codes(column, frame)
    rare, many = (codes >= room) & (codes < len(column.levels)), len(column.levels) - room
    if rare.sum() < REPEATED * many:
        return None, column
    rng = np.random.default_rng(0)
    clearest, name, group = CLEAR, None, np.zeros(many, np.intp)
    for other in others:
        by = _codes(other, frame)[rare]
        table, chance = (_table(codes[rare] - room, some, many) for some in (by, rng.permutation(by)))
        clear = _information(table) - _information(chance)
        if clear > clearest:
            clearest, name, group = clear, other.name, table.argmax(1)
    if name is None:
        return None, column
    order = [*range(room), *(room + np.argsort(group, kind="stable")).tolist()]
    levels, counts = (tuple(some[at] for at in order) for some in (column.levels, column.counts))
    sizes = tuple(np.unique(group, return_counts=True)[1].tolist())
    return name, replace(column, levels=levels, counts=counts, alone=room, shared=sizes)


def _codes(column: CategoryColumn, frame: pd.DataFrame) -> Codes:
    """A column's values (n,) as positions among its levels, a gap as the one after them."""
    series = normalize(frame[column.name])
    codes = pd.Index(column.levels).get_indexer(pd.Index(series))
    return np.where(series.isna().to_numpy(np.bool_) | (codes < 0), len(column.levels), codes)


def _table(codes: Codes, by: Codes, many: int) -> NDArray[np.float64]:
    """How often each of ``many`` codes (n,) stands with each of others (n,)."""
    table = np.zeros((many, int(by.max()) + 1))
    np.add.at(table, (codes, by), 1)
    return table


def _information(table: NDArray[np.float64]) -> float:
    """The share of the entropy of a table's columns that its rows take away."""
    whole = _entropy(table.sum(0))
    inside = sum(_entropy(row) * row.sum() for row in table if row.any()) / table.sum()
    return float((whole - inside) / whole) if whole else 0.0


def _entropy(counts: NDArray[Any]) -> float:
    """In nats."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())
