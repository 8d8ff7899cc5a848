"""The judge chooses among more fakes: as many as asked for, better by its own measure, with flat memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.gan import Gan
from evenodds.judge.judge import Judge
from evenodds.judge.selection import AT_ONCE, Rule, Selection
from evenodds.judge.train import judge_of
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler
from evenodds.runs.sample_request import SampleRequest
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def people() -> tuple[Run, Judge]:
    """The gallery's game on people, and its judge."""
    run = Gan.load("gallery:people").fitted()
    return run, judge_of(run, CPU)


def chosen(people: tuple[Run, Judge], rule: Rule, n: int) -> tuple[pd.DataFrame, Selection]:
    """n rows that are chosen."""
    run, judge = people
    sampler, selection = Sampler(run, CPU), Selection(rule, judge)
    batches = selection.choose(sampler, SampleRequest(n, Path("x.csv")), sampler.default_condition(0))
    return pd.concat(list(batches), ignore_index=True), selection


def percents(people: tuple[Run, Judge], rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(people[1].percent_real(people[1].score_samples(rows)))


def test_the_best_tenth_is_the_best_tenth(people: tuple[Run, Judge]) -> None:
    run, judge = people
    rows, selection = chosen(people, Rule(best=0.1), 20)
    assert selection.made == 200
    every = pd.concat(list(Sampler(run, CPU).rows(200, 0)), ignore_index=True)
    scores = judge.score_samples(every)
    expected = every.iloc[np.sort(np.argsort(-scores, kind="stable")[:20])].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, expected)


def test_many_are_chosen_in_groups(people: tuple[Run, Judge]) -> None:
    n = 2 * AT_ONCE + 7
    rows, selection = chosen(people, Rule(best=0.25), n)
    assert len(rows) == n
    assert selection.made == pytest.approx(4 * n, abs=4)
    every = pd.concat(list(Sampler(people[0], CPU).rows(n, 0)), ignore_index=True)
    assert np.median(percents(people, rows)) > np.median(percents(people, every))


def test_all_that_are_chosen_are_real_enough(people: tuple[Run, Judge]) -> None:
    rows, selection = chosen(people, Rule(min_real=50), 30)
    assert len(rows) == 30
    assert (percents(people, rows) >= 50).all()
    assert selection.made > 30


def test_what_is_not_found_is_said(people: tuple[Run, Judge], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenodds.judge.selection.FEWEST_TRIED", 2_000)
    monkeypatch.setattr("evenodds.judge.selection.MOST_TRIED", 1)
    with pytest.raises(UserError, match=r"of 2,000 fakes 0 are at least 99.9% real: lower --min-real"):
        chosen(people, Rule(min_real=99.9), 5)


def test_the_command_says_how_many_were_made(tmp_path: Path, evenodds: Call) -> None:
    answer = evenodds("sample", "gallery:people", "-n", 12, "--best", "25%", "--out", tmp_path / "best.csv")
    assert answer.code == 0
    assert "12 fakes in" in answer.out
    assert "chosen by the judge among 48" in answer.out
    assert len(pd.read_csv(tmp_path / "best.csv")) == 12


def test_pictures_are_chosen(tmp_path: Path, photographs: Path, evenodds: Call) -> None:
    run = tmp_path / "run"
    Gan(budget="20rounds", width=8, size=16).fit(str(photographs), run)
    answer = evenodds(
        "sample", run, "--grid", "4x2", "--best", "0.5", "--truncation", 0.8, "--out", tmp_path / "best.png"
    )
    assert answer.code == 0
    assert "8 fakes in" in answer.out
    assert "chosen by the judge among 16" in answer.out
    with Image.open(tmp_path / "best.png") as sheet:
        assert sheet.width > sheet.height


def test_a_picture_for_each_condition_leaves_nothing_to_choose(
    tmp_path: Path, photographs: Path, evenodds: Call
) -> None:
    run = tmp_path / "run"
    Gan(budget="2rounds", width=8, size=16, condition="outlines").fit(str(photographs), run)
    answer = evenodds("sample", run, "--best", "50%", "--out", tmp_path / "best.png")
    assert answer.code == 2
    assert "each picture has its own" in answer.err
