"""Does a game that stops by itself stop too soon? Its best distance against that of three times as many rounds.

    python benchmarks/stops.py digits|faces [--size PX] [--budget 2h] [--lanes 2]

The game plays to its own verdict; the same run then goes on to three times its rounds, and, in the second lane, the
same game with rates that are never lowered plays as many. Distance: as the checks measure it, the Fréchet distance
on their features to training reals.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from evenodds.run import Run
from record import record

SIZES = {"digits": 16, "faces": 64}


def play(source: str, size: int, run: Path, *flags: str) -> dict[str, Any]:
    """What `evenodds train` answers."""
    command = [sys.executable, "-m", "evenodds", "train", source, "--size", str(size), "--out", str(run)]
    done = subprocess.run([*command, "--json", *flags], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(what: str, run: Path, rounds: int, verdict: str) -> dict[str, Any]:
    """The lowest distance up to a round, and when it was reached."""
    checks = [check for check in Run.open(run).checks() if check["round"] <= rounds]
    lowest = min(checks, key=lambda check: float(check["distance"]))
    return {
        "game": what,
        "verdict": verdict,
        "rounds": checks[-1]["round"],
        "seconds": round(checks[-1]["seconds"]),
        "lowest distance": lowest["distance"],
        "at round": lowest["round"],
        "odds at the end": checks[-1]["odds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=sorted(SIZES))
    parser.add_argument("--size", type=int)
    parser.add_argument("--budget", default="2h")
    parser.add_argument("--lanes", type=int, default=2)
    asked = parser.parse_args()
    size = asked.size or SIZES[asked.source]
    with tempfile.TemporaryDirectory() as folder:
        own, steady = Path(folder) / "own", Path(folder) / "steady"
        stopped = play(asked.source, size, own, "--budget", asked.budget)
        rounds = stopped["rounds"]
        longer = ("--budget", f"{3 * rounds}rounds", "--end", "budget")
        with ThreadPoolExecutor(asked.lanes) as lanes:
            first = lanes.submit(play, asked.source, size, own, *longer)
            second = lanes.submit(play, asked.source, size, steady, *longer, "--anneal", "off")
            ends = first.result(), second.result()
        rows = [
            row("as it stopped", own, rounds, stopped["verdict"]),
            row("the same, three times as long", own, 3 * rounds, ends[0]["verdict"]),
            row("rates never lowered, three times as long", steady, 3 * rounds, ends[1]["verdict"]),
        ]
    best = min(float(line["lowest distance"]) for line in rows)
    summary = {"size": size, "stopped / lowest of all": float(rows[0]["lowest distance"]) / best}
    record(f"stops-{asked.source}", rows, summary)


if __name__ == "__main__":
    main()
