"""What watching costs a game: rounds watched as the studio does and unwatched, and how many frames a watcher sees.

    python benchmarks/watched.py [people digits] [--rounds 400] [--repeats 3] [--try]

Games of a source alternate, watched and not, with the same seed, which play the same rounds. The seconds are those of
the journal's last check, without start and referee. A watcher asks for new frames three times a second, as the page
does, from another process's thread.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from evenodds.runs import live
from evenodds.runs.run import Run
from playing import train
from record import record

LOOK = 0.35
FIRST = 10.0


class Watcher(threading.Thread):
    """Looks at a run as the studio's page does; ``came`` are the seconds played at each frame."""

    def __init__(self, run: Path) -> None:
        super().__init__(daemon=True)
        self.run_path, self.over, self.came = run, threading.Event(), list[float]()

    def run(self) -> None:
        seen = 0
        while not self.over.wait(LOOK):
            live.watch(self.run_path)
            for frame in live.frames_after(self.run_path, seen):
                seen = frame["number"]
                self.came.append(frame["seconds"])


def played(source: str, run: Path, rounds: int, watched: bool) -> tuple[float, list[float]]:
    """Seconds of a game of so many rounds, and when its frames came."""
    watcher = Watcher(run)
    if watched:
        watcher.start()
    train(source, run, "--budget", f"{rounds}rounds", "--stop", "budget")
    watcher.over.set()
    return Run.open(run).checks()[-1].seconds, watcher.came


def compare(source: str, rounds: int, repeats: int, folder: Path) -> dict[str, Any]:
    """The row of a source."""
    times: dict[bool, list[float]] = {True: [], False: []}
    first, every = [], []
    for repeat in range(repeats):
        for watched in (True, False) if repeat % 2 else (False, True):
            seconds, came = played(source, folder / f"{source}-{repeat}-{watched}", rounds, watched)
            times[watched].append(seconds)
            if watched:
                first.append(sum(at - came[0] <= FIRST for at in came))
                every.append(len(came) / max(came[-1] - came[0], 1e-9))
            print(source, watched, round(seconds, 2), len(came), flush=True)
            time.sleep(1)
    slower = statistics.median(times[True]) / statistics.median(times[False])
    return {
        "source": source,
        "rounds": rounds,
        "seconds unwatched": statistics.median(times[False]),
        "seconds watched": statistics.median(times[True]),
        "watched / unwatched": slower,
        "frames in 10 s": statistics.median(first),
        "frames a second": statistics.median(every),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="*", default=["people", "digits"])
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    if asked.trial:
        asked.rounds, asked.repeats = 30, 1
    with tempfile.TemporaryDirectory() as folder:
        rows = [compare(source, asked.rounds, asked.repeats, Path(folder)) for source in asked.sources]
    record("watched", rows, {"repeats": asked.repeats, "medians over": "repeats"}, keep=not asked.trial)


if __name__ == "__main__":
    main()
