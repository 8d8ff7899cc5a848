"""What pictures show: their labels, read by networks that learnt them from real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import as_samples
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.networks.classifier import LabelEnsemble, fit_labels
from evenodds.steer.attributes import AttributeReader, Feature, Tell, of_rows

READERS, WIDTH, STEPS, BATCH = 2, 24, 800, 64
"""The networks that read labels, and how long each learns."""
GRAIN = 0.4
"""Deviation of the noise that it learns through, at most, of pictures in [-1, 1]."""
MOST_LEVELS = 20
"""Labels of more levels are names, and nothing to be steered."""

LEARNT = 3
"""Raised whenever networks would learn to read otherwise: those that were kept are then learnt anew."""

Codes = dict[str, Tensor]


def eyes_for(store: Store, seed: int, device: torch.device, keep: Path | None = None) -> AttributeReader:
    """Eyes for samples of a store; what reads pictures is kept at ``keep``, and taken from there where it was learnt on
    the same ones. Raises UserError for pictures without labels."""
    if store.codec_json is not None:
        return of_rows(TableCodec.from_json(store.codec_json))
    return of_pictures(store, seed, device, keep)


def of_pictures(store: Store, seed: int, device: torch.device, keep: Path | None) -> AttributeReader:
    """Labels, read by networks trained on the real ones."""
    labels, heldout = store.labels("train"), store.labels("heldout")
    if labels is None or heldout is None or not isinstance(store.spec, PictureSpec):
        raise UserError(
            f"{store.facts['source']} has no labels to learn features from: give class folders or a metadata.csv, or "
            "name examples with --with and --without"
        )
    levels = levels_of(labels)
    if not levels:
        raise UserError(
            f"no label of {store.facts['source']} has 2 to {MOST_LEVELS} levels, name examples instead"
        )
    with torch.random.fork_rng():
        set_random(seed_of(seed, "eyes"), device)
        counts = {name: len(known) for name, known in levels.items()}
        network = LabelEnsemble(READERS, store.spec, WIDTH, counts).to(device)
        if (accuracy := remembered(network, store, keep)) is None:
            learn(
                network,
                store,
                {name: codes_of(labels[name], known) for name, known in levels.items()},
                device,
            )
            accuracy = examined(network, store, levels, heldout, device)
            if keep is not None:
                facts = {"fingerprint": store.fingerprint, "learnt": LEARNT, "accuracy": accuracy}
                bundle.write(keep, {"eyes": network.state_dict()}, facts)
    network.eval().requires_grad_(False)
    features = tuple(Feature(name, level) for name, known in levels.items() for level in known)
    log_odds = teller(network, device)
    return AttributeReader(features, lambda x: log_odds(x).sigmoid(), accuracy, log_odds)


def remembered(network: LabelEnsemble, store: Store, keep: Path | None) -> dict[str, float] | None:
    """Takes the kept networks over; gives their accuracy on held-out reals, None where there is none for the store."""
    if keep is None or not keep.exists():
        return None
    tensors, facts = bundle.read(keep)
    if facts["fingerprint"] != store.fingerprint or facts.get("learnt") != LEARNT:
        return None
    network.load_state_dict(tensors["eyes"])
    accuracy: dict[str, float] = facts["accuracy"]
    return accuracy


def learn(network: LabelEnsemble, store: Store, codes: Codes, device: torch.device) -> None:
    """Fits each reader to the training reals' labels, seen through blur and grain: what it reads of fakes, which are
    not as clear, is then what others read of them too."""

    def some(places: Tensor) -> Tensor:
        return degrade(as_samples(store, store.train(places.numpy()), device))

    placed = {name: known.to(device) for name, known in codes.items()}
    for reader in network.each:
        fit_labels(reader, some, placed, steps=STEPS, batch=BATCH)
    network.eval()


def degrade(x: Tensor) -> Tensor:
    """Pictures (n, C, H, W), each blurred and grained by an amount of its own."""
    blur, grain = torch.rand(2, len(x), 1, 1, 1, device=x.device)
    blurred = avg_pool2d(pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    seen: Tensor = x + blur * (blurred - x) + GRAIN * grain * torch.randn_like(x)
    return seen


def examined(
    network: LabelEnsemble,
    store: Store,
    levels: dict[str, list[str]],
    labels: pd.DataFrame,
    device: torch.device,
) -> dict[str, float]:
    """The share of held-out reals whose label is read right, by label."""

    def said() -> Iterator[dict[str, Tensor]]:
        for places in np.array_split(np.arange(store.n_heldout), max(1, store.n_heldout // 256)):
            yield network(as_samples(store, store.heldout(places), device))

    with torch.inference_mode():
        found = list(said())
    accuracy = {}
    for name, known in levels.items():
        truth = codes_of(labels[name], known)
        read = torch.cat([part[name].argmax(1).cpu() for part in found])
        accuracy[name] = float((read == truth)[truth >= 0].double().mean())
    return accuracy


def teller(network: LabelEnsemble, device: torch.device) -> Tell:
    """The log-odds of each level, (n, levels of all labels), in the labels' order."""

    def tell(x: Tensor) -> Tensor:
        return torch.cat([odds(said) for said in network(x.to(device)).values()], dim=1)

    return tell


def odds(logits: Tensor) -> Tensor:
    """Log-odds of each of exclusive levels against all others together, of their logits (n, levels)."""
    count = logits.shape[1]
    others = (
        logits[:, None]
        .expand(-1, count, -1)
        .masked_fill(torch.eye(count, dtype=torch.bool, device=logits.device), -torch.inf)
    )
    return logits - others.logsumexp(2)


def levels_of(labels: pd.DataFrame) -> dict[str, list[str]]:
    """The labels that may be steered, with their levels."""
    found = {str(name): sorted(map(str, labels[name].dropna().unique())) for name in labels}
    return {name: levels for name, levels in found.items() if 2 <= len(levels) <= MOST_LEVELS}


def codes_of(labels: pd.Series[Any], levels: list[str]) -> Tensor:
    """Labels (n,) as the places of their levels, -1 for none: int64."""
    texts = labels.astype("str").where(labels.notna(), None)
    return torch.from_numpy(pd.Categorical(texts, categories=levels).codes.astype(np.int64))
