"""The judge on games whose truth is known, and what it keeps."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from evenodds.core import checksums
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.builtin import people
from evenodds.data.images.arrays import grid_image
from evenodds.data.store import Block, Store
from evenodds.gan import Gan
from evenodds.judge.dataset import SHARES, JudgeData, cut_sheet
from evenodds.judge.features import MAX_SIDE, input_spec, nearest_distance, preprocess, to_points
from evenodds.judge.judge import Judge
from evenodds.judge.train import FOR_ROWS, judge_of, split_data
from evenodds.metrics.odds import odds
from evenodds.runs.run import Run, write_recipe
from evenodds.runs.source_data import store_of
from tests.conftest import mixed

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short game on people."""
    gan = Gan(budget="120rounds", width=32, check_every=30).fit(
        "people", tmp_path_factory.mktemp("people") / "run"
    )
    return gan.fitted()


@pytest.fixture(scope="module")
def judge(run: Run) -> Judge:
    return judge_of(run, CPU)


@pytest.fixture(scope="module")
def store(run: Run) -> Store:
    return store_of(run)


def test_the_likely_looks_real_and_the_impossible_does_not(judge: Judge) -> None:
    asked = pd.DataFrame({"height": [170, 170, 200, 150], "weight": [63, 150, 40, 110]})
    score = judge.score_samples(asked)
    percent, p = judge.percent_real(score), judge.p_value(score)
    assert percent[0] >= 40
    assert (percent[1:] <= 1).all()
    assert p[0] > 0.2
    assert (p[1:] < 0.01).all()
    assert judge.predict(asked).tolist() == [1, -1, -1, -1]


def test_nobody_is_far_outside_of_what_people_are(judge: Judge) -> None:
    asked = pd.DataFrame({"height": [170.0, 100, 250, 1e9], "weight": [63.0, 5, 300, -1e9]})
    seen = judge.look(asked)
    score = judge.score(*seen)
    percent, p = judge.percent_real(score, seen.lowers), judge.p_value(score)
    assert seen.lowers[0] == 0
    assert percent[0] >= 40
    assert (percent[1:] <= 0.5).all()
    assert (percent[1:] > 0).all()
    assert (p[1:] == p.min()).all()
    assert score.tolist() == judge.score_samples(asked).tolist() == sorted(score, reverse=True)


def test_percent_falls_without_a_jump_as_a_value_leaves_the_range(judge: Judge) -> None:
    assert judge.support is not None
    [height, _] = judge.support.columns
    rows = pd.DataFrame({"height": np.linspace(height.high - 3, height.high + 20, 800), "weight": 95.0})
    seen = judge.look(rows)
    percent = judge.percent_real(judge.score(*seen), seen.lowers)
    assert (seen.lowers[rows["height"] <= height.high] == 0).all()
    outside = rows["height"] > height.high
    assert (np.diff(seen.lowers[outside]) >= 0).all()
    assert np.diff(seen.lowers).max() < 0.5
    assert (percent <= 100 * np.exp(-seen.lowers)).all()
    assert percent[-1] < 0.01


def test_a_judge_of_the_layout_before_is_read_and_made_anew_where_there_is_data(
    run: Run, judge: Judge, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder, symlinks=True)
    replace(judge, support=None).save(folder / "judge")
    state = folder / "judge" / "state.json"
    facts = json.loads(state.read_text())
    del facts["state"]["support"]
    facts["state"]["layout"] = 1
    state.write_text(json.dumps(checksums.with_checksum(facts)))
    before = Judge.load(folder / "judge")
    assert before is not None
    assert not before.current
    rows = people.draw(50, seed=3)
    assert (before.score_samples(rows) == judge.score_samples(rows)).mean() > 0.9  # as far as they lie inside
    recipe = json.loads((folder / "recipe.json").read_text())
    write_recipe(folder, {**recipe, "source": str(tmp_path / "gone.csv")})
    messages: list[str] = []
    assert not judge_of(Run.open(folder), CPU, messages.append).current
    assert "that of a version before" in messages[0]
    write_recipe(folder, recipe)
    assert judge_of(Run.open(folder), CPU).current
    again = Judge.load(folder / "judge")
    assert again is not None
    assert again.support is not None


def test_new_reals_are_flagged_as_often_as_promised(judge: Judge) -> None:
    p = judge.p_value(judge.score_samples(people.draw(20_000, seed=7)))
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=0.03)


