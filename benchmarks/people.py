"""`evenodds train people`, ten seeds: can gradient-boosted trees tell real rows from fakes, and how long does it take?

    python benchmarks/people.py [--seeds 10]

AUC is that of a classifier trained on half of the held-out rows and as many fakes, on the other halves. The time is
that of the whole command, from the shell's point of view. The film of seed 0 goes to docs/pictures/people.gif.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from evenodds.data.prepare import prepare
from evenodds.data.settings import DataSettings
from evenodds.data.source import find
from evenodds.data.tables import TableCodec
from record import ROOT, record

GOAL = 0.55


def heldout_rows() -> pd.DataFrame:
    """The held-out rows of people."""
    store = prepare(find("people"), DataSettings())
    assert store.codec_json is not None
    codec = TableCodec.from_json(store.codec_json)
    return codec.decode(store.heldout(np.arange(store.n_heldout)), np.random.default_rng(0))


def auc(real: pd.DataFrame, fake: pd.DataFrame) -> float:
    """How well trees that were trained on one half tell real from fake on the other; 0.5 is not at all."""
    rows = np.concatenate([real.to_numpy(float), fake.to_numpy(float)])
    truth = np.concatenate([np.ones(len(real)), np.zeros(len(fake))])
    order = np.random.default_rng(0).permutation(len(rows))
    learn, test = order[::2], order[1::2]
    trees = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=15, random_state=0
    )
    trees.fit(rows[learn], truth[learn])
    return float(roc_auc_score(truth[test], trees.predict_proba(rows[test])[:, 1]))


def one(seed: int, folder: Path, real: pd.DataFrame) -> dict[str, object]:
    """A row of the table."""
    run = folder / str(seed)
    command = [
        sys.executable,
        "-m",
        "evenodds",
        "train",
        "people",
        "--seed",
        str(seed),
        "--out",
        str(run),
        "--json",
    ]
    start = time.monotonic()
    verdict = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    seconds = time.monotonic() - start
    fakes = folder / f"{seed}.csv"
    sample = [sys.executable, "-m", "evenodds", "sample", str(run), "-n", str(len(real)), "--to", str(fakes)]
    subprocess.run(sample, check=True, capture_output=True)
    return {
        "seed": seed,
        "AUC": round(auc(real, pd.read_csv(fakes)), 4),
        "odds": verdict["evidence"]["odds"],
        "rounds": verdict["rounds"],
        "seconds": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    real = heldout_rows()
    with tempfile.TemporaryDirectory() as folder:
        rows = [one(seed, Path(folder), real) for seed in range(seeds)]
        (ROOT / "docs" / "pictures").mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(folder) / "0" / "film.gif", ROOT / "docs" / "pictures" / "people.gif")
    reached = sum(float(str(row["AUC"])) <= GOAL for row in rows)
    summary = {
        f"seeds with AUC at most {GOAL}": f"{reached} of {seeds}",
        "median seconds": statistics.median(float(str(row["seconds"])) for row in rows),
        "held-out rows": len(real),
    }
    record("people", rows, summary)


if __name__ == "__main__":
    main()
