"""`evenodds train people`, twenty seeds: does the game end even, can trees outside it tell, how long does it take?

    python benchmarks/people.py [--seeds 20]

Then the same seeds with a quarter of the median time played as their budget: none may be called even where trees can
tell. AUC is that of trees trained on half of the held-out rows and as many fakes, on the other halves. The time is that
of the whole command, from the shell's point of view. The film of seed 0 goes to docs/pictures/people.gif.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from evenodds.config.data_settings import DataSettings
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.tables.codec import TableCodec
from playing import sample, train
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


def one(seed: int, run: Path, real: pd.DataFrame, *flags: str) -> dict[str, Any]:
    """A game, from the shell to its fakes."""
    verdict = train("people", run, "--seed", str(seed), *flags)
    fakes = run.with_suffix(".csv")
    sample(run, fakes, "-n", str(len(real)))
    ruling = verdict["evidence"]["referee"]
    return {
        "verdict": verdict["verdict"],
        "AUC": round(auc(real, pd.read_csv(fakes)), 4),
        "referee": None if ruling is None else round(ruling["auc"], 4),
        "odds": verdict["evidence"]["odds"],
        "rounds": verdict["rounds"],
        "played": verdict["seconds"],
        "seconds": round(verdict["command_seconds"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    real = heldout_rows()
    with tempfile.TemporaryDirectory() as folder:
        whole = [one(seed, Path(folder) / f"whole{seed}", real) for seed in range(seeds)]
        (ROOT / "docs" / "pictures").mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(folder) / "whole0" / "film.gif", ROOT / "docs" / "pictures" / "people.gif")
        quarter = f"{statistics.median(game['played'] for game in whole) / 4:.2f}s"
        early = [one(seed, Path(folder) / f"early{seed}", real, "--budget", quarter) for seed in range(seeds)]
    told = ("verdict", "AUC", "referee")
    rows = [
        {"seed": seed, **game, **{f"{key}, quarter": short[key] for key in told}}
        for seed, (game, short) in enumerate(zip(whole, early, strict=True))
    ]
    even = [game for game in whole if game["verdict"] == "even"]
    soon = [game for game in early if game["verdict"] == "even"]
    summary = {
        f"even, with a referee's AUC of at most {GOAL}": f"{sum(game['referee'] <= GOAL for game in even)} of {seeds}",
        f"of these, AUC at most {GOAL}": f"{sum(game['AUC'] <= GOAL for game in even)}",
        "median seconds": statistics.median(game["seconds"] for game in whole),
        "budget of the early ones": quarter,
        "early ones called even": f"{len(soon)} of {seeds}",
        f"of these, AUC above {GOAL}": f"{sum(game['AUC'] > GOAL for game in soon)}",
        "held-out rows": len(real),
    }
    record("people", rows, summary)


if __name__ == "__main__":
    main()
