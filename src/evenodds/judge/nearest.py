"""The real samples that one sample lies nearest to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from evenodds.data.store import Block, Store
from evenodds.judge.features import KEPT, points, preprocess


class Known(NamedTuple):
    """Reals of a store to look among: their places in its training part, and where they lie, (m, k)."""

    places: np.ndarray
    points: Tensor


def known(store: Store) -> Known:
    """At most KEPT training reals of a store, spread over it evenly."""
    places = np.unique(np.linspace(0, store.n_train - 1, min(KEPT, store.n_train)).round().astype(np.int64))
    return Known(places, points(preprocess(store.spec, store.train(places))))


def nearest(store: Store, reals: Known, block: Block, count: int = 4) -> Block:
    """The ``count`` reals nearest to one stored sample (1, *shape), as the store keeps them: (count, *shape)."""
    apart = torch.cdist(points(preprocess(store.spec, block)), reals.points)[0]
    order = apart.topk(min(count, len(apart)), largest=False).indices.numpy()
    return store.train(reals.places[order])
