"""The training samples that checks, scores and reports compare with, and their features."""

from __future__ import annotations

import numpy as np
import torch

from evenodds.core.spec import at_most
from evenodds.data.batches import as_samples
from evenodds.data.store import Store
from evenodds.metrics.image_features import Features

REFERENCE_ROWS, REFERENCE_PICTURES, REFERENCE_PIXELS = 20_000, 5_000, 100_000_000
"""Training samples, at most, among which copies are looked for; of large pictures so many as have these pixels."""

REFERENCE = 2_000
"""Rows, at most, that the distance is measured to; pictures take all that are known."""


def reference_count(store: Store) -> int:
    """How many training samples are known to checks."""
    return min(store.n_train, at_most(store.spec, REFERENCE_ROWS, REFERENCE_PICTURES, REFERENCE_PIXELS))


def reference_features(store: Store, count: int, batch: int = 256) -> Features:
    """The game's features, fitted to the first ``count`` training samples, outside of a game."""
    batches = (np.arange(start, min(start + batch, count)) for start in range(0, count, batch))
    return Features(
        store.spec, (as_samples(store, store.train(some), torch.device("cpu")) for some in batches)
    )
