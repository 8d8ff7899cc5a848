"""Batches of training samples in an order that a seed and a place decide, so that a resumed run goes on exactly."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from evenodds.data.pictures import to_tensor
from evenodds.data.store import Store
from evenodds.spec import PictureSpec


class Batches:
    """Every training sample once an epoch, in an order drawn from (seed, rank, epoch)."""

    def __init__(self, store: Store, seed: int, rank: int = 0) -> None:
        self.store = store
        self.seed = (seed, rank)
        self.epoch = -1
        self.order = np.empty(0, np.int64)

    def indices(self, seen: int, count: int) -> np.ndarray:
        """The ``count`` training indices that follow ``seen`` samples, across epochs where need be."""
        total = self.store.n_train
        parts = []
        while count:
            epoch, start = divmod(seen, total)
            if epoch != self.epoch:
                self.order = np.random.default_rng([*self.seed, epoch]).permutation(total)
                self.epoch = epoch
            part = self.order[start : start + count]
            parts.append(part)
            seen, count = seen + len(part), count - len(part)
        return np.concatenate(parts)

    def at(self, seen: int, count: int, device: torch.device) -> Tensor:
        """The reals that follow ``seen`` samples: float32 (count, *spec.shape)."""
        return as_samples(self.store, self.store.train(self.indices(seen, count)), device)


def as_samples(store: Store, block: np.ndarray, device: torch.device) -> Tensor:
    """Stored samples as the networks take them: pictures in [-1, 1] and channels-last, rows as they are."""
    if isinstance(store.spec, PictureSpec):
        pictures = to_tensor(block).to(device)
        return pictures.contiguous(memory_format=torch.channels_last)
    return torch.from_numpy(block).to(device)
