"""How fast fakes come, with how much memory, and how soon the program is there.

    python benchmarks/sampling.py [--repeats 5] [--rows 1000000] [--pictures 10000] [--try]

Commands as a user types them, each a process of its own: `evenodds sample` of pictures of 64 px into a folder and of
rows into Parquet, `evenodds --help`, and `evenodds train people` for a single round on data that are prepared
already. Seconds are those of the whole command, medians of the repeats; the peak is the process's largest resident
memory. --try does little and records nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import record

EVENODDS = [sys.executable, "-m", "evenodds"]


def timed(command: list[str]) -> tuple[float, float]:
    """(seconds, peak MB) of a command. Ends the benchmark where it fails.

    A process counts its peak from that of the one that started it, so this one must stay small: no torch here.
    """
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.monotonic() - start, usage.ru_maxrss / 2**10


def measured(
    what: str, command: list[str], made: int, unit: str, repeats: int, leaves: Path | None
) -> dict[str, Any]:
    """A row: the median of some runs, what they left taken away each time."""
    found = []
    for _ in range(repeats):
        found.append(timed(command))
        if leaves is not None and leaves.is_dir():
            shutil.rmtree(leaves)
    seconds = statistics.median(spent for spent, _ in found)
    row = {
        "what": what,
        "made": made,
        "seconds": round(seconds, 2),
        "a second": round(made / seconds, 1) if made else "",
        "unit": unit,
        "peak MB": round(max(peak for _, peak in found), 1),
    }
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    if arguments.trial:
        arguments.repeats, arguments.rows, arguments.pictures = 1, 3_000, 20
    repeats = arguments.repeats
    with tempfile.TemporaryDirectory() as keep:
        folder = Path(keep)
        table, album = folder / "people", folder / "pictures"
        size = "32" if arguments.trial else "64"
        short = ["--budget", "1rounds", "--head-turns", "1", "--out"]
        timed([*EVENODDS, "train", "people", *short, str(table)])
        timed([*EVENODDS, "train", "digits", "--network", "dcgan", "--size", size, *short, str(album)])
        fewer, more = (folder / name for name in ("few.parquet", "many.parquet"))
        tenth = arguments.rows // 10
        sample = [*EVENODDS, "sample"]
        first = [*EVENODDS, "train", "people", *short, str(folder / "first")]
        fakes = folder / "fakes"
        rows = [
            measured(*row, repeats, leaves)
            for row, leaves in (
                (("--help", [*EVENODDS, "--help"], 0, ""), None),
                (("first round of people", first, 0, ""), folder / "first"),
                (
                    (
                        f"pictures of {size} px, a folder",
                        [*sample, str(album), "-n", str(arguments.pictures), "--out", str(fakes)],
                        arguments.pictures,
                        "pictures",
                    ),
                    fakes,
                ),
                (
                    (
                        "rows, Parquet",
                        [*sample, str(table), "-n", str(tenth), "--out", str(fewer)],
                        tenth,
                        "rows",
                    ),
                    None,
                ),
                (
                    (
                        "rows, Parquet",
                        [*sample, str(table), "-n", str(arguments.rows), "--out", str(more)],
                        arguments.rows,
                        "rows",
                    ),
                    None,
                ),
            )
        ]
    summary = {
        "repeats": repeats,
        "memory, ten times the rows": round(rows[4]["peak MB"] / rows[3]["peak MB"], 3),
    }
    record("sampling", rows, summary, keep=not arguments.trial)


if __name__ == "__main__":
    main()
