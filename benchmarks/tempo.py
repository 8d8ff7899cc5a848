"""Does a tempo that moves beat a fixed ratio of turns? Players well matched and not, equal time, five seeds.

    python benchmarks/tempo.py people|grid|digits|faces [--seeds 5] [--seconds S] [--lanes 2]

Every run has the same seconds on one core. What is compared is the distance of the best state's fakes, drawn anew, to
training reals: energy distance of rows, Fréchet distance of pictures on the features of the check. The best fixed
ratio is chosen in hindsight, for each pair of players, by the mean over seeds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import GameSettings, NetworkSettings, PlanSettings, Recipe
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import as_samples
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.metrics import distribution
from evenodds.metrics.image_features import Features
from evenodds.metrics.reference import REFERENCE
from evenodds.networks.generate import stream
from evenodds.runs.sample import load_generator
from evenodds.training.context import Context, Silent
from evenodds.training.loop import train
from evenodds.training.session import open_run
from modes import MIXTURES, ROWS
from record import record

SECONDS = {"people": 4, "grid": 4, "digits": 5, "faces": 8}
SIZES = {"digits": 16, "faces": 32}
NARROW = {"people": 32, "grid": 32, "digits": 32, "faces": 8}
RATES = {"people": 1e-3, "grid": 1e-3, "digits": 5e-4, "faces": 5e-4}
ARMS: dict[str, dict[str, Any]] = {
    "1:1": {"d_steps": 1, "g_steps": 1},
    "2:1": {"d_steps": 2, "g_steps": 1},
    "1:2": {"d_steps": 1, "g_steps": 2},
    "turns": {"d_steps": 1, "g_steps": 1, "tempo": "turns"},
    "penalty": {"d_steps": 1, "g_steps": 1, "tempo": "penalty"},
}
FAKES = 4_000


def players(source: str) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Settings of networks and game for well-matched players and mismatched ones."""
    narrow, rate = NARROW[source], RATES[source]
    return {
        "matched": ({}, {}),
        "D 8 times wider": ({"width": narrow, "width_d": 8 * narrow}, {}),
        "G 8 times wider": ({"width": 8 * narrow, "width_d": narrow}, {}),
        "D's rate 4 times G's": ({}, {"lr_d": 2 * rate, "lr_g": rate / 2}),
    }


def one(job: tuple[str, str, str, int, float, str]) -> dict[str, Any]:
    """One run, from nothing to its distance."""
    source, who, arm, seed, seconds, path = job
    torch.set_num_threads(1)
    network, game = players(source)[who]
    store = prepare(find(path), DataSettings(size=SIZES.get(source)))
    recipe = Recipe(
        plan=PlanSettings(budget=f"{seconds}s", seed=seed),
        network=NetworkSettings(**network),
        game=GameSettings(
            **game, **ARMS[arm], augment="off", margin=0.501
        ),  # none ends even, before its time
    )
    with tempfile.TemporaryDirectory() as folder:
        resolved = resolve(recipe, store.spec, store.n_train, source)
        run = open_run(Path(folder) / "run", source, resolved, store, Silent())
        verdict = train(run, store, Context(torch.device("cpu")))
        fakes = torch.cat(
            list(stream(load_generator(run, torch.device("cpu")), FAKES, resolved.network.latent, seed))
        )
        found = distance(store, fakes)
    return {"players": who, "arm": arm, "seed": seed, "distance": found, "rounds": verdict.rounds}


def grid(folder: Path) -> str:
    """Where the 25 Gaussians lie as a table."""
    path = folder / "grid.csv"
    points = MIXTURES["grid"].draw(ROWS, np.random.default_rng(0))
    pd.DataFrame(points, columns=["x", "y"]).to_csv(path, index=False)
    return str(path)


def distance(store: Store, fakes: torch.Tensor) -> float:
    """From training reals to fakes."""
    reals = as_samples(store, store.train(np.arange(min(FAKES, store.n_train))), torch.device("cpu"))
    features = Features(store.spec, [reals])
    if isinstance(store.spec, PictureSpec):
        return distribution.frechet(features(reals), features(fakes))
    return distribution.energy(features(reals)[: 2 * REFERENCE], features(fakes))


def row(who: str, found: list[dict[str, Any]]) -> dict[str, object]:
    """A pair of players: the mean distance of every arm, and what the tempo's is beside the best fixed one's."""
    mean = {
        arm: float(
            np.mean([line["distance"] for line in found if (line["players"], line["arm"]) == (who, arm)])
        )
        for arm in ARMS
    }
    best = min((arm for arm in ARMS if ":" in arm), key=lambda arm: mean[arm])
    ratios = {f"{arm} / best fixed": mean[arm] / mean[best] for arm in ("1:1", "turns", "penalty")}
    return {"players": who, **mean, "best fixed": best, **ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=sorted(SECONDS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--lanes", type=int, default=2)
    arguments = parser.parse_args()
    source = arguments.source
    seconds = arguments.seconds or SECONDS[source]
    with tempfile.TemporaryDirectory() as folder:
        path = source if source != "grid" else grid(Path(folder))
        prepare(find(path), DataSettings(size=SIZES.get(source)))
        # Seeds outermost: whatever the machine does meanwhile, it does to all arms alike.
        jobs = [
            (source, who, arm, seed, seconds, path)
            for seed in range(arguments.seeds)
            for who in players(source)
            for arm in ARMS
        ]
        with multiprocessing.get_context("spawn").Pool(arguments.lanes, maxtasksperchild=25) as pool:
            found = pool.map(one, jobs, chunksize=1)
    rows = [row(who, found) for who in players(source)]
    summary = {
        "seconds a run": seconds,
        "seeds": arguments.seeds,
        **{
            f"median of {arm} / best fixed": statistics.median(
                float(str(line[f"{arm} / best fixed"])) for line in rows
            )
            for arm in ("1:1", "turns", "penalty")
        },
    }
    record(f"tempo-{source}", rows, summary)


if __name__ == "__main__":
    main()
