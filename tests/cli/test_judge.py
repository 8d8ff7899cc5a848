"""`evenodds judge` as a user calls it: answers, rankings, and one sentence for whatever is wrong."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.gan import Gan
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]
LINE = (
    r": \d+(\.\d+)? % real, \d+(\.\d+)? % fake \(p = [\d.e-]+: [\d,]+ of [\d,]+ real ones look no more real\)"
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, penguins: Path) -> Path:
    return made(Gan(budget="10rounds", width=8, check_every=2), penguins, tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    gan = Gan(budget="4rounds", width=8, network="gan", size=16)
    return made(gan, photographs, tmp_path_factory.mktemp("pictures"))


def made(gan: Gan, source: Path, folder: Path) -> Path:
    """A run with a judge."""
    gan.fit(source, folder / "run").outlier_detector()
    return folder / "run"


def test_a_row_in_words(table: Path, evenodds: Call) -> None:
    answer = evenodds("judge", table, "species=gentoo,bill=50.1,flipper=201,seen=2021-03-04")
    assert answer.code == 0
    first, *meaning = answer.out.splitlines()
    assert re.fullmatch("species=.*" + LINE, first)
    assert "half of all samples" in meaning[0]
    assert "36 held-out" in meaning[1]
    assert evenodds("judge", table, "species=adelie,bill=,flipper=201,seen=2021-03-04").code == 0


def test_json_keeps_the_order_and_a_table_names_its_rows(table: Path, penguins: Path, evenodds: Call) -> None:
    row = "species=gentoo,bill=50.1,flipper=201,seen=2021-03-04"
    answer = evenodds("judge", table, row, penguins, "--json")
    found = json.loads(answer.out)
    assert [set(one) for one in found] == [{"input", "percent_real", "p_value", "why"}] * 121
    assert found[0]["input"] == row
    assert [one["input"] for one in found[1:3]] == [f"{penguins}:1", f"{penguins}:2"]
    assert all(0 < one["percent_real"] < 100 and 0 < one["p_value"] <= 1 for one in found)
    assert evenodds("judge", table, row, penguins, "--json").out == answer.out


def test_a_large_table_goes_to_a_file(table: Path, penguins: Path, tmp_path: Path, evenodds: Call) -> None:
    answer = evenodds("judge", table, penguins, "--out", tmp_path / "found.csv")
    assert answer.code == 0
    assert "120 judged" in answer.err
    assert answer.out == ""
    assert list(pd.read_csv(tmp_path / "found.csv")) == ["input", "percent_real", "p_value", "why"]


def test_a_row_that_lies_outside_is_no_error_and_says_why(
    table: Path, tmp_path: Path, evenodds: Call
) -> None:
    row = "species=gentoo,bill=50.1,flipper=201,seen=2021-03-04"
    odd = [row.replace("201", "901"), row.replace("201", ""), row.replace("gentoo", "emperor")]
    answer = evenodds("judge", table, row, *odd)
    assert answer.code == 0
    words = (
        "flipper 901 lies",
        "flipper is missing, which it is in none of",
        "species emperor is in none of",
    )
    lines = answer.out.splitlines()
    assert re.fullmatch("species=.*" + LINE, lines[0])
    assert len(lines) == 1 + 2 * len(odd) + 2
    for index, (asked, why) in enumerate(zip(odd, words, strict=True)):
        assert lines[1 + 2 * index].startswith(asked)
        assert lines[2 + 2 * index].startswith(f"  {why}")
    found = json.loads(evenodds("judge", table, row, *odd, "--json").out)
    assert [one["why"][: len(why)] for one, why in zip(found, ("", *words), strict=True)] == ["", *words]
    assert all(one["percent_real"] <= 1 < found[0]["percent_real"] for one in found[1:])
    frame = pd.DataFrame({"species": ["emperor"], "bill": [50.1], "flipper": [201], "seen": ["2021-03-04"]})
    frame.to_csv(tmp_path / "one.csv", index=False)
    [again] = json.loads(evenodds("judge", table, tmp_path / "one.csv", "--json").out)
    assert again["percent_real"] == found[3]["percent_real"]


def test_a_folder_is_ranked_with_the_most_real_first(
    pictures: Path, photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (50, 30, 3), dtype=np.uint8))
    noise.save(tmp_path / "a.png")
    noise.convert("L").save(tmp_path / "b.png")
    for name in ("00.png", "01.png"):
        shutil.copy(photographs / name, tmp_path / f"z{name}")
    (tmp_path / "c.png").write_text("no picture")
    answer = evenodds("judge", pictures, tmp_path)
    assert answer.code == 0
    assert "c.png" in answer.err
    assert "not a picture" in answer.err
    names = [line.split(":")[0] for line in answer.out.splitlines()[:4]]
    assert {Path(name).name for name in names[:2]} == {"z00.png", "z01.png"}
    assert {Path(name).name for name in names[2:]} == {"a.png", "b.png"}


def test_a_picture_of_any_size_is_prepared_as_the_data_was(
    pictures: Path, photographs: Path, evenodds: Call
) -> None:
    found = json.loads(evenodds("judge", pictures, photographs / "00.png", "--json").out)
    store = prepare(find(str(photographs)), DataSettings(size=16))
    prepared = store.in_file_order(0, 1).transpose(0, 2, 3, 1)
    said = Gan.load(pictures).judge(prepared)
    assert said["percent_real"][0] == pytest.approx(found[0]["percent_real"])


def test_whatever_is_wrong_is_one_sentence(
    table: Path, pictures: Path, penguins: Path, photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "lacking.csv").write_text("species,bill\ngentoo,44\n")
    row = "species=gentoo,bill=50.1,flipper=201,seen=2021-03-04"
    for run, given, words in (
        (table, row + ",mass=3", "no column 'mass', the columns are species, bill, flipper, seen"),
        (table, "species=gentoo,bill=50.1", "'flipper' is lacking"),
        (table, row.replace("50.1", "long"), "'long' is no number"),
        (table, row.replace("2021-03-04", "spring"), "'spring'"),
        (table, "bill=1,bill=2", "'bill' twice"),
        (table, tmp_path / "lacking.csv", "no column 'flipper'"),
        (table, tmp_path / "gone.csv", "is not there"),
        (table, photographs / "00.png", "judges table rows and no pictures"),
        (table, photographs, "judges table rows and no pictures"),
        (pictures, row, "is of pictures and of no rows"),
        (pictures, penguins, "is of pictures and of no rows"),
        (pictures, tmp_path / "text.png", "not a picture"),
        (pictures, tmp_path / "empty", "no picture lies in"),
        (pictures, tmp_path / "gone.png", "is not there"),
        (tmp_path, row, "is no run"),
    ):
        answer = evenodds("judge", run, given)
        assert answer.code == 2, given
        assert words in answer.err, answer.err
        assert answer.out == ""
        assert answer.err.count("\n") == 1
    assert "judge what?" in evenodds("judge", table).err


def test_a_run_that_is_not_trained_yet(table: Path, tmp_path: Path, evenodds: Call) -> None:
    shutil.copytree(table, tmp_path / "run", symlinks=True)
    shutil.rmtree(tmp_path / "run" / "judge")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    (tmp_path / "run" / "checkpoints").mkdir()
    answer = evenodds("judge", tmp_path / "run", "species=gentoo,bill=50.1,flipper=201,seen=2021-03-04")
    assert answer.code == 2
    assert "train it first" in answer.err
