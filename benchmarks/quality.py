"""Quality at equal time: `evenodds train` as it comes, against the usual DCGAN loop with its published settings.

    python benchmarks/quality.py fashion|faces [--size PX] [--minutes 10 30] [--seeds 3] [--beside] [--keep FOLDER]

Fashion-MNIST at 32 px needs the data folder beside the project; faces, at 64 px, are our own. Both games of a seed see
the same prepared pictures for as many minutes of play, one after the other on all cores; with --beside at the same
time, one thread each. After each of the minutes the fakes of the best state (of the loop: of the present one) are
compared with training reals: the Fréchet distance on EfficientNet-Lite0's features, which neither game knows.
--keep has what was played stay, and an unfinished benchmark go on. --try plays for a moment and records nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evenodds.config.data_settings import DataSettings
from evenodds.core.device import find_device
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import to_pictures, to_tensor
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.evaluate.extractors import FeatureExtractor, extractor_of
from evenodds.metrics.distribution import frechet
from evenodds.runs.run import Run
from labels import folder_of
from playing import pictures_of, train
from record import record
from usual import BATCH, LATENT, Usual

SIZES = {"fashion": 32, "faces": 64}
FAKES, CHUNK = 10_000, 250
GAMES = ("evenodds", "the usual loop")


@torch.inference_mode()
def fakes_of(game: Usual, n: int) -> NDArray[np.uint8]:
    """Fakes of the loop's G, uint8 (n, C, H, W)."""
    game.generator.eval()
    found = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for start in range(0, n, CHUNK):
            z = torch.randn(min(CHUNK, n - start), LATENT, device=game.device)
            made = to_pictures(game.generator(z).cpu())
            found.append(made.transpose(0, 3, 1, 2))
    game.generator.train()
    return np.concatenate(found)


def usual(store: Store, seconds: list[float], seed: int, n: int, to: Path) -> None:
    """Plays the usual loop in this process; after each of the seconds its fakes are written, for which the clock
    stands still."""
    assert isinstance(store.spec, PictureSpec)
    device = find_device("auto")
    game = Usual(store.spec, device, seed)
    rng = np.random.default_rng(seed)
    order, spent = iter(()), 0.0
    batch, rounds = min(BATCH, store.n_train), 0
    for until in seconds:
        while spent < until:
            start = time.monotonic()
            places = np.fromiter((next(order, -1) for _ in range(batch)), int, batch)
            if places[-1] < 0:  # the pictures are through: anew, in another order
                order = iter(rng.permutation(store.n_train).tolist())
                continue
            game.round(to_tensor(store.train(places)).to(device))
            if device.type == "cuda":
                torch.cuda.synchronize()
            rounds += 1
            spent += time.monotonic() - start
        np.savez(to / f"{until:g}.npz", fakes=fakes_of(game, n), rounds=rounds, seen=rounds * batch)


def play(
    name: str, source: str, store: Store, seed: int, asked: argparse.Namespace, keep: Path, *more: str
) -> None:
    """A game of all the minutes, with ``more`` flags, each part of it once: what lies in ``keep`` is there already."""
    keep.mkdir(parents=True, exist_ok=True)
    seconds = [60 * minutes for minutes in asked.minutes]
    if all((keep / f"{until:g}.npz").exists() for until in seconds):
        return
    if name == "the usual loop":
        command = [sys.executable, __file__, "--child", str(store.path), "--keep", str(keep)]
        command += ["--seed", str(seed), "--fakes", str(asked.fakes), "--minutes", *map(str, asked.minutes)]
        subprocess.run(command, check=True)
        return
    for until in seconds:
        flags = (
            "--size",
            str(asked.size),
            "--seed",
            str(seed),
            "--budget",
            f"{until:g}s",
            "--stop",
            "budget",
        )
        verdict = train(source, keep / "run", *flags, *more)
        fakes = pictures_of(keep / "run", asked.fakes).transpose(0, 3, 1, 2)
        game = Run.open(keep / "run").recipe.game
        seen = verdict["rounds"] * game.batch * game.d_steps
        np.savez(keep / f"{until:g}.npz", fakes=fakes, rounds=verdict["rounds"], seen=seen)


def distance(view: FeatureExtractor, reals: NDArray[np.float32], file: Path) -> dict[str, Any]:
    """What a game had come to."""
    with np.load(file) as held:
        return {"rounds": int(held["rounds"]), "distance": frechet(reals, view.extract(held["fakes"]))}


def compare(source: str, store: Store, asked: argparse.Namespace, keep: Path) -> list[dict[str, Any]]:
    """One row for each of the minutes and each game."""
    view = extractor_of("efficientnet", store, find_device("cpu"))
    reals = view.extract(store.train(np.arange(min(store.n_train, asked.fakes))))
    found: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for seed in range(asked.seeds):
        places = {name: keep / f"{name.split()[-1]}-{seed}" for name in GAMES}
        with ThreadPoolExecutor(len(GAMES) if asked.beside else 1) as pool:
            each = [pool.submit(play, name, source, store, seed, asked, places[name]) for name in GAMES]
        for played in each:
            played.result()
        for minutes in asked.minutes:
            for name in GAMES:
                row = distance(view, reals, places[name] / f"{60 * minutes:g}.npz")
                found.setdefault((minutes, name), []).append(row)
                print(minutes, name, seed, row, flush=True)
    rows = []
    for minutes in asked.minutes:
        median = {name: statistics.median(r["distance"] for r in found[minutes, name]) for name in GAMES}
        for name in GAMES:
            of = found[minutes, name]
            rows.append(
                {
                    "minutes": minutes,
                    "game": name,
                    "rounds": statistics.median(row["rounds"] for row in of),
                    "distance": median[name],
                    "least": min(row["distance"] for row in of),
                    "most": max(row["distance"] for row in of),
                    "of the usual loop's": median[name] / median["the usual loop"],
                }
            )
    heldout = view.extract(store.heldout(np.arange(min(store.n_heldout, asked.fakes))))
    real = {"minutes": "", "game": f"{len(heldout)} held-out reals", "rounds": ""}
    beside = {"least": "", "most": "", "of the usual loop's": ""}
    return [*rows, {**real, "distance": frechet(reals, heldout), **beside}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=sorted(SIZES), nargs="?")
    parser.add_argument("--size", type=int)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 30])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--fakes", type=int, default=FAKES)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    if asked.child:
        seconds = [60 * minutes for minutes in asked.minutes]
        usual(Store.open(asked.child), seconds, asked.seed, asked.fakes, asked.keep)
        return
    if asked.source is None:
        parser.error(f"give a source, one of {', '.join(sorted(SIZES))}")
    if asked.trial:
        asked.minutes, asked.seeds, asked.fakes, asked.size = [0.05, 0.1], 1, 20, 32
    asked.size = asked.size or SIZES[asked.source]
    if asked.beside:
        os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        source = "faces"
        if asked.source == "fashion":
            source = str(folder_of("fashion", Path(folder) / "fashion"))
        store = prepare(find(source), DataSettings(size=asked.size))
        rows = compare(source, store, asked, (asked.keep or Path(folder)).resolve())
    threads = 1 if asked.beside else torch.get_num_threads()
    summary = {"size": asked.size, "seeds": asked.seeds, "threads a game": threads, "fakes": asked.fakes}
    record(f"quality-{asked.source}", rows, {**summary, "medians over": "seeds"}, keep=not asked.trial)


if __name__ == "__main__":
    main()
