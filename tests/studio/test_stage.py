"""The stage shows the fakes of their numbers, moved as the sliders move them, and refuses what is none of its own."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("gradio", reason="the extra studio is not installed")

from PIL import Image

from evenodds.data.images.arrays import grid_image, to_pictures
from evenodds.steer import interpolation
from evenodds.steer.directions import Direction, save
from evenodds.studio.i18n import speaker
from evenodds.studio.stage_view import MOST, STRIP, TURN, answer
from evenodds.studio.state import Studio

BEFORE = Path(__file__).parents[1] / "runs_before"
SAY = speaker("en")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A studio with a run of digits that has a direction, which is called one that turns the head."""
    copytree(BEFORE / "digits", tmp_path / "digits")
    copytree(BEFORE / "people", tmp_path / "people")
    studio = Studio(tmp_path, local=True)
    run = studio.run("digits")
    vector = torch.zeros(run.recipe.network.latent)
    vector[0] = 1
    effect = {"flipped": 0.8, "kept": {}}
    save(run, Direction("facing=right", vector, 2.0, "labels", effect, run.checkpoints.best().name))
    return studio


def pixels(address: str) -> Any:
    """The picture of a data URL."""
    return np.asarray(Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))))


def expected(z: torch.Tensor, studio: Studio) -> Any:
    """The fake of a latent (1, latent) as it is shown."""
    return np.asarray(grid_image(to_pictures(studio.cache.steer(studio.run("digits")).generate(z)), 1))


def test_the_face_and_its_strip_are_moved_by_steps_of_the_direction(studio: Studio) -> None:
    z = studio.cache.steer(studio.run("digits")).latents([5])
    step = torch.zeros_like(z)
    step[0, 0] = 2.0
    opened = answer(studio, SAY, ["open", "digits", {}])
    assert [one["name"] for one in opened["directions"]] == [opened["turn"]] == ["facing=right"]
    assert np.array_equal(pixels(opened["thumbs"][5]), expected(z, studio))
    given = {"fake": 5, "amounts": {"facing=right": 1.5}, "active": "facing=right"}
    shown = answer(studio, SAY, ["strip", "digits", given])
    assert np.array_equal(pixels(shown["face"]), expected(z + 1.5 * step, studio))
    assert [one["amount"] for one in shown["strip"]] == np.linspace(-2, 2, STRIP).tolist()
    for one in shown["strip"]:
        assert np.array_equal(pixels(one["image"]), expected(z + one["amount"] * step, studio))
    assert "80%" in shown["note"]
    assert "Beyond strength 1" in shown["note"]
    turned = answer(studio, SAY, ["turn", "digits", {**given, "amounts": {}}])
    amounts = [one["amount"] for one in turned["strip"]]
    assert (len(amounts), min(amounts), max(amounts)) == (TURN, -1, 1), "as far as was measured"


def test_a_sum_is_that_of_the_means(studio: Studio) -> None:
    steer = studio.cache.steer(studio.run("digits"))
    slots = {"A": [1, 2], "B": [3], "C": [4, 5, 6]}
    terms = [(sign, steer.latents(seeds)) for sign, seeds in zip((1, -1, 1), slots.values(), strict=True)]
    shown = answer(studio, SAY, ["sum", "digits", slots])
    assert np.array_equal(pixels(shown["face"]), expected(interpolation.combine(terms)[None], studio))


def test_a_table_has_no_stage(studio: Studio) -> None:
    assert answer(studio, SAY, ["open", "people", {}]) == {"pictures": False}


@pytest.mark.parametrize(
    "sent",
    [
        None, "open", ["open"], ["delete", "digits", {}], ["open", "../digits", {}], ["open", "ghost", {}],
        ["open", None, {}],
        ["strip", "digits", None], ["strip", "digits", {}], ["strip", "digits", {"fake": -1, "amounts": {}}],
        ["strip", "digits", {"fake": 1.5, "amounts": {}}], ["strip", "digits", {"fake": True, "amounts": {}}],
        ["strip", "digits", {"fake": 0, "amounts": {"facing=right": float("nan")}}],
        ["strip", "digits", {"fake": 0, "amounts": {"facing=right": "2"}}],
        ["strip", "digits", {"fake": 0, "amounts": {"../../x": 1}}], ["strip", "digits", {"fake": 0, "amounts": [1]}],
        ["strip", "digits", {"fake": 0, "amounts": {}, "active": ["x"]}],
        ["sum", "digits", {"A": [1], "B": [2], "C": []}],
        ["sum", "digits", {"A": [1], "B": [2], "C": [0] * (MOST + 1)}],
        ["sum", "digits", {"A": [1], "B": [2], "C": ["3"]}],
    ],
)  # fmt: skip
def test_what_is_not_shown_is_refused_in_the_page_s_language(studio: Studio, sent: Any) -> None:
    refused = answer(studio, SAY, sent)
    assert set(refused) == {"error"}
    korean = answer(studio, speaker("ko"), sent)["error"]
    assert korean != refused["error"] or "direction" in korean
