"""Pictures that are nearly the same, found by difference hashes without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROWS, COLUMNS = 8, 9
_FARTHEST = 2  # bits
_DARKEST = 8.0  # levels of 255, mean over the thumbnail: plain pictures share hashes without being alike
_REACH = 32  # neighbours in each sorted list that a picture is compared with
_BAND_BITS = 16

Hashes = npt.NDArray[np.uint64]
Thumbs = npt.NDArray[np.uint8]


def near_duplicates(chunks: Iterable[npt.NDArray[np.uint8]]) -> list[list[int]]:
    """Groups of places, each sorted, of pictures nearly alike; chunks are uint8 (n, C, H, W).

    Alike are two pictures whose 64-bit difference hashes differ in 2 bits at most and whose 8 by 9
    thumbnails differ by 8 levels of 255 at most on average. Groups hold what is linked by such pairs.
    """
    small = np.concatenate([thumbs(chunk) for chunk in chunks])
    marks = hashes(small)
    pairs = np.concatenate(list(_pairs(marks, small)), axis=1)
    links = coo_array((np.ones(pairs.shape[1], np.int8), (pairs[0], pairs[1])), shape=(len(small),) * 2)
    _, group = connected_components(links, directed=False)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return [part.tolist() for part in np.split(order, starts[1:]) if len(part) > 1]


def thumbs(chunk: npt.NDArray[np.uint8]) -> Thumbs:
    """uint8 (n, C, H, W) as grey uint8 (n, 8, 9), each cell the mean of its area."""
    grey = chunk.mean(axis=1, dtype=np.float32)
    tall, wide = _areas(grey.shape[1], ROWS), _areas(grey.shape[2], COLUMNS)
    small: Thumbs = np.rint(tall @ grey @ wide.T).astype(np.uint8)
    return small


def hashes(small: Thumbs) -> Hashes:
    """dHash: a bit for each cell that is lighter than the one on its left, as uint64 (n)."""
    bits = small[:, :, 1:] > small[:, :, :-1]
    marks: Hashes = np.packbits(bits.reshape(len(small), -1), axis=1).view(np.uint64)[:, 0]
    return marks


def _pairs(marks: Hashes, small: Thumbs) -> Iterator[npt.NDArray[np.intp]]:
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
            first, second = order[same], order[same + step]
            near = np.bitwise_count(marks[first] ^ marks[second]) <= _FARTHEST
            first, second = first[near], second[near]
            apart = np.abs(small[first].astype(np.int16) - small[second]).mean(axis=(1, 2))
            yield np.stack([first, second])[:, apart <= _DARKEST]


def _areas(pixels: int, cells: int) -> npt.NDArray[np.float32]:
    """Weights (cells, pixels): the share of each cell that each pixel covers."""
    edges = np.linspace(0, pixels, cells + 1)
    at = np.arange(pixels)
    overlap = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    weights: npt.NDArray[np.float32] = (overlap.clip(0) * cells / pixels).astype(np.float32)
    return weights
