"""The benchmarks that need nothing but the project play through and count right: a moment of each, none recorded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tried(name: str) -> list[list[str]]:
    """The cells of the table that a benchmark prints, its head first."""
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--try"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.slow
def test_speed_counts_every_arm() -> None:
    """The default's penalty is differentiated twice, and its operations are counted all the same."""
    head, _, *rows = tried("speed")
    counted = {row[0]: float(row[head.index("GFLOP a picture")]) for row in rows}
    plain = counted["evenodds, same networks and loss"]
    penalised = counted["evenodds, default game, same width and batch"]
    # In passes of networks that cost alike: the loop 3 of G and 9 of D, ours 4 (fakes anew) and 8 (D frozen for G).
    assert plain == pytest.approx(counted["the usual loop"], rel=0.05)
    # The relativistic loss adds a pass, a twelfth; the penalty on reals and fakes, every fourth turn, six of each.
    assert 1.2 * plain < penalised < 1.6 * plain
    assert 0 < counted["evenodds, default"] < plain / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["growth", "layouts", "levers", "runtimes", "sampling"])
def test_a_benchmark_plays_through(name: str) -> None:
    _, _, *rows = tried(name)
    assert rows
