"""Draw: a canvas for runs that make pictures from pictures; the result follows the pen."""

from __future__ import annotations

import base64
import binascii
import io
import time
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, cast

import gradio as gr
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import as_given
from evenodds.data.images import conditions
from evenodds.data.images.album import BadPicture
from evenodds.data.images.arrays import to_image, to_pictures
from evenodds.data.images.decoding import look
from evenodds.networks.generate import fixed_noise, generate, latents_of
from evenodds.runs.run import Run
from evenodds.runs.sample import as_pictures
from evenodds.studio import markup, plots, security
from evenodds.studio.cache import CPU
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words
from evenodds.studio.pages import uploads
from evenodds.studio.pages.loading import PageState, load_when_shown
from evenodds.studio.state import Studio
from evenodds.studio.translate import problem_sentence

CANVAS = ("pen", "eraser", "undo", "clear", "label", "result")
"""What the canvas says."""
CANVAS_SIDE = 512
"""Pixels of the canvas, on its longer side."""
SMALL, FLAGS = (
    "digits-outlines",
    ["--condition", "outlines", "--size", "32", "--width", "16", "--budget", "90s"],
)
"""A run to draw on where there is none yet: digits from their outlines."""
STROKES = 2_000_000
"""Characters of a drawing on the canvas, at most."""


def page(studio: Studio, say: Words, state: PageState) -> None:
    """The page, for the run that is chosen."""
    chosen = state.chosen
    gr.Markdown(say("draw intro"))
    note = gr.HTML(elem_id="draw-note")
    small = gr.Button(say("train outlines"), visible=False, elem_id="train-outlines")
    canvas = gr.HTML(
        html_template=canvas_html(say),
        js_on_load=files("evenodds.studio").joinpath("canvas.js").read_text("utf-8"),
        server_functions=[painter(studio, say), shaper(studio)],
        value="",
        elem_id="canvas",
    )
    with gr.Row():
        with gr.Column(min_width=300, scale=2):
            ground = uploads.picture(say("draw upload"), "draw-upload")
        with gr.Column(min_width=300, scale=3):
            result = gr.HTML(elem_id="draw-result")

    def fit(name: str) -> Any:
        try:
            run = studio.run(name)
            fits = drawn_upon(run)
        except UserError as problem:
            none = gr.update(visible=False)
            return "", none, markup.note(problem_sentence(say, problem)), gr.update(visible=True)
        warning = "" if fits else markup.alert(say("draw not"))
        paper = gr.update(value=name, visible=True) if fits else gr.update(visible=False)
        return warning, paper, "", gr.update(visible=not fits)

    load_when_shown(state, fit, [note, canvas, result, small])

    def train() -> Any:
        if SMALL not in studio.names():
            studio.trainings.start(SMALL, "digits", FLAGS)
        return gr.update(choices=studio.names(), value=SMALL)

    small.click(with_gradio_errors(train, say), None, chosen, api_visibility="private")

    def upload(name: str, file: str | None) -> str:
        if file is None:
            return ""
        run = studio.run(name)
        kind, note = "", None
        if not drawn_upon(run):
            raise UserError(say("draw not"))
        with security.picture(file).open("rb") as stream:
            condition, note = condition_of(run, stream)
        kind = run.condition.kind if run.condition else ""
        fake = made(studio, run, condition)
        return pair(say, run, condition, fake, note or say("taken as it is", kind=kind))

    ground.change(
        with_gradio_errors(upload, say), [chosen, ground], result, api_name="draw", concurrency_limit=2
    )


def canvas_html(say: Words) -> str:
    """The canvas with its words put in; ``${value}``, the run, is left for the page. A browser that renders it again
    knows the value alone."""
    template = Template(files("evenodds.studio").joinpath("canvas.html").read_text("utf-8"))
    return template.safe_substitute({key: escape(say(f"canvas {key}")) for key in CANVAS})


def drawn_upon(run: Run) -> bool:
    """Whether a run makes pictures from pictures."""
    return run.condition is not None and run.condition.pictures


def condition_of(run: Run, file: Any) -> tuple[Any, str | None]:
    """A picture as the run's condition, uint8 (c, H, W), and what was done to it."""
    if run.condition is None:
        raise UserError("this run takes no picture in")
    spec, kind = cast(PictureSpec, run.spec), run.condition.kind
    drawn_from, fit = cast(PictureSpec, run.condition.spec), run.recipe.data.fit
    return conditions.read(kind, file, spec, drawn_from, fit, run.range_of_inputs)


def made(studio: Studio, run: Run, condition: Any) -> Any:
    """What the run makes of a condition (c, H, W), uint8 (H, W, C)."""
    generator = studio.cache.generator(run)
    with studio.cache.lock, fixed_noise(CPU):  # the same from stroke to stroke
        z = latents_of([0], run.recipe.network.latent)
        return to_pictures(next(generate(generator, z, as_given(condition[None], CPU))))[0]


def pair(say: Words, run: Run, condition: Any, fake: Any, note: str) -> str:
    """The condition and what was made of it, side by side."""
    spec = cast(PictureSpec, run.spec)
    seen = as_pictures(condition[None], spec.channels)[0]
    before = markup.figure(markup.image(enlarged(seen), say("alt given")), note, "eo-reals-frame")
    after = markup.figure(markup.image(enlarged(fake), say("alt made")), say("made of it"), "eo-fakes-frame")
    return f'<div class="eo-pair">{before}{after}</div>'


def enlarged(picture: Any) -> str:
    """A picture (H, W, C) as a data URL, enlarged to about 256 px on its longer side where it is smaller."""
    image = to_image(picture)
    times = max(1, 256 // max(image.size))
    return plots.inline(image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST))


def painter(studio: Studio, say: Words) -> Any:
    """What the canvas calls: a run's name and a drawing as a data URL, answered by the picture and the milliseconds."""

    def paint(sent: Any) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            name, drawing = sent if isinstance(sent, list) and len(sent) == 2 else (None, None)
            run = studio.run(name)
            if not drawn_upon(run):
                raise UserError("this run makes no pictures from pictures")
            condition, _ = condition_of(run, decoded(drawing))
            image = enlarged(made(studio, run, condition))
        except (UserError, BadPicture) as problem:
            return {"error": problem_sentence(say, problem)}
        return {"image": image, "ms": round(1000 * (time.perf_counter() - started))}

    return paint


def shaper(studio: Studio) -> Any:
    """What the canvas calls first: a run's name, answered by its width and height of the run's aspect."""

    def paper(name: Any) -> list[int]:
        try:
            spec = studio.run(name if isinstance(name, str) else None).spec
        except UserError:
            return [CANVAS_SIDE, CANVAS_SIDE]
        if not isinstance(spec, PictureSpec):
            return [CANVAS_SIDE, CANVAS_SIDE]
        return [max(1, CANVAS_SIDE * side // max(spec.size)) for side in spec.size]

    return paper


def decoded(drawing: Any) -> io.BytesIO:
    """A PNG data URL as a file. Raises UserError for what is none, and for one that is too large."""
    head = "data:image/png;base64,"
    if not isinstance(drawing, str) or not drawing.startswith(head) or len(drawing) > STROKES:
        raise UserError("the drawing is no PNG, or too large")
    try:
        file = io.BytesIO(base64.b64decode(drawing[len(head) :], validate=True))
    except binascii.Error:
        raise UserError("the drawing does not read") from None
    header = look(file)
    if header.width * header.height > security.PICTURE_PIXELS:
        raise UserError("the drawing has too many pixels")
    file.seek(0)
    return file
