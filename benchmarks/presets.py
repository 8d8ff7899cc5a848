"""Tables: the presets of `tabular` against those of before, at equal CPU time, on halves that nobody saw.

    python benchmarks/presets.py [TABLE.csv ...] [--seconds 20] [--keep FOLDER] [--only TABLE ...] [--try]

Each table is halved at random. Both presets play on one half, one thread, as many rounds as fit into so many CPU
seconds: what a round and a check of each cost is measured first, so that a busy machine does not decide. The averaged
G of the last round makes as many rows as the other half has, at most 2,000, and gradient-boosted trees tell both apart
by their decoded values (three folds; AUC, 0.5 where they cannot). Neither early stopping nor the choice of the best
state takes part: they are the same for both. The tables are those of the data folder beside the project, two of
scikit-learn, and those given. --keep has what was measured stay, and an unfinished benchmark go on; --only plays these
alone and records nothing. --try plays a few rounds of one and records nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from evenodds.config.presets import resolve
from evenodds.config.settings import Recipe
from evenodds.core.spec import RowSpec
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import read_table
from evenodds.metrics.columns import Kind, comparable, kinds_of
from evenodds.metrics.odds import odds
from evenodds.networks.generate import draw, generate
from evenodds.training.checks import Checker
from evenodds.training.probes import Probes
from evenodds.training.trainer import Trainer
from labels import DATA
from record import record

HEAD_START = 30
"""D steps before the first round."""
JUDGED = 2_000
"""Rows of the unseen half, and as many fakes, at most."""
LEVELS = 250
"""The trees take no more levels of a category; rarer ones are one."""
REPEATS = ((600, 1), (200, 2), (0, 4))
"""With fewer unseen rows than so many, fakes are drawn so often, and the AUCs averaged."""
EVEN = 0.5
"""An AUC below says that nothing is to be told, no less: folds of few rows differ from each other by chance, and the
trees answer the other way round."""
BUILT_IN = ("breast_cancer", "wine")

FORMER: dict[bool, dict[str, dict[str, Any]]] = {
    True: {
        "objective": {"penalty_weight": 0.02, "penalty_estimator": "difference"},
        "game": {"batch": 512, "lr_d": 2e-3, "lr_g": 2e-3, "d_steps": 2, "patience": 10},
    },
    False: {
        "objective": {"penalty_weight": 0.1, "penalty_estimator": "difference"},
        "game": {"batch": 256, "lr_d": 1e-3, "lr_g": 1e-3, "d_steps": 2},
    },
}
"""What was played before 2026-11-28, with a category and without."""


class Halves(NamedTuple):
    """The half of a table that is trained on, prepared, and the rows of the other."""

    store: Store
    codec: TableCodec
    unseen: pd.DataFrame


def tables(given: Iterable[Path]) -> dict[str, pd.DataFrame | Path]:
    """All tables, or their files, by name."""
    found: dict[str, pd.DataFrame | Path] = {}
    for path in [*sorted((DATA / "tables").glob("*.csv")), *given]:
        found[path.stem] = path
    for name in BUILT_IN:
        loaded = getattr(datasets, f"load_{name}")(as_frame=True)
        found[name] = loaded.frame.assign(target=[str(loaded.target_names[i]) for i in loaded.target])
    return found


def halved(name: str, table: pd.DataFrame | Path, folder: Path, seed: int) -> Halves:
    """A table cut in two at random."""
    frame = read_table(table) if isinstance(table, Path) else table
    order = np.random.default_rng(seed).permutation(len(frame))
    first, second = np.sort(order[: len(frame) // 2]), np.sort(order[len(frame) // 2 :])
    source = folder / f"{name}-{seed}.csv"
    frame.iloc[first].to_csv(source, index=False)
    store = prepare(find(str(source)), Recipe().data)
    assert store.codec_json is not None
    unseen = frame.iloc[second].sample(min(JUDGED, len(second)), random_state=0)
    return Halves(store, TableCodec.from_json(store.codec_json), unseen.reset_index(drop=True))


def recipe_of(store: Store, former: bool, seed: int) -> Recipe:
    """The recipe as it comes, or as it came before."""
    assert isinstance(store.spec, RowSpec)
    chosen: dict[str, Any] = {"plan": {"seed": seed}}
    if former:
        chosen |= FORMER[store.spec.categorical]
        game = chosen["game"]
        chosen["game"] = {**game, "batch": min(game["batch"], store.n_train)}
    return resolve(Recipe.model_validate(chosen), store.spec, store.n_train, "table.csv")


def round_seconds(recipe: Recipe, store: Store) -> float:
    """CPU seconds of a round and its share of a check: the least of several of each, of a game played for that."""
    trainer = Trainer(recipe, store, torch.device("cpu"))
    trainer.round()
    rounds, checks = [], []
    for _ in range(8):
        start = time.process_time()
        for _ in range(4):  # the penalty is in every fourth D step
            trainer.round()
        rounds.append((time.process_time() - start) / 4)
    checker = Checker(trainer)
    for _ in range(3):
        start = time.process_time()
        checker.measure()
        checks.append(time.process_time() - start)
    return min(rounds) + min(checks) / recipe.plan.check_every


def play(halves: Halves, former: bool, seed: int, seconds: float) -> dict[str, Any]:
    """Plays as many rounds as take so many CPU seconds, and has trees tell rows that G makes from unseen ones."""
    store = halves.store
    recipe = recipe_of(store, former, seed)
    rounds = max(2, round(seconds / round_seconds(recipe, store)))
    trainer = Trainer(recipe, store, torch.device("cpu"))
    for _ in range(HEAD_START):
        trainer.d_step()
    for _ in range(rounds):
        trainer.round()
    count = len(halves.unseen)
    repeats = next(times for fewest, times in REPEATS if count > fewest)
    aucs = [told_apart(halves, fakes(trainer, halves.codec, count, number)) for number in range(repeats)]
    return {
        "auc": statistics.mean(aucs),
        "rounds": rounds,
        "gap": gap(trainer),
        "weight": recipe.objective.penalty_weight,
        "batch": recipe.game.batch,
        "rates": recipe.game.lr_g,
    }


def fakes(trainer: Trainer, codec: TableCodec, count: int, number: int) -> pd.DataFrame:
    """Rows that the averaged G makes."""
    torch.manual_seed(number)
    latents = draw(count, trainer.recipe.network.latent)
    rows = torch.cat(list(generate(trainer.players.average.network, latents)))
    return codec.decode(rows.numpy(), np.random.default_rng(number))


def gap(trainer: Trainer) -> float:
    """D's odds on trained rows above those on held-out ones."""
    probes = Probes(trainer)
    count = probes.judged
    fake = torch.cat([probes.scores(*batch) for batch in probes.fakes(count, "odds")]).numpy()
    trained, heldout = (odds(probes.scores_of(part, count).numpy(), fake) for part in ("train", "heldout"))
    return trained.value - heldout.value


