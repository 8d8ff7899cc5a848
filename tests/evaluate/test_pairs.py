"""How near fakes come to reals, and to what was given: on pictures whose scores are known, and where they are told."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from evenodds.core.spec import ConditionKind
from evenodds.data.images.conditions import MADE, make
from evenodds.evaluate.pairs import CLEAN, condition_consistency, distance, fidelity, outlines_met, psnr, ssim
from evenodds.gan import Gan
from evenodds.runs.report_sentences import pairs_sentences
from evenodds.runs.run import Run
from evenodds.runs.sample import as_pictures
from evenodds.runs.source_data import store_of
from tests.conftest import Answer

pytestmark = pytest.mark.medium

Call = Callable[..., Answer]
Bytes = NDArray[np.uint8]

CPU = torch.device("cpu")
GAP, SCALE = 2, 4
"""Pixels between the pictures of a sheet, and how many times pictures of 16 px are enlarged there."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Run:
    """A short game from outlines."""
    gan = Gan(budget="4rounds", size=16, width=8, batch=4, condition="outlines", head_turns=10, seed=3)
    return gan.fit(photographs, tmp_path_factory.mktemp("outlines") / "run").fitted()


def empty(side: int = 32) -> NDArray[np.bool_]:
    return np.zeros((side, side), bool)


def upright(column: int, first: int = 0, last: int = 32, side: int = 32) -> NDArray[np.bool_]:
    """A line of one pixel's width from row ``first`` to ``last`` - 1."""
    lines = empty(side)
    lines[first:last, column] = True
    return lines


