"""Pictures that are nearly the same, found by difference hashes without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_FARTHEST = 2  # bits
_DEEPEST = 24  # levels of 255: drawings of one pattern share hashes, and differ much in a few places
_SIDE = 16
_REACH = 32  # neighbours in each sorted list that a picture is compared with
_BAND_BITS = 16
_PIECE = 2**16  # pairs compared at a time

Hashes = npt.NDArray[np.uint64]
Thumbs = npt.NDArray[np.uint8]
Pairs = npt.NDArray[np.intp]


def near_duplicates(chunks: Iterable[npt.NDArray[np.uint8]]) -> list[list[int]]:
    """Groups of places, each sorted, of pictures nearly alike; chunks are uint8 (n, C, H, W).

    Alike are two pictures whose 64-bit difference hashes differ in 2 bits at most and whose grey 16 by 16
    thumbnails differ by 24 levels of 255 at most anywhere. Groups hold what is linked by such pairs.
    """
    described = [(hashes(chunk), thumbs(chunk)) for chunk in chunks]
    marks = np.concatenate([mark for mark, _ in described])
    small = np.concatenate([thumb for _, thumb in described])
    pairs = np.concatenate(list(_pairs(marks, small)), axis=1)
    links = coo_array((np.ones(pairs.shape[1], np.int8), (pairs[0], pairs[1])), shape=(len(small),) * 2)
    _, group = connected_components(links, directed=False)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return [part.tolist() for part in np.split(order, starts[1:]) if len(part) > 1]


def thumbs(chunk: npt.NDArray[np.uint8], rows: int = _SIDE, columns: int = _SIDE) -> Thumbs:
    """uint8 (n, C, H, W) as grey uint8 (n, rows, columns), each cell the mean of its area."""
    gray = chunk.mean(axis=1, dtype=np.float32)
    small = _areas(gray.shape[1], rows) @ gray @ _areas(gray.shape[2], columns).T
    rounded: Thumbs = np.rint(small).astype(np.uint8)
    return rounded


def hashes(chunk: npt.NDArray[np.uint8]) -> Hashes:
    """dHash of uint8 (n, C, H, W) as uint64 (n): a bit for each of 8 by 9 cells lighter than its left one."""
    small = thumbs(chunk, 8, 9)
    bits = small[:, :, 1:] > small[:, :, :-1]
    marks: Hashes = np.packbits(bits.reshape(len(small), -1), axis=1).view(np.uint64)[:, 0]
    return marks


def _pairs(marks: Hashes, small: Thumbs) -> Iterator[Pairs]:
    """Alike pairs, as arrays (2, n)."""
    # Two bits spoil at most two of four bands, so alike hashes agree in one pair of bands: sorted by that
    # pair they are neighbours.
    bands = [np.uint64((2**_BAND_BITS - 1) << (_BAND_BITS * band)) for band in range(4)]
    yield np.empty((2, 0), np.intp)
    for one, other in combinations(bands, 2):
        keys = marks & (one | other)
        order = np.lexsort((marks, keys))
        keys = keys[order]
        for step in range(1, min(_REACH, len(order) - 1) + 1):
            same = np.flatnonzero(keys[:-step] == keys[step:])
            if not len(same):
                break
            pairs = np.stack([order[same], order[same + step]])
            pairs = pairs[:, np.bitwise_count(marks[pairs[0]] ^ marks[pairs[1]]) <= _FARTHEST]
            yield pairs[:, _alike(pairs, small)]


def _alike(pairs: Pairs, small: Thumbs) -> npt.NDArray[np.bool_]:
    alike = np.empty(pairs.shape[1], np.bool_)
    for start in range(0, len(alike), _PIECE):
        first, second = small[pairs[:, start : start + _PIECE]].astype(np.int16)
        alike[start : start + _PIECE] = np.abs(first - second).max(axis=(1, 2)) <= _DEEPEST
    return alike


def _areas(pixels: int, cells: int) -> npt.NDArray[np.float32]:
    """Weights (cells, pixels): the share of each cell that each pixel covers."""
    edges = np.linspace(0, pixels, cells + 1)
    at = np.arange(pixels)
    overlap = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    weights: npt.NDArray[np.float32] = (overlap.clip(0) * cells / pixels).astype(np.float32)
    return weights
