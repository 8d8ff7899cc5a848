"""Features of reals, extracted once: kept in the cache under the data's fingerprint."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np

from evenodds.core import atomic
from evenodds.data.cache_entries import cache_root, keep_limit, note_use
from evenodds.data.store import Part, Store
from evenodds.evaluate.extractors import BATCH, FeatureExtractor
from evenodds.metrics.distribution import Cloud

EXTRACTED = 1
"""Raised whenever the same extractor would give other features."""


def features_of(store: Store, part: Part, count: int, extractor: FeatureExtractor) -> Cloud:
    """Features (count, k) of the first reals of a part. Raises Unwritable where the cache cannot be written."""
    if not extractor.cacheable:
        return extract(store, part, count, extractor)
    path = path_of(store, part, count, extractor)
    try:
        features = np.load(path, allow_pickle=False)
        if features.dtype == np.float32 and features.ndim == 2 and len(features) == count:
            note_use(path)
            return cast(Cloud, features)
    except (OSError, ValueError, EOFError):
        pass  # absent or damaged: made again
    made = extract(store, part, count, extractor)
    content = BytesIO()
    np.save(content, made, allow_pickle=False)
    atomic.write_bytes(path, content.getvalue())
    keep_limit()
    return made


def path_of(store: Store, part: Part, count: int, extractor: FeatureExtractor) -> Path:
    """Where they are kept: a place for each data set, extractor, resizer and count."""
    key = json.dumps([EXTRACTED, extractor.name, extractor.resizer, part, count])
    digest = hashlib.sha256(key.encode()).hexdigest()
    return cache_root() / "features" / f"{store.fingerprint[:16]}-{digest[:16]}.npy"


def extract(
    store: Store, part: Part, count: int, extractor: FeatureExtractor, mirrored: bool = False
) -> Cloud:
    """The same without the cache, of the reals or of their mirror images."""
    read = store.train if part == "train" else store.heldout
    places = (np.arange(start, min(start + BATCH, count)) for start in range(0, count, BATCH))
    step = -1 if mirrored else 1
    return np.concatenate(
        [extractor.extract(np.ascontiguousarray(read(some)[..., ::step])) for some in places]
    )
