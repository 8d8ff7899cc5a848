"""Judge: how real one picture or row looks, and which reals are nearest to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from html import escape
from typing import Any, cast

import gradio as gr
import numpy as np
import pandas as pd

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import grid_image, visible
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.parsing import parse_row
from evenodds.judge.oddities import sentence
from evenodds.judge.predict import Prediction, predict_block, read_input
from evenodds.judge.train import current_judge
from evenodds.runs.film import number_ranges
from evenodds.runs.run import Run
from evenodds.studio import markup, play_view, plots, security
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words
from evenodds.studio.pages import uploads
from evenodds.studio.pages.loading import PageState, load_when_shown
from evenodds.studio.pages.progress import TICK
from evenodds.studio.state import Studio, example
from evenodds.studio.translate import problem_sentence


def page(studio: Studio, say: Words, state: PageState) -> None:
    """The page, for the run that is chosen."""
    chosen = state.chosen
    gr.Markdown(say("judge intro"))
    with gr.Row():
        with gr.Column(min_width=300):
            values = gr.Textbox(label=say("row"), info=say("row info"), elem_id="row", max_lines=3)
            picture = uploads.picture(say("picture"), "picture", visible=False)
            go = gr.Button(say("judge it"), variant="primary", elem_id="judge-it")
        with gr.Column(min_width=320):
            answer = gr.HTML(markup.note(say("judge first")), elem_id="opinion")

    def fit(name: str) -> Any:
        try:
            run = studio.run(name)
            rows = not isinstance(run.spec, PictureSpec)
            text = example(run) if rows else ""
        except (UserError, IndexError):
            rows, text = True, ""
        return gr.update(visible=rows, value=text), gr.update(visible=not rows, value=None), ""

    load_when_shown(state, fit, [values, picture, answer])

    def ask(name: str, values: str, picture: str | None) -> Iterator[str]:
        run = studio.run(name)
        sample = read(run, values, picture)
        if current_judge(run) is None:
            yield from judge_trained(studio, say, run)
        judge = studio.judge(run)
        [prediction] = predict_block(judge, ["it"], sample)
        row = sample if isinstance(sample, pd.DataFrame) else None
        block = sample if row is None else judge.encode(row)
        yield answer_text(say, prediction, len(judge.heldout)) + beside(studio, say, run, block, row)

    gr.on(
        [go.click, values.submit],
        streaming(ask, say),
        [chosen, values, picture],
        answer,
        api_name="judge",
        concurrency_limit=2,
    )


def judge_trained(studio: Studio, say: Words, run: Run) -> Iterator[str]:
    """Trains the run's judge, and says each second for how long."""
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(studio.judge, run)
        while not wait([future], TICK).done:
            yield markup.note(say("judge is made", seconds=round(time.monotonic() - began)))
    future.result()


def streaming(answer: Any, say: Words) -> Any:
    """``telling`` for what answers bit by bit."""

    def answer_text(*arguments: Any) -> Iterator[Any]:
        parts = answer(*arguments)
        step = with_gradio_errors(lambda: next(parts, None), say)
        while (part := step()) is not None:
            yield part

    return answer_text


def read(run: Run, values: str, picture: str | None) -> Any:
    """What is to be judged: a picture as a store keeps it, (1, *shape), or a row as it was spelled.

    Raises UserError for what does not fit the run.
    """
    if isinstance(run.spec, PictureSpec):
        _, block = next(read_input(run, str(security.picture(picture)), lambda text: None))
        return block
    # Only a row in words: a path would be read from this machine's disk.
    codec = TableCodec.from_json(run.codec())
    row = parse_row(values, codec)
    codec.values(row)  # raises for a value that does not read
    return row


def answer_text(say: Words, prediction: Prediction, heldout: int) -> str:
    """An opinion as a meter and a sentence, and what of a row lies outside."""
    count = round(prediction.p_value * (heldout + 1)) - 1
    key = "p outlier" if prediction.p_value < 0.05 else "p usual"
    p_text = say("p told", p=prediction.p_value, count=count, heldout=heldout)
    return (
        plots.meter(say, 1 - prediction.percent_real / 100, say("judge says"))
        + f'<p class="eo-said">{escape(say(key))}</p><p>{escape(p_text)}</p>'
        + "".join(f"<p>{escape(sentence(oddity, say))}</p>" for oddity in prediction.oddities)
    )


def beside(studio: Studio, say: Words, run: Run, block: Any, row: pd.DataFrame | None) -> str:
    """The sample as the judge sees it, and the reals nearest to it."""
    try:
        near = studio.cache.nearest(run, block)
    except UserError as problem:
        return markup.note(problem_sentence(say, problem))
    title = f"<h3>{say('nearest')}</h3>"
    if row is None:
        both = np.concatenate([block, near]).transpose(0, 2, 3, 1)
        both = visible(both, cast(PictureSpec, run.spec).bands)
        sheet = plots.inline(grid_image(both, len(both), max(1, 96 // both.shape[1])))
        seen = markup.image(sheet, say("alt nearest"))
        return title + seen + markup.note(say("it first"))
    codec = TableCodec.from_json(run.codec())
    rows = codec.to_table(near, np.random.default_rng(0))
    return among(studio, say, codec, run, row) + title + play_view.shown(say, rows)


def among(studio: Studio, say: Words, codec: TableCodec, run: Run, row: pd.DataFrame) -> str:
    """A row marked among reals, by the first two numbers; nothing where there are fewer, or one is missing."""
    ranges = dict(list(number_ranges(codec).items())[:2])
    mark = {name: float(row[name].iloc[0]) for name in ranges}
    if len(ranges) < 2 or not np.isfinite(list(mark.values())).all():
        return ""
    axes = {}
    for name, (low, high) in ranges.items():
        edge = 0.04 * (high - low)
        axes[name] = (min(low, mark[name]) - edge, max(high, mark[name]) + edge)
    real = studio.cache.real_samples(run)
    return plots.cloud(say, axes, real, real.head(0), None, None, mark, people=play_view.is_people(run))
