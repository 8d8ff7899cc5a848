"""`evenodds train digits` and `faces`: what a classifier trained on real, labelled pictures finds in the fakes.

    python benchmarks/pictures.py digits [--budget 5m]
    python benchmarks/pictures.py faces [--budget 20m]

The sheet goes to docs/pictures/SOURCE.png, the film beside it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from torch import Tensor

from classifier import Classifier, features, predict, train_classifier
from evenodds.config.data_settings import DataSettings
from evenodds.data.images.arrays import to_tensor
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.metrics.distribution import frechet
from playing import pictures_of, train
from record import ROOT, record

BUDGETS = {"digits": "5m", "faces": "20m"}
SIZES = {"digits": 16, "faces": 64}
STEPS = {"digits": 800, "faces": 600}
FAKES = 5_000


def fakes_of(run: Path) -> Tensor:
    """Fakes as the classifier takes them."""
    return to_tensor(np.ascontiguousarray(pictures_of(run, FAKES).transpose(0, 3, 1, 2)))


def distances(model: Classifier, store: Store, fakes: Tensor) -> dict[str, float]:
    """The Fréchet distance of fakes to training reals, and of held-out reals to them: the floor for that many."""
    reals = features(model, to_tensor(store.train(np.arange(min(FAKES, store.n_train)))))
    heldout = features(model, to_tensor(store.heldout(np.arange(store.n_heldout))))
    return {
        "distance of fakes": round(frechet(reals, features(model, fakes)), 3),
        "distance of held-out reals": round(frechet(reals, heldout), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=sorted(BUDGETS))
    parser.add_argument("--budget")
    arguments = parser.parse_args()
    source, budget = arguments.source, arguments.budget or BUDGETS[arguments.source]
    size = SIZES[source]
    store = prepare(find(source), DataSettings(size=size))
    model, accuracy = train_classifier(store, STEPS[source])
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / source
        verdict = train(source, run, "--size", str(size), "--budget", budget)
        fakes = fakes_of(run)
        keep = ROOT / "docs" / "pictures"
        keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(sorted((run / "samples").glob("*.png"))[-1], keep / f"{source}.png")
        recipe = json.loads((run / "recipe.json").read_text())["settings"]
    found = predict(model, fakes)
    labels = store.labels("train")
    assert labels is not None
    rows = [
        {
            "label": name,
            "level": level,
            "share of reals": round(float((labels[name] == level).mean()), 4),
            "share of fakes": round(float((found[name] == place).float().mean()), 4),
            "classifier's accuracy": round(accuracy[name], 4),
        }
        for name, levels in model.levels.items()
        for place, level in enumerate(levels)
    ]
    summary = {
        "network": recipe["network"]["network"],
        "budget": budget,
        "rounds": verdict["rounds"],
        "samples seen": verdict["seen"],
        "odds": verdict["evidence"]["odds"],
        "least share": min(float(str(row["share of fakes"])) for row in rows),
        **distances(model, store, fakes),
    }
    record(source, rows, summary)


if __name__ == "__main__":
    main()
