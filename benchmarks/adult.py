"""Adult: classifiers trained on fakes and tested on real rows, against CTGAN and TVAE (Xu 2019, 1907.00503).

    python benchmarks/adult.py --ctgan PYTHON [--budget 5m] [--seeds 2] [--epochs 300] [--keep FOLDER] [--try]

PYTHON is one that has the package ctgan, in an environment of its own: its licence, BUSL, keeps it out of ours. A
fifth of the table is kept apart before anything is trained. `evenodds train` plays twice: as it comes, and told which
column matters, `--condition income`. CTGAN, whose own condition is every category, and TVAE play their 300 epochs,
and as many as fit into the seconds of the first; then each makes as many rows as it learnt from. F1 of the rarer
income, of trees and logistic regression (`evaluate/records.py`), and the column shapes and pair trends to the rows kept
apart. The table is in the data folder beside the project. --keep has what was measured stay, and an unfinished
benchmark go on. --try trains little on few rows and records nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import read_table
from evenodds.evaluate.tables import mean_of
from evenodds.metrics.columns import comparable, kinds_of, shapes, trends
from evenodds.metrics.records import usefulness
from labels import DATA
from playing import sample, train
from record import record

TARGET = "income"
APART = 0.2
OTHERS = """
import sys
import pandas as pd
import ctgan
model, source, to, epochs, rows, seed = sys.argv[1:]
table = pd.read_csv(source, skipinitialspace=True)
texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
import torch
torch.manual_seed(int(seed))
table[texts] = table[texts].fillna("missing")
made = getattr(ctgan, model)(epochs=int(epochs))
made.fit(table, texts)
fakes = made.sample(int(rows))
fakes.mask(fakes == "missing").to_csv(to, index=False)
"""


def other(python: str, model: str, source: Path, to: Path, epochs: int, rows: int, seed: int) -> float:
    """Seconds that CTGAN or TVAE took to learn the table and make rows."""
    start = time.monotonic()
    command = [python, "-c", OTHERS, model, str(source), str(to), str(epochs), str(rows), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.monotonic() - start


def scored(fakes: pd.DataFrame, test: pd.DataFrame, codec: TableCodec) -> dict[str, float]:
    """F1, shapes and trends of fakes beside the rows kept apart."""
    kinds = kinds_of(codec)
    fake, real = (comparable(rows, codec) for rows in (fakes, test))
    f1 = usefulness(fake, real, kinds, TARGET)
    return {
        "F1 of trees": f1["trees"],
        "F1 of logistic regression": f1["logistic"],
        "column shapes": mean_of(shapes(real, fake, kinds)),
        "pair trends": mean_of(trends(real, fake, kinds)),
    }


def one(seed: int, arguments: argparse.Namespace, keep: Path) -> dict[str, dict[str, float]]:
    """All that is compared, by name, for one seed; what was measured before is in ``keep``."""
    table = read_table(DATA / "tables" / "adult.csv")
    rng = np.random.default_rng(seed)
    if arguments.trial:
        table = table.sample(600, random_state=0, ignore_index=True)
    apart = rng.random(len(table)) < APART
    learn, test = table[~apart].reset_index(drop=True), table[apart].reset_index(drop=True)
    source, fakes, told = keep / f"adult{seed}.csv", keep / "fakes.csv", keep / f"rows{seed}.json"
    learn.to_csv(source, index=False)
    codec = TableCodec.fit(learn, (), np.random.default_rng(0))
    found: dict[str, dict[str, float]] = json.loads(told.read_text()) if told.exists() else {}

    def measured(what: str, make: Callable[[], float]) -> float:
        """Seconds that the fakes took, which ``make`` writes."""
        if what not in found:
            seconds = make()
            found[what] = {"seconds": seconds, **scored(read_table(fakes), test, codec)}
            told.write_text(json.dumps(found))
            print(what, found[what], flush=True)
        return found[what]["seconds"]

    def ours(*flags: str) -> float:
        run = keep / "-".join([f"run{seed}", *flags[1:]])
        # A game that was broken off would take less time than it needs.
        shutil.rmtree(run, ignore_errors=True)
        start = time.monotonic()
        train(source, run, "--budget", arguments.budget, "--seed", str(seed), *flags)
        sample(run, fakes, "-n", str(len(learn)))
        return time.monotonic() - start

    def theirs(model: str, epochs: int) -> float:
        return other(arguments.ctgan, model, source, fakes, epochs, len(learn), seed)

    if "real rows" not in found:
        found["real rows"] = {"seconds": 0.0, **scored(learn, test, codec)}
    spent = measured("evenodds", ours)
    measured(f"evenodds, --condition {TARGET}", partial(ours, "--condition", TARGET))
    for model in ("CTGAN", "TVAE") if arguments.ctgan else ():
        whole = measured(f"{model}, {arguments.epochs} epochs", partial(theirs, model, arguments.epochs))
        fitting = max(1, round(arguments.epochs * spent / whole))
        measured(f"{model}, equal time", partial(theirs, model, fitting))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ctgan")
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    if arguments.trial:
        arguments.budget, arguments.seeds, arguments.epochs = "20rounds", 1, 1
    with tempfile.TemporaryDirectory() as folder:
        keep = arguments.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        runs = [one(seed, arguments, keep.resolve()) for seed in range(arguments.seeds)]
    rows = []
    for what in runs[0]:
        same = [run[what] for run in runs]
        medians = {key: round(statistics.median(row[key] for row in same), 4) for key in same[0]}
        least = round(min(row["F1 of trees"] for row in same), 4)
        rows.append({"learnt from": what, **medians, "least F1 of trees": least})
    summary = {"budget": arguments.budget, "seeds": arguments.seeds, "medians over": "seeds"}
    record("adult", rows, summary, keep=not arguments.trial)


if __name__ == "__main__":
    main()
