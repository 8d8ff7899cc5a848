"""How it works: the lecture, on the running model."""

from __future__ import annotations

from html import escape
from typing import Any, cast

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from evenodds.config.sizes import as_setting
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import drawn
from evenodds.data.images.arrays import grid_image, to_image, to_visible
from evenodds.data.store import Store
from evenodds.game.step import per_sample
from evenodds.metrics.probability import probability
from evenodds.networks.generate import draw, fixed_noise, latents_of
from evenodds.runs.conditions import resolve_condition
from evenodds.runs.run import Run
from evenodds.studio import markup, plots
from evenodds.studio.cache import CPU
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words
from evenodds.studio.layers import Layer, inside, players
from evenodds.studio.pages import few_faces, too_strong, writing
from evenodds.studio.pages.loading import PageState, load_when_shown
from evenodds.studio.state import Studio
from evenodds.studio.translate import problem_sentence

BESIDE = 64
"""Reals, and other fakes, beside which D's answer to a fake is read."""
MAP = 56
"""Pixels of a shown map's side, at least."""


def page(studio: Studio, say: Words, state: PageState) -> None:
    """The page, for the run that is chosen."""
    chosen = state.chosen
    gr.HTML(f'<div class="eo-lecture">{say("how game")}</div>')
    gr.HTML(f'<div class="eo-lecture">{say("how few")}</div>')
    few_faces.section(studio, say, state)
    with gr.Row():
        seed = gr.Slider(0, 99, 0, step=1, label=say("which fake"), elem_id="which")
        small = gr.Button(say("train small"), elem_id="train-small", scale=0, min_width=260)
    with gr.Row():
        with gr.Column(min_width=320):
            gr.HTML(f'<div class="eo-lecture">{say("how G")}</div>')
            grows = gr.HTML(elem_id="grows")
        with gr.Column(min_width=320):
            gr.HTML(f'<div class="eo-lecture">{say("how D")}</div>')
            looks = gr.HTML(elem_id="looks")
    gr.HTML(f'<div class="eo-lecture">{say("how pooling")}</div>' + pooled_numbers(say))
    pools = gr.HTML(elem_id="pools")
    gr.HTML(f'<div class="eo-lecture">{say("how strong")}</div>')
    too_strong.section(studio, say, state)
    gr.HTML(f'<div class="eo-lecture">{say("how writing")}</div>')
    writing.section(say, state)
    gr.HTML(f'<div class="eo-lecture">{say("how more")}</div>')

    def show(name: str, seed: float) -> Any:
        try:
            run = studio.run(name)
            if not isinstance(run.spec, PictureSpec):
                raise UserError(say("no maps"))
            return maps_of(studio, say, run, int(seed))
        except UserError as problem:
            text = markup.note(problem_sentence(say, problem))
            return text, text, ""

    load_when_shown(state, lambda name: [0, *show(name, 0)], [seed, grows, looks, pools])
    seed.input(
        show,
        [chosen, seed],
        [grows, looks, pools],
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )

    def train() -> Any:
        name = "digits-dcgan"
        if name not in studio.names():
            studio.trainings.start(name, "digits", ["--network", "dcgan", "--size", "32", "--budget", "90s"])
        return gr.update(choices=studio.names(), value=name)

    small.click(with_gradio_errors(train, say), None, chosen, api_visibility="private")


def maps_of(studio: Studio, say: Words, run: Run, seed: int) -> tuple[str, str, str]:
    """G's maps for one latent, D's maps for what came of it with its answer, and that picture pooled."""
    generator, discriminator = studio.cache.once(run, "players", lambda: players(run))
    # As Steer makes the fake of that number: the same latent, the same condition, the same noise of G's own.
    c = resolve_condition(run, None, run.recipe.plan.seed).conditions_for(0, 1)
    with studio.cache.lock, fixed_noise(CPU):
        z = latents_of([seed], run.recipe.network.latent)
        made, grown = inside(generator, z, c)
        _, looked = inside(discriminator, made, c)
        try:
            store = studio.cache.store(run)
            answer = answer_of(run, store, (generator, discriminator), made, c)
            meter = plots.meter(say, 1 - answer, say("D on it"))
        except UserError as problem:  # D's percent is read beside reals, which are not there
            meter = markup.note(problem_sentence(say, problem))
    fake = to_visible(made, cast(PictureSpec, run.spec).bands)[0]
    first = step(say("step z", count=run.recipe.network.latent)) + bars(z[0].numpy())
    last = step(say("step picture")) + markup.image(plots.enlarged(fake), say("alt made"), "eo-made")
    steps = "".join(shown(say, one) for one in grown if one.channels != run.spec.shape[0])
    seen = "".join(shown(say, one) for one in looked)
    grows = first + (steps if grown else markup.note(say("dense"))) + last
    return grows, last + seen + meter, pooled(say, fake)


