"""Reads labels from pictures, by networks trained on real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import pad

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of, seeded
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import as_samples
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.networks.classifier import LabelEnsemble, fit_labels
from evenodds.steer.attributes import AttributeReader, Feature, TensorFn, row_reader

READERS, WIDTH, BATCH = 2, 24, 64
"""The networks that read labels, and the size of their batches."""
CYCLES = (300, 600)
"""Steps that each is trained for, and trained on where a label of held-out reals is read wrongly too often."""
ENOUGH = 0.99
"""The share of held-out reals whose label is to be read correctly."""
NOISE = 0.4
"""Largest standard deviation of the noise that training pictures, in [-1, 1], get."""
MOST_LEVELS = 20
"""Labels of more levels are identifiers, which cannot be steered."""

VERSION = 3
"""Raised where stored networks no longer do: those of another version are then trained again."""

Codes = dict[str, Tensor]
Levels = dict[str, list[str]]


def attribute_reader(
    store: Store, seed: int, device: torch.device, folder: Path | None = None
) -> AttributeReader:
    """Return the attribute reader of a store's samples.

    Networks that read pictures are stored in ``folder``, and loaded from there if they were trained on the same store.
    Raises UserError for pictures without labels.
    """
    if store.codec_json is not None:
        return row_reader(TableCodec.from_json(store.codec_json))
    return picture_reader(store, seed, device, folder)


def picture_reader(store: Store, seed: int, device: torch.device, folder: Path | None) -> AttributeReader:
    """Train or load the reader of a store's labels. Raises UserError if the store has none that can be steered."""
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
    if (stored := stored_reader(store.spec, store.fingerprint, device, folder, levels)) is not None:
        return stored
    with seeded(seed_of(seed, "eyes"), device):
        network = ensemble(store.spec, levels, device)
        codes = {name: codes_of(labels[name], level_names) for name, level_names in levels.items()}
        accuracy: dict[str, float] = {}
        for steps in CYCLES:
            train_readers(network, store, codes, device, steps)
            accuracy = heldout_accuracy(network, store, levels, heldout, device)
            if min(accuracy.values()) >= ENOUGH:
                break
    if folder is not None:
        facts = {"fingerprint": store.fingerprint, "learnt": VERSION, "accuracy": accuracy}
        facts["levels"] = [[name, level_names] for name, level_names in levels.items()]
        bundle.write(folder, {"eyes": network.state_dict()}, facts)
    return reader_of(network, levels, accuracy, device)


def ensemble(spec: PictureSpec, levels: Levels, device: torch.device) -> LabelEnsemble:
    """The networks that read labels of such levels, untrained."""
    counts = {name: len(level_names) for name, level_names in levels.items()}
    return LabelEnsemble(READERS, spec, WIDTH, counts).to(device)


def reader_of(
    network: LabelEnsemble, levels: Levels, accuracy: dict[str, float], device: torch.device
) -> AttributeReader:
    """What reads the levels from pictures by trained networks."""
    network.eval().requires_grad_(False)
    features = tuple(Feature(name, level) for name, level_names in levels.items() for level in level_names)
    log_odds = log_odds_reader(network, device)
    return AttributeReader(features, lambda x: log_odds(x).sigmoid(), accuracy, log_odds)


def stored_reader(
    spec: PictureSpec,
    fingerprint: str,
    device: torch.device,
    folder: Path | None,
    levels: Levels | None = None,
) -> AttributeReader | None:
    """The reader that is stored in ``folder`` for data of that fingerprint, which itself need not be there; None where
    none is, or where it is damaged. ``levels`` are those of its labels where the folder, of an earlier version, does
    not name them."""
    if folder is None or not folder.exists():
        return None
    tensors, facts = bundle.read(folder)
    if facts["fingerprint"] != fingerprint or facts.get("learnt") != VERSION:
        return None
    try:
        named = {
            str(name): [str(level) for level in names] for name, names in facts.get("levels", [])
        } or levels
        if not named or not all(2 <= len(names) <= MOST_LEVELS for names in named.values()):
            return None
        network = ensemble(spec, named, device)
        network.load_state_dict(tensors["eyes"])
        accuracy = {str(name): float(share) for name, share in facts["accuracy"].items()}
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError):
        return None
    return reader_of(network, named, accuracy, device)


