"""How time and memory grow: with the number of prepared pictures, their resolution, and the batch.

    python benchmarks/growth.py [--rounds 100] [--largest 1000000] [--try]

Each row is a process of its own that opens a store of random pictures and plays rounds of dcgan, width 16, at
otherwise default settings: the median time of a round, and the peak of its resident memory, mapped pages among it. A
million pictures of 64 px take 12 GB of disk while they are measured. Then the preparation of a folder of JPEGs, 512
px, to 64 px. --try plays little and records nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evenodds.data.store import Store
from memory import make
from record import record

USUAL = {"pictures": 10_000, "size": 64, "batch": 32}
COUNTS, SIZES, BATCHES = (1_000, 10_000, 100_000, 1_000_000), (32, 64, 128, 256), (16, 32, 64, 128, 256)
WIDTH, WARM = 16, 5
JPEGS = 2_000


def child(store: Path, batch: int, rounds: int) -> None:
    """Plays in this process, and says how long a round took and how much memory there was."""
    import torch

    from evenodds.config.presets import resolve
    from evenodds.config.settings import GameSettings, NetworkSettings, Recipe
    from evenodds.training.trainer import Trainer

    opened = Store.open(store)
    wish = Recipe(network=NetworkSettings(network="dcgan", width=WIDTH), game=GameSettings(batch=batch))
    recipe = resolve(wish, opened.spec, opened.n_train, "noise")
    training = Trainer(recipe, opened, torch.device("cpu"))
    spent = []
    for _ in range(WARM + rounds):
        start = time.monotonic()
        training.round()
        spent.append(time.monotonic() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(
        json.dumps(
            {"ms a round": round(1000 * statistics.median(spent[WARM:]), 1), "peak MB": round(peak, 1)}
        )
    )


def measure(pictures: int, size: int, batch: int, rounds: int) -> dict[str, Any]:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "store", pictures, size)
        command = [sys.executable, __file__, "--child", f"{folder}/store", "--batch", str(batch)]
        done = subprocess.run([*command, "--rounds", str(rounds)], check=True, capture_output=True, text=True)
    row = {"pictures": pictures, "px": size, "batch": batch, **json.loads(done.stdout)}
    row["ms a picture"] = round(row["ms a round"] / batch, 3)
    print(row, flush=True)
    return row


def preparation(count: int) -> dict[str, Any]:
    """How fast a folder of JPEGs is prepared."""
    from evenodds.config.settings import DataSettings
    from evenodds.data.prepare import prepare
    from evenodds.data.source import find

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVENODDS_CACHE"] = f"{folder}/cache"
        (Path(folder) / "photos").mkdir()
        for place in range(count):
            # Smooth noise compresses as photographs do; white noise would not.
            coarse = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
            large = coarse.resize((512, 512), Image.Resampling.BICUBIC)
            large.save(Path(folder) / "photos" / f"{place}.jpg", quality=90)
        start = time.monotonic()
        prepare(find(f"{folder}/photos"), DataSettings(size=64))
        seconds = time.monotonic() - start
    cores = os.cpu_count() or 1
    return {
        "JPEGs of 512 px prepared to 64 px a second": round(count / seconds, 1),
        "and core": round(count / seconds / cores, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--largest", type=int, default=COUNTS[-1])
    parser.add_argument("--child", type=Path)
    parser.add_argument("--batch", type=int, default=USUAL["batch"])
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.batch, arguments.rounds)
        return
    settings = [{**USUAL, "pictures": count} for count in COUNTS if count <= arguments.largest]
    settings += [{**USUAL, "size": size} for size in SIZES if size != USUAL["size"]]
    settings += [{**USUAL, "batch": batch} for batch in BATCHES if batch != USUAL["batch"]]
    jpegs, rounds = JPEGS, arguments.rounds
    if arguments.trial:
        settings, jpegs, rounds = [{"pictures": 100, "size": 32, "batch": 4}], 20, 2
    rows = [measure(**setting, rounds=rounds) for setting in settings]
    record("growth", rows, {"width": WIDTH, "rounds": rounds, **preparation(jpegs)}, keep=not arguments.trial)


if __name__ == "__main__":
    main()
