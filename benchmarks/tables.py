"""Tables: how near fakes come to rows kept apart, beside sequential CART, CTGAN and TVAE.

    python benchmarks/tables.py [--only TABLE ...] [--budget 2m] [--seeds 3] [--ctgan PYTHON] [--keep FOLDER] [--try]

Three tenths of each table are kept apart before anything is learnt. `evenodds train` learns from the rest as it comes,
and by the game alone (`--network tabular`); CART, as R's synthpop has it (Nowok 2016, J. Stat. Softw. 74), draws every
column from a leaf of a tree on those before it; CTGAN and TVAE train as many epochs as fit into the seconds of the
first. PYTHON is one that has the package ctgan, as for `adult.py`. Each makes as many rows as were kept apart. Column
shapes and pair trends to those; what trees that learnt a column from fakes find of it in them (AUC of a column of two
levels, R² of a number); how often trees tell both apart (AUC of three folds); and the share of fakes that equal a row
learnt from. `mostlyai-engine` is not among them: it requires torchvision. The tables are those of the data folder
beside the project. --try learns little from few rows and records nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from adult import other
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn
from evenodds.data.tables.files import read_table
from evenodds.evaluate.tables import mean_of
from evenodds.metrics.columns import comparable, kinds_of, shapes, trends
from evenodds.metrics.referee import value_codes
from labels import DATA
from playing import sample, train
from record import record

TARGETS = {
    "adult": "income",
    "ames": "Sale_Price",
    "churn": "churn",
    "diamonds": "price",
    "flights": "arr_delay",
    "nhefs_complete": "wt82",
    "penguins": "body_mass_g",
}
"""The column of each table that trees are to find."""
APART, JUDGED = 0.3, 3_000
"""The share of rows that is kept apart, and how many of them are told from fakes, at most."""
LEAF = 5
"""Rows in a leaf of CART's trees, at least: synthpop's default."""
ABSENT = -1e9
"""A missing value to trees that know none."""

Codes = NDArray[np.float64]


def codes(table: pd.DataFrame, codec: TableCodec) -> Codes:
    """Values (n, columns) as trees take them: categories by number, nan where missing."""
    shown = comparable(table, codec)
    return np.stack([value_codes(column, shown[column.name]) for column in codec.columns], axis=1)


def cart(table: pd.DataFrame, codec: TableCodec, n: int, seed: int) -> pd.DataFrame:
    """n rows by sequential trees: each column's value is that of a training row in the same leaf."""
    rng = np.random.default_rng(seed)
    x = np.nan_to_num(codes(table, codec), nan=ABSENT)
    donors = np.empty((n, x.shape[1]), np.intp)
    donors[:, 0] = rng.integers(len(x), size=n)
    made = np.empty((n, x.shape[1]))
    made[:, 0] = x[donors[:, 0], 0]
    for at, column in enumerate(codec.columns[1:], start=1):
        kind = DecisionTreeClassifier if isinstance(column, CategoryColumn) else DecisionTreeRegressor
        tree = kind(min_samples_leaf=LEAF, random_state=seed).fit(x[:, :at], x[:, at])
        leaf = tree.apply(x[:, :at])
        order = np.argsort(leaf, kind="stable")
        mine = tree.apply(made[:, :at])
        first, last = (np.searchsorted(leaf[order], mine, side) for side in ("left", "right"))
        donors[:, at] = order[first + (rng.random(n) * (last - first)).astype(np.intp)]
        made[:, at] = x[donors[:, at], at]
    columns = {
        name: table[name].iloc[donors[:, at]].reset_index(drop=True) for at, name in enumerate(codec.names)
    }
    return pd.DataFrame(columns)


def scored(
    fakes: pd.DataFrame, test: pd.DataFrame, learnt: pd.DataFrame, name: str, codec: TableCodec
) -> dict[str, float]:
    """How near fakes come to the rows kept apart."""
    kinds = kinds_of(codec)
    fake, real = (comparable(rows, codec) for rows in (fakes, test))
    categories = np.array([isinstance(column, CategoryColumn) for column in codec.columns])
    x, y, before = (codes(rows, codec) for rows in (test, fakes, learnt))
    with threadpool_limits(1):
        trees, auc = (
            usefulness(x, y, codec.names.index(TARGETS[name]), categories),
            told_apart(x, y, categories),
        )
    return {
        "column shapes": mean_of(shapes(real, fake, kinds)),
        "pair trends": mean_of(trends(real, fake, kinds)),
        "trees": trees,
        "told apart": auc,
        "copies": copies(y, before),
    }


