"""Does a game that stops by itself stop too soon? Its best distance against that of three times as many rounds.

    python benchmarks/stops.py digits|faces [--size PX] [--budget 2h] [--keep FOLDER] [--steady] [flags of train]

The game plays to its own verdict, and the same run then goes on to three times its rounds; with --steady the same
game with rates that are never lowered plays as many. Distance: as the checks measure it, the Fréchet distance
on their features to training reals. --keep has the runs stay, and an unfinished benchmark go on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from evenodds.runs.run import Run
from playing import train
from record import record

SIZES = {"digits": 16, "faces": 64}


def row(what: str, run: Path, rounds: int, verdict: str) -> dict[str, Any]:
    """The lowest distance up to a round, and when it was reached."""
    checks = [check for check in Run.open(run).checks() if check.round <= rounds]
    lowest = min(checks, key=lambda check: check.metrics.distance)
    return {
        "game": what,
        "verdict": verdict,
        "rounds": checks[-1].round,
        "seconds": round(checks[-1].seconds),
        "lowest distance": lowest.metrics.distance,
        "at round": lowest.round,
        "odds at the end": checks[-1].odds.value,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=sorted(SIZES))
    parser.add_argument("--size", type=int)
    parser.add_argument("--budget", default="2h")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--steady", action="store_true")
    asked, flags = parser.parse_known_args()
    flags = ["--size", str(asked.size or SIZES[asked.source]), *flags]
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(asked.source, flags, asked.budget, asked.keep or Path(folder), asked.steady)
    best = min(float(line["lowest distance"]) for line in rows)
    summary = {"flags": " ".join(flags), "stopped / lowest of all": float(rows[0]["lowest distance"]) / best}
    record(f"stops-{asked.source}", rows, summary)


def compare(source: str, flags: list[str], budget: str, folder: Path, steady: bool) -> list[dict[str, Any]]:
    """One row a game."""
    own, told = folder / "own", folder / "stopped.json"
    if not told.exists():
        folder.mkdir(parents=True, exist_ok=True)
        told.write_text(json.dumps(train(source, own, *flags, "--budget", budget)))
    stopped = json.loads(told.read_text())
    rounds = stopped["rounds"]
    longer = ("--budget", f"{3 * rounds}rounds", "--stop", "budget")
    again = train(source, own, *flags, *longer)
    rows = [
        row("as it stopped", own, rounds, stopped["verdict"]),
        row("the same, three times as long", own, 3 * rounds, again["verdict"]),
    ]
    if steady:
        other = train(source, folder / "steady", *flags, *longer, "--anneal", "off")
        what = "rates never lowered, three times as long"
        rows.append(row(what, folder / "steady", 3 * rounds, other["verdict"]))
    return rows


if __name__ == "__main__":
    main()
