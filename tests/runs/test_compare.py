"""Two runs side by side, and the journal's figures in TensorBoard."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from evenodds.runs.run import Run
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]
SMALL = ("--width", 8, "--latent", 8, "--head-start", 0, "--check-every", 5)


def play(evenodds: Call, source: Path, out: Path, *more: object) -> Run:
    answer = evenodds("train", source, *SMALL, "--out", out, *more)
    assert answer.code == 0, answer.err
    return Run.open(out)


def test_what_differs_is_told_and_results_stand_side_by_side(
    penguins: Path, tmp_path: Path, evenodds: Call
) -> None:
    first = play(evenodds, penguins, tmp_path / "a", "--budget", "5rounds")
    second = play(evenodds, penguins, tmp_path / "b", "--budget", "10rounds", "--lr-g", 2e-4)
    found = json.loads(evenodds("diff", first.path, second.path, "--json").out)
    rates = [str(first.recipe.game.lr_g), str(2e-4)]
    assert set(found["recipe"]) == {"plan.budget", "game.lr_g"}
    assert found["recipe"]["plan.budget"] == ["5rounds", "10rounds"]
    assert list(map(str, found["recipe"]["game.lr_g"])) == rates
    assert found["results"]["rounds"] == [5, 10]
    assert found["results"]["odds"] == [run.checks()[-1].odds.value for run in (first, second)]
    lines = evenodds("diff", first.path, second.path).out.splitlines()
    assert next(line.split() for line in lines if "plan.budget" in line) == [
        "plan.budget",
        "5rounds",
        "10rounds",
    ]
    assert next(line.split() for line in lines if line.startswith("  rounds")) == ["rounds", "5", "10"]


def test_a_run_and_its_copy_are_the_same(penguins: Path, tmp_path: Path, evenodds: Call) -> None:
    first = play(evenodds, penguins, tmp_path / "a", "--budget", "5rounds")
    shutil.copytree(first.path, tmp_path / "b", symlinks=True)
    found = json.loads(evenodds("diff", first.path, tmp_path / "b", "--json").out)
    assert found["recipe"] == {}
    assert all(mine == theirs for mine, theirs in found["results"].values())
    assert "the same" in evenodds("diff", first.path, tmp_path / "b").out
    assert evenodds("diff", first.path, tmp_path / "gone").code == 2


def test_tensorboard_reads_what_the_journal_holds_also_after_a_resume(
    penguins: Path, tmp_path: Path, evenodds: Call
) -> None:
    play(evenodds, penguins, tmp_path / "run", "--budget", "10rounds", "--log", "tensorboard")
    run = play(evenodds, penguins, tmp_path / "run", "--budget", "20rounds", "--log", "tensorboard")
    checks = run.checks()
    assert checks[-1].round == 20
    board = EventAccumulator(str(run.path / "tensorboard"))
    board.Reload()
    for name in ("odds", "distance", "loss_g"):
        logged = {event.step: event.value for event in board.Scalars(name)}
        lines = [check.to_json() for check in checks]
        held = {line["round"]: line[name] for line in lines if line[name] is not None}
        assert logged == pytest.approx(held)
    assert any(tag.startswith("resume") for tag in board.Tags()["tensors"])
    plain = play(evenodds, penguins, tmp_path / "plain", "--budget", "20rounds")
    assert plain.checks()[-1].odds == checks[-1].odds, "who watches changes nothing"


def test_trackio_holds_what_the_journal_does_and_stdout_is_left_to_json(
    penguins: Path, tmp_path: Path
) -> None:
    """In a process of its own: Trackio asks for its place when it is imported."""
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio"), "NO_COLOR": "1"}

    def asked(*words: object) -> dict[str, Any]:
        command = [sys.executable, "-m", *map(str, words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    for rounds in (10, 20):
        flags = (
            *SMALL,
            "--out",
            tmp_path / "run",
            "--budget",
            f"{rounds}rounds",
            "--log",
            "trackio",
            "--json",
        )
        assert asked("evenodds", "train", penguins, *flags)["rounds"] == rounds
    checks = Run.open(tmp_path / "run").checks()
    wanted = ("--project", "evenodds", "--run", "run", "--metric", "odds", "--json")
    values = asked("trackio.cli", "get", "metric", *wanted)["values"]
    logged = {value["step"]: value["value"] for value in values}
    assert logged == {check.round: check.odds.value for check in checks}
    assert asked("trackio.cli", "get", "run", *wanted[:4], "--json")["config"]["network"]["width"] == 8


def test_a_missing_logger_is_one_sentence(
    penguins: Path, tmp_path: Path, evenodds: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    answer = evenodds("train", penguins, "--out", tmp_path / "run", "--log", "tensorboard")
    assert answer.code == 2
    assert "pip install 'evenodds[log]'" in answer.err
