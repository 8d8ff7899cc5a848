"""What truncation and the judge's choice do to the precision and recall of fakes.

    python benchmarks/choice.py [--run gallery:faces] [--fakes 1000] [--try]

A game on faces that is there: by default the one that comes with the package, by dcgan at 32 px under labels, 75
minutes of one core. Fakes as they come, truncated, and chosen by the judge are compared with as many training
reals: precision and recall (Kynkaanniemi 2019, 1904.06991, third nearest) and the Fréchet distance, on features of
EfficientNet-Lite0, which no player and no judge knows. --try takes few fakes and records nothing.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evenodds.evaluate.extractors import extractor_of
from evenodds.export.pretrained import open_run
from evenodds.judge.selection import Rule, Selection
from evenodds.judge.train import judge_of
from evenodds.metrics.distribution import frechet, precision_recall
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler
from evenodds.runs.sample_request import SampleRequest
from evenodds.runs.source_data import store_of
from record import record

CHOICES = [
    *(("--truncation", f"{truncation:g}") for truncation in (1.0, 0.9, 0.8, 0.7, 0.5)),
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
    parser.add_argument("--run", default="gallery:faces", help="a run of faces")
    parser.add_argument("--fakes", type=int, default=1000)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    count = 20 if asked.trial else asked.fakes
    os.environ["OMP_NUM_THREADS"] = "1"
    run = open_run(asked.run)
    store = store_of(run)
    view = extractor_of("efficientnet", store, CPU)
    reals = view.extract(store.train(np.arange(min(store.n_train, count))))
    rows: list[dict[str, Any]] = []

    def measure(name: str, pictures: NDArray[np.uint8]) -> None:
        features = view.extract(pictures)
        precision, recall = precision_recall(reals, features)
        row = {"fakes": name, "precision": precision, "recall": recall}
        rows.append({**row, "distance": frechet(reals, features)})
        print(rows[-1], flush=True)

    for choice in CHOICES:
        measure(" ".join(choice), fakes_of(run, choice, count))
    measure("held-out reals", store.heldout(np.arange(min(store.n_heldout, count))))
    record("choice", rows, {"run": asked.run, "reals and fakes": count}, keep=not asked.trial)


if __name__ == "__main__":
    main()