def copies(y: Codes, before: Codes) -> float:
    """The share of rows y that equal one of those ``before``."""
    rows, others = (map(tuple, np.nan_to_num(some, nan=ABSENT).tolist()) for some in (y, before))
    known = set(others)
    return sum(row in known for row in rows) / len(y)


def usefulness(x: Codes, y: Codes, target: int, categories: NDArray[np.bool_]) -> float:
    """What trees that learnt a column from fakes y find of it in reals x."""
    others = [column for column in range(x.shape[1]) if column != target]
    (x, truth), (y, answer) = (
        (rows[~np.isnan(rows[:, target])][:, others], rows[~np.isnan(rows[:, target]), target])
        for rows in (x, y)
    )
    facts: dict[str, Any] = {"categorical_features": categories[others], "random_state": 0}
    if categories[target]:
        model = HistGradientBoostingClassifier(**facts).fit(y, answer > 0)
        return float(roc_auc_score(truth > 0, model.predict_proba(x)[:, 1]))
    return float(r2_score(truth, HistGradientBoostingRegressor(**facts).fit(y, answer).predict(x)))


def told_apart(x: Codes, y: Codes, categories: NDArray[np.bool_]) -> float:
    """The AUC of trees that tell reals x from fakes y, of three folds."""
    count = min(len(x), len(y), JUDGED)
    rows, real = np.concatenate([x[:count], y[:count]]), np.arange(2 * count) < count
    aucs = []
    for learn, test in StratifiedKFold(3, shuffle=True, random_state=0).split(rows, real):
        model = HistGradientBoostingClassifier(
            max_iter=60,
            max_leaf_nodes=15,
            early_stopping=False,
            categorical_features=categories,
            random_state=0,
        ).fit(rows[learn], real[learn])
        aucs.append(roc_auc_score(real[test], model.predict_proba(rows[test])[:, 1]))
    return float(np.mean(aucs))


def one(name: str, seed: int, arguments: argparse.Namespace, keep: Path) -> dict[str, dict[str, float]]:
    """All that is compared on one table, by name; what was measured before is in ``keep``."""
    table = read_table(DATA / "tables" / f"{name}.csv")
    if arguments.trial:
        table = table.sample(min(len(table), 400), random_state=0, ignore_index=True)
    apart = np.random.default_rng(seed).random(len(table)) < APART
    learn, test = table[~apart].reset_index(drop=True), table[apart].reset_index(drop=True)
    source, fakes, kept = keep / f"{name}{seed}.csv", keep / "fakes.csv", keep / f"{name}{seed}.json"
    learn.to_csv(source, index=False)
    codec = TableCodec.fit(learn, (), np.random.default_rng(0))
    found: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept.exists() else {}

    def measured(what: str, make: Callable[[], pd.DataFrame]) -> None:
        if what in found:
            return
        start = time.monotonic()
        made = make()
        seconds = time.monotonic() - start
        found[what] = {"seconds": seconds, **scored(made, test, learn, name, codec)}
        kept.write_text(json.dumps(found))
        print(name, seed, what, found[what], flush=True)

    def ours(*flags: str) -> pd.DataFrame:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            train(source, run, "--budget", arguments.budget, "--seed", str(seed), *flags)
            sample(run, fakes, "-n", str(len(test)))
        return read_table(fakes)

    def theirs(model: str) -> pd.DataFrame:
        tenth = other(arguments.ctgan, model, source, fakes, 10, len(test), seed)
        epochs = max(1, round(10 * found["evenodds"]["seconds"] / tenth))
        other(arguments.ctgan, model, source, fakes, epochs, len(test), seed)
        return read_table(fakes)

    measured(
        "real rows", lambda: learn.sample(min(len(learn), len(test)), random_state=seed, ignore_index=True)
    )
    measured("CART", lambda: cart(learn, codec, len(test), seed))
    measured("evenodds", ours)
    measured("evenodds, game alone", partial(ours, "--network", "tabular"))
    for model in ("CTGAN", "TVAE") if arguments.ctgan else ():
        measured(model, partial(theirs, model))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ctgan")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    if arguments.trial:
        arguments.only, arguments.budget, arguments.seeds = ["churn"], "10rounds", 1
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        keep = arguments.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        for name in arguments.only:
            runs = [one(name, seed, arguments, keep.resolve()) for seed in range(arguments.seeds)]
            for what in runs[0]:
                means = {
                    key: round(statistics.mean(run[what][key] for run in runs), 4) for key in runs[0][what]
                }
                rows.append({"table": name, "rows from": what, **means})
    summary = {"budget": arguments.budget, "seeds": arguments.seeds, "means over": "seeds"}
    record("tables", rows, summary, keep=not arguments.trial and arguments.only == list(TARGETS))


if __name__ == "__main__":
    main()
