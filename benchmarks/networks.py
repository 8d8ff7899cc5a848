"""Which network is best at equal time: the defaults of `--network auto` come from here.

    python benchmarks/networks.py [--seconds 120] [--sources digits faces people]

Every family with its preset, one after another on a machine that does nothing else. Pictures are measured by the
Fréchet distance on the features of a small classifier trained on real labels (lower is better), tables by how well
gradient-boosted trees tell real from fake rows (0.5 is best).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch

from classifier import Classifier, features, train_classifier
from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import NetworkSettings, ObjectiveSettings, Recipe
from evenodds.data.images.arrays import to_pictures, to_tensor
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.metrics.distribution import frechet
from evenodds.networks.generate import draw, generate
from evenodds.training.trainer import Trainer
from people import auc
from record import record

FAKES = 2_000
PUBLISHED = {
    "network": NetworkSettings(network="dcgan", norm_d="batch"),
    "objective": ObjectiveSettings(loss="nonsaturating"),
}
"""DCGAN with the batch normalisation and loss of its paper."""

CONTENDERS: dict[str, dict[str, Any]] = {
    "gan": {"network": NetworkSettings(network="gan")},
    "dcgan": {"network": NetworkSettings(network="dcgan")},
    "dcgan, batch norm, non-saturating": PUBLISHED,
    "r3gan": {"network": NetworkSettings(network="r3gan")},
    "tabular": {"network": NetworkSettings(network="tabular")},
}
FITTING = {
    "pictures": ["gan", "dcgan", "dcgan, batch norm, non-saturating", "r3gan"],
    "rows": ["gan", "tabular"],
}


def play(store: Store, wish: Recipe, seconds: float, source: str) -> Trainer:
    """A game of that many seconds."""
    recipe = resolve(wish, store.spec, store.n_train, source)
    training = Trainer(recipe, store, torch.device("cpu"))
    training.round()
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        training.round()
    return training


def fakes_of(training: Trainer) -> torch.Tensor:
    """Fakes of the averaged G."""
    torch.manual_seed(1)
    latents = draw(FAKES, training.recipe.network.latent)
    return torch.cat(list(generate(training.players.average.network, latents)))


def picture_score(store: Store, model: Classifier, fakes: torch.Tensor) -> float:
    """The Fréchet distance between fakes and training reals."""
    shown = to_tensor(np.ascontiguousarray(to_pictures(fakes).transpose(0, 3, 1, 2)))
    reals = to_tensor(store.train(np.arange(min(store.n_train, FAKES))))
    return frechet(features(model, reals), features(model, shown))


def row_score(store: Store, fakes: torch.Tensor) -> float:
    """How well trees tell held-out rows from fakes."""
    assert store.codec_json is not None
    codec = TableCodec.from_json(store.codec_json)
    real = codec.decode(store.heldout(np.arange(min(FAKES, store.n_heldout))), np.random.default_rng(0))
    return auc(real, codec.decode(fakes.numpy(), np.random.default_rng(1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--sources", nargs="+", default=["people", "digits", "faces"])
    arguments = parser.parse_args()
    rows = []
    for source in arguments.sources:
        store = prepare(find(source), DataSettings(size=None if source != "faces" else 64))
        kind = "rows" if source == "people" else "pictures"
        model = None if kind == "rows" else train_classifier(store, 600)[0]
        for name in FITTING[kind]:
            threads = torch.get_num_threads()
            torch.set_num_threads(1 if kind == "rows" else threads)
            training = play(store, Recipe(**CONTENDERS[name]), arguments.seconds, source)
            torch.set_num_threads(threads)
            fakes = fakes_of(training)
            score = row_score(store, fakes) if model is None else picture_score(store, model, fakes)
            row = {"source": source, "network": name, "seconds": arguments.seconds, "seen": training.seen}
            rows.append({**row, "measure": "AUC" if model is None else "Fréchet", "score": round(score, 3)})
            print(rows[-1], flush=True)
    record("networks", rows, {"each": f"{arguments.seconds:g} s"})


if __name__ == "__main__":
    main()
