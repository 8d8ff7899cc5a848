"""A part of the page How it works: of all pictures only a few look like the data, by the judge's answer."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of
from evenodds.core.spec import PictureSpec
from evenodds.judge.predict import predict_block
from evenodds.judge.train import current_judge
from evenodds.runs.run import Run
from evenodds.studio import markup, plots
from evenodds.studio.i18n import Words
from evenodds.studio.pages.loading import PageState, load_when_shown
from evenodds.studio.state import Studio
from evenodds.studio.translate import problem_sentence

FAKES = 16
"""Fakes of which the one that the judge takes for real most is shown."""


def section(studio: Studio, say: Words, state: PageState) -> None:
    """A slider from numbers drawn by chance to a fake, and what the judge says of the picture between."""
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
    fake = studio.cache.once(run, "few", lambda: likeliest(studio, run))
    noise = np.random.default_rng(seed_of(0, "few")).integers(0, 256, fake.shape)
    picture = ((1 - share) * noise + share * fake).round().astype(np.uint8)
    [prediction] = predict_block(judge, ["it"], judge.encode(picture))
    text = say("few numbers", count=picture.size, size=f"{run.spec.width} × {run.spec.height}")
    shown = markup.image(plots.enlarged(picture[0]), text, "eo-made")
    meter = plots.meter(say, 1 - prediction.percent_real / 100, say("judge says"))
    return f'<div class="eo-pin">{shown}{meter}</div>{markup.note(text)}'


def likeliest(studio: Studio, run: Run) -> Any:
    """Of some fakes the one that the judge takes for real most, uint8 (1, H, W, C)."""
    fakes = studio.cache.fakes(run, FAKES, 0)
    judge = studio.cache.judge(run)
    best = int(np.argmax(judge.score_samples(fakes)))
    return fakes[best : best + 1]
