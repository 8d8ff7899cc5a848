"""What a game gains by beginning with the networks of another: cats from nothing and from dogs, at equal rounds.

    python benchmarks/transfer.py [--dogs 3800] [--rounds 300 1200] [--seed 0] [--keep FOLDER] [--try]

Needs the data folder beside the project. A game on 480 dogs' heads is played for so many rounds; then two games on
1,542 cats' heads of 64 px, at half the usual width (--scale tiny), the one from nothing, the other with --init and the
dogs' run. After each number of rounds 2,000 fakes of the best state are compared with training reals by the Fréchet
distance, on features that no player used: a classifier of breeds, trained here, and each EfficientNet-Lite that is
installed. Rounds of both cost the same. --keep has what was played stay, and an unfinished benchmark go on. --try plays
a few rounds and records nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from evenodds.config.data_settings import DataSettings
from evenodds.data.images.arrays import write_grid
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.metrics.distribution import coverage_metrics, frechet
from labels import DATA
from photographs import COVERED, FAKES, SHEET, SOURCES, STEPS, views_of
from playing import pictures_of, train
from record import record

CATS = str(SOURCES["cats"])
GAMES = ("from nothing", "from dogs")


def dogs(folder: Path) -> Path:
    """The dogs of cat2dog.zip as a folder of pictures."""
    with ZipFile(DATA / "cat2dog.zip") as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith("B/")])
    return folder / "B"


def played(source: str | Path, run: Path, rounds: int, seed: int, *more: str) -> None:
    """A game of so many rounds, or one that goes on to them."""
    flags = ("--size", "64", "--scale", "tiny", "--seed", str(seed), "--stop", "budget")
    train(source, run, *flags, "--budget", f"{rounds}rounds", *more)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dogs", type=int, default=3800)
    parser.add_argument("--rounds", type=int, nargs="+", default=[300, 1200])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    fakes, steps = FAKES, STEPS
    if asked.trial:
        asked.dogs, asked.rounds, fakes, steps = 2, [2], 20, 2
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        keep = (asked.keep or Path(folder)).resolve()
        played(dogs(keep), keep / "dogs", asked.dogs, asked.seed)
        store = prepare(find(CATS), DataSettings(size=64))
        views = views_of(store, steps)
        last = list(views)[-1]
        train_pictures = store.train(np.arange(min(store.n_train, fakes)))
        heldout = store.heldout(np.arange(store.n_heldout))
        reals = {name: view(train_pictures) for name, view in views.items()}
        unseen = views[last](heldout)[:COVERED]
        for rounds in asked.rounds:
            for game in GAMES:
                run = keep / game.replace(" ", "-")
                played(
                    CATS,
                    run,
                    rounds,
                    asked.seed,
                    *(("--init", str(keep / "dogs")) if game == GAMES[1] else ()),
                )
                made = pictures_of(run, fakes)
                write_grid(made[:SHEET], keep / f"{run.name}-{rounds}.png")
                pictures = made.transpose(0, 3, 1, 2)
                row = {view: frechet(reals[view], read(pictures)) for view, read in views.items()}
                row["coverage"] = coverage_metrics(unseen, views[last](pictures)[:COVERED]).coverage
                if game == GAMES[1]:
                    row |= {f"{view}, of nothing": row[view] / rows[-1][view] for view in views}
                rows.append({"rounds": rounds, "game": game, **row})
                print(rows[-1], flush=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    rows = [{name: row.get(name, "") for name in names} for row in rows]
    summary = {"px": 64, "rounds on dogs": asked.dogs, "fakes": fakes, "seeds": 1}
    record("transfer", rows, summary, keep=not asked.trial)


if __name__ == "__main__":
    main()
