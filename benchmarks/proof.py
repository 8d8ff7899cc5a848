"""Proof on tables that nobody chose: the referee beside boosted trees on rows that nobody saw, the state that is
sampled beside the best one, and planted fakes.

    python benchmarks/proof.py [TABLE ...] [--budget auto] [--keep FOLDER] [--try]

Each table of the data folder beside the project is halved; `evenodds train` gets one half. Beside its referee's last
word stand boosted trees on decoded values, 3-fold, on the unseen half and as many fakes, and the referee of before
version 0.2 (trees on encoded rows, a tenth held out). Of every state that was checked 4,000 fresh fakes are measured to
the unseen half: the sampled state's distance over the least of all. Planted fakes are reals with one column shuffled,
one level removed, or two columns torn from the others: the share that the referee finds of those that boosted trees,
given 20 times as many rows, tell at its stated power or better. Of the data's own reals in the fakes' place it
should find none.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from evenodds.config.settings import Recipe
from evenodds.data.source import find
from evenodds.data.store_writer import heldout_count
from evenodds.data.tables.codec import TableCodec, inner_of
from evenodds.data.tables.columns import CategoryColumn
from evenodds.data.tables.files import read_table
from evenodds.metrics.distribution import distances_to_others, energy_estimate
from evenodds.metrics.referee import Lesson, cross, rule, trees, trees_on_values
from evenodds.networks.generate import generate
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler
from evenodds.training import loop
from evenodds.training.context import Context
from evenodds.training.session import train_run
from labels import DATA, TABLES
from record import DOCS, machine, record

ROWS, MOST, FRESH, DRAWS, LEARNT = 4_000, 20_000, 4_000, 6, 4_000
Rows = NDArray[np.float32]


def encoded(codec: TableCodec, table: pd.DataFrame) -> Rows:
    """The rows whose values the codec knows."""
    fits = np.ones(len(table), bool)
    for column, x in zip(codec.columns, codec.values(table), strict=True):
        inner = inner_of(column)
        fits &= x >= 0 if isinstance(inner, CategoryColumn) else inner.missing | ~np.isnan(x)
    return codec.encode(table[fits], np.random.default_rng(0))


def folds(codec: TableCodec, real: Rows, fake: Rows, count: int = 3) -> float:
    """The mean AUC of boosted trees on values, each fold answered for by those that learnt from the others."""
    parts = []
    for fold in range(count):
        test = [np.arange(len(side)) % count == fold for side in (real, fake)]
        learnt = np.concatenate([real[~test[0]], fake[~test[1]]])
        truth = np.concatenate([np.ones((~test[0]).sum()), np.zeros((~test[1]).sum())])
        asked = np.concatenate([real[test[0]], fake[test[1]]])
        looks = trees_on_values(codec)(*map(torch.from_numpy, (learnt, truth, asked)))
        parts.append(roc_auc_score(np.arange(len(asked)) < test[0].sum(), looks))
    return float(np.mean(parts))


def watched(states: dict[int, Rows]) -> Any:
    """keep_best that first writes down fresh fakes of the state."""
    keep = loop.TrainingLoop.keep_best

    def kept(self: loop.TrainingLoop, *facts: Any) -> None:
        probes = self.supervisor.checker.probes
        with torch.random.fork_rng():
            torch.manual_seed(1 + self.trainer.rounds)
            latents, conditions = probes.latents(FRESH), probes.conditions(FRESH)
            made = generate(self.trainer.players.average.network, latents, conditions)
            states[self.trainer.rounds] = torch.cat(list(made)).numpy()
        keep(self, *facts)

    return kept


def distances(states: dict[int, Rows], unseen: Rows) -> dict[int, float]:
    """Each state's distance to the unseen half."""
    some = unseen[:FRESH]
    own = distances_to_others(some)
    return {at: energy_estimate(some, rows, own).distance for at, rows in states.items()}


def planted(codec: TableCodec, rows: Rows, rng: np.random.Generator) -> Iterator[tuple[str, Rows]]:
    """Reals with one fault each."""
    spans, start = [], 0
    for column in codec.columns:
        spans.append(slice(start, start + column.width))
        start += column.width
    one, two = rng.permutation(len(spans))[:2]
    shuffled = rows.copy()
    shuffled[:, spans[one]] = rng.permutation(rows[:, spans[one]])
    yield "column shuffled", shuffled
    torn, order = rows.copy(), rng.permutation(len(rows))
    for span in (spans[one], spans[two]):
        torn[:, span] = rows[order][:, span]
    yield "two columns torn off", torn
    wide = [span for span in spans if span.stop - span.start > 1]
    if wide:
        span = wide[rng.integers(len(wide))]
        places = np.arange(span.start, span.stop)
        level = places[rng.integers(len(places))]
        left = rows[rows[:, level] < 0.5]
        yield "level removed", left[rng.integers(0, len(left), len(rows))] if len(left) else rows


