"""The real samples that one sample lies nearest to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from evenodds.data.store import Block, Store
from evenodds.judge.features import MAX_REFERENCES, preprocess, to_points


class References(NamedTuple):
    """Training reals of a store to search: their indices (m,) in its training part, and their points (m, k)."""

    indices: np.ndarray
    points: Tensor


def references(store: Store) -> References:
    """Take at most MAX_REFERENCES training reals of a store, evenly spaced over it."""
    count = min(MAX_REFERENCES, store.n_train)
    indices = np.unique(np.linspace(0, store.n_train - 1, count).round().astype(np.int64))
    return References(indices, to_points(preprocess(store.spec, store.train(indices))))


def nearest(store: Store, reals: References, block: Block, count: int = 4) -> Block:
    """Find the ``count`` reals nearest to one stored sample (1, *shape), as the store keeps them: (count, *shape)."""
    distances = torch.cdist(to_points(preprocess(store.spec, block)), reals.points)[0]
    order = distances.topk(min(count, len(distances)), largest=False).indices.numpy()
    return store.train(reals.indices[order])
