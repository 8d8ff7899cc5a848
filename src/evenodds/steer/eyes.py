"""What a sample shows: labels, read by a network that learnt them from real pictures, or columns, read from the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from evenodds.data.batches import as_samples
from evenodds.data.columns import CategoryColumn
from evenodds.data.store import Store
from evenodds.data.tables import TableCodec
from evenodds.errors import UserError
from evenodds.latent import seed_of, set_random
from evenodds.networks.classifier import Labeller
from evenodds.objectives.classify import fit_labels
from evenodds.spec import PictureSpec

WIDTH, STEPS, BATCH = 24, 1200, 64
"""The network that reads labels, and how long it learns."""
MOST_LEVELS = 20
"""Labels of more levels are names, and nothing to be steered."""
YES = ("yes", "true", "1")

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """One thing that a sample may show: a level of a label or column, or how much of a number."""

    column: str
    level: str | None
    """None for a number."""

    @property
    def name(self) -> str:
        return self.column if self.level is None else f"{self.column}={self.level}"


@dataclass(frozen=True)
class Eyes:
    """``see`` says how far samples (n, *shape) show each of ``features``: (n, k), shares in [0, 1] of levels, normal
    scores of numbers. ``accuracy`` is that on held-out reals, by column; empty for rows, which say it themselves."""

    features: tuple[Feature, ...]
    see: Any
    accuracy: dict[str, float]

    def place(self, name: str) -> tuple[int, bool]:
        """Where a feature stands, and whether its presence is meant: "glasses" and "no glasses" do for glasses=yes and
        its absence. Raises UserError for what no sample shows."""
        text = " ".join(name.split())
        bare, present = (text[3:], False) if text.startswith("no ") else (text, True)
        for place, feature in enumerate(self.features):
            if bare == feature.name or (bare == feature.column and str(feature.level).lower() in YES):
                return place, present
        levels = [place for place, feature in enumerate(self.features) if feature.level == bare]
        if len(levels) == 1:
            return levels[0], present
        known = ", ".join(feature.name for feature in self.features)
        raise UserError(f"nothing is known of {name!r}, the features are: {known}")

    def groups(self) -> dict[str, list[int]]:
        """The places of each column's features."""
        found: dict[str, list[int]] = {}
        for place, feature in enumerate(self.features):
            found.setdefault(feature.column, []).append(place)
        return found


def eyes_for(store: Store, seed: int, device: torch.device) -> Eyes:
    """Eyes for samples of a store. Raises UserError for pictures without labels."""
    if store.codec_json is not None:
        return of_rows(TableCodec.from_json(store.codec_json))
    return of_pictures(store, seed, device)


def of_rows(codec: TableCodec) -> Eyes:
    """Each level of a category, and each number."""
    features: list[Feature] = []
    places: list[int] = []
    start = 0
    for column in codec.columns:
        if isinstance(column, CategoryColumn):
            levels = [str(level).strip() for level in column.levels][: column.width]
            features += [Feature(column.name, level) for level in levels]
            places += range(start, start + len(levels))
        else:
            features.append(Feature(column.name, None))
            places.append(start + column.width - 1)
        start += column.width
    return Eyes(tuple(features), lambda x: x[:, places].double().cpu().numpy(), {})


def of_pictures(store: Store, seed: int, device: torch.device) -> Eyes:
    """Labels, read by a network trained on the real ones."""
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
        network = Labeller(store.spec, WIDTH, {name: len(known) for name, known in levels.items()}).to(device)
        codes = {name: codes_of(labels[name], known).to(device) for name, known in levels.items()}

        def some(places: Tensor) -> Tensor:
            return as_samples(store, store.train(places.numpy()), device)

        fit_labels(network, some, codes, steps=STEPS, batch=BATCH)

    def see(x: Tensor) -> Shares:
        return shares(network, x.to(device))

    features = tuple(Feature(name, level) for name, known in levels.items() for level in known)
    said = np.concatenate(
        [
            see(as_samples(store, store.heldout(places), device))
            for places in np.array_split(np.arange(store.n_heldout), max(1, store.n_heldout // 256))
        ]
    )
    found = Eyes(features, see, {})
    accuracy = {}
    for name, places in found.groups().items():
        truth = codes_of(heldout[name], levels[name]).numpy()
        accuracy[name] = float((said[:, places].argmax(1) == truth)[truth >= 0].mean())
    return Eyes(features, see, accuracy)


def levels_of(labels: pd.DataFrame) -> dict[str, list[str]]:
    """The labels that may be steered, with their levels."""
    found = {str(name): sorted(map(str, labels[name].dropna().unique())) for name in labels}
    return {name: levels for name, levels in found.items() if 2 <= len(levels) <= MOST_LEVELS}


def codes_of(labels: pd.Series[Any], levels: list[str]) -> Tensor:
    """Labels (n,) as the places of their levels, -1 for none: int64."""
    texts = labels.astype("str").where(labels.notna(), None)
    return torch.from_numpy(pd.Categorical(texts, categories=levels).codes.astype(np.int64))


@torch.inference_mode()
def shares(network: Labeller, x: Tensor) -> Shares:
    """How likely each level is, (n, levels of all labels), in the labels' order."""
    parts = [
        torch.cat([said.softmax(1) for said in network(part).values()], dim=1).double().cpu()
        for part in torch.split(x, 256)
    ]
    return np.asarray(torch.cat(parts).numpy())
