"""The figures of a run that makes pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evenodds.core.spec import at_most
from evenodds.data.images.arrays import to_tensor
from evenodds.data.store import Store
from evenodds.evaluate.copies import suspects, write_sheet
from evenodds.evaluate.extractors import BATCH, FeatureExtractor, layout
from evenodds.evaluate.metric import Metric, Stamp
from evenodds.evaluate.real_features import extract, features_of
from evenodds.metrics.distribution import (
    Cloud,
    copying,
    density_coverage,
    frechet,
    inception_score,
    kernel_distance,
    nearest,
    precision_recall,
)
from evenodds.metrics.referee import most_samples, strictest
from evenodds.metrics.reference import reference_count, reference_features
from evenodds.networks.generate import WHOLE, Share
from evenodds.runs.conditions import SamplingCondition, turns
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler

MOST, PIXELS = 50_000, 1_000_000_000
"""Training pictures, at most, among which copies are looked for: of large ones as many as have these pixels."""
FEWEST = 4
"""Held-out pictures, at least, beside which fakes are measured."""

Bytes = NDArray[np.uint8]


class Clouds(NamedTuple):
    """Features of reals and fakes under one view."""

    train: Cloud
    heldout: Cloud
    fake: Cloud


def fakes(run: Run, store: Store, n: int, seed: int, device: torch.device, share: Share = WHOLE) -> Bytes:
    """n fakes, or a share of them, as a store keeps pictures, uint8 (n, C, H, W); where pictures are given, under
    held-out ones in turn."""
    condition: SamplingCondition | None = None
    if run.condition is not None and run.condition.pictures:
        places = np.arange(min(n, store.n_conditions("heldout")))
        condition = turns(cast(Bytes, store.conditions("heldout", places)))
    batches = [
        batch.transpose(0, 3, 1, 2) for batch in Sampler(run, device).pictures(n, seed, condition, share)
    ]
    return np.ascontiguousarray(np.concatenate([np.zeros((0, *run.spec.shape), np.uint8), *batches]))


def figures(
    store: Store, fake: Bytes, features: Cloud, extractor: FeatureExtractor, device: torch.device
) -> Iterator[Metric]:
    """Distances, neighbours and the referee of stored fakes uint8 (n, C, H, W), ``seen`` under one view."""
    heldout = min(store.n_heldout, reference_count(store))
    clouds = Clouds(
        features_of(store, "train", reference_count(store), extractor),
        features_of(store, "heldout", heldout, extractor),
        features,
    )
    yield from distances(clouds, extractor)
    if heldout >= FEWEST:
        yield from neighbours(clouds, extractor)
        yield referee_metric(store, fake, clouds, extractor, device)


def distances(clouds: Clouds, extractor: FeatureExtractor) -> Iterator[Metric]:
    """From training reals to fakes, beside as many held-out reals where there are."""
    train, heldout, fake = clouds
    stamp = Stamp(extractor.name, extractor.resizer, "train", len(train), len(fake))
    others = heldout[: len(fake)] if FEWEST <= len(fake) <= len(heldout) else None
    distance, kernel = frechet(train, fake), kernel_distance(train, fake)
    beside = (
        (None, None) if others is None else (frechet(train, others), kernel_distance(train, others).value)
    )
    yield Metric("frechet_distance", extractor.frechet, distance, stamp, "lower", reals=beside[0])
    title = f"kernel distance ({extractor.name})"
    yield Metric(
        "kernel_distance", title, kernel.value, stamp, "lower", kernel.low, kernel.high, reals=beside[1]
    )


def neighbours(clouds: Clouds, extractor: FeatureExtractor) -> Iterator[Metric]:
    """How fakes and held-out reals lie among each other, as many of both; beside training reals in the fakes' place."""
    count = min(len(clouds.heldout), len(clouds.fake))
    train, heldout, fake = (cloud[:count] for cloud in clouds)
    stamp = Stamp(extractor.name, extractor.resizer, "held-out", count, count)
    names = ("precision", "recall", "density", "coverage")
    values = (*precision_recall(heldout, fake), *density_coverage(heldout, fake))
    reals = (*precision_recall(heldout, train), *density_coverage(heldout, train))
    for name, value, real in zip(names, values, reals, strict=True):
        yield Metric(name, name, value, stamp, "higher", reals=real)


def referee_metric(
    store: Store, fake: Bytes, clouds: Clouds, extractor: FeatureExtractor, device: torch.device
) -> Metric:
    """The referee's word, with a second opinion on features that a network gives."""
    count = min(len(clouds.heldout), len(fake), most_samples(store.spec))
    real, batches = (to_tensor(side, device) for side in (store.heldout(np.arange(count)), fake[:count]))
    vectors = (clouds.heldout[:count], clouds.fake[:count])
    ruling = strictest(store.spec, real, batches, [lambda: vectors] if extractor.network else [])
    by, resizer = (extractor.name, extractor.resizer) if ruling.by == "features" else (ruling.by, "none")
    stamp = Stamp(by, resizer, "held-out", count, count)
    bounds = (ruling.low, ruling.high, ruling.p_value)
    return Metric("referee", f"referee ({by})", ruling.auc, stamp, "half", *bounds)


def copying_metric(store: Store, fake: Bytes, sheet: Path, mirrored: bool = False) -> Metric:
    """Whether fakes lie nearer to training pictures than held-out ones do, or to their mirror images, where the game
    was ``mirrored``; writes the sheet of the nearest."""
    features = reference_features(store, min(store.n_train, at_most(store.spec, MOST, MOST, PIXELS)))
    extractor, train = layout(features), features.reals
    heldout = features_of(store, "heldout", min(store.n_heldout, reference_count(store)), extractor)
    batches = extractor.extract(fake)
    sides = train, heldout
    if mirrored:
        sides = (
            np.concatenate([train, extract(store, "train", len(train), extractor, mirrored=True)]),
            np.concatenate([heldout, extract(store, "heldout", len(heldout), extractor, mirrored=True)]),
        )
    measured = copying(*sides, batches, nearest(heldout, sides[0]))
    worst = suspects(*sides, batches)
    worst = worst._replace(train=worst.train % len(train), heldout=worst.heldout % len(heldout))
    write_sheet(store, fake, worst, sheet)
    return Metric(
        "copying",
        "copying",
        measured.closeness.value,
        Stamp(extractor.name, extractor.resizer, "train", len(train), len(batches)),
        "half",
        measured.closeness.low,
        measured.closeness.high,
        measured.p_value,
    )


def certainty(store: Store, fake: Bytes, classifier: nn.Module, device: torch.device) -> Metric:
    """The inception-style score of a classifier that gives logits (n, classes), beside as many held-out reals where
    there are."""
    network, name = classifier.to(device).eval(), type(classifier).__name__

    def shares(pictures: Bytes) -> NDArray[np.float64]:
        parts = (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))
        with torch.inference_mode():
            shares_of_parts: list[Tensor] = [network(to_tensor(part, device)).softmax(1) for part in parts]
        return np.asarray(torch.cat(shares_of_parts).double().cpu().numpy())

    count = min(store.n_heldout, len(fake))
    measured = inception_score(shares(fake))
    return Metric(
        "inception_score",
        f"inception-style score ({name})",
        measured.value,
        Stamp(name, "none", "held-out", count, len(fake)),
        "higher",
        measured.low,
        measured.high,
        reals=inception_score(shares(store.heldout(np.arange(count)))).value if count == len(fake) else None,
    )
