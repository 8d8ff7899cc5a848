"""Peak memory of training on 10,000 and on 100,000 prepared 64 px pictures.

    python benchmarks/memory.py [--rounds 300]

Each training is a process of its own on a store of random pictures; the peak is its largest resident set, which counts
the memory-mapped pages too. Batch 256, so that tens of thousands of different pictures are read.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evenodds.core.spec import PictureSpec
from evenodds.data.store import Store
from evenodds.data.store_writer import About, with_about, write_store
from record import record

CHUNK = 1_000


def noise(count: int, size: int) -> Iterator[np.ndarray]:
    """Random pictures, a chunk at a time."""
    rng = np.random.default_rng(0)
    for start in range(0, count, CHUNK):
        yield rng.integers(0, 256, (min(CHUNK, count - start), 3, size, size), np.uint8)


def make(folder: Path, count: int, size: int = 64) -> None:
    """A store of ``count`` random pictures."""
    facts: dict[str, Any] = {
        "source": "noise",
        "kind": "pictures",
        "notes": [],
        "skipped": [],
        "licence": None,
    }
    write_store(folder, PictureSpec(3, size, size), "noise", with_about(noise(count, size), About(facts)))


def child(store: Path, run: Path, rounds: int) -> None:
    """One training, in this process."""
    import torch

    from evenodds.cli.display import Display
    from evenodds.config.presets import resolve
    from evenodds.config.settings import GameSettings, NetworkSettings, PlanSettings, Recipe
    from evenodds.training.context import Context
    from evenodds.training.loop import train
    from evenodds.training.session import open_run

    opened = Store.open(store)
    wish = Recipe(
        plan=PlanSettings(budget=f"{rounds}rounds", check_every=rounds),
        network=NetworkSettings(network="dcgan", width=8),
        game=GameSettings(batch=256),
    )
    recipe = resolve(wish, opened.spec, opened.n_train, "noise")
    train(open_run(run, "noise", recipe, opened, Display(quiet=True)), opened, Context(torch.device("cpu")))


def measure(count: int, rounds: int, folder: Path) -> dict[str, Any]:
    """A row of the table."""
    store = folder / f"store{count}"
    make(store, count)
    command = [
        sys.executable,
        __file__,
        "--child",
        str(store),
        str(folder / f"run{count}"),
        "--rounds",
        str(rounds),
    ]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return {
        "pictures": count,
        "store MB": round(sum(path.stat().st_size for path in store.iterdir()) / 2**20, 1),
        "rounds": rounds,
        "peak MB": round(usage.ru_maxrss / 2**10, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--child", nargs=2, type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], arguments.child[1], arguments.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(count, arguments.rounds, Path(folder)) for count in (10_000, 100_000)]
    record("memory", rows, {"ratio": round(rows[1]["peak MB"] / rows[0]["peak MB"], 4)})


if __name__ == "__main__":
    main()
