"""A style-based generator against dcgan: steps along directions, and the distance of pictures, at equal time.

    python benchmarks/style.py [--minutes 12] [--size 32] [--seed 0] [--keep FOLDER]

Both games on faces run at the same time, one thread each. Then each is steered by directions from labels, alone and
settled, and judged by a classifier that learnt the true attributes of real faces.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from classifier import features, train_classifier
from evenodds.core.errors import UserError
from evenodds.data.images.arrays import to_tensor
from evenodds.metrics.distribution import frechet
from evenodds.runs.run import Run
from evenodds.steer.editor import LatentEditor
from playing import pictures_of, train
from record import record
from steering import FEATURES, SEEDS, Bench

NETWORKS = ("dcgan", "style")
FAKES = 2000


def play(network: str, run: Path, asked: argparse.Namespace) -> None:
    """One game, unless it was played before."""
    if (run / "recipe.json").exists():
        return
    budget = ("--budget", f"{asked.minutes * 60:g}s", "--stop", "budget")
    sizes = ("--size", str(asked.size), "--latent", "64", "--seed", str(asked.seed))
    train("faces", run, "--network", network, *sizes, *budget)


def steps(bench: Bench, feature: str) -> dict[str, Any]:
    """What a step along a feature's direction does, alone and settled; nothing where too few fakes show it."""
    try:
        direction = bench.steer.find(feature)
    except UserError as problem:
        print(feature, problem, flush=True)
        return {}
    row: dict[str, Any] = {"step": direction.step}
    for name, refined in (("alone", False), ("settled", True)):
        effect = bench.effect(name, feature, direction, refined, "")
        row |= {f"{name}: flipped": effect["measured"], f"{name}: others": effect["beside"]}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where the games are, or will be")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        keep = asked.keep or Path(folder)
        with ThreadPoolExecutor(len(NETWORKS)) as pool:
            for game in [pool.submit(play, name, keep / name, asked) for name in NETWORKS]:
                game.result()
        spaces = {name: LatentEditor(Run.open(keep / name), torch.device("cpu")) for name in NETWORKS}
        store = spaces["dcgan"].store
        judge, accuracy = train_classifier(store, 400, seed=1)
        reals = features(judge, to_tensor(store.train(np.arange(min(store.n_train, FAKES)))))
        rows: list[dict[str, Any]] = []
        distances: dict[str, float] = {}
        rounds: dict[str, int] = {}
        for name, steer in spaces.items():
            fakes = pictures_of(keep / name, FAKES).transpose(0, 3, 1, 2)
            distances[name] = frechet(reals, features(judge, to_tensor(np.ascontiguousarray(fakes))))
            rounds[name] = int(steer.run.checkpoints.best().name)
            print(name, "distance", distances[name], "rounds", rounds[name], flush=True)
        for name, steer in spaces.items():
            bench = Bench(steer, judge)
            for feature in FEATURES:
                rows.append({"network": name, "feature": feature, **steps(bench, feature)})
                print(rows[-1], flush=True)
        summary = {
            "minutes": asked.minutes,
            "size": asked.size,
            "seeds": len(SEEDS),
            "the classifier's least accuracy on held-out reals": min(accuracy.values()),
            **{f"distance of {name}": value for name, value in distances.items()},
            **{f"best round of {name}": value for name, value in rounds.items()},
        }
        record("style", rows, summary)


if __name__ == "__main__":
    main()