def train_readers(
    network: LabelEnsemble, store: Store, codes: Codes, device: torch.device, steps: int
) -> None:
    """Train each network for some steps on the training reals' labels, through blur and noise.

    Fakes are less sharp than reals: so trained, networks read them as other classifiers do.
    """

    def draw(indices: Tensor) -> Tensor:
        return degrade(as_samples(store, store.train(indices.numpy()), device))

    codes_on_device = {name: level_names.to(device) for name, level_names in codes.items()}
    for reader in network.each:
        fit_labels(reader, draw, codes_on_device, steps=steps, batch=BATCH)
    network.eval()


def degrade(x: Tensor) -> Tensor:
    """Blur pictures (n, C, H, W) and add noise, each by a random amount."""
    blur, grain = torch.rand(2, len(x), 1, 1, 1, device=x.device)
    degraded: Tensor = x + blur * (blurred(x) - x) + NOISE * grain * torch.randn_like(x)
    return degraded


def blurred(x: Tensor) -> Tensor:
    """The mean of each pixel (n, C, H, W) and its eight neighbours, edges repeated: pooling, which is
    slower on a CPU, took two fifths of a training."""
    x = pad(x, (1, 1, 1, 1), mode="replicate")
    x = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    mean: Tensor = (x[..., :-2] + x[..., 1:-1] + x[..., 2:]) / 9
    return mean


def heldout_accuracy(
    network: LabelEnsemble,
    store: Store,
    levels: Levels,
    labels: pd.DataFrame,
    device: torch.device,
) -> dict[str, float]:
    """The share of held-out reals whose label is read correctly, by label."""

    def predict() -> Iterator[dict[str, Tensor]]:
        for indices in np.array_split(np.arange(store.n_heldout), max(1, store.n_heldout // 256)):
            yield network(as_samples(store, store.heldout(indices), device))

    with torch.inference_mode():
        parts = list(predict())
    accuracy = {}
    for name, level_names in levels.items():
        truth = codes_of(labels[name], level_names)
        read = torch.cat([part[name].argmax(1).cpu() for part in parts])
        accuracy[name] = float((read == truth)[truth >= 0].double().mean())
    return accuracy


def log_odds_reader(network: LabelEnsemble, device: torch.device) -> TensorFn:
    """A function from pictures to the log-odds of each level, (n, levels of all labels), in the labels' order."""

    def predict(x: Tensor) -> Tensor:
        return torch.cat([one_vs_rest_log_odds(logits) for logits in network(x.to(device)).values()], dim=1)

    return predict


def one_vs_rest_log_odds(logits: Tensor) -> Tensor:
    """Log-odds (n, levels) of each level against all others together, of the softmax's logits (n, levels).

    >>> one_vs_rest_log_odds(torch.tensor([[0.0, 0.0]])).tolist()
    [[0.0, 0.0]]
    """
    count = logits.shape[1]
    others = (
        logits[:, None]
        .expand(-1, count, -1)
        .masked_fill(torch.eye(count, dtype=torch.bool, device=logits.device), -torch.inf)
    )
    return logits - others.logsumexp(2)


def levels_of(labels: pd.DataFrame) -> Levels:
    """The labels that can be steered, with their levels: those of 2 to MOST_LEVELS levels."""
    levels_by_label = {str(name): sorted(map(str, labels[name].dropna().unique())) for name in labels}
    return {name: levels for name, levels in levels_by_label.items() if 2 <= len(levels) <= MOST_LEVELS}


def codes_of(labels: pd.Series[Any], levels: list[str]) -> Tensor:
    """Labels (n,) as indices of their levels, -1 for none: int64."""
    texts = labels.astype("str").where(labels.notna(), None)
    return torch.from_numpy(pd.Categorical(texts, categories=levels).codes.astype(np.int64))
