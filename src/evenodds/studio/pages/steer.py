"""Steer: sliders for directions in latent space, new ones by name or from thumbnails, sums of features, walks."""

from __future__ import annotations

import json
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import straight
from evenodds.judge.predict import read_input
from evenodds.runs.report import inline
from evenodds.runs.run import Run
from evenodds.steer import interpolation
from evenodds.steer.directions import Direction, usable
from evenodds.steer.write import write_film
from evenodds.studio import markup, security, stage_view
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words
from evenodds.studio.pages import uploads
from evenodds.studio.pages.loading import PageState, load_when_shown
from evenodds.studio.pages.progress import ticking
from evenodds.studio.state import Studio
from evenodds.studio.steer_view import (
    OwnPicture,
    each,
    moved,
    numbers,
    sentence,
    sheet,
    steering,
    thumbnails,
)
from evenodds.studio.translate import problem_sentence

SLIDERS = 10
"""Directions with a slider, at most: the first ones by name."""
REACH = 2.0
"""How far a slider goes, in steps that flip a feature."""
SEEDS = 6
"""Fakes that are steered at once, at most."""
STEPS = 120
"""Fakes of a walk, at most."""


def page(studio: Studio, say: Words, page_state: PageState) -> None:
    """The page, for the run that is chosen."""
    chosen = page_state.chosen
    gr.Markdown(say("steer intro"))
    note = gr.HTML(elem_id="steer-note")
    stage = stage_view.stage(studio, say)
    with gr.Row():
        with gr.Column(min_width=300):
            seeds = gr.Textbox(
                "0 1 2 3", label=say("seeds"), info=say("seeds info"), max_lines=1, elem_id="seeds"
            )
            sliders = [
                gr.Slider(
                    -REACH, REACH, 0, step=0.05, label=f"{index}", visible=False, elem_id=f"slider-{index}"
                )
                for index in range(SLIDERS)
            ]
            zero = gr.Button(say("zero"), size="sm")
        with gr.Column(min_width=320):
            result = gr.HTML(elem_id="steered")
    names, own_picture = gr.State([]), gr.State(None)
    inverting(studio, say, chosen, own_picture)
    thumbs, slots = picking(say)
    finding(studio, say, chosen, names, sliders, slots)
    summing(studio, say, chosen, slots)
    walking(studio, say, chosen)

    def fit(name: str) -> Any:
        try:
            steer = steering(studio, name)
            message = ""
            gallery = gr.update(
                value=thumbnails(studio, steer), visible=isinstance(steer.run.spec, PictureSpec)
            )
        except UserError as problem:
            message, gallery = (
                markup.note(problem_sentence(say, problem)),
                gr.update(value=[], visible=False),
            )
        directions = usable(studio.run(name)) if not message else []
        return message, gallery, [one.name for one in directions], *labelled(directions)

    def move(name: str, seeds: str, own_picture: OwnPicture | None, names: list[str], *amounts: float) -> str:
        amount = dict(zip(names, amounts, strict=False))
        return moved(studio, say, name, numbers(seeds)[:SEEDS], amount, own_picture)

    inputs = [chosen, seeds, own_picture, names, *sliders]
    shown = load_when_shown(page_state, fit, [note, thumbs, names, *sliders])
    for state in (shown, own_picture, names):
        state.change(quiet(move, say), inputs, result, show_progress="hidden", api_visibility="private")
    for state in (shown, names):
        state.change(
            lambda name, names: json.dumps([name, *names], ensure_ascii=False),
            [chosen, names],
            stage,
            show_progress="hidden",
            api_visibility="private",
        )
    for slider in sliders:
        slider.input(
            quiet(move, say),
            inputs,
            result,
            show_progress="hidden",
            api_visibility="private",
            trigger_mode="always_last",
        )
    seeds.submit(with_gradio_errors(move, say), inputs, result, api_name="steer")
    zero.click(lambda: [0.0] * SLIDERS, None, sliders, api_visibility="private").then(
        quiet(move, say), inputs, result, api_visibility="private"
    )