@torch.inference_mode()
def answer_of(
    run: Run, store: Store, networks: tuple[nn.Module, nn.Module], fake: Tensor, c: Tensor | None
) -> float:
    """The probability by which D calls one fake (1, *shape) real. Losses whose scores have no level of their own get it
    from held-out reals, and from as many other fakes under their conditions."""
    generator, discriminator = networks
    beside = drawn(store, "heldout", np.arange(min(BESIDE, store.n_heldout)), CPU)
    others = generator(draw(len(beside.x), run.recipe.network.latent), beside.c)
    score, real, other = (
        per_sample(discriminator(x, condition)).numpy()
        for x, condition in ((fake, c), (beside.x, beside.c), (others, beside.c))
    )
    return float(probability(run.recipe.objective.loss, score, real, other)[0])


def shown(say: Words, layer: Layer) -> str:
    """A layer's maps in a row."""
    _, height, width = layer.maps.shape
    times = max(1, round(MAP / max(height, width)))
    sheet = plots.inline(grid_image(layer.maps[..., None], len(layer.maps), times))
    text = say("step maps", count=layer.channels, size=f"{width} × {height}")
    return step(text) + markup.image(sheet, text, "eo-maps")


def step(text: str) -> str:
    """What comes next, said."""
    return f'<p class="eo-step">{escape(text)}</p>'


def bars(z: Any) -> str:
    """A latent vector as bars."""
    wide = 420 / len(z)
    parts = "".join(
        f'<rect x="{index * wide:.1f}" y="{22 - max(value, 0) * 7:.1f}" width="{max(wide - 0.8, 0.6):.1f}" '
        f'height="{abs(value) * 7:.1f}"/>'
        for index, value in enumerate(z)
    )
    return f'<svg class="eo-bars" viewBox="0 0 420 44" aria-hidden="true">{parts}</svg>'


def pooled(say: Words, pixels: Any) -> str:
    """A picture pooled once to three times by 2 x 2 maxima, and enlarged again: what would be left to grow from."""
    parts = []
    now = np.asarray(pixels)
    longer = max(now.shape[:2])
    for times in range(4):
        image = to_image(now)
        text = say("pooled" if times else "not pooled", side=as_setting(*image.size))
        # All as large as the first, of which 128 px are the longer side.
        shown_at = (round(128 * side / longer) for side in np.asarray(pixels).shape[1::-1])
        large = plots.inline(image.resize(tuple(shown_at), Image.Resampling.NEAREST))
        parts.append(markup.figure(markup.image(large, text, ""), text))
        high, wide = (side // 2 for side in now.shape[:2])
        if min(high, wide) < 1:
            break
        now = now[: 2 * high, : 2 * wide].reshape(high, 2, wide, 2, -1).max((1, 3))
    return f'<div class="eo-sum">{"".join(parts)}</div>'


def pooled_numbers(say: Words) -> str:
    """Two different blocks of pixels with the same maxima."""
    one = np.array([[9, 1, 0, 7], [2, 4, 3, 5], [8, 8, 1, 6], [0, 3, 2, 2]])
    other = np.array([[0, 0, 7, 7], [9, 9, 7, 0], [8, 0, 6, 6], [0, 0, 0, 6]])

    def table(block: Any) -> str:
        rows = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in row) + "</tr>" for row in block)
        return f'<table class="eo-block"><tbody>{rows}</tbody></table>'

    most = table(one.reshape(2, 2, 2, 2).max((1, 3)))
    blocks = f"<div>{table(one)}</div><span>→</span><div>{most}</div><span>←</span><div>{table(other)}</div>"
    text = say("pool told")
    return f'<div class="eo-pooling" role="img" aria-label="{escape(text)}">{blocks}</div>{markup.note(text)}'
