"""What truncation and the judge's choice do to the precision and recall of fakes.

    python benchmarks/choice.py [--minutes 2] [--size 16] [--seed 0] [--fakes 1000] [--keep FOLDER] [--try]

A game on faces, one thread. Fakes as they come, truncated, and chosen by the judge are compared with as many training
reals: precision and recall (Kynkaanniemi 2019, 1904.06991, third nearest) and the Fréchet distance, on features of
EfficientNet-Lite0, which no player and no judge knows. --keep has the game stay. --try plays for a moment and records
nothing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evenodds.evaluate.extractors import extractor_of
from evenodds.judge.selection import Rule, Selection
from evenodds.judge.train import judge_of
from evenodds.metrics.distribution import frechet, precision_recall
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler
from evenodds.runs.sample_request import SampleRequest
from evenodds.runs.source_data import store_of
from playing import train
from record import record

CHOICES = [
    *(("--truncation", f"{truncation:g}") for truncation in (1.0, 0.9, 0.7, 0.5)),
    *(("--best", share) for share in ("50%", "25%", "10%")),
]
CPU = torch.device("cpu")


def fakes_of(run: Run, choice: tuple[str, str], n: int) -> NDArray[np.uint8]:
    """n fakes (n, C, H, W) as `sample` with these flags makes them."""
    sampler = Sampler(run, CPU)
    flag, value = choice
    if flag == "--truncation":
        batches = sampler.pictures(n, 0, truncation=float(value))
    else:
        selection = Selection(Rule.parse(value, None), judge_of(run, CPU))
        batches = selection.choose(sampler, SampleRequest(n, Path("fakes")), sampler.default_condition(0))
    return np.ascontiguousarray(np.concatenate(list(batches)).transpose(0, 3, 1, 2))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fakes", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="where the game is, or will be")
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    if asked.trial:
        asked.minutes, asked.size, asked.fakes = 0.05, 16, 20
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        path = (asked.keep or Path(folder)) / "run"
        if not (path / "verdict.json").exists():
            flags = ("--size", str(asked.size), "--seed", str(asked.seed))
            train("faces", path, *flags, "--budget", f"{60 * asked.minutes:g}s", "--stop", "budget")
        run = Run.open(path)
        store = store_of(run)
        view = extractor_of("efficientnet", store, CPU)
        reals = view.extract(store.train(np.arange(min(store.n_train, asked.fakes))))
        rows: list[dict[str, Any]] = []
        for choice in CHOICES:
            features = view.extract(fakes_of(run, choice, asked.fakes))
            precision, recall = precision_recall(reals, features)
            row = {"fakes": " ".join(choice), "precision": precision, "recall": recall}
            rows.append({**row, "distance": frechet(reals, features)})
            print(rows[-1], flush=True)
        heldout = view.extract(store.heldout(np.arange(min(store.n_heldout, asked.fakes))))
        precision, recall = precision_recall(reals, heldout)
        row = {"fakes": "held-out reals", "precision": precision, "recall": recall}
        rows.append({**row, "distance": frechet(reals, heldout)})
    summary = {"minutes": asked.minutes, "size": asked.size, "reals and fakes": asked.fakes}
    record("choice", rows, summary, keep=not asked.trial)


if __name__ == "__main__":
    main()