def faults(codec: TableCodec, rows: Rows, draws: int) -> dict[str, Any]:
    """How often planted fakes are found where trees with many rows tell them at the stated power, and reals are."""
    due = found = false = nulls = 0
    power = 1.0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        rows = rng.permutation(rows)
        mine, theirs = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        held = heldout_count(len(mine), codec.spec)
        cases = [("reals", theirs), *planted(codec, theirs, rng)]
        for name, fakes in (cases[0], cases[1 + seed % (len(cases) - 1)]):
            tested = min(len(fakes) // 2, 4 * held)
            lesson = Lesson(*(torch.from_numpy(side[:LEARNT]) for side in (mine[held:], fakes[tested:])))
            real, fake = torch.from_numpy(mine[:held]), torch.from_numpy(fakes[:tested])
            torch.manual_seed(seed)
            ruling = rule(codec.spec, real, fake, codec=codec, lesson=lesson, most=held)
            power = ruling.power
            if name == "reals":
                nulls, false = nulls + 1, false + ruling.significant
            elif folds(codec, mine[:ROWS], fakes[:ROWS]) >= power:
                due, found = due + 1, found + ruling.significant
    return {"planted at the power": due, "found": found, "reals": nulls, "found in reals": false}


def one(name: str, budget: str, folder: Path, draws: int) -> dict[str, Any]:
    """What is measured on one table."""
    table = read_table(DATA / "tables" / f"{name}.csv")
    mine = np.random.default_rng(7).random(len(table)) < 0.5
    source = folder / f"{name}.csv"
    table[mine].to_csv(source, index=False)
    recipe = Recipe.model_validate({"plan": {"budget": budget}})
    states: dict[int, Rows] = {}
    keep, loop.TrainingLoop.keep_best = loop.TrainingLoop.keep_best, watched(states)
    try:
        result = train_run(
            find(str(source), recipe.data), str(source), recipe, folder / name, Context(torch.device("cpu"))
        )
    finally:
        loop.TrainingLoop.keep_best = keep
    run = Run.open(folder / name)
    codec = TableCodec.from_json(run.codec())
    # In any order: files are often sorted.
    other = table[~mine].sample(frac=1.0, random_state=0, ignore_index=True)
    unseen = encoded(codec, other)[:MOST]
    made = pd.concat(list(Sampler(run, torch.device("cpu")).rows(len(unseen), 1)), ignore_index=True)
    fakes = codec.encode(made, np.random.default_rng(0))
    tenth = min(len(unseen), max(2, int(mine.sum()) // 10))
    before = cross("trees", trees, *(torch.from_numpy(side[:tenth]) for side in (unseen, fakes)))
    far = distances({at: rows for at, rows in states.items() if at}, unseen)
    evidence = result.verdict.evidence
    ruling = evidence.referee
    best = min(far.values())
    row = {
        "table": name,
        "rows": int(mine.sum()),
        "rounds": result.verdict.rounds,
        "referee": round(ruling.auc, 4),
        "power": round(ruling.power, 4),
        "finding": ruling.finding(evidence.margin)["code"],
        "trees on the unseen half": round(folds(codec, unseen, fakes), 4),
        "referee before": round(before.auc, 4),
        "distance over the best": round(far[evidence.best_round] / best, 4),
        **faults(
            codec,
            encoded(codec, table.sample(frac=1.0, random_state=1, ignore_index=True))[: 2 * ROWS],
            draws,
        ),
        "commit": machine()["commit"],
    }
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("--budget", default="auto")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    if arguments.trial:
        arguments.budget, arguments.tables = "200rounds", ["penguins"]
    with tempfile.TemporaryDirectory() as folder:
        keep = (arguments.keep or Path(folder)).resolve()
        keep.mkdir(parents=True, exist_ok=True)
        rows = []
        for name in arguments.tables:
            stored = keep / f"{name}.json"
            if not stored.exists():
                stored.write_text(
                    json.dumps(one(name, arguments.budget, keep, 2 if arguments.trial else DRAWS))
                )
            rows.append(json.loads(stored.read_text()))
    summary = {"budget": arguments.budget}
    record("proof", rows if arguments.trial else beside_others(rows), summary, keep=not arguments.trial)


def beside_others(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, and the recorded ones of tables that were not played, each with the commit that it was played at."""
    recorded = json.loads((DOCS / "benchmarks/proof.json").read_text())
    others = [{"commit": recorded["machine"]["commit"]} | row for row in recorded["rows"]]
    played = {row["table"] for row in rows}
    return sorted(
        [*rows, *(row for row in others if row["table"] not in played)], key=lambda row: row["table"]
    )


if __name__ == "__main__":
    main()
