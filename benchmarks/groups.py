"""Are lost groups named, and only lost ones? Halves of real tables, planted losses, and a game that loses a fifth.

    python benchmarks/groups.py [--draws 100] [--budget 200rounds] [--halves 3] [--seed 0] [--try]

Of each table half of the rows are taken as the reals that are known. False alarms: as many draws of halves, the other
half (2,000 rows at most) in place of fakes. Planted: each level of 5 % to 95 % of the rows is taken out of 2,000 rows
that are drawn from the other half, or thinned to a twentieth; it counts as named where the alarm's group holds the
same rows, nine of ten at least. Then `evenodds train` plays on halves of churn, whose customers without internet may
get lost: checks are counted from the first one of three in a row in whose samples a third of them or less is left.
--try makes few draws and records nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import read_table
from evenodds.game.alarms import LOST_GROUP
from evenodds.metrics.groups import LEFT, Rows, TableGroups
from evenodds.runs.run import Run
from evenodds.training.supervisor import LASTS
from labels import DATA, TABLES
from playing import train
from record import record

KNOWN, FAKES = 20_000, 2_000
"""Rows a side, at most, as in a game."""
SHARES = (0.05, 0.95)
THINNED = (0.0, 0.05)
SAME = 0.9
COLUMN, LEVEL = "internet_service", "No"


def halves(rows: Rows, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Both halves of the rows, by chance."""
    order = rng.permutation(len(rows))
    return order[: len(rows) // 2][:KNOWN], order[len(rows) // 2 :]


def measure(name: str, draws: int, seed: int) -> dict[str, Any]:
    """A table's row."""
    table = read_table(DATA / "tables" / f"{name}.csv")
    rng = np.random.default_rng(seed)
    codec = TableCodec.fit(table, (), rng)
    rows = codec.encode(table, rng)
    alarms = 0
    for _ in range(draws):
        known, other = halves(rows, rng)
        alarms += bool(TableGroups(codec, rows[known]).lost(rows[other[:FAKES]]))
    known, other = halves(rows, rng)
    groups = TableGroups(codec, rows[known])
    found = [named for left in THINNED for named in planted(groups, rows[known], rows[other], left, rng)]
    taken = []
    for _ in range(20):
        start = time.process_time()
        groups.lost(rows[other[:FAKES]])
        taken.append(time.process_time() - start)
    return {
        "table": name,
        "rows known": len(known),
        "columns": len(codec.columns),
        "groups": len(groups.groups),
        "draws": draws,
        "false alarms": alarms,
        "planted": len(found),
        "named": sum(found),
        "ms a check": round(1000 * statistics.median(taken), 1),
    }


def planted(
    groups: TableGroups, known: Rows, other: Rows, left: float, rng: np.random.Generator
) -> list[bool]:
    """Of each level that is taken out of the other rows, but for what is left: whether the alarm names it."""
    mine, theirs = groups.members(known), groups.members(other)
    found = []
    for place, group in enumerate(groups.groups):
        share = group.size / len(known)
        if group.kind != "level" or not SHARES[0] <= share <= SHARES[1]:
            continue
        weight = np.where(theirs[place], left, 1.0)
        fakes = other[rng.choice(len(other), FAKES, p=weight / weight.sum())]
        lost = groups.distinct(groups.lost(fakes))
        named = mine[lost[0].group.number] if lost else np.zeros(len(known), np.bool_)
        found.append(bool((named & mine[place]).sum() >= SAME * (named | mine[place]).sum()))
    return found


def play(budget: str, half: int, folder: Path) -> dict[str, Any]:
    """A game on half of churn: from which check on its group is lost for LASTS checks, and when that is said."""
    table = read_table(DATA / "tables" / "churn.csv")
    rows = table.iloc[np.random.default_rng(half).permutation(len(table))[: len(table) // 2]]
    source, run = folder / f"half{half}.csv", folder / f"run{half}"
    rows.to_csv(source, index=False)
    train(source, run, "--budget", budget)
    share = float((rows[COLUMN] == LEVEL).mean())
    checks = [check for check in Run.open(run).checks() if check.round]
    samples = {int(path.stem): pd.read_csv(path) for path in Run.open(run).samples("csv")}
    fakes = [float((samples[check.round][COLUMN] == LEVEL).mean()) for check in checks]
    lost = [one <= LEFT * share for one in fakes]
    named = [any(alarm["kind"] == LOST_GROUP for alarm in check.alarms) for check in checks]
    since = next((at for at in range(len(lost) - LASTS + 1) if all(lost[at : at + LASTS])), None)
    return {
        "share of reals": round(share, 3),
        "shares of fakes": ", ".join(f"{one:.3f}" for one in fakes),
        "checks until it is named": None if since is None else named.index(True, since) - since + 1,
    }


def games(budget: str, halves: int) -> dict[str, Any]:
    """What came of games on so many halves of churn."""
    with tempfile.TemporaryDirectory() as folder:
        played = [play(budget, half, Path(folder)) for half in range(halves)]
    waits = [one["checks until it is named"] for one in played if one["checks until it is named"]]
    return {
        "halves of churn": halves,
        "without the group for three checks": len(waits),
        "checks until it is named, most": max(waits, default=None),
        **{
            f"half {half}": f"{one['share of reals']} of reals; {one['shares of fakes']}"
            for half, one in enumerate(played)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--budget", default="200rounds")
    parser.add_argument("--halves", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--try", action="store_true", dest="trying")
    asked = parser.parse_args()
    rows = [measure(name, 5 if asked.trying else asked.draws, asked.seed) for name in TABLES]
    summary = {"budget": asked.budget, **games(asked.budget, asked.halves)}
    record("groups", rows, summary, keep=not asked.trying)


if __name__ == "__main__":
    main()