def test_it_tells_shuffled_columns_almost_as_well_as_the_law_itself(judge: Judge) -> None:
    fresh, other = people.draw(10_000, seed=7), people.draw(10_000, seed=8)
    shuffled = pd.DataFrame({"height": fresh["height"], "weight": other["weight"]})
    # Broca's rule: weight over its middle for the height is all that shuffling breaks.
    found = odds(judge.score_samples(fresh), judge.score_samples(shuffled)).value
    assert 0.72 < found < 0.78


def test_its_probabilities_are_calibrated_and_it_says_so(judge: Judge, run: Run, store: Store) -> None:
    assert judge.facts.calibration_error < 0.05
    assert judge.facts.calibration_n > judge.facts.heldout_n == 2_000
    reals = judge.score(store.heldout(np.arange(2_000)))
    fakes = JudgeData(run, store, CPU).split("new", store.heldout(np.arange(2_000)), 4_000, 8, 10)
    score = np.concatenate([reals, *(judge.score(block) for block in fakes.fakes.values())])
    percent = judge.percent_real(score)
    real = np.arange(len(score)) < len(reals)
    weight = np.where(real, 0.5 / 2_000, 0.5 / (len(score) - 2_000))
    # Samples it gives 40 to 70 % are real as often as that.
    middle = (percent > 40) & (percent < 70)
    share = (weight * real)[middle].sum() / weight[middle].sum()
    assert share * 100 == pytest.approx(np.average(percent[middle], weights=weight[middle]), abs=5)


def test_samples_of_another_kind_are_refused(judge: Judge) -> None:
    with pytest.raises(UserError, match="as a DataFrame with the columns height, weight"):
        judge.score_samples(np.zeros((3, 2)))
    with pytest.raises(UserError, match="no column 'weight'"):
        judge.score_samples(pd.DataFrame({"height": [170]}))


def test_percent_and_p_rise_with_the_score(judge: Judge) -> None:
    score = np.linspace(-40, 20, 500)
    assert (np.diff(judge.percent_real(score)) >= 0).all()
    assert (np.diff(judge.p_value(score)) >= 0).all()
    assert judge.percent_real(score).min() > 0
    assert judge.percent_real(score).max() < 100


def test_a_loaded_judge_says_the_same(judge: Judge, tmp_path: Path) -> None:
    judge.save(tmp_path / "judge")
    again = Judge.load(tmp_path / "judge")
    assert again is not None
    asked = people.draw(200, seed=3)
    assert (again.score_samples(asked) == judge.score_samples(asked)).all()
    score = judge.score_samples(asked)
    assert (again.percent_real(score) == judge.percent_real(score)).all()
    assert (again.p_value(score) == judge.p_value(score)).all()
    assert again.facts == judge.facts
    assert {file.suffix for file in (tmp_path / "judge").iterdir()} == {".safetensors", ".json"}


def test_a_damaged_or_older_judge_is_made_again(run: Run, judge: Judge, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder, symlinks=True)
    (folder / "judge" / "kept.safetensors").write_bytes(b"no")
    assert Judge.load(folder / "judge") is None
    assert judge_of(Run.open(folder), CPU).facts.checkpoint == judge.facts.checkpoint
    assert Judge.load(folder / "judge") is not None
    state = folder / "judge" / "state.json"
    facts = json.loads(state.read_text())
    facts["state"]["layout"] = 0
    state.write_text(json.dumps(checksums.with_checksum(facts)))
    assert Judge.load(folder / "judge") is None
    assert Judge.load(tmp_path / "nothing") is None


def test_without_the_data_an_older_judge_serves_and_none_is_made(
    run: Run, judge: Judge, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder, symlinks=True)
    recipe = folder / "recipe.json"
    facts = json.loads(recipe.read_text())
    write_recipe(folder, {**facts, "source": str(tmp_path / "gone.csv")})
    told: list[str] = []
    replace(judge, facts=replace(judge.facts, checkpoint="00000030")).save(folder / "judge")
    assert judge_of(Run.open(folder), CPU, told.append).facts.checkpoint == "00000030"
    assert "of round 30" in told[0]
    shutil.rmtree(folder / "judge")
    with pytest.raises(UserError, match="needs the data"):
        judge_of(Run.open(folder), CPU)
    facts["data"]["fingerprint"] = "another"
    write_recipe(folder, facts)
    with pytest.raises(UserError, match="has changed since"):
        judge_of(Run.open(folder), CPU)