def discs(side: int = 64, count: int = 12) -> Bytes:
    """Discs of any darker colour on a light ground, (count, 3, side, side)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    found = []
    for _ in range(count):
        middle, colour = rng.integers(side // 4, side * 3 // 4, 2), rng.integers(0, 180, 3)
        disc = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < (side / 5) ** 2
        found.append(np.where(disc, colour[:, None, None], 230))
    return np.stack(found).astype(np.uint8)


def noise(like: Bytes) -> Bytes:
    return np.random.default_rng(1).integers(0, 256, like.shape, dtype=np.uint8)


def given_of(kind: ConditionKind, real: Bytes) -> Bytes:
    return np.stack([make(kind, picture) for picture in real])


@pytest.mark.parametrize(("off", "met"), [(0, 1.0), (1, 1.0), (2, 1.0), (3, 0.0), (9, 0.0)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_line_may_be_off_by_two_pixels(off: int, met: float, *, turned: bool) -> None:
    asked, found = upright(10), upright(10 + off)
    if turned:
        asked, found = asked.T, found.T
    assert list(outlines_met(asked, found)) == pytest.approx([met, met, met])


def test_a_pixel_off_both_ways_counts_by_its_straight_distance() -> None:
    asked, near, far = empty(), empty(), empty()
    asked[10, 10] = near[11, 11] = far[12, 12] = True
    assert list(outlines_met(asked, near)) == pytest.approx([1, 1, 1])
    assert outlines_met(asked, far) == (0, 0, 0)  # 2.8 pixels


def test_half_a_line_is_half_the_recall() -> None:
    # The two pixels that are in reach of the half's end count as found.
    precision, recall, f1 = outlines_met(upright(10), upright(10, 0, 16))
    assert (precision, recall) == (1, 18 / 32)
    assert f1 == pytest.approx(2 * recall / (1 + recall))


def test_a_line_too_many_is_half_the_precision() -> None:
    precision, recall, f1 = outlines_met(upright(5), upright(5) | upright(25))
    assert (precision, recall) == (0.5, 1)
    assert f1 == pytest.approx(2 / 3)
    assert outlines_met(upright(5) | upright(25), upright(5))[:2] == (1, 0.5)


def test_nothing_asked_for_and_nothing_found_is_met_and_either_alone_is_not() -> None:
    assert outlines_met(empty(), empty()) == (1, 1, 1)
    assert outlines_met(empty(), upright(3)) == (0, 0, 0)
    assert outlines_met(upright(3), empty()) == (0, 0, 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_and_ssim_of_pictures_whose_scores_are_known(channels: int) -> None:
    real = np.random.default_rng(0).integers(20, 200, (channels, 16, 16)).astype(np.uint8)
    assert psnr(real, real) == CLEAN == 99
    assert ssim(real, real) == pytest.approx(1)
    # 20 log10(255 / 10), and the structure is as it was: only SSIM's luminance term is off.
    assert psnr(real, real + np.uint8(10)) == pytest.approx(28.1308, abs=1e-3)
    assert 0.95 < ssim(real, real + np.uint8(10)) < 1
    black, white = np.zeros((channels, 16, 16), np.uint8), np.full((channels, 16, 16), 255, np.uint8)
    assert psnr(black, white) == pytest.approx(0)
    assert ssim(black, white) == pytest.approx(1e-4, abs=1e-5)  # C1 / (1 + C1) with C1 = 0.01^2
    assert ssim(real, 255 - real) < 0
    one = black.copy()
    one[0, 0, 0] = 1
    assert psnr(black, one) == pytest.approx(20 * np.log10(255) + 10 * np.log10(one.size))


@pytest.mark.parametrize("kind", MADE)
def test_what_was_given_is_found_in_the_real_itself(kind: ConditionKind) -> None:
    real = discs()
    met = condition_consistency(kind, given_of(kind, real), real)
    assert met == ({"precision": 1, "recall": 1, "f1": 1} if kind == "outlines" else {"difference": 0})


@pytest.mark.parametrize("kind", MADE)
def test_what_was_given_is_not_found_in_noise_nor_in_another_picture(kind: ConditionKind) -> None:
    real = discs()
    given = given_of(kind, real)
    in_noise, in_another = (
        condition_consistency(kind, given, noise(real)),
        condition_consistency(kind, given, np.roll(real, 1, axis=0)),
    )
    if kind == "outlines":
        assert in_noise["f1"] < 0.3
        assert in_another["f1"] < 0.5
        nothing = condition_consistency(kind, given, np.full_like(real, 99))
        assert nothing == {"precision": 0, "recall": 0, "f1": 0}
    else:
        assert in_noise["difference"] > 0.3
        assert 0.02 < in_another["difference"] < in_noise["difference"]


@pytest.mark.parametrize("kind", ["gray", "small", "masked"])
def test_a_difference_is_the_mean_over_all_that_was_given(kind: ConditionKind) -> None:
    real = discs()
    fake = real.copy()
    fake[: len(real) // 2] += np.uint8(10)  # half of the pictures are off
    found = condition_consistency(kind, given_of(kind, real), fake)["difference"]
    # Masked ones weigh by their pixels outside of the hole, of which each has another number.
    assert found == pytest.approx(10 / 255 / 2, rel=0.1 if kind == "masked" else 0.01)


def test_inside_of_the_hole_all_is_allowed() -> None:
    real = discs()
    given = given_of("masked", real)
    hole = np.broadcast_to(given[:, -1:] > 0, real.shape)
    assert 0.05 < hole.mean() < 0.3
    assert condition_consistency("masked", given, np.where(hole, noise(real), real).astype(np.uint8)) == {
        "difference": 0
    }
    assert (
        condition_consistency("masked", given, np.where(hole, real, noise(real)).astype(np.uint8))[
            "difference"
        ]
        > 0.3
    )


def test_of_pairs_nothing_can_be_told() -> None:
    assert condition_consistency("pairs", discs(16), discs(16)) == {}


def test_the_scores_are_those_of_the_best_g_on_held_out_pairs(run: Run) -> None:
    store = store_of(run)
    places = np.arange(store.n_heldout)
    real = store.heldout(places)
    made = Gan.load(run.path).sample(store.n_heldout, seed=3)
    fake = np.ascontiguousarray(np.asarray(made).transpose(0, 3, 1, 2))
    given = cast(Bytes, store.conditions("heldout", places))
    scores = fidelity(run, store, CPU)
    assert scores == run.scores("pairs") == json.loads((run.path / "scores.json").read_text())["pairs"]
    assert scores is not None
    assert scores["pairs"] == store.n_heldout == 4
    assert scores["l1"] == pytest.approx(np.abs(real.astype(float) - fake).mean() / 255, abs=1e-4)
    pairs = list(zip(real, fake, strict=True))
    error = [((one.astype(float) - other) ** 2).mean() for one, other in pairs]
    assert scores["psnr"] == pytest.approx(np.mean(10 * np.log10(255**2 / np.array(error))), abs=0.01)
    assert scores["ssim"] == pytest.approx(np.mean([ssim(*pair) for pair in pairs]), abs=1e-4)
    assert scores["honoured"] == condition_consistency("outlines", given, fake)
    assert scores["distance"] > distance(store, real, real) == pytest.approx(0, abs=1e-3)


def test_a_picture_s_scores_do_not_hang_on_torch_s_random_state(run: Run) -> None:
    store = store_of(run)
    torch.manual_seed(9)
    first = fidelity(run, store, CPU)
    torch.manual_seed(10)
    assert fidelity(run, store, CPU) == first


def pictures_in(page: str) -> dict[str, Image.Image]:
    """The pictures that a page carries, by their captions."""
    found = re.findall(r'<img alt="([^"]+)" src="data:image/\w+;base64,([^"]+)"', page)
    return {caption: Image.open(BytesIO(base64.b64decode(content))) for caption, content in found}


def test_the_report_tells_the_scores_and_shows_the_pairs(run: Run) -> None:
    page = (run.path / "report.html").read_text()
    scores = run.scores("pairs")
    assert scores is not None
    told, met = pairs_sentences(scores), scores["honoured"]
    assert "What was given, and what came of it" in page
    assert all(f"<p>{sentence}</p>" in page for sentence in told)
    assert "Over 4 held-out pairs" in told[0]
    for figure in (f"{scores['l1']:.3f}", f"{scores['psnr']:.1f} dB", f"SSIM {scores['ssim']:.3f}"):
        assert figure in told[0]
    assert f"{met['precision']:.0%} were given" in told[1]
    assert f"F1 {met['f1']:.3f}" in told[1]
    sheet = pictures_in(page)["held-out conditions, what G makes of them, and the reals"]
    pixels = np.asarray(sheet.convert("RGB"))
    step = 16 * SCALE + GAP
    cells = [pixels[:, place * step :][: 16 * SCALE : SCALE, : 16 * SCALE : SCALE] for place in range(12)]
    store = store_of(run)
    places = np.arange(4)
    given = as_pictures(cast(Bytes, store.conditions("heldout", places)), 3)
    assert np.array_equal(np.stack(cells[0::3]), given)
    assert np.array_equal(np.stack(cells[1::3]), Gan.load(run.path).sample(4, seed=3))
    assert np.array_equal(np.stack(cells[2::3]), store.heldout(places).transpose(0, 2, 3, 1))


def test_other_kinds_are_told_by_their_difference_and_pairs_without_any() -> None:
    scores = {"pairs": 1200, "l1": 0.1234, "psnr": 20.0, "ssim": 0.5, "distance": 1.0}
    told = pairs_sentences({**scores, "honoured": {"difference": 0.0567}})
    assert "1,200 held-out pairs" in told[0]
    assert "0.057" in told[1]
    assert len(pairs_sentences({**scores, "honoured": {}})) == 1
    assert pairs_sentences(None) == []


def test_train_s_json_has_the_pairs_and_a_larger_budget_scores_anew(
    photographs: Path, tmp_path: Path, evenodds: Call
) -> None:
    command: tuple[object, ...] = ("train", photographs, "--out", tmp_path / "run", "--condition", "masked")
    command += ("--size", 16, "--width", 8, "--batch", 4, "--head-start", 0, "--seed", 1, "--check-every", 3)
    command += ("--json",)
    first = json.loads(evenodds(*command, "--budget", "3rounds").out)
    assert first["pairs"] == json.loads((tmp_path / "run" / "scores.json").read_text())["pairs"]
    assert first["pairs"].keys() == {"pairs", "l1", "psnr", "ssim", "distance", "honoured"}
    assert first["pairs"]["honoured"].keys() == {"difference"}
    again = json.loads(evenodds(*command, "--budget", "12rounds").out)
    assert again["pairs"] == Run.open(tmp_path / "run").scores("pairs")
    moved = Run.open(tmp_path / "run").checkpoints.best().name != "00000003"
    assert (again["pairs"] != first["pairs"]) == moved


def test_values_that_are_given_have_no_pairs(penguins: Path, tmp_path: Path, evenodds: Call) -> None:
    flags = ("--width", 8, "--budget", "2rounds", "--head-start", 0, "--json")
    answer = evenodds("train", penguins, "--out", tmp_path / "run", "--condition", "species", *flags)
    assert "pairs" not in json.loads(answer.out)
    assert not (tmp_path / "run" / "scores.json").exists()
    assert "What was given, and what came of it" not in (tmp_path / "run" / "report.html").read_text()
