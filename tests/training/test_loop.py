"""Whole games: how they begin, what is written down, how they go back, and how they end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenodds.core import bundle
from evenodds.metrics.groups import Group, Lost, TableGroups
from evenodds.runs.run import Run
from evenodds.runs.status import MEANINGS, OVER
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]


@pytest.fixture(scope="module")
def heights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that is learnt in seconds: two numbers, 8,000 rows."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=8_000)
    frame = pd.DataFrame({"a": first, "b": 0.5 * first + rng.normal(size=8_000)})
    path = tmp_path_factory.mktemp("heights") / "heights.csv"
    frame.to_csv(path, index=False)
    return path


def events(run: Path, kind: str) -> list[dict[str, Any]]:
    return [line for line in Run.open(run).journal() if line.get("event") == kind]


@pytest.mark.slow
def test_a_table_ends_even_with_its_evidence_and_stays_over(
    heights: Path, tmp_path: Path, evenodds: Call
) -> None:
    command = ("train", heights, "--out", tmp_path, "--margin", 0.56, "--budget", "120s", "--json")
    answer = evenodds(*command)
    assert answer.code == 0
    verdict = json.loads(answer.out)
    evidence = verdict["evidence"]
    assert verdict["verdict"] == "even"
    assert evidence["head_start_won"]
    assert evidence["level_checks"] >= 3
    assert evidence["odds_low"] <= 0.5 <= evidence["odds_high"]
    assert evidence["referee"]["high"] <= 0.56
    assert evidence["referee"]["round"] == evidence["best_round"] == verdict["rounds"]
    assert evidence["alarms"] == []
    again = json.loads(evenodds(*command).out)
    assert again["rounds"] == verdict["rounds"], "the game is over"
    more = json.loads(
        evenodds(
            *command[:-3], "--budget", f"{verdict['rounds'] + 7}rounds", "--stop", "budget", "--json"
        ).out
    )
    assert more["rounds"] == verdict["rounds"] + 7, "unless one wants more of it"


def test_the_head_start_is_won_before_the_first_g_turn_and_written_down(
    heights: Path, tmp_path: Path, evenodds: Call
) -> None:
    assert evenodds("train", heights, "--out", tmp_path, "--budget", "2rounds").code == 0
    (told,) = events(tmp_path, "head start")
    assert told["won"]
    assert told["reached"] >= told["asked"] == 0.8
    assert Run.open(tmp_path).checks()[0].odds.value == pytest.approx(told["reached"], abs=1e-5)


def test_a_head_start_has_a_limit_and_none_can_be_asked_for(
    heights: Path, tmp_path: Path, evenodds: Call
) -> None:
    slow = ("--lr-d", 1e-9, "--head-start", 0.99, "--head-turns", 10, "--budget", "2rounds")
    assert evenodds("train", heights, "--out", tmp_path / "slow", *slow).code == 0
    (told,) = events(tmp_path / "slow", "head start")
    assert (told["won"], told["turns"]) == (False, 10)
    none = ("--head-start", 0, "--budget", "2rounds")
    assert evenodds("train", heights, "--out", tmp_path / "none", *none).code == 0
    assert events(tmp_path / "none", "head start") == []


def break_weights(run: Path, best: int | None = None) -> None:
    """G's optimiser remembers a gradient that was no number, so that its next step breaks every weight; the ``best``
    state is of another round, where one is given."""
    last = (run / "checkpoints" / "last").resolve()
    tensors, state = bundle.read(last)
    tensors["optimizer_g"]["0.exp_avg"][0] = float("nan")
    shutil.rmtree(last)
    bundle.write(last, tensors, state if best is None else {**state, "best": best})


def test_a_game_that_breaks_goes_back_and_on(heights: Path, tmp_path: Path, evenodds: Call) -> None:
    command = ("train", heights, "--out", tmp_path, "--width", 16, "--check-every", 2)
    assert evenodds(*command, "--budget", "4rounds").code == 0
    assert evenodds(*command, "--budget", "5rounds").code == 0
    # The best state lies elsewhere, and is sound.
    best = 4
    break_weights(tmp_path, best)
    answer = evenodds(*command, "--budget", "12rounds", "--json")
    assert answer.code == 0, answer
    (back,) = events(tmp_path, "back")
    assert back["attempt"] == 1
    assert back["to"] == best
    kinds = [alarm["kind"] for alarm in events(tmp_path, "alarm")]
    assert [kind for kind in kinds if kind != "lost group"] == ["divergence"]
    assert [move["what"] for move in events(tmp_path, "tempo")] == ["lr"]
    verdict = json.loads(answer.out)
    assert (verdict["verdict"], verdict["evidence"]["tries"]) == ("budget", 1)
    assert evenodds("sample", tmp_path, "-n", 4, "--out", tmp_path / "fakes.csv").code == 0
    assert pd.read_csv(tmp_path / "fakes.csv").notna().all(axis=None)


def test_a_game_that_breaks_too_often_ends_3_with_its_best_state(
    heights: Path, tmp_path: Path, evenodds: Call
) -> None:
    command = ("train", heights, "--out", tmp_path, "--width", 16, "--check-every", 2)
    assert evenodds(*command, "--budget", "3rounds").code == 0
    for attempt in range(3):
        break_weights(tmp_path)
        assert evenodds(*command, "--budget", f"{4 + attempt}rounds").code == 0
    break_weights(tmp_path)
    answer = evenodds(*command, "--budget", "12rounds", "--json")
    assert answer.code == 3, answer
    verdict = json.loads(answer.out)
    assert verdict["verdict"] == "diverged"
    assert verdict["evidence"]["tries"] == 3
    assert [line["attempt"] for line in events(tmp_path, "back")] == [1, 2, 3]
    assert evenodds("sample", tmp_path, "-n", 4, "--out", tmp_path / "fakes.csv").code == 0
    assert pd.read_csv(tmp_path / "fakes.csv").notna().all(axis=None)
    assert evenodds(*command, "--budget", "99rounds").code == 3, "and stays over"


def test_alarms_and_moves_are_told_on_the_page(heights: Path, tmp_path: Path, evenodds: Call) -> None:
    wild = ("--lr-d", 1, "--lr-g", 1, "--budget", "40rounds", "--check-every", 10)
    answer = evenodds("train", heights, "--out", tmp_path, *wild)
    assert "alarm: divergence" in answer.out
    page = (tmp_path / "report.html").read_text()
    for word in (
        "D played",
        "alarm, divergence",
        "back to the state of round 0",
        "factor on the learning rates",
    ):
        assert word in page


def test_every_ending_has_its_words() -> None:
    assert OVER | {"budget", "interrupted"} == set(MEANINGS)


def test_a_lost_group_is_told_and_keeps_no_state_from_being_the_best(
    heights: Path, tmp_path: Path, evenodds: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a group that no fake is ever in."""
    lost = Lost(Group("range", {"column": "a", "low": "2", "high": "4"}), 0.1, 0.0)
    monkeypatch.setattr(TableGroups, "lost", lambda self, fakes, draws: [lost])
    monkeypatch.setattr(TableGroups, "distinct", lambda self, lost: list(lost))
    answer = evenodds(
        "train", heights, "--out", tmp_path, "--budget", "240rounds", "--check-every", 20, "--json"
    )
    evidence = json.loads(answer.out)["evidence"]
    first = next(check.round for check in Run.open(tmp_path).checks() if check.alarms)
    assert events(tmp_path, "alarm")[0]["reason"]["column"] == "a"
    assert evidence["best_round"] >= first >= 60
    assert evidence["level_checks"] == 0
    assert evidence["tries"] == 0
    sentence = "lost group: `a` from 2 to 4: 10.0% of rows, 0.0% of fakes; groups lost: 1"
    assert sentence.replace("lost group:", "alarm, lost group:", 1) in (tmp_path / "report.html").read_text()
