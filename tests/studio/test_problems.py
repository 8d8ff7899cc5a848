"""What goes wrong is said in the page's language: what is really raised, and not what a table says is raised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio", reason="the extra studio is not installed")

import gradio as gr
import numpy as np
from PIL import Image

from evenodds.config.budget import Budget
from evenodds.config.keywords import recipe_of
from evenodds.core.errors import UserError
from evenodds.data.source import find
from evenodds.data.tables.parsing import parse_assignments
from evenodds.studio import security
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import speaker
from evenodds.studio.processes import Trainings
from evenodds.studio.state import Studio
from evenodds.studio.steer_view import numbers
from evenodds.studio.translate import problem_sentence

KO = speaker("ko")


def large(folder: Path) -> Path:
    """A picture of too many pixels."""
    Image.fromarray(np.zeros((5001, 5001), np.uint8)).save(folder / "large.png")
    return folder / "large.png"


def empty(folder: Path) -> Path:
    """A folder without anything in it."""
    (folder / "nothing").mkdir()
    return folder / "nothing"


PROBLEMS: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "no run": (lambda folder: Studio(folder, local=True).run(""), ["고른 실행이 없습니다"]),
    "unknown run": (lambda folder: Studio(folder, local=True).run("ghost"), ["ghost", "실행이 없습니다"]),
    "name": (lambda folder: security.run_path(folder, "../x"), ["'../x'", "이름이 될 수 없습니다"]),
    "budget": (lambda _: Budget.parse("soon"), ["'soon'", "20000rounds"]),
    "no time": (lambda _: Budget.parse("0s"), ["'0s'", "0보다"]),
    "form": (lambda _: recipe_of({"budget": "soon"}), ["예산"]),
    "size": (lambda _: recipe_of({"size": "huge"}), ["huge", "정수로"]),
    "small": (lambda _: recipe_of({"size": 4}), ["size=4", "8 이상"]),
    "width": (lambda _: recipe_of({"width": "huge"}), ["width='huge'", "정수로"]),
    "narrow": (lambda _: recipe_of({"width": 2}), ["width=2", "4 이상"]),
    "network": (lambda _: recipe_of({"network": "vae"}), ["network='vae'", "'dcgan'", "하나여야"]),
    "not training": (lambda folder: Trainings(folder).stop("calm"), ["calm", "훈련 중이 아닙니다"]),
    "no picture": (lambda _: security.picture(None), ["그림이 없습니다"]),
    "large picture": (lambda folder: security.picture(large(folder)), ["5001 × 5001", "메가픽셀"]),
    "over a network": (lambda _: security.source("/etc", local=False), ["내장 데이터"]),
    "initial": (lambda folder: security.initial(folder, "ghost", local=False), ["'ghost'"]),
    "upload": (lambda folder: security.upload(large(folder)), ["large.png", ".zip"]),
    "empty folder": (lambda folder: find(str(empty(folder))), ["nothing", "비어 있습니다"]),
    "seeds": (lambda _: numbers("one two"), ["'one two'", "시드가 아닙니다"]),
    "empty row": (lambda _: parse_assignments(" "), ["비어 있습니다"]),
    "no equals": (lambda _: parse_assignments("height"), ["'height'", "=가 없습니다"]),
    "twice": (lambda _: parse_assignments("a=1,a=2"), ["'a'", "두 번"]),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_is_said_in_korean_with_its_facts(name: str, tmp_path: Path) -> None:
    cause, parts = PROBLEMS[name]
    with pytest.raises(UserError) as raised:
        cause(tmp_path)
    korean = problem_sentence(KO, raised.value)
    assert korean != problem_sentence(speaker("en"), raised.value)
    assert all(part in korean for part in parts), korean
    assert problem_sentence(speaker("en"), raised.value) == " ".join(str(raised.value).split())


def test_the_page_is_told_so_and_what_is_not_known_is_told_as_it_is() -> None:
    def broken(text: str) -> None:
        raise UserError(text)

    with pytest.raises(gr.Error, match="먼저 그림을 올리세요") as told:
        with_gradio_errors(broken, KO)("no picture was given, drop one first")
    assert told.value.title == "문제"
    with pytest.raises(gr.Error, match="a strange\\. thing"):
        with_gradio_errors(broken, KO)("a strange.\n thing")
