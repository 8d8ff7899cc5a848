"""Hostile content by the hundred thousand: the whole form of tests/test_hostile.py, with its table.

    python benchmarks/fuzz.py [INPUTS] [SURFACE ...] [--try]

Every surface has a process of its own with bounded memory, and each input bounded time. Findings are written to
evenodds-fuzz in the system's folder for temporary files, and fail the command.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

NAMES = ("recipe", "journal", "weights", "state", "table", "picture", "zip")
SECONDS = 20
"""An input may take, at most."""
MEMORY = 2 * 2**30
"""Bytes of address space beyond what the libraries took, at most."""
FINDINGS = Path(tempfile.gettempdir()) / "evenodds-fuzz"


def main() -> None:
    """Every surface in turn; the table."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if "--inside" in sys.argv:
        inside(words[0], int(words[1]))
        return
    inputs = next((int(word) for word in words if word.isdigit()), 100_000)
    rows = []
    for name in [word for word in words if word in NAMES] or NAMES:
        command = [sys.executable, __file__, name, str(inputs), "--inside"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            rows.append({"surface": name, "inputs": 0, "findings": 1})
            continue
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    findings = sum(row["findings"] for row in rows)
    if "--try" not in sys.argv:
        from record import record

        record("fuzz", rows, {"inputs": sum(row["inputs"] for row in rows), "findings": findings})
    sys.exit(1 if findings else 0)


def inside(name: str, inputs: int) -> None:
    """One surface: prints its row."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["EVENODDS_CACHE"] = str(Path(place) / "cache")
        folder = Path(place) / "inside"
        from tests import hostile

        surface = hostile.surfaces(folder)[name]
        bound()
        chance = Random(0)
        taken = findings = 0
        longest = 0.0
        began = time.monotonic()
        for number in range(inputs):
            content = surface.content(chance)
            start = time.monotonic()
            signal.alarm(SECONDS)
            try:
                taken += surface.refuses_or_takes(content) is None
            except BaseException:
                findings += 1
                keep(name, number, content)
            finally:
                signal.alarm(0)
            longest = max(longest, time.monotonic() - start)
        strays = [str(path) for path in Path(place).iterdir() if path.name not in ("inside", "cache")]
        strays += [str(path) for path in Path(place).rglob("*evil*")]
    row: dict[str, Any] = {
        "surface": name,
        "inputs": inputs,
        "taken": taken,
        "refused": inputs - taken - findings,
        "findings": findings + len(strays),
        "longest ms": round(1000 * longest),
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(row))


def bound() -> None:
    """Bounds this process's memory, and has an input that takes too long raise."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.RLIM_INFINITY))

    def late(number: int, frame: Any) -> None:
        raise TimeoutError(f"an input took over {SECONDS} s")

    signal.signal(signal.SIGALRM, late)


def keep(name: str, number: int, content: bytes) -> None:
    """Writes a finding down."""
    FINDINGS.mkdir(exist_ok=True)
    (FINDINGS / f"{name}-{number}").write_bytes(content)
    (FINDINGS / f"{name}-{number}.txt").write_text(traceback.format_exc())


if __name__ == "__main__":
    main()
