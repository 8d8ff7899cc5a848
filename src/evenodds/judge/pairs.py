"""Pairs of levels that real rows never show, although each level alone is frequent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from evenodds.judge.scoring import Floats

Places = list[NDArray[np.intp]]
"""For each category column the places (n,) of its values, -1 for one that has none."""

EXPECTED = 5.0
"""A pair counts as never seen where independent columns would show it so often or more."""
MAX_LEVELS = 2_000
"""Most levels that are compared, the most frequent ones, so that time and memory stay small."""
_BATCH = 4_096


class Pair(NamedTuple):
    """Two levels, each as (column, place), and how often independent columns would show them together."""

    first: tuple[int, int]
    second: tuple[int, int]
    expected: float


@dataclass(frozen=True)
class LevelPairs:
    """The pairs never seen in n rows, and how strange by them each of these rows would be had it not been among them.

    How strange a row is: for each of its levels the expected counts of its never-seen pairs are summed, and the
    greatest of these sums counts: a level that stands where it never does is strange beside several others.
    """

    rows: int
    levels: NDArray[np.int64]
    """(L, 2): the column and the place of each level."""
    index: NDArray[np.int64]
    """(2, p): the two levels of each pair that was never seen."""
    expected: Floats
    """(p,): how often independence would show it."""
    left_out: Floats
    """What ``strangeness`` each row of n would have had, left out of them, sorted; zeros are not kept."""

    @classmethod
    def fit(cls, places: Places) -> Self:
        """Count the levels of category columns (n rows each), and their pairs."""
        rows = len(places[0]) if places else 0
        levels = frequent_levels(places)
        ones = one_hot(places, levels)
        counts = np.asarray(ones.sum(0), np.float64).ravel()
        together = co_occurrences(ones)
        apart = levels[:, None, 0] != levels[None, :, 0]
        expected = np.outer(counts, counts) / max(rows, 1)
        never = np.triu((together == 0) & (expected >= EXPECTED) & apart)
        # Without a row the levels that it holds are one fewer, and so are its pairs.
        without = np.outer(counts - 1, counts - 1) / max(rows - 1, 1)
        once = sparse.csr_array(np.where((together == 1) & (without >= EXPECTED) & apart, without, 0.0))
        left_out = np.sort(_greatest(ones, once))
        index = np.stack(np.nonzero(never)).astype(np.int64)
        return cls(rows, levels, index, expected[never], left_out[left_out > 0])

    def strangeness(self, places: Places) -> Floats:
        """How strange rows are by their pairs of levels, (n,); 0 for a row that has no never-seen pair."""
        return _greatest(one_hot(places, self.levels), self._matrix())

    def lowers(self, strangeness: Floats) -> Floats:
        """By how much strangeness (n,) lowers a score: -log P(a real row is as strange), 0 for none at all.

        P is the share of rows that would be as strange had they been left out, and the row itself (Good 1953,
        Biometrika 40: what was seen once tells how often the unseen comes).
        """
        as_strange = len(self.left_out) - np.searchsorted(self.left_out, strangeness * (1 - 1e-9))
        return np.where(strangeness > 0, -np.log((1 + as_strange) / (1 + self.rows)), 0.0)

    def strangest(self, places: Places) -> Pair:
        """Of the never-seen pairs of one row, which has some, the one that independence would show most often."""
        own = one_hot(places, self.levels).indices
        inside = np.isin(self.index, own).all(0)
        best = int(np.where(inside, self.expected, 0.0).argmax())
        first, second = (tuple(map(int, self.levels[level])) for level in self.index[:, best])
        return Pair((first[0], first[1]), (second[0], second[1]), float(self.expected[best]))

    def _matrix(self) -> sparse.csr_array:
        size = (len(self.levels),) * 2
        half = sparse.csr_array((self.expected, (self.index[0], self.index[1])), shape=size)
        return sparse.csr_array(half + half.T)

    def to_tensors(self) -> dict[str, Tensor]:
        """As tensors to store; ``rows`` is stored beside them."""
        names = ("levels", "index", "expected", "left_out")
        return {
            f"pairs_{name}": torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in names
        }

    @classmethod
    def from_tensors(cls, rows: int, tensors: dict[str, Tensor]) -> Self:
        """From ``to_tensors``. Raises KeyError for a missing one."""
        names = ("levels", "index", "expected", "left_out")
        return cls(rows, *(tensors[f"pairs_{name}"].numpy() for name in names))


def frequent_levels(places: Places) -> NDArray[np.int64]:
    """The levels (L, 2) that can have a pair at all, at most MAX_LEVELS, in the order of columns and places."""
    levels_by_column, counts = [], []
    for column, codes in enumerate(places):
        level, count = np.unique(codes[codes >= 0], return_counts=True)
        many = count >= EXPECTED
        levels_by_column.append(np.stack([np.full(many.sum(), column), level[many]], axis=1))
        counts.append(count[many])
    levels = np.concatenate([np.empty((0, 2), np.int64), *levels_by_column]).astype(np.int64)
    order = np.argsort(-np.concatenate([np.empty(0), *counts]), kind="stable")[:MAX_LEVELS]
    return levels[np.sort(order)]


def one_hot(places: Places, levels: NDArray[np.int64]) -> sparse.csr_array:
    """Which of ``levels`` each row has, (n, L)."""
    rows, columns = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for column, codes in enumerate(places):
        number = np.flatnonzero(levels[:, 0] == column)
        table = np.full(max(codes.max(initial=-1), levels[number, 1].max(initial=-1)) + 2, -1)
        table[levels[number, 1]] = number
        level = table[codes]  # the last entry, -1, is that of a value without a place
        rows.append(np.flatnonzero(level >= 0))
        columns.append(level[level >= 0])
    where = (np.concatenate(rows), np.concatenate(columns))
    shape = (len(places[0]) if places else 0, len(levels))
    return sparse.csr_array((np.ones(len(where[0])), where), shape=shape)


def co_occurrences(ones: sparse.csr_array) -> Floats:
    """How often levels stand together, (L, L), of rows (n, L)."""
    size = ones.shape[1]
    total = torch.zeros(size, size, dtype=torch.float64)
    for start in range(0, ones.shape[0], _BATCH):
        part = torch.from_numpy(ones[start : start + _BATCH].toarray().astype(np.float32))
        total += (part.T @ part).double()
    return total.numpy()


def _greatest(ones: sparse.csr_array, weights: sparse.csr_array) -> Floats:
    """The greatest sum over the levels of each row (n, L) of ``weights`` (L, L) to its other levels, (n,)."""
    if not weights.nnz:
        return np.zeros(ones.shape[0])
    sums = sparse.csr_array(ones @ weights).multiply(ones)
    return np.asarray(sums.max(axis=1).toarray(), np.float64).ravel()
