"""The film and the page: what they show is what the run holds, and nothing from outside gets in."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from evenodds.data.images.arrays import grid_image, to_pictures
from evenodds.data.tables.codec import TableCodec
from evenodds.runs.answers import read_answers
from evenodds.runs.film import FAKE, FRAMES, GROUND, number_ranges, thinned
from evenodds.runs.heat import off_plane, shares
from evenodds.runs.report_texts import REPORT
from evenodds.runs.run import Run
from evenodds.steer.latent_space import LatentSpace
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]


@pytest.fixture
def two_numbers(tmp_path: Path) -> Path:
    """A table of two numbers whose names are made to trip a page and a plot."""
    rng = np.random.default_rng(0)
    path = tmp_path / "two.csv"
    columns = {"<b>height</b>": rng.normal(169, 9, 300), "cost in $ or $^": rng.normal(50, 9, 300)}
    pd.DataFrame(columns).round(1).to_csv(path, index=False)
    return path


def pictures_in(page: str, kind: str) -> list[Image.Image]:
    """The pictures that a page carries."""
    found = re.findall(rf'src="data:image/{kind};base64,([^"]+)"', page)
    return [Image.open(BytesIO(base64.b64decode(content))) for content in found]


def test_a_table_of_two_numbers_gets_its_cloud_over_the_score(
    two_numbers: Path, tmp_path: Path, evenodds: Call
) -> None:
    out = tmp_path / "run"
    flags = ("--width", 8, "--budget", "12rounds", "--check-every", 3)
    assert evenodds("train", two_numbers, "--out", out, *flags).code == 0
    heats = sorted((out / "samples").glob("*.npy"))
    assert [int(heat.stem) for heat in heats] == [0, 3, 6, 9, 12]
    assert all(np.isfinite(np.load(heat, allow_pickle=False)).all() for heat in heats)
    run = Run.open(out)
    for heat, sheet in zip(heats, run.samples("csv"), strict=True):
        kept = read_answers(sheet)
        assert kept is not None
        assert kept.signal > 0
        answers, rows = np.array(kept.fakes), pd.read_csv(sheet)
        assert len(answers) == len(rows)
        # What D answers on the samples is what the plane says at their places.
        axes = number_ranges(TableCodec.from_json(run.codec()))
        plane = np.load(heat, allow_pickle=False).astype(float)
        read = off_plane(plane, shares(rows, axes))
        assert np.corrcoef(read, np.log(answers / (1 - answers)))[0, 1] > 0.9
    with Image.open(out / "film.gif") as film:
        assert film.n_frames == len(heats)
        film.seek(film.n_frames - 1)
        last = np.asarray(film.convert("RGB"), int)
    orange = np.array([int(FAKE[place : place + 2], 16) for place in (1, 3, 5)])
    assert (np.abs(last - orange).max(2) < 60).sum() > 50, "no fakes are seen"
    down, across = last.shape[:2]
    inner = last[down // 5 : -down // 5, across // 5 : -across // 5]
    ground = np.array([int(GROUND[place : place + 2], 16) for place in (1, 3, 5)])
    assert (np.abs(inner - ground).max(2) < 6).sum() > 500, "what lies far off is not left open"
    white = (inner.min(2) > 244).sum()
    assert white > 500, "a D that has hardly learnt is not shown undecided"


@pytest.mark.parametrize(
    ("limit", "place"),
    [(400, "checkpoints"), (4000, "samples"), (6000, "samples")],
    ids=["recipe", "rows", "heat map"],
)
def test_a_disk_that_fills_up_in_a_game_is_one_sentence_and_the_game_goes_on_later(
    limit: int, place: str, two_numbers: Path, tmp_path: Path, evenodds: Call
) -> None:
    """A file size limit stands in for the full disk; 500 rows take 5,500 bytes, the heat map 6,272."""
    out = tmp_path / "run"
    command = ["train", str(two_numbers), "--out", str(out), "--width", "8", "--check-every", "2", "--budget"]
    assert evenodds(*command, "2rounds").code == 0
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        f"from evenodds.cli.main import main; main({[*command, '6rounds']})"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert found.returncode == 2, found.stderr
    assert f"{place} cannot be written" in found.stderr
    assert "Traceback" not in found.stderr
    assert not list(out.rglob("*.part"))
    assert evenodds(*command, "6rounds").code == 0
    assert [check.round for check in Run.open(out).checks()] == [0, 2, 4, 6]


def test_the_page_stands_alone_and_lets_no_markup_in(
    two_numbers: Path, tmp_path: Path, evenodds: Call
) -> None:
    out = tmp_path / "run"
    assert evenodds("train", two_numbers, "--out", out, "--width", 8, "--budget", "2rounds").code == 0
    page = (out / "report.html").read_text("utf-8")
    assert "<b>height</b>" not in page
    assert "&lt;b&gt;height&lt;/b&gt;" in page
    assert "<script" not in page
    assert len(pictures_in(page, "gif")) == 1
    assert "<svg" in page
    assert "300 samples: 210 to train on, 90 held out." in page


def test_the_page_of_pictures_shows_fakes_beside_held_out_reals(
    photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    flags = ("--size", 16, "--width", 8, "--budget", "4rounds", "--check-every", 2)
    assert evenodds("train", photographs, "--out", tmp_path, *flags).code == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    fakes, reals, *_ = pictures_in(page, "png")  # and a frame of each chapter
    space = LatentSpace(Run.open(tmp_path), torch.device("cpu"))
    first = to_pictures(space.generate(space.latents(range(64))))
    assert np.array_equal(np.asarray(fakes), np.asarray(grid_image(first)))
    assert reals.height < fakes.height, "4 held-out reals, 64 fakes"
    assert pictures_in(page, "gif")[0].n_frames == 3


def test_the_odds_on_the_page_are_the_journal_s(penguins: Path, tmp_path: Path, evenodds: Call) -> None:
    flags = ("--width", 8, "--budget", "9rounds", "--check-every", 3)
    assert evenodds("train", penguins, "--out", tmp_path, *flags).code == 0
    last = Run.open(tmp_path).checks()[-1]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert f"{last.odds.value:.0%} ({last.odds.low:.0%} to {last.odds.high:.0%})" in page


def test_a_file_whose_name_is_no_text_is_skipped_like_any_other(
    photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    for picture in photographs.iterdir():
        (odd / picture.name).write_bytes(picture.read_bytes())
    try:
        Path(str(odd) + "/\udcff.png").write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    flags = ("--size", 16, "--width", 8, "--budget", "2rounds")
    answer = evenodds("train", odd, "--out", tmp_path / "run", *flags)
    assert answer.code == 0, answer.err
    assert "zero bytes" in (tmp_path / "run" / "report.html").read_text("utf-8")


@pytest.mark.parametrize("count", [0, 1, 5, FRAMES, FRAMES + 1, 1000])
def test_a_film_keeps_its_first_and_last_frame(count: int) -> None:
    paths = [Path(str(place)) for place in range(count)]
    kept = thinned(paths)
    assert len(kept) == min(count, FRAMES)
    assert kept[:1] == paths[:1]
    assert kept[-1:] == paths[-1:]
    assert kept == sorted(set(kept), key=paths.index)


@pytest.mark.slow
def test_the_page_is_in_the_reader_s_language_and_fits_a_phone(
    penguins: Path, tmp_path: Path, evenodds: Call, chromium: Any
) -> None:
    flags = ("--width", 8, "--budget", "9rounds", "--check-every", 3)
    run = tmp_path / "run"
    assert evenodds("train", penguins, "--out", run, *flags).code == 0
    assert evenodds("score", run, "-n", 60).code == 0
    before = (run / "report.html").read_bytes()
    answer = evenodds("report", run, "--language", "ko")
    assert answer.code == 0, answer.err
    assert (run / "report.html").read_bytes() == before
    english, korean = before.decode(), (run / "report.ko.html").read_text("utf-8")
    assert 'lang="ko"' in korean
    sentences = [text for text in REPORT.values() if " " in text and "{" not in text]
    assert [text for text in sentences if text in korean] == []
    assert len([text for text in sentences if text in english]) > 10
    verdict = Run.open(run).verdict()
    assert verdict is not None
    assert f"{verdict.evidence.odds:.0%} (" in korean
    window = chromium.new_page(viewport={"width": 390, "height": 844})
    for page in (english, korean):
        window.set_content(page)
        for details in window.locator("summary").all():
            details.click()
        assert window.evaluate("document.documentElement.scrollWidth") <= 390
        assert window.locator("h2").count() > 6
    window.close()


def test_a_report_that_cannot_be_written_is_one_sentence(
    penguins: Path, tmp_path: Path, evenodds: Call
) -> None:
    run = tmp_path / "run"
    assert evenodds("train", penguins, "--out", run, "--width", 8, "--budget", "2rounds").code == 0
    answer = evenodds("report", run, "--out", tmp_path)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "is a folder, give --out an HTML file" in answer.err