def inverting(studio: Studio, say: Words, chosen: gr.Dropdown, own_picture: gr.State) -> None:
    """One's own picture, found again in latent space, so that it is steered as fakes are."""
    with gr.Accordion(say("own picture"), open=False), gr.Row():
        picture = uploads.picture(say("picture"), "own")
        with gr.Column(min_width=200):
            go = gr.Button(say("invert"), elem_id="invert")
            tune = gr.Checkbox(False, label=say("tune"), info=say("tune info"), elem_id="tune")
            message = gr.HTML(markup.note(say("invert first")))

    def invert(name: str, file: str | None, tune: bool) -> Any:
        steer = studio.cache.steer(studio.run(name))
        path = security.picture(file)
        if not isinstance(steer.run.spec, PictureSpec):
            raise UserError(say("pictures alone"))
        _, block = next(read_input(steer.run, str(path), lambda text: None))
        pictures = np.ascontiguousarray(block.transpose(0, 2, 3, 1), np.uint8)
        pictures = straight(pictures) if steer.run.spec.alpha else pictures
        with studio.cache.lock:
            z, error = steer.invert(pictures)
            picture = OwnPicture(name, z[0].tolist(), pictures.tobytes() if tune else b"")
            if tune:
                error = studio.cache.tuned(steer.run, z[0], picture.pixels).reconstruction_error(z, pictures)
        return picture, markup.note(say("inverted", off=float(error[0])))

    go.click(
        ticking(say, invert, 2, position=1),
        [chosen, picture, tune],
        [own_picture, message],
        api_name="invert",
    )


def picking(say: Words) -> tuple[gr.Gallery, dict[str, gr.Textbox]]:
    """Thumbnails, and the slots that a click puts one's seed into."""
    with gr.Accordion(say("thumbnails"), open=True):
        slot = gr.Radio(
            [(say(f"slot {key}"), key) for key in ("with", "without", "A", "B", "C")],
            value="with",
            label=say("click goes to"),
            elem_id="slot",
        )
        thumbs = gr.Gallery(
            columns=8,
            height=300,
            object_fit="contain",
            label=say("thumbnails"),
            allow_preview=False,
            elem_id="thumbs",
        )
        with gr.Row():
            slots = {
                key: gr.Textbox(label=say(f"slot {key}"), max_lines=1, min_width=120, elem_id=f"slot-{key}")
                for key in ("with", "without", "A", "B", "C")
            }

    def put(event: gr.SelectData, slot: str, *texts: str) -> list[str]:
        chosen = dict(zip(slots, texts, strict=True))
        seeds_in_slot = numbers(chosen[slot])
        seed = int(event.index)
        seeds_in_slot = (
            [one for one in seeds_in_slot if one != seed] if seed in seeds_in_slot else [*seeds_in_slot, seed]
        )
        return [" ".join(map(str, seeds_in_slot)) if key == slot else text for key, text in chosen.items()]

    thumbs.select(put, [slot, *slots.values()], list(slots.values()), api_visibility="private")
    return thumbs, slots


def finding(
    studio: Studio,
    say: Words,
    chosen: gr.Dropdown,
    names: gr.State,
    sliders: list[gr.Slider],
    slots: dict[str, gr.Textbox],
) -> None:
    """New directions: by a label or column, from thumbnails, or those in which fakes vary most."""
    with gr.Accordion(say("new direction"), open=True):
        with gr.Row(elem_classes="eo-controls"):
            name = gr.Textbox(
                label=say("direction name"), info=say("direction info"), max_lines=1, elem_id="direction"
            )
            by_labels = gr.Button(say("by labels"), elem_id="by-labels", min_width=140)
            by_examples = gr.Button(say("by examples"), elem_id="by-examples", min_width=140)
            discover = gr.Button(say("discover"), elem_id="discover", min_width=140)
        message = gr.HTML(elem_id="direction-told")

    def after(run: Run, directions: list[Direction]) -> Any:
        directions = usable(run)
        items = "".join(f"<li>{escape(sentence(say, one))}</li>" for one in directions)
        return f'<ul class="eo-events">{items}</ul>', [one.name for one in directions], *labelled(directions)

    def labels(run: str, name: str) -> Any:
        steer = steering(studio, run)
        with studio.cache.lock:
            return after(steer.run, [steer.find(name.strip(), refined=False)])

    def examples(run: str, name: str, with_it: str, without: str) -> Any:
        steer = steering(studio, run)
        with studio.cache.lock:
            return after(
                steer.run,
                [steer.find_by_examples(name.strip(), numbers(with_it), numbers(without), refined=False)],
            )

    def vary(run: str) -> Any:
        steer = steering(studio, run)
        with studio.cache.lock:
            return after(steer.run, steer.discover(5, "features"))

    outputs = [message, names, *sliders]
    by_labels.click(ticking(say, labels, len(outputs)), [chosen, name], outputs, api_name="find")
    by_examples.click(
        ticking(say, examples, len(outputs)),
        [chosen, name, slots["with"], slots["without"]],
        outputs,
        api_name="find_by_examples",
    )
    discover.click(ticking(say, vary, len(outputs)), chosen, outputs, api_name="discover")


