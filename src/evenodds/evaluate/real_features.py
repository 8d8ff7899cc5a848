"""Features of reals, extracted once: kept in the cache under the data's fingerprint."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np

from evenodds.core import atomic
from evenodds.data.cache import cache_root
from evenodds.data.store import Part, Store
from evenodds.evaluate.extractors import BATCH, FeatureExtractor
from evenodds.metrics.distribution import Cloud

EXTRACTED = 1
"""Raised whenever the same extractor would give other features."""


def features_of(store: Store, part: Part, count: int, view: FeatureExtractor) -> Cloud:
    """Features (count, k) of the first reals of a part. Raises Unwritable where the cache cannot be written."""
    if not view.kept:
        return extract(store, part, count, view)
    path = place_of(store, part, count, view)
    try:
        found = np.load(path, allow_pickle=False)
        if found.dtype == np.float32 and found.ndim == 2 and len(found) == count:
            return cast(Cloud, found)
    except (OSError, ValueError, EOFError):
        pass  # absent or damaged: made again
    made = extract(store, part, count, view)
    content = BytesIO()
    np.save(content, made, allow_pickle=False)
    atomic.write_bytes(path, content.getvalue())
    return made


def place_of(store: Store, part: Part, count: int, view: FeatureExtractor) -> Path:
    """Where they are kept: a place for each data set, extractor, resizer and count."""
    told = json.dumps([EXTRACTED, view.name, view.resizer, part, count])
    digest = hashlib.sha256(told.encode()).hexdigest()
    return cache_root() / "features" / f"{store.fingerprint[:16]}-{digest[:16]}.npy"


def extract(store: Store, part: Part, count: int, view: FeatureExtractor) -> Cloud:
    """The same without the cache."""
    read = store.train if part == "train" else store.heldout
    places = (np.arange(start, min(start + BATCH, count)) for start in range(0, count, BATCH))
    return np.concatenate([view.see(read(some)) for some in places])
