"""Steer: sliders for directions in latent space, new ones by name or from thumbnails, sums of features, walks."""

from __future__ import annotations

import re
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch

from evenodds.data.pictures import grid_image, to_pictures
from evenodds.data.tables import TableCodec
from evenodds.errors import UserError
from evenodds.gallery import number_ranges
from evenodds.report import inline
from evenodds.run import Run
from evenodds.spec import PictureSpec
from evenodds.steer import paths
from evenodds.steer.directions import Direction, names, recall
from evenodds.steer.showing import show_walk
from evenodds.steer.steering import Steer
from evenodds.studio import plots, scene
from evenodds.studio.saying import telling
from evenodds.studio.studio import Studio
from evenodds.studio.words import Words

SLIDERS = 10
"""Directions with a slider, at most: the newest ones."""
REACH = 2.0
"""How far a slider goes, in steps that flip a feature."""
THUMBS = 24
SEEDS = 6
"""Fakes that are steered at once, at most."""
STEPS = 120
"""Fakes of a walk, at most."""


def page(studio: Studio, say: Words, chosen: gr.Dropdown) -> None:
    """The page, for the run that ``chosen`` names."""
    gr.Markdown(say("steer intro"))
    note = gr.HTML(elem_id="steer-note")
    with gr.Row():
        with gr.Column(min_width=300):
            seeds = gr.Textbox(
                "0 1 2 3", label=say("seeds"), info=say("seeds info"), max_lines=1, elem_id="seeds"
            )
            sliders = [
                gr.Slider(
                    -REACH, REACH, 0, step=0.05, label=f"{place}", visible=False, elem_id=f"slider-{place}"
                )
                for place in range(SLIDERS)
            ]
            zero = gr.Button(say("zero"), size="sm")
        with gr.Column(min_width=320):
            result = gr.HTML(elem_id="steered")
    found = gr.State([])
    thumbs, slots = picking(say)
    finding(studio, say, chosen, found, sliders, slots)
    summing(studio, say, chosen, slots)
    walking(studio, say, chosen)

    def fit(name: str) -> Any:
        try:
            steer = steering(studio, name)
            told = ""
            gallery = gr.update(
                value=pictures_of(studio, steer), visible=isinstance(steer.run.spec, PictureSpec)
            )
        except UserError as problem:
            told, gallery = (
                f'<p class="eo-dim">{escape(str(problem))}</p>',
                gr.update(value=[], visible=False),
            )
        known = usable(studio, name) if not told else []
        return told, gallery, [one.name for one in known], *labelled(known)

    def move(name: str, seeds: str, found: list[str], *amounts: float) -> str:
        if not name:
            return ""
        return steered(studio, say, name, numbers(seeds)[:SEEDS], dict(zip(found, amounts, strict=False)))

    inputs = [chosen, seeds, found, *sliders]
    chosen.change(
        fit, chosen, [note, thumbs, found, *sliders], show_progress="hidden", api_visibility="private"
    ).then(quiet(move), inputs, result, show_progress="hidden", api_visibility="private")
    for slider in sliders:
        slider.input(
            quiet(move), inputs, result, show_progress="hidden", api_name=False, trigger_mode="always_last"
        )
    found.change(quiet(move), inputs, result, show_progress="hidden", api_visibility="private")
    seeds.submit(telling(move), inputs, result, api_name="steer")
    zero.click(lambda: [0.0] * SLIDERS, None, sliders, api_visibility="private").then(
        quiet(move), inputs, result, api_visibility="private"
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
            columns=[6, 8, 12], height="auto", label=say("thumbnails"), allow_preview=False, elem_id="thumbs"
        )
        with gr.Row():
            slots = {
                key: gr.Textbox(label=say(f"slot {key}"), max_lines=1, min_width=120, elem_id=f"slot-{key}")
                for key in ("with", "without", "A", "B", "C")
            }

    def put(event: gr.SelectData, slot: str, *texts: str) -> list[str]:
        chosen = dict(zip(slots, texts, strict=True))
        held = numbers(chosen[slot])
        seed = int(event.index)
        held = [one for one in held if one != seed] if seed in held else [*held, seed]
        return [" ".join(map(str, held)) if key == slot else text for key, text in chosen.items()]

    thumbs.select(put, [slot, *slots.values()], list(slots.values()), api_visibility="private")
    return thumbs, slots