def summing(studio: Studio, say: Words, chosen: gr.Dropdown, slots: dict[str, gr.Textbox]) -> None:
    """A - B + C, of thumbnails or of words."""
    with gr.Accordion(say("arithmetic"), open=False):
        gr.Markdown(say("arithmetic intro"))
        with gr.Row():
            by_slots = gr.Button(say("sum slots"), elem_id="sum-slots", min_width=140)
            words = gr.Textbox(
                label=say("sum words"), placeholder="glasses - no glasses + beard", max_lines=1
            )
            by_words = gr.Button(say("sum"), min_width=140)
        out = gr.HTML(elem_id="sum")

    def slotted(name: str, *texts: str) -> str:
        steer = steering(studio, name)
        seeds_in_slot = [numbers(text) for text in texts]
        if not all(seeds_in_slot):
            raise UserError(say("slots empty"))
        with studio.cache.lock:
            terms = [
                (sign, steer.latents(seeds)) for sign, seeds in zip((1, -1, 1), seeds_in_slot, strict=True)
            ]
            rows = [interpolation.rescaled(latents.mean(0)[None]) for _, latents in terms]
            made = steer.generate(torch.cat([*rows, interpolation.combine(terms)[None]]))
        signs = ("A", "− B", "+ C", "=")
        return each(say, steer, made, signs)

    def sum_of_words(name: str, text: str) -> str:
        steer = steering(studio, name)
        with studio.cache.lock:
            made, columns = steer.sheet(*steer.mix(text))
        return sheet(say, steer, made, columns)

    by_slots.click(
        ticking(say, slotted, 1), [chosen, *(slots[key] for key in "ABC")], out, api_name="sum_of_seeds"
    )
    by_words.click(ticking(say, sum_of_words, 1), [chosen, words], out, api_name="mix")


def walking(studio: Studio, say: Words, chosen: gr.Dropdown) -> None:
    """A smooth way from fake to fake, to be kept."""
    with gr.Accordion(say("walk"), open=False):
        with gr.Row():
            seeds = gr.Textbox("0 1 2 3", label=say("walk seeds"), max_lines=1)
            steps = gr.Slider(8, STEPS, 48, step=4, label=say("steps"))
            loop = gr.Checkbox(True, label=say("walk loop"), min_width=140)
            ease = gr.Checkbox(False, label=say("walk ease"), min_width=140)
            go = gr.Button(say("walk go"), elem_id="walk", min_width=140)
        film = gr.HTML()
        file = gr.File(label=say("walk file"), interactive=False)

    def walk(name: str, seeds: str, steps: float, loop: bool, ease: bool) -> Any:
        steer = steering(studio, name)
        with studio.cache.lock:
            z = steer.latents(numbers(seeds))
            way = steer.generate(steer.walk(z, min(STEPS, int(steps)), loop=loop, ease=ease))
        suffix = "gif" if isinstance(steer.run.spec, PictureSpec) else "csv"
        path = write_film(steer.run, way, Path(tempfile.mkdtemp(prefix="evenodds-walk-")) / f"walk.{suffix}")
        if suffix == "csv":
            return "", str(path)
        return markup.image(inline(path.read_bytes(), "gif"), say("walk")), str(path)

    go.click(ticking(say, walk, 2), [chosen, seeds, steps, loop, ease], [film, file], api_name="walk")


def quiet(answer: Any, say: Words) -> Any:
    """The answer, or the problem as a paragraph: what was not asked for should not pop up."""

    def answered(*arguments: Any) -> Any:
        try:
            return answer(*arguments)
        except UserError as problem:
            return markup.note(problem_sentence(say, problem))

    return answered


def labelled(directions: list[Direction]) -> list[Any]:
    """The sliders for directions, all at nought."""
    return [
        gr.update(
            visible=index < len(directions),
            value=0,
            label=directions[index].name if index < len(directions) else "",
        )
        for index in range(SLIDERS)
    ]
