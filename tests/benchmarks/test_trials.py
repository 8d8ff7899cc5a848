"""The benchmarks that need nothing but the project play through and count right: a moment of each, none recorded.

Nothing here holds a machine to a speed: figures are compared with each other, as one row is made of the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenodds.config.presets import PRESETS

ROOT = Path(__file__).parents[2]

Rows = list[dict[str, str]]


def tried(name: str) -> Rows:
    """The table that a benchmark prints when it is tried, as a row's cells by their column."""
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--try"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def committed(name: str) -> list[dict[str, Any]]:
    """The rows of a file of docs/benchmarks."""
    rows: list[dict[str, Any]] = json.loads((ROOT / "docs" / "benchmarks" / f"{name}.json").read_text())[
        "rows"
    ]
    return rows


def spread(row: dict[str, str], middle: str, least: str = "least", most: str = "most") -> None:
    """A median lies between the least and the most, and something was measured."""
    assert 0 < float(row[least]) <= float(row[middle]) <= float(row[most])


@pytest.mark.slow
def test_speed_counts_every_arm() -> None:
    """The default's penalty is differentiated twice, and its operations are counted all the same."""
    rows = tried("speed")
    counted = {row["game"]: float(row["GFLOP a picture"]) for row in rows}
    plain = counted["evenodds, same networks and loss"]
    penalised = counted["evenodds, default game, same width and batch"]
    # In passes of networks that cost alike: the loop 3 of G and 9 of D, ours 4 (fakes anew) and 8 (D frozen for G).
    assert plain == pytest.approx(counted["the usual loop"], rel=0.05)
    # The relativistic loss adds a pass, a twelfth; the penalty on reals and fakes, every fourth turn, six of each.
    assert 1.2 * plain < penalised < 1.6 * plain
    assert 0 < counted["evenodds, default"] < plain / 2
    assert float(rows[0]["times the usual loop"]) == 1
    for row in rows:
        spread(row, "pictures a second")


def growth(rows: Rows) -> None:
    """A round is a batch of pictures, and the libraries alone take some memory."""
    assert rows
    for row in rows:
        assert float(row["ms a picture"]) == pytest.approx(
            float(row["ms a round"]) / int(row["batch"]), abs=1e-3
        )
        assert float(row["ms a round"]) > 0
        assert 50 < float(row["peak MB"]) < 4000


def layouts(rows: Rows) -> None:
    """Each network that has such a layer, with one thread."""
    assert {row["network"] for row in rows} == {"dcgan", "r3gan", "resunet"}
    assert {row["threads"] for row in rows} == {"1"}
    for row in rows:
        spread(row, "left to chance, times")
        assert float(row["channels-last, ms"]) > 0


def levers(rows: Rows) -> None:
    """Every lever of the committed table, once."""
    assert [row["moved alone"] for row in rows] == [row["moved alone"] for row in committed("levers")]
    for row in rows:
        spread(row, "16 px, times", "16 px, least", "16 px, most")


def runtimes(rows: Rows) -> None:
    """Pictures and rows, and the ratio is that of both rates."""
    assert {row["generator"].split(",")[0] for row in rows} == {"dcgan", "tabular"}
    for row in rows:
        ours, theirs = float(row["PyTorch, a second"]), float(row["onnxruntime, a second"])
        assert float(row["times"]) == pytest.approx(theirs / ours, rel=0.02)
        spread(row, "times")


def sampling(rows: Rows) -> None:
    """What was made in which time; training holds torch in memory, the help does not."""
    for row in [row for row in rows if row["made"] != "0"]:
        assert float(row["a second"]) == pytest.approx(
            int(row["made"]) / float(row["seconds"]), rel=0.05, abs=0.1
        )
    help_, train, *_ = rows
    assert (help_["what"], train["what"]) == ("--help", "first round of people")
    assert float(help_["peak MB"]) < float(train["peak MB"]) / 2
    assert [row["unit"] for row in rows[2:]] == ["pictures", "rows", "rows"]


def scaling(rows: Rows) -> None:
    """Efficiency is work over work and talk; a thinner wire or a smaller network has less of it."""
    for row in rows:
        work, talk = float(row["ms of work"]), float(row["ms of talk"])
        assert float(row["efficiency"]) == pytest.approx(work / (work + talk), abs=0.002)
    for near, far, thin in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        assert near["network"] == far["network"] == thin["network"]
        assert 1 > float(near["efficiency"]) > float(far["efficiency"]) > float(thin["efficiency"]) > 0
    assert {row["network"].split()[0] for row in rows} <= set(PRESETS)


def scales(rows: Rows) -> None:
    """A game that the curve goes through, and one that it foretells; the ratio is that of both distances."""
    assert [row["fitted"] for row in rows] == ["yes", "no"]
    for row in rows:
        came, foretold = float(row["distance"]), float(row["distance, foretold"])
        assert float(row["came / foretold"]) == pytest.approx(came / foretold, rel=0.02)
        assert int(row["seen"]) > 0
        assert int(row["seen, foretold"]) > 0


def choice(rows: Rows) -> None:
    """Every truncation and every share that the judge chooses, by shares in [0, 1]."""
    assert [row["fakes"] for row in rows] == [row["fakes"] for row in committed("choice")]
    for row in rows:
        assert 0 <= float(row["precision"]) <= 1
        assert 0 <= float(row["recall"]) <= 1
        assert float(row["distance"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "holds",
    [growth, layouts, levers, runtimes, sampling, scaling, scales, choice],
    ids=lambda holds: holds.__name__,
)
def test_a_benchmark_plays_through(holds: Callable[[Rows], None]) -> None:
    rows = tried(holds.__name__)
    assert set(rows[0]) <= set(committed(holds.__name__)[0]), "a column that the committed table has not"
    holds(rows)