def finding(
    studio: Studio,
    say: Words,
    chosen: gr.Dropdown,
    found: gr.State,
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
        told = gr.HTML(elem_id="direction-told")

    def after(run: Run, directions: list[Direction]) -> Any:
        known = usable(studio, run.path.name)
        said = "".join(f"<li>{escape(sentence(say, one))}</li>" for one in directions)
        return f'<ul class="eo-events">{said}</ul>', [one.name for one in known], *labelled(known)

    def labels(run: str, name: str) -> Any:
        steer = steering(studio, run)
        with studio.opened.asking:
            return after(steer.run, [steer.find(name.strip())])

    def examples(run: str, name: str, with_it: str, without: str) -> Any:
        steer = steering(studio, run)
        with studio.opened.asking:
            return after(
                steer.run, [steer.find_by_examples(name.strip(), numbers(with_it), numbers(without))]
            )

    def vary(run: str) -> Any:
        steer = steering(studio, run)
        with studio.opened.asking:
            return after(steer.run, steer.discover(5, "features"))

    outputs = [told, found, *sliders]
    by_labels.click(telling(labels), [chosen, name], outputs, api_name="find")
    by_examples.click(
        telling(examples),
        [chosen, name, slots["with"], slots["without"]],
        outputs,
        api_name="find_by_examples",
    )
    discover.click(telling(vary), chosen, outputs, api_name="discover")


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
        held = [numbers(text) for text in texts]
        if not all(held):
            raise UserError(say("slots empty"))
        with studio.opened.asking:
            terms = [(sign, steer.latents(seeds)) for sign, seeds in zip((1, -1, 1), held, strict=True)]
            rows = [paths.shelled(latents.mean(0)[None]) for _, latents in terms]
            made = steer.make(torch.cat([*rows, paths.combine(terms)[None]]))
        signs = ("A", "− B", "+ C", "=")
        return each(studio, say, steer, made, signs)

    def spelled(name: str, text: str) -> str:
        steer = steering(studio, name)
        with studio.opened.asking:
            made, columns = steer.sheet(*steer.mix(text))
        return sheet(studio, say, steer, made, columns)

    by_slots.click(telling(slotted), [chosen, *(slots[key] for key in "ABC")], out, api_name="sum_of_seeds")
    by_words.click(telling(spelled), [chosen, words], out, api_name="mix")


def walking(studio: Studio, say: Words, chosen: gr.Dropdown) -> None:
    """A smooth way from fake to fake, to be kept."""
    with gr.Accordion(say("walk"), open=False):
        with gr.Row():
            seeds = gr.Textbox("0 1 2 3", label=say("walk seeds"), max_lines=1)
            steps = gr.Slider(8, STEPS, 48, step=4, label=say("steps"))
            go = gr.Button(say("walk go"), elem_id="walk", min_width=140)
        film = gr.HTML()
        file = gr.File(label=say("walk file"), interactive=False)

    def walk(name: str, seeds: str, steps: float) -> Any:
        steer = steering(studio, name)
        with studio.opened.asking:
            way = steer.make(steer.walk(steer.latents(numbers(seeds)), min(STEPS, int(steps))))
        suffix = "gif" if isinstance(steer.run.spec, PictureSpec) else "csv"
        place = show_walk(steer.run, way, Path(tempfile.mkdtemp(prefix="evenodds-walk-")) / f"walk.{suffix}")
        if suffix == "csv":
            return "", str(place)
        return f'<img class="eo-sheet" src="{inline(place.read_bytes(), "gif")}" alt="{say("walk")}">', str(
            place
        )

    go.click(telling(walk), [chosen, seeds, steps], [film, file], api_name="walk")


def quiet(answer: Any) -> Any:
    """The answer, or the problem as a paragraph: what was not asked for should not pop up."""

    def told(*arguments: Any) -> Any:
        try:
            return answer(*arguments)
        except UserError as problem:
            return f'<p class="eo-dim">{escape(str(problem))}</p>'

    return told


def steering(studio: Studio, name: str) -> Steer:
    """The latent space of a run. Raises UserError where it has none."""
    return studio.opened.steer(studio.run(name))


def numbers(text: str) -> list[int]:
    """Seeds in a text. Raises UserError for what is none."""
    words = re.split(r"[\s,]+", text.strip())
    if not all(re.fullmatch(r"\d{1,9}", word) for word in words if word):
        raise UserError(f"{text!r} are no seeds, give whole numbers with spaces between")
    return [int(word) for word in words if word]


def usable(studio: Studio, name: str) -> list[Direction]:
    """The directions of the run's best state, of more than have a slider the last by name are left out."""
    run = studio.run(name)
    found = []
    for one in names(run):
        try:
            found.append(recall(run, one))
        except UserError:  # of an earlier state
            continue
    return found[:SLIDERS]


def labelled(known: list[Direction]) -> list[Any]:
    """The sliders for directions, all at nought."""
    return [
        gr.update(visible=place < len(known), value=0, label=known[place].name if place < len(known) else "")
        for place in range(SLIDERS)
    ]


def sentence(say: Words, direction: Direction) -> str:
    """What is known of a direction."""
    effect = direction.effect
    if "flipped" not in effect:
        return say("direction seen", name=direction.name)
    kept = ", ".join(f"{column} {share:.0%}" for column, share in effect["kept"].items())
    text = say("direction flips", name=direction.name, share=effect["flipped"])
    return text + (say("direction keeps", kept=kept) if kept else "")


def steered(studio: Studio, say: Words, name: str, seeds: list[int], amounts: dict[str, float]) -> str:
    """Fakes of seeds as they are, and moved along directions by amounts in steps."""
    if not seeds:
        raise UserError(say("no seeds"))
    steer = steering(studio, name)
    with studio.opened.asking:
        z = steer.latents(seeds)
        way = torch.zeros(z.shape[1])
        for one, amount in amounts.items():
            if amount:
                direction = recall(steer.run, one)
                way = way + amount * direction.step * direction.vector
        made = steer.make(torch.cat([z, z + way]))
    if isinstance(steer.run.spec, PictureSpec):
        return f'<p class="eo-dim">{say("before and after")}</p>' + sheet(
            studio, say, steer, made, len(seeds)
        )
    codec = TableCodec.from_json(steer.run.codec())
    rows = codec.decode(made.numpy(), np.random.default_rng(0))
    half = len(seeds)
    return f"<h3>{say('before')}</h3>{scene.shown(say, rows[:half])}<h3>{say('after')}</h3>{scene.shown(say, rows[half:])}"


def sheet(studio: Studio, say: Words, steer: Steer, made: Any, columns: int) -> str:
    """Samples as a sheet of pictures or as rows."""
    if not isinstance(steer.run.spec, PictureSpec):
        codec = TableCodec.from_json(steer.run.codec())
        return scene.shown(say, codec.decode(made.numpy(), np.random.default_rng(0)))
    side = made.shape[-1]
    image = plots.inline(grid_image(to_pictures(made), columns, max(1, 128 // side)))
    return f'<img class="eo-sheet" src="{image}" alt="{say("alt fakes")}">'


def each(studio: Studio, say: Words, steer: Steer, made: Any, captions: tuple[str, ...]) -> str:
    """Samples side by side, each under its caption; of a table rows."""
    if not isinstance(steer.run.spec, PictureSpec):
        return sheet(studio, say, steer, made, len(captions))
    parts = [
        f'<figure><figcaption>{caption}</figcaption><img src="{plots.inline(grid_image(one[None], 1, max(1, 128 // one.shape[0])))}" '
        f'alt="{escape(caption)}"></figure>'
        for one, caption in zip(to_pictures(made), captions, strict=True)
    ]
    return f'<div class="eo-sum">{"".join(parts)}</div>'


def pictures_of(studio: Studio, steer: Steer) -> list[Any]:
    """The thumbnails of the first seeds, with their numbers."""
    if not isinstance(steer.run.spec, PictureSpec):
        return []
    with studio.opened.asking:
        made = to_pictures(steer.make(steer.latents(range(THUMBS))))
    times = max(1, 64 // made.shape[1])
    return [(np.squeeze(one.repeat(times, 0).repeat(times, 1)), str(place)) for place, one in enumerate(made)]
