"""Killed at random moments, and out of disk in each write: tests/robustness/test_harm.py in full, with its table.

python -m tests.robustness.soak [KILLS] [--try]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import torch

from record import record
from tests.robustness import harm

PLANS = [
    ["preparation", "round", "checkpoint", "film", "anywhere"],
    ["check", "journal", "sample", "report", "anywhere"],
]


def main() -> None:
    """Kills, then full disks; two games in turn, a table's and pictures'."""
    torch.set_num_threads(1)  # children are forked
    kills = int(next((word for word in sys.argv[1:] if word.isdigit()), 100))
    chance = Random(0)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        games = {"table": harm.rows(folder / "table"), "pictures": harm.pictures(folder / "pictures")}
        for name, game in games.items():
            end = harm.start(game, folder / name / "unbroken")
            assert end.code == 0, end.err
        tallies: dict[str, harm.Tally] = defaultdict(harm.Tally)
        done = 0
        while done < kills:
            name = ("table", "pictures")[done // 5 % 2]
            plan = PLANS[done // 10 % 2][: kills - done]
            found = harm.kill_and_resume(games[name], folder / name, folder / name / "unbroken", plan, chance)
            for stage, tally in found.items():
                sum_up(tallies[stage], tally)
            done += len(plan)
            print(f"{done} kills, {time.monotonic() - began:.0f} s", flush=True)
        rows = [row("killed", stage, tally) for stage, tally in tallies.items()]
        rows += full_disks(games, folder)
    summary = {
        "kills": sum(tally.kills for tally in tallies.values()),
        "after the command had ended": sum(tally.late for tally in tallies.values()),
        "wrong": sum(entry["wrong"] for entry in rows),
        "seconds": round(time.monotonic() - began),
    }
    if "--try" in sys.argv:
        print(rows, summary)
    else:
        record("soak", rows, summary)
    sys.exit(1 if summary["wrong"] else 0)


def sum_up(whole: harm.Tally, part: harm.Tally) -> None:
    """Adds a tally to another."""
    whole.kills += part.kills
    whole.late += part.late
    whole.wrong += part.wrong


def row(harm_done: str, stage: str, tally: harm.Tally) -> dict[str, Any]:
    """A line of the table."""
    return {
        "harm": harm_done,
        "during": stage,
        "times": tally.kills,
        "too late": tally.late,
        "wrong": tally.wrong,
    }


def full_disks(games: dict[str, harm.Game], folder: Path) -> list[dict[str, Any]]:
    """Each write on a disk that fills up right before it."""
    rows = []
    for stage in harm.STAGES:
        tally = harm.Tally()
        for name, game in games.items():
            with harm.small_disk(folder / name / "disk") as disk:
                wrong = harm.full_disk(game, disk, stage, folder / name / "unbroken")
            tally.kills += 1
            tally.wrong += bool(wrong)
            for sentence in wrong:
                print(f"{name}, {stage}: {sentence}", flush=True)
        rows.append(row("disk full", stage, tally))
    return rows


if __name__ == "__main__":
    main()
