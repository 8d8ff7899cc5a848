"""Runs that the version before made are opened, trained further, asked and taken elsewhere, with the answers of then.

The runs and their answers lie in runs_before/, whose README says how they were made. Commands are spelled as they were
then, so that old flags are held to as well.
"""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.data.tables.parsing import parse_row
from evenodds.gan import Gan
from evenodds.judge.judge import Judge
from evenodds.judge.predict import predict_block
from evenodds.runs.run import JUDGE

from .conftest import Answer
from .runs_before.commands import STORED, checks, weights

HERE = Path(__file__).parent / "runs_before"
SIZE = 3_000_000
"""Bytes of all that is stored, at most."""
NAMES = list(STORED)
GO_ON = [name for name in NAMES if STORED[name].later > STORED[name].rounds]
JUDGED = [name for name in NAMES if STORED[name].judged]
STEERED = [name for name in NAMES if STORED[name].found]
FIGURES = ("odds", "odds_low", "odds_high", "gap", "distance", "loss_d", "loss_g")
"""Of a check, those whose definition nobody changes."""

Call = Callable[..., Answer]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the built-in faces are those few that the run of outlines was trained on."""
    folder = tmp_path_factory.mktemp("before") / "cache"
    shutil.copytree(HERE / "portraits", folder / "faces-v1")
    return folder


@pytest.fixture(autouse=True)
def work(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with copies of the runs and of their sources, where relative paths lead as they did then."""
    for folder in (*NAMES, "portraits", "people-hub"):
        shutil.copytree(HERE / folder, tmp_path / folder, symlinks=True)
    shutil.copy(HERE / "customers.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENODDS_CACHE", str(cache))
    return tmp_path


def then(name: str) -> dict[str, Any]:
    """What the version of then answered."""
    answers: dict[str, Any] = json.loads((HERE / "answers" / f"{name}.json").read_text())
    return answers


def journal(run: Path) -> list[dict[str, Any]]:
    return list(map(json.loads, (run / "journal.jsonl").read_text().splitlines()))


def answer(evenodds: Call, *command: str, code: int = 0) -> Answer:
    """The answer of a command that ends with this code."""
    found = evenodds(*command)
    assert found.code == code, found.err
    return found


def assert_same_samples(found: Path, expected: Path) -> None:
    """The same fakes, up to what another processor rounds otherwise."""
    if expected.suffix == ".png":
        one, other = (np.asarray(Image.open(path)).astype(float) for path in (found, expected))
        assert one.shape == other.shape
        assert np.abs(one - other).mean() < 1
        return
    ours, theirs = pd.read_csv(found), pd.read_csv(expected)
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs)
    for name in theirs:
        if pd.api.types.is_float_dtype(theirs[name]) or pd.api.types.is_integer_dtype(theirs[name]):
            near = np.isclose(ours[name], theirs[name], rtol=0.01, atol=0.05, equal_nan=True)
        else:
            near = (ours[name].fillna("") == theirs[name].fillna("")).to_numpy()
        assert near.mean() >= 0.95, name  # a category that is nearly a tie may fall otherwise