def test_no_sample_is_on_two_sides(run: Run, store: Store) -> None:
    found = split_data(run, store, FOR_ROWS, CPU)
    for first in range(3):
        for second in range(first):
            assert not rows_of(found[first].real) & rows_of(found[second].real)
            for kind in ("present", "earlier"):
                assert rows_of(found[first].fakes[kind])
                assert not rows_of(found[first].fakes[kind]) & rows_of(found[second].fakes[kind])
    _, real, weight = found[2].stack()
    assert weight[real].sum() == pytest.approx(0.5)
    assert weight.sum() == pytest.approx(1)
    counts = {kind: len(block) for kind, block in found[0].fakes.items()}
    assert counts["present"] / counts["broken"] == pytest.approx(
        SHARES["present"] / SHARES["broken"], rel=0.01
    )


def rows_of(block: Block) -> set[tuple[float, ...]]:
    return set(map(tuple, block.tolist()))


def test_a_run_without_earlier_fakes_is_judged(tmp_path: Path) -> None:
    gan = Gan(budget="3rounds", width=8).fit("people", tmp_path / "run")
    for sheet in gan.fitted().samples("csv"):
        sheet.unlink()
    likely, unlikely = (gan.judge(f"height=170,weight={weight}")["percent_real"][0] for weight in (63, 150))
    assert likely > 20 > 1 > unlikely
    assert gan.outlier_detector().facts.auc.keys() == {"present", "broken"}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["gan", "dcgan", "r3gan"])
def test_pictures_of_every_family(way: str, photographs: Path, tmp_path: Path) -> None:
    gan = Gan(budget="4rounds", network=way, size=16, width=8).fit(photographs, tmp_path / "run")
    fakes = gan.sample(8)
    found = gan.judge(fakes)
    assert list(found) == ["input", "percent_real", "p_value", "why"]
    assert (found["why"] == "").all()
    assert found["percent_real"].between(0, 100).all()
    judge = gan.outlier_detector()
    noise = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    real = store_of(gan.fitted()).heldout(np.arange(4)).transpose(0, 2, 3, 1)
    assert odds(judge.score_samples(real), judge.score_samples(noise)).value == 1
    with pytest.raises(UserError, match="give uint8"):
        judge.score_samples(noise[:, :8])


def test_a_table_of_every_kind_of_column(tmp_path: Path) -> None:
    frame = mixed()
    frame.to_parquet(tmp_path / "mixed.parquet")
    gan = Gan(budget="20rounds", width=8, check_every=5).fit(tmp_path / "mixed.parquet", tmp_path / "run")
    found = gan.judge(frame)
    assert len(found) == len(frame)
    odd = frame.head(50).assign(height=400.0)
    assert gan.judge(odd)["percent_real"].median() < 0.5 < 50 < found["percent_real"].median()
    again = gan.judge(gan.sample(50))
    assert again["p_value"].between(0, 1).all()


def test_sheets_are_cut_into_the_pictures_they_were_made_of(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for size, channels in ((16, 1), (24, 3), (80, 3)):
        pictures = rng.integers(0, 256, (64, size, size, channels), dtype=np.uint8)
        grid_image(pictures).save(tmp_path / "sheet.png")
        cut = cut_sheet(tmp_path / "sheet.png", PictureSpec(channels, size, size))
        assert (cut == pictures.transpose(0, 3, 1, 2)).all()


def test_large_pictures_are_looked_at_small() -> None:
    spec = PictureSpec(3, 128, 128)
    block = np.full((3, 3, 128, 128), 77, np.uint8)
    assert input_spec(spec) == PictureSpec(3, MAX_SIDE, MAX_SIDE)
    assert (preprocess(spec, block) == 77).all()
    assert preprocess(spec, block).shape == (3, 3, MAX_SIDE, MAX_SIDE)
    assert preprocess(spec, block[:0]).shape == (0, 3, MAX_SIDE, MAX_SIDE)


def test_distance_is_to_the_nearest() -> None:
    reals = to_points(np.array([[0.0], [1.0], [2.0], [50.0]], np.float32))
    assert nearest_distance(np.array([[1.0], [101.0]], np.float32), reals) == pytest.approx(
        [2 / 3, (51 + 99 + 100) / 3]
    )


def test_nothing_is_judged_before_a_fit() -> None:
    with pytest.raises(UserError, match="nothing was trained"):
        Gan().judge("height=1")
