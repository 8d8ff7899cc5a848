"""Stacked MNIST: three digits as the three channels of a picture, a thousand modes. How many are there?

    python benchmarks/stacked.py [--budget 60m] [--count 128000] [--flags="--batch 64 ..."] [--keep RUN] [--try]

As in Srivastava 2017 (1705.07761, section 4.2) and Lin 2017 (1712.04086): each channel is a digit of MNIST's training
part drawn at random, 28 px; of 26,000 fakes each channel is named by a classifier that learnt MNIST. A mode is there
with one fake; KL is that of the shares of modes from even ones, in nats. Beside it as many real stacks, named by the
same classifier. It needs the data folder beside the project. --keep has the run stay, and go on to a larger budget.
--try plays little and records nothing.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from classifier import Classifier, predict, train_classifier
from evenodds.config.data_settings import DataSettings
from evenodds.data.images.arrays import to_tensor
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.runs.run import Run
from labels import folder_of, pictures, save
from playing import pictures_of, train
from record import record

SIZE, CHANNELS, MODES, FAKES, STEPS = 28, 3, 1_000, 26_000, 3_000
Bytes = NDArray[np.uint8]


def stacks(count: int, seed: int) -> Bytes:
    """Random stacks, uint8 (count, H, W, 3)."""
    digits, _ = pictures("mnist")
    places = np.random.default_rng(seed).integers(len(digits), size=(count, CHANNELS))
    return digits[places].transpose(0, 2, 3, 1)


def modes(model: Classifier, made: Bytes) -> dict[str, Any]:
    """Of stacks (n, H, W, 3): how many modes are there, and how even they are."""
    code = torch.zeros(len(made), dtype=torch.int64)
    for channel in range(CHANNELS):
        told = predict(model, to_tensor(np.ascontiguousarray(made[..., channel][:, None])))["label"]
        code = 10 * code + told
    shares = np.bincount(code.numpy(), minlength=MODES) / len(made)
    held = shares[shares > 0]
    return {"modes": len(held), "KL": round(float((held * np.log(held * MODES)).sum()), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="60m")
    parser.add_argument("--count", type=int, default=128_000)
    parser.add_argument("--flags", default="", help="what is added to evenodds train")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    fakes, steps = FAKES, STEPS
    if asked.trial:
        asked.budget, asked.count, fakes, steps = "2rounds", 64, 20, 2
    with tempfile.TemporaryDirectory() as folder:
        labelled = prepare(find(str(folder_of("mnist", Path(folder) / "mnist"))), DataSettings(size=SIZE))
        model, accuracy = train_classifier(labelled, steps)
        source, run = Path(folder) / "stacks", asked.keep or Path(folder) / "run"
        save(stacks(asked.count, 0), source)
        flags = ("--size", str(SIZE), "--budget", asked.budget, "--stop", "budget", *shlex.split(asked.flags))
        verdict = train(source, run, *flags)
        made = pictures_of(run, fakes)
        network = Run.open(run).recipe.network.network
    rows = [
        {"what": "fakes", **modes(model, made), "rounds": verdict["rounds"]},
        {"what": "real stacks", **modes(model, stacks(fakes, 1)), "rounds": ""},
    ]
    summary = {
        "budget": asked.budget,
        "threads": torch.get_num_threads(),
        "network": network,
        "flags": asked.flags or "none",
        "samples seen": verdict["seen"],
        "the classifier's accuracy": accuracy["label"],
    }
    record("stacked", rows, summary, keep=not asked.trial)


if __name__ == "__main__":
    main()