def assert_same_weights(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert found[name] == pytest.approx(numbers, rel=2e-3, abs=2e-3 * max(1.0, numbers[1])), name


def test_what_is_stored_is_small() -> None:
    files = [path for path in HERE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= SIZE


@pytest.mark.parametrize("name", NAMES)
def test_it_samples_as_it_did(name: str, work: Path, evenodds: Call) -> None:
    to = work / f"fakes{STORED[name].suffix}"
    answer(evenodds, *STORED[name].sample(Path(name), to))
    assert_same_samples(to, HERE / "answers" / f"{name}{STORED[name].suffix}")


@pytest.mark.parametrize("name", NAMES)
def test_python_loads_it(name: str) -> None:
    gan = Gan.load(name)
    expected = json.loads((HERE / name / "verdict.json").read_text())
    assert gan.verdict is not None
    told = json.loads(json.dumps(gan.verdict)) if isinstance(gan.verdict, dict) else vars(gan.verdict)
    assert (told["verdict"], told["rounds"]) == (expected["verdict"], expected["rounds"])
    assert len(gan.sample(3)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", GO_ON)
def test_it_goes_on_as_if_it_had_never_stopped(name: str, work: Path, evenodds: Call) -> None:
    stored, expected = STORED[name], then(name)
    assert_same_weights(weights(Path(name)), expected["weights"])
    answer(evenodds, *stored.train(Path(name), stored.later))
    lines = journal(Path(name))
    assert [line["round"] for line in lines if line.get("event") == "resume"] == [stored.rounds]
    found = checks(lines, stored.rounds)
    assert [line["round"] for line in found] == [line["round"] for line in expected["later checks"]]
    for line, other in zip(found, expected["later checks"], strict=True):
        for figure in FIGURES:
            assert line[figure] == pytest.approx(other[figure], rel=0.01, abs=0.01), figure
    assert_same_weights(weights(Path(name)), expected["later weights"])
    assert lines[: len(journal(HERE / name))] == journal(HERE / name)
    assert_report_tells_all(Path(name))


def assert_report_tells_all(run: Path) -> None:
    """Moves that the journal has as sentences stand in the page, and the alarm that lasted until one."""
    page = html.unescape((run / "report.html").read_text())
    reasons = [line["reason"] for line in journal(run) if line.get("event") in ("tempo", "back")]
    assert [reason for reason in reasons if reason not in page] == []


def test_journals_of_then_hold_events_of_all_kinds() -> None:
    """Or the tests above would say little."""
    lines = [line for name in NAMES for line in journal(HERE / name)]
    assert {line["event"] for line in lines if "event" in line} >= {
        "start",
        "head start",
        "tempo",
        "alarm",
        "back",
    }
    assert {line["kind"] for line in lines if line.get("event") == "alarm"} >= {"collapse", "divergence"}
    assert {line["what"] for line in lines if line.get("event") == "tempo"} >= {
        "factor on the penalty",
        "factor on the rates",
        "share augmented",
        "turns of D for one of G",
    }


def test_a_game_that_was_over_stays_over(work: Path, evenodds: Call) -> None:
    stored, run = STORED["collapsed"], Path("collapsed")
    before = json.loads((run / "verdict.json").read_text())
    found = answer(evenodds, *stored.train(run, stored.rounds), "--json", code=3)
    assert json.loads(found.out)["verdict"] == "collapsed"
    assert json.loads((run / "verdict.json").read_text()) == before
    assert journal(run) == journal(HERE / "collapsed")
    assert_report_tells_all(run)


@pytest.mark.parametrize(
    ("name", "flag", "old", "new"),
    [
        ("people", "--rate-d", "0.01", "0.03"),
        ("customers", "--turns-d", "2", "3"),
        ("customers", "--half-life", "3000", "7000"),
        ("customers", "--penalty-by", "difference", "exact"),
        ("customers", "--join", "concat", "projection"),
        ("digits", "--given", "labels", "outlines"),
    ],
)
def test_another_recipe_is_still_told_from_it(
    name: str, flag: str, old: str, new: str, evenodds: Call
) -> None:
    stored = STORED[name]
    command = list(stored.train(Path(name), stored.later))
    place = command.index(flag) + 1
    assert command[place] == old
    command[place] = new
    if new == "outlines":  # which dense networks do not take
        command = [word for word in command if word not in ("--size", "8")]
    found = answer(evenodds, *command, code=2)
    assert old in found.err
    assert new in found.err


@pytest.mark.slow
@pytest.mark.parametrize("name", JUDGED)
def test_it_judges_as_it_did(name: str, evenodds: Call) -> None:
    """Percents much like those of then: a judge is made anew, where none is stored and where it is of layout 1."""
    found = json.loads(answer(evenodds, *STORED[name].judge(Path(name))).out)
    expected = then(name)["judge"]
    assert [one["input"] for one in found] == [one["input"] for one in expected]
    far = np.abs(
        [one["percent_real"] - other["percent_real"] for one, other in zip(found, expected, strict=True)]
    )
    assert far.mean() < 10


@pytest.mark.parametrize("name", [name for name in JUDGED if STORED[name].keeps_judge])
def test_a_stored_judge_is_read_and_says_nearly_the_same(name: str) -> None:
    judge = Judge.load(HERE / name / JUDGE)
    assert judge is not None
    assert judge.codec is not None
    assert not judge.current
    for row, expected in zip(STORED[name].judged, then(name)["judge"], strict=True):
        [prediction] = predict_block(judge, [row], parse_row(row, judge.codec))
        assert prediction.percent_real == pytest.approx(expected["percent_real"], abs=0.5)
        assert prediction.p_value == pytest.approx(expected["p_value"], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", JUDGED)
def test_it_scores_as_it_did(name: str, evenodds: Call) -> None:
    figures = json.loads(answer(evenodds, *STORED[name].score(Path(name))).out)["figures"]
    expected = then(name)["score"]
    figures = [
        one for one in figures if one["name"] not in ("membership", "nearer_training")
    ]  # of since then
    assert [one["name"] for one in figures] == [one["name"] for one in expected]
    for one, other in zip(figures, expected, strict=True):
        if one["name"] == "referee":  # the strictest of more classifiers than then
            assert one["value"] > other["value"] - 0.05
            continue
        assert one["value"] == pytest.approx(other["value"], rel=0.02, abs=0.05), one["name"]


@pytest.mark.parametrize("name", STEERED)
def test_a_direction_of_then_moves_as_it_did(name: str, work: Path, evenodds: Call) -> None:
    to = work / f"strips{STORED[name].suffix}"
    answer(evenodds, *STORED[name].apply(Path(name), to))
    assert_same_samples(to, HERE / "answers" / f"{name}-steered{STORED[name].suffix}")


@pytest.mark.slow
@pytest.mark.parametrize("name", STEERED)
def test_a_direction_is_found_as_it_was(name: str, evenodds: Call) -> None:
    found = json.loads(answer(evenodds, *STORED[name].find(Path(name))).out)
    for one, other in zip(found, then(name)["find"], strict=True):
        assert {key: one[key] for key in ("name", "found_by", "feature")} == {
            key: other[key] for key in ("name", "found_by", "feature")
        }
        assert one["step"] == pytest.approx(other["step"], abs=0.5)
        assert one.get("flipped") == pytest.approx(other.get("flipped"), abs=0.05)


def test_pictures_from_pictures_are_steered_by_the_picture(evenodds: Call) -> None:
    assert "pictures" in answer(evenodds, "steer", "find", "outlines", "--by", "weights", code=2).err


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_is_exported(name: str, work: Path, evenodds: Call) -> None:
    answer(evenodds, "export", name, "--to", "onnx", "--out", "there")
    assert {"model.json", "generator.onnx"} <= {path.name for path in (work / "there").iterdir()}
    answer(evenodds, "export", name, "--to", "hub", "--out", "hub", "--licence", "mit", "--with-reals")
    ours, theirs = Gan.load(name).sample(8, seed=4), Gan.from_pretrained("hub").sample(8, seed=4)
    assert np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else ours.equals(theirs)


def test_what_was_exported_then_opens(evenodds: Call) -> None:
    gan = Gan.from_pretrained("people-hub")
    made = gan.sample(24, seed=7)
    expected = pd.read_csv(HERE / "answers" / "people.csv")
    assert np.allclose(made, expected, rtol=0.01, atol=0.05)


def test_two_are_compared(evenodds: Call) -> None:
    found = json.loads(answer(evenodds, "diff", "customers", "broken", "--json").out)
    verdicts = [json.loads((HERE / name / "verdict.json").read_text()) for name in ("customers", "broken")]
    for key in ("verdict", "rounds", "seen"):
        assert found["results"][key] == [verdict[key] for verdict in verdicts]
    assert [0.002, 5.0] in found["recipe"].values()
    assert answer(evenodds, "diff", "digits", "collapsed").out.startswith("recipe")
