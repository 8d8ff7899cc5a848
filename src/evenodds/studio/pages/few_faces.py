"""A part of the page How it works: of all pictures only a few look like the data, by how far they lie from reals."""

from __future__ import annotations

from typing import cast

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import straight
from evenodds.data.images.arrays import visible
from evenodds.judge.features import nearest_distance, preprocess
from evenodds.judge.judge import Judge
from evenodds.judge.predict import predict_block
from evenodds.judge.train import current_judge
from evenodds.runs.run import Run
from evenodds.studio import markup, plots
from evenodds.studio.i18n import Words
from evenodds.studio.pages.loading import PageState, load_when_shown
from evenodds.studio.state import Studio
from evenodds.studio.translate import problem_sentence

FAKES = 16
"""Fakes of which the one nearest to reals is shown."""


def section(studio: Studio, say: Words, state: PageState) -> None:
    """A slider from numbers drawn by chance to a fake: how far the picture between lies from reals, and what the judge
    says of it."""
    share = gr.Slider(0, 100, 0, step=5, label=say("few slider"), elem_id="few-share")
    seen = gr.HTML(elem_id="few-faces")

    def show(name: str, share: float) -> str:
        try:
            return between(studio, say, studio.run(name), share / 100)
        except UserError as problem:
            return markup.note(problem_sentence(say, problem))

    load_when_shown(state, lambda name: [0, show(name, 0)], [share, seen])
    share.input(
        show,
        [state.chosen, share],
        seen,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )


def between(studio: Studio, say: Words, run: Run, share: float) -> str:
    """The picture that is such a share of a fake, and the judge's answer. Raises UserError for a run of rows."""
    if not isinstance(run.spec, PictureSpec):
        raise UserError(say("no maps"))
    if current_judge(run) is None:
        return markup.note(say("few no judge"))
    judge = studio.cache.judge(run)
    fake = studio.cache.once(run, "few", lambda: nearest_fake(studio, run))
    noise = np.random.default_rng(seed_of(0, "few")).integers(0, 256, fake.shape)
    picture = ((1 - share) * noise + share * fake).round().astype(np.uint8)
    stored = judge.encode(picture)
    [prediction] = predict_block(judge, ["it"], stored)
    text = say("few numbers", count=picture.size, size=f"{run.spec.width} × {run.spec.height}")
    shown = markup.image(
        plots.enlarged(visible(stored[0].transpose(1, 2, 0), run.spec.bands)), text, "eo-made"
    )
    meter = plots.meter(say, 1 - prediction.percent_real / 100, say("judge says"))
    far = say("few far", times=distances(judge, picture)[0])
    return f'<div class="eo-pin">{shown}{meter}</div><p class="eo-said">{far}</p>{markup.note(text)}'


def distances(judge: Judge, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far pictures (n, H, W, C), of straight alpha where they have it, lie from their nearest reals, (n,): 1 is the
    median of reals."""
    return nearest_distance(preprocess(judge.spec, judge.encode(pictures)), judge.reals) / judge.units.median


def nearest_fake(studio: Studio, run: Run) -> NDArray[np.uint8]:
    """Of some fakes the one that lies nearest to reals, uint8 (1, H, W, C), of straight alpha where it has it."""
    fakes: NDArray[np.uint8] = studio.cache.fakes(run, FAKES, 0)
    fakes = straight(fakes) if cast(PictureSpec, run.spec).alpha else fakes
    nearest = int(np.argmin(distances(studio.cache.judge(run), fakes)))
    return fakes[nearest : nearest + 1]
