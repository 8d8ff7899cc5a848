"""Corrupted table rows: extra negatives when training the judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evenodds.core.spec import RowSpec, Span

Rows = NDArray[np.float32]

BOX = 4.0
"""Numbers of noise lie evenly in [-BOX, BOX], as far as an encoded value can be."""


def corrupt_rows(rows: Rows, spec: RowSpec, columns: Sequence[int], n: int, rng: np.random.Generator) -> Rows:
    """Make n corrupted rows (n, width) from encoded ``rows`` (m, width); ``columns`` are the widths of the columns.

    Half have their columns shuffled: each value is real, and none belongs to another. A quarter are noise in every
    column, and a quarter have noise in one. A table of one column has nothing to shuffle and gets noise instead.
    """
    taken = rows[rng.integers(len(rows), size=n)]
    kind = np.arange(n) % 4
    if len(columns) > 1:
        half = kind < 2
        taken[half] = shuffle_columns(rows, columns, int(half.sum()), rng)
        rest = ~half
    else:
        rest = np.ones(n, np.bool_)
    values = noise(int(rest.sum()), spec, rng)
    edges = np.cumsum([0, *columns])
    position = np.arange(spec.width)
    chosen = rng.integers(len(columns), size=len(values))
    inside = (position >= edges[chosen][:, None]) & (position < edges[chosen + 1][:, None])
    inside[kind[rest] % 2 == 0] = True
    taken[rest] = np.where(inside, values, taken[rest])
    return taken


def shuffle_columns(rows: Rows, columns: Sequence[int], n: int, rng: np.random.Generator) -> Rows:
    """n rows (n, width) whose columns are drawn from ``rows`` independently: the product of the marginals."""
    parts = []
    start = 0
    for width in columns:
        parts.append(rows[rng.integers(len(rows), size=n), start : start + width])
        start += width
    return np.concatenate(parts, axis=1)


def noise(n: int, spec: RowSpec, rng: np.random.Generator) -> Rows:
    """n rows (n, width) of even noise: numbers in [-BOX, BOX], any choice of a category."""
    rows = np.zeros((n, spec.width), np.float32)
    for span in spec.spans:
        rows[:, span.start : span.stop] = _noise_in(span, n, rng)
    return rows


def _noise_in(span: Span, n: int, rng: np.random.Generator) -> Rows:
    if span.kind == "number":
        return rng.uniform(-BOX, BOX, (n, span.width)).astype(np.float32)
    return np.eye(span.width, dtype=np.float32)[rng.integers(span.width, size=n)]
