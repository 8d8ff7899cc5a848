"""Steer claims what was measured, and says how long it is at work."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

pytest.importorskip("gradio", reason="the extra studio is not installed")

import gradio as gr

from evenodds.core.errors import UserError
from evenodds.steer.directions import Direction
from evenodds.studio import steer_view
from evenodds.studio.i18n import Language, speaker
from evenodds.studio.pages.progress import ticking

PLAIN: dict[str, Any] = {"flipped": 0.8, "kept": {"hair": 0.71}}
REFINED = {"flipped": 0.95, "kept": {"hair": 1.0}, "alone": PLAIN}


@pytest.mark.parametrize("effect", [PLAIN, REFINED], ids=["plain", "refined beside it"])
@pytest.mark.parametrize(("language", "strength"), [("en", "strength 1"), ("ko", "세기 1")])
def test_the_effect_is_that_of_the_steps_that_sliders_take(
    language: Language, strength: str, effect: dict[str, Any]
) -> None:
    """They are not refined: what refined steps keep is no claim about them."""
    direction = Direction("glasses", torch.zeros(4), 2.0, "labels", effect, "best", "glasses=yes")
    said = steer_view.sentence(speaker(language), direction)
    assert "80%" in said
    assert "hair 71%" in said
    assert "100%" not in said
    assert strength in said


def test_what_lies_beyond_the_measured_strength_is_said() -> None:
    say = speaker("en")
    assert steer_view.unmeasured(say, {"glasses": 1.0, "beard": -1.0}) == ""
    said = steer_view.unmeasured(say, {"glasses": 1.65, "beard": -0.5, "<hat>": -2.0})
    assert "glasses, &lt;hat&gt;" in said
    assert "beard" not in said


def test_seconds_are_counted_until_the_answer_is_there() -> None:
    def slow(text: str) -> list[str]:
        time.sleep(2.5)
        return ["done", text]

    seen = list(ticking(speaker("ko"), slow, 2)("x"))
    assert ["1초" in seen[0][0], "2초" in seen[1][0]] == [True, True]
    assert seen[0][1] == gr.skip()
    assert seen[-1] == ["done", "x"]
    assert list(ticking(speaker("en"), lambda: "at once", 1)()) == ["at once"]


def test_a_problem_is_told_as_one() -> None:
    def broken() -> str:
        raise UserError("give another name")

    with pytest.raises(gr.Error, match="give another name"):
        list(ticking(speaker("en"), broken, 1)())
