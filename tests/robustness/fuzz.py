"""Hostile content by the hundred thousand: the whole form of tests/robustness/test_hostile.py, with its table.

    python -m tests.robustness.fuzz [INPUTS] [SURFACE ...] [--guided] [--try]

Every surface has a process of its own with bounded memory, and each input bounded time. Findings are written to
evenodds-fuzz in the system's folder for temporary files, and fail the command. --guided has atheris make the inputs,
after what code of evenodds each of them reached: pip install atheris.
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
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

NAMES = ("recipe", "journal", "weights", "state", "table", "picture", "zip", "hub")
SECONDS = 20
"""An input may take, at most."""
MEMORY = 2 * 2**30
"""Bytes of address space beyond what the libraries took, at most."""
LONGEST = 20_000
"""Bytes of an input that atheris makes, at most."""
FINDINGS = Path(tempfile.gettempdir()) / "evenodds-fuzz"


def main() -> None:
    """Every surface in turn; the table."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    guided = "--guided" in sys.argv
    if "--inside" in sys.argv:
        inside(words[0], int(words[1]), guided)
        return
    inputs = next((int(word) for word in words if word.isdigit()), 100_000)
    rows = []
    for name in [word for word in words if word in NAMES] or NAMES:
        command = [
            sys.executable,
            "-m",
            "tests.robustness.fuzz",
            name,
            str(inputs),
            "--inside",
            *["--guided"] * guided,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(done.stderr[-3000:], file=sys.stderr)
            rows.append({"surface": name, "inputs": 0, "findings": 1})
            continue
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    findings = sum(row["findings"] for row in rows)
    if "--try" not in sys.argv:
        from record import record

        name = "fuzz-guided" if guided else "fuzz"
        record(name, rows, {"inputs": sum(row["inputs"] for row in rows), "findings": findings})
    sys.exit(1 if findings else 0)


@dataclass
class Count:
    """What became of a surface's inputs."""

    name: str
    place: Path
    taken: int = 0
    refused: int = 0
    findings: int = 0
    longest: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def feed(self, surface: Any, content: bytes) -> None:
        """One input."""
        start = time.monotonic()
        signal.alarm(SECONDS)
        try:
            refused = surface.refuses_or_takes(content) is not None
            self.refused += refused
            self.taken += not refused
        except BaseException:
            self.findings += 1
            keep(self.name, self.taken + self.refused + self.findings, content)
        finally:
            signal.alarm(0)
        self.longest = max(self.longest, time.monotonic() - start)

    def row(self) -> dict[str, Any]:
        """The table's line; files elsewhere are findings too."""
        strays = [path for path in self.place.iterdir() if path.name not in ("inside", "cache", "seeds")]
        strays += self.place.rglob("*evil*")
        return {
            "surface": self.name,
            "inputs": self.taken + self.refused + self.findings,
            "taken": self.taken,
            "refused": self.refused,
            "findings": self.findings + len(strays),
            "longest ms": round(1000 * self.longest),
            "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "seconds": round(time.monotonic() - self.began),
        }


def inside(name: str, inputs: int, guided: bool) -> None:
    """One surface: prints its row."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["EVENODDS_CACHE"] = str(Path(place) / "cache")
        if guided:
            import atheris

            with atheris.instrument_imports(include=["evenodds"]):
                from tests.robustness import hostile
        else:
            from tests.robustness import hostile

        surface = hostile.surfaces(Path(place) / "inside")[name]
        bound()
        count, chance = Count(name, Path(place)), Random(0)
        if guided:
            follow(surface, inputs, count)
        for _ in range(inputs):
            count.feed(surface, surface.content(chance))
        print(json.dumps(count.row()))


def follow(surface: Any, inputs: int, count: Count) -> None:
    """So many inputs that atheris makes, from the surface's own; prints the row and leaves, since it never returns."""
    import atheris

    seeds = count.place / "seeds"
    seeds.mkdir()
    for number, content in enumerate(surface.seeds):
        (seeds / str(number)).write_bytes(content)

    def one(content: bytes) -> None:
        count.feed(surface, content)
        if count.taken + count.refused + count.findings >= inputs:
            print(json.dumps(count.row()), flush=True)
            os._exit(0)

    atheris.Setup([sys.argv[0], str(seeds), "-rss_limit_mb=0", f"-max_len={LONGEST}", "-verbosity=0"], one)
    atheris.Fuzz()


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
