"""The stage of Steer: one fake, the strip of a direction's strengths and sums of fakes, as its script asks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import gradio as gr
import numpy as np
import torch
from torch import Tensor

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import grid_image, to_visible
from evenodds.runs.run import Run
from evenodds.steer import interpolation
from evenodds.steer.directions import load, usable
from evenodds.steer.editor import LatentEditor
from evenodds.studio import markup, plots
from evenodds.studio.i18n import Words
from evenodds.studio.state import Studio
from evenodds.studio.steer_view import MEASURED, THUMBS, beyond, sentence
from evenodds.studio.translate import problem_sentence

REACH = 2.0
"""How far the stage moves a fake along a direction, in steps that flip a feature."""
STRIP, TURN = 9, 17
"""Pictures of a strip, and of a turn of the head."""
MOST = 3
"""Fakes in each part of a sum, at most."""
TURNS = re.compile(r"(facing|turn|pose|yaw|head|얼굴|고개)", re.IGNORECASE)
"""A direction that is called so turns the head."""
SCRIPT = ("fake", "step", "put", "remove", "none", "sum")
SHOWN = ("chips", "strip", "turn", "rest", "thumbs", "fakes", "sum")


def stage(studio: Studio, say: Words) -> gr.HTML:
    """The stage, whose value is a run's name and its directions as JSON; out of sight for a table."""

    def stage(sent: Any) -> dict[str, Any]:  # gradio calls it by its name
        return answer(studio, say, sent)

    script = {key: say(f"stage {key}") for key in SCRIPT}
    words = markup.scripted(script)
    template = Template(files("evenodds.studio").joinpath("stage.html").read_text("utf-8"))
    return gr.HTML(
        html_template=template.safe_substitute(
            {key: escape(say(f"stage {key}")) for key in SHOWN}, words=words
        ),
        js_on_load=files("evenodds.studio").joinpath("stage.js").read_text("utf-8"),
        server_functions=[stage],
        value="",
        elem_id="stage",
    )


def answer(studio: Studio, say: Words, sent: Any) -> dict[str, Any]:
    """What the script calls: an action, a run's name and what the action is about; answered by pictures as data URLs,
    or by ``error``."""
    try:
        action, name, request = sent if isinstance(sent, list) and len(sent) == 3 else (None, None, None)
        if action not in ("open", "strip", "face", "turn", "sum") or not isinstance(request, dict):
            raise UserError("the stage was asked for what it does not show")
        run = studio.run(name)
        if action == "open":
            return opening(studio, run)
        steer = studio.cache.steer(run)
        with studio.cache.lock:
            if action == "sum":
                return {"face": picture(steer, added(steer, request))}
            return moved(say, steer, action, request)
    except UserError as problem:
        return {"error": problem_sentence(say, problem)}


def opening(studio: Studio, run: Run) -> dict[str, Any]:
    """The directions of a run, the one that turns the head, and thumbnails; nothing for rows, and for drawings."""
    if not isinstance(run.spec, PictureSpec) or (run.condition is not None and run.condition.pictures):
        return {"pictures": False}
    steer = studio.cache.steer(run)
    names = [one.name for one in usable(run)]
    with studio.cache.lock:
        thumbs = pictures(steer, steer.latents(range(THUMBS)))
    turn = next((name for name in names if TURNS.search(name)), "")
    return {
        "pictures": True,
        "directions": [{"name": name} for name in names],
        "thumbs": thumbs,
        "turn": turn,
    }


def moved(say: Words, steer: LatentEditor, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """The face moved by its amounts, and along the active direction its strip, or a turn within what was measured."""
    amounts, active = amounts_of(request.get("amounts")), request.get("active") or ""
    if not isinstance(active, str):
        raise UserError("strengths are numbers by the names of directions")
    directions = {name: load(steer.run, name) for name in {*amounts, *([active] if active else [])}}
    z = steer.latents([whole(request.get("fake"))])
    shifts = {name: one.step * one.vector.to(z) for name, one in directions.items()}
    others = z + sum(
        (amount * shifts[name] for name, amount in amounts.items() if name != active), torch.zeros_like(z)
    )
    now = amounts.get(active, 0.0)
    notes = [sentence(say, directions[active])] if active else []
    remark = " ".join(filter(None, [*notes, beyond(say, amounts)]))
    if not active:
        return {"face": picture(steer, others), "strip": [], "note": remark}
    shown: dict[str, Any] = {
        "face": picture(steer, others + now * shifts[active]),
        "note": remark,
    }
    if action != "face":
        count, reach = (STRIP, REACH) if action == "strip" else (TURN, MEASURED)
        values = np.linspace(-reach, reach, count).round(3).tolist()
        along = torch.cat([others + value * shifts[active] for value in values])
        made = pictures(steer, along)
        shown["strip"] = [
            {"image": image, "amount": value} for image, value in zip(made, values, strict=True)
        ]
    return shown


def added(steer: LatentEditor, request: dict[str, Any]) -> Tensor:
    """The latent (1, latent) of A - B + C, each the mean of some fakes."""
    terms = []
    for sign, slot in zip((1, -1, 1), "ABC", strict=True):
        numbers = request.get(slot)
        if not isinstance(numbers, list) or not 0 < len(numbers) <= MOST:
            raise UserError(f"a sum takes 1 to {MOST} fakes in each of A, B and C")
        terms.append((sign, steer.latents([whole(number) for number in numbers])))
    return interpolation.combine(terms)[None]


def amounts_of(request: Any) -> dict[str, float]:
    """Strengths by the names of directions, within REACH. Raises UserError for anything else."""
    if not isinstance(request, dict) or len(request) > 100:
        raise UserError("strengths are numbers by the names of directions")
    if not all(type(value) in (int, float) and np.isfinite(value) for value in request.values()):
        raise UserError("strengths are numbers by the names of directions")
    return {str(name): float(min(max(value, -REACH), REACH)) for name, value in request.items()}


def whole(number: Any) -> int:
    """The number of a fake. Raises UserError for what is none."""
    if type(number) is not int or not 0 <= number < 10**9:
        raise UserError("a fake has a whole number from 0 on")
    return number


def pictures(steer: LatentEditor, z: Tensor) -> Sequence[str]:
    """Fakes of latents (n, latent) as data URLs."""
    return [
        plots.inline(grid_image(one[None], 1))
        for one in to_visible(steer.generate(z), steer.picture_spec().bands)
    ]


def picture(steer: LatentEditor, z: Tensor) -> str:
    """The fake of a latent (1, latent) as a data URL."""
    return pictures(steer, z)[0]
