"""What the judge says of rows that lie outside of what real rows show, on tables that nobody made for it.

    python benchmarks/outside.py [people] [churn] ... [--halvings 2] [--budget 10s] [--keep FOLDER]

Of each table one half is trained on, for a short time, and the other asks: its rows as they are; 200 of them with one
number set beyond the range of the whole table, by a tenth of the range up to all of it; 200 with one level set to one
that stands nowhere in the table beside another level of theirs, although independent columns would show both together
ten times in a half. A table under 2,000 rows is halved twice as often, for its held-out rows are few. `people` is
asked about persons whom nobody met. The tables are in the data folder beside the project. --keep has what was measured
stay, and an unfinished benchmark go on. --try records nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import read_table
from evenodds.judge.judge import FLAG, Judge
from evenodds.judge.train import judge_of
from evenodds.runs.run import Run
from labels import DATA, TABLES
from playing import train
from record import record

ASKED = 200
MOST = 5_000
"""Most rows of the other half that are asked about as they are."""
EXPECTED = 10
"""Times that independent columns would show a pair of levels in half of the table."""
SMALL = 2_000
NOBODY = pd.DataFrame({"height": [100.0, 250.0], "weight": [5.0, 300.0]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=["people", *TABLES])
    parser.add_argument("--halvings", type=int, default=2)
    parser.add_argument("--budget", default="10s")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--try", dest="trial", action="store_true")
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        keep = chosen.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        for source in chosen.sources:
            path = keep / f"{source}.json"
            if not path.exists():
                measured = of_people(chosen.budget) if source == "people" else of_table(source, chosen)
                path.write_text(json.dumps(measured))
            rows += json.loads(path.read_text())
            print(source, "done", flush=True)
    summary = {"budget": chosen.budget}
    record("outside", rows, summary, keep=not chosen.trial)


def of_people(budget: str) -> list[dict[str, Any]]:
    """The rows of persons whom nobody met."""
    with tempfile.TemporaryDirectory() as folder:
        judge = trained("people", Path(folder) / "run", 0, budget)
        seen = judge.look(NOBODY)
        percent = judge.percent_real(judge.score(*seen), seen.lowers)
    pairs = zip(NOBODY.itertuples(), percent, strict=True)
    return [
        row("people", f"{one.height:.0f} cm, {one.weight:.0f} kg", 1, percent=round(float(value), 4))
        for one, value in pairs
    ]


def of_table(name: str, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of a table, over its halvings."""
    table = read_table(DATA / "tables" / f"{name}.csv")
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for seed in range(chosen.halvings * (2 if len(table) < SMALL else 1)):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(table))
        learn, other = (table.iloc[part].reset_index(drop=True) for part in np.array_split(order, 2))
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / f"{name}.parquet"
            learn.to_parquet(source)
            judge = trained(source, Path(folder) / "run", seed, chosen.budget)
            assert judge.codec is not None
            asked = {
                "rows of the other half": other.head(MOST),
                "a value beyond the range": beyond(table, other, judge.codec, rng),
                "a level never beside another": beside(table, other, judge.codec, rng),
            }
            for what, frame in asked.items():
                if len(frame):
                    found.setdefault(what, []).append(said(judge, frame))
    return [told(name, what, answers) for what, answers in found.items()]


def trained(source: str | Path, folder: Path, seed: int, budget: str) -> Judge:
    """The judge of a run of so short a time."""
    train(source, folder, "--seed", str(seed), "--budget", budget)
    return judge_of(Run.open(folder), torch.device("cpu"))


def said(judge: Judge, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Percent real and p-value of each row."""
    seen = judge.look(frame)
    score = judge.score(*seen)
    return judge.percent_real(score, seen.lowers), judge.p_value(score)


def told(table: str, what: str, answers: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """A row over all halvings: each counts as much."""
    percent = np.concatenate([one for one, _ in answers])
    flagged = np.mean([(p < FLAG).mean() for _, p in answers])
    middle, high = np.quantile(percent, [0.5, 0.95])
    return row(
        table,
        what,
        len(percent),
        halvings=len(answers),
        percent=round(float(middle), 4),
        high=round(float(high), 4),
        sure=f"{(percent <= 1).mean():.1%}",
        flagged=f"{flagged:.1%}",
    )


def row(
    table: str,
    what: str,
    n: int,
    *,
    halvings: int | None = None,
    percent: float,
    high: float | None = None,
    sure: str = "",
    flagged: str = "",
) -> dict[str, Any]:
    return {
        "table": table,
        "what": what,
        "halvings": halvings,
        "n": n,
        "% real, median": percent,
        "95 % mark": high,
        "at most 1 %": sure,
        "flagged": flagged,
    }


def beyond(
    table: pd.DataFrame, other: pd.DataFrame, codec: TableCodec, rng: np.random.Generator
) -> pd.DataFrame:
    """ASKED rows of ``other`` with one number set beyond the range of the table, by a tenth of it up to all of it."""
    names = [name for name in codec.names if pd.api.types.is_any_real_numeric_dtype(table[name])]
    frame = other.iloc[rng.integers(len(other), size=ASKED)].reset_index(drop=True)
    frame = frame.astype(dict.fromkeys(names, "float64"))
    for index in range(ASKED):
        name = names[rng.integers(len(names))]
        low, high = float(table[name].min()), float(table[name].max())
        by = (high - low) * 10 ** rng.uniform(-1, 0)
        value = low - by if rng.random() < 0.5 else high + by
        whole = pd.api.types.is_integer_dtype(table[name])
        frame.loc[index, name] = (np.floor(value) if value < low else np.ceil(value)) if whole else value
    return frame


def beside(
    table: pd.DataFrame, other: pd.DataFrame, codec: TableCodec, rng: np.random.Generator
) -> pd.DataFrame:
    """ASKED rows of ``other`` with one level set to one that never stands beside another of theirs; none where the
    table has no such pair."""
    names = [column.name for column in codec.columns if not hasattr(column, "knots")]
    names = [name for name in names if not pd.api.types.is_datetime64_any_dtype(table[name])]
    pairs = []
    for first, second in combinations(names, 2):
        together = pd.crosstab(table[first], table[second])
        counts = together.to_numpy()
        by_chance = np.outer(counts.sum(1), counts.sum(0)) / len(table)
        for a, b in np.argwhere((counts == 0) & (by_chance >= 2 * EXPECTED)):
            pairs += [(first, together.index[a], second, together.columns[b])]
            pairs += [(second, together.columns[b], first, together.index[a])]
    frames = []
    while pairs and len(frames) < ASKED:
        name, level, changed, to = pairs[rng.integers(len(pairs))]
        holding = np.flatnonzero((other[name] == level).fillna(False).to_numpy(bool))
        if len(holding):
            frames.append(other.iloc[[rng.choice(holding)]].assign(**{changed: to}))
    return pd.concat(frames, ignore_index=True) if frames else other.head(0)


if __name__ == "__main__":
    main()
