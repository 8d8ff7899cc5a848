"""What alpha alone says of fakes: how much of them is transparent, and how far their shapes are from the reals'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import HALF
from evenodds.data.images.arrays import to_tensor
from evenodds.data.store import Store
from evenodds.evaluate.metric import Metric, Stamp
from evenodds.metrics.distribution import frechet
from evenodds.metrics.image_features import Features
from evenodds.metrics.reference import reference_count

Bytes = NDArray[np.uint8]

BATCH = 256
CONFIDENCE = 1.96
"""Standard errors either side of a mean that hold 95 %."""


def alpha_metrics(store: Store, fake: Bytes) -> Iterator[Metric]:
    """The share of transparent pixels, and the Fréchet distance of alpha's layout and detail, of stored fakes uint8
    (n, 4, H, W), beside held-out reals in their place.

    A pixel counts as transparent where alpha is below half. The interval of the share is that of a mean over fakes.
    """
    count = reference_count(store)
    train = np.concatenate([store.train(places)[:, 3:] for places in chunks(np.arange(count))])
    heldout = store.heldout(np.arange(min(store.n_heldout, count)))[:, 3:]
    fake = fake[:, 3:]
    shares = transparent_shares(fake)
    mean, error = float(shares.mean()), float(shares.std() / np.sqrt(len(shares)))
    yield Metric(
        "transparent_share",
        "share of transparent pixels",
        mean,
        Stamp("alpha", "none", "held-out", len(heldout), len(fake)),
        "reals",
        max(0.0, mean - CONFIDENCE * error),
        min(1.0, mean + CONFIDENCE * error),
        reals=float(transparent_shares(heldout).mean()),
    )
    spec = cast(PictureSpec, store.spec)
    features = Features(PictureSpec.of(1, spec.size), map(to_tensor, chunks(train)))
    cloud, others = (
        np.concatenate([features(to_tensor(part)) for part in chunks(x)]) for x in (fake, heldout)
    )
    yield Metric(
        "alpha_distance",
        "Fréchet distance of alpha (layout and detail)",
        frechet(features.reals, cloud),
        Stamp("alpha, layout and detail", "none", "train", len(train), len(fake)),
        "lower",
        reals=frechet(features.reals, others[: len(cloud)]) if len(others) >= len(cloud) else None,
    )


def transparent_shares(alpha: Bytes) -> NDArray[np.float64]:
    """The share of each picture's pixels that are more transparent than not; alpha (n, 1, H, W) -> (n,)."""
    shares: NDArray[np.float64] = (alpha < HALF).mean((1, 2, 3))
    return shares


def chunks(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Some at a time."""
    return (x[start : start + BATCH] for start in range(0, len(x), BATCH))