def told_apart(halves: Halves, fake: pd.DataFrame) -> float:
    """The AUC of gradient-boosted trees on unseen rows and fakes, each tested once, averaged over three folds."""
    kinds = kinds_of(halves.codec)
    sides = [comparable(rows, halves.codec) for rows in (halves.unseen, fake)]
    x = np.column_stack([column(name, kind, sides) for name, kind in kinds.items()])
    truth = np.repeat([1, 0], [len(side) for side in sides])
    categories = [place for place, kind in enumerate(kinds.values()) if kind == "category"]
    aucs = []
    for known, asked in StratifiedKFold(3, shuffle=True, random_state=0).split(x, truth):
        trees = HistGradientBoostingClassifier(categorical_features=categories or None, random_state=0)
        answers = trees.fit(x[known], truth[known]).predict_proba(x[asked])[:, 1]
        aucs.append(roc_auc_score(truth[asked], answers))
    return float(np.mean(aucs))


def column(name: str, kind: Kind, sides: list[pd.DataFrame]) -> NDArray[np.float64]:
    """A column of both sides as numbers: a category's levels by how often they come."""
    both = pd.concat([side[name] for side in sides], ignore_index=True)
    if kind == "number":
        return pd.to_numeric(both).to_numpy(np.float64, na_value=np.nan)
    texts = both.astype("string").fillna("missing")
    codes = {level: code for code, level in enumerate(texts.value_counts().index[:LEVELS])}
    return texts.map(codes).fillna(LEVELS).to_numpy(np.float64)


def row(name: str, halves: Halves, before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What is recorded of a table."""
    spec = halves.store.spec
    assert isinstance(spec, RowSpec)
    categorical = sum(span.width for span in spec.spans if span.kind == "category")
    return {
        "table": name,
        "rows": halves.store.n_train,
        "places": spec.width,
        "categorical": f"{categorical / spec.width:.0%}",
        "AUC before": round(before["auc"], 4),
        "AUC now": round(now["auc"], 4),
        "change": round(max(EVEN, now["auc"]) - max(EVEN, before["auc"]), 4),
        "gap before": round(before["gap"], 3),
        "gap now": round(now["gap"], 3),
        "rounds before": before["rounds"],
        "rounds now": now["rounds"],
        "weight now": f"{now['weight']:.3g}",
        "batch now": now["batch"],
        "rates now": f"{now['rates']:.2g}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    found = tables(arguments.tables)
    if arguments.trial:
        arguments.seconds, arguments.only = 0.2, ["wine"]
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("EVENODDS_CACHE", folder)
        keep = arguments.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        for name, table in found.items():
            if arguments.only and name not in arguments.only:
                continue
            halves = halved(name, table, Path(folder), arguments.seed)
            results = []
            for preset in ("before", "now"):
                told = keep / f"{name}-{arguments.seed}-{arguments.seconds:g}-{preset}.json"
                if not told.exists():
                    measured = play(halves, preset == "before", arguments.seed, arguments.seconds)
                    told.write_text(json.dumps(measured))
                results.append(json.loads(told.read_text()))
            rows.append(row(name, halves, *results))
            print(rows[-1], flush=True)
    changes = [each["change"] for each in rows]
    summary = {
        "seconds": arguments.seconds,
        "seed": arguments.seed,
        "tables": len(rows),
        "mean change": round(statistics.mean(changes), 4),
        "largest change": round(max(changes), 4),
    }
    record("presets", rows, summary, keep=not (arguments.trial or arguments.only))


if __name__ == "__main__":
    main()
