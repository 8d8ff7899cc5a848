"""Play: start a game, watch it, stop it, go on."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path
from typing import Any, cast, get_args

import gradio as gr
import numpy as np

from evenodds.config.keywords import recipe_of
from evenodds.config.settings import NetworkName
from evenodds.core.errors import UserError
from evenodds.core.spec import PICTURED, PictureSpec
from evenodds.data.images.arrays import grid_image, visible
from evenodds.data.source import BUILTINS, HUB, find
from evenodds.data.tables.parsing import parse_assignments
from evenodds.runs import live
from evenodds.runs.run import Run
from evenodds.studio import live_view, markup, play_view, plots, security
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words
from evenodds.studio.pages import drawn_data, own_settings
from evenodds.studio.pages.loading import PageState
from evenodds.studio.processes import Status
from evenodds.studio.state import Studio
from evenodds.studio.translate import problem_sentence

EVERY = 1.5
"""Seconds between looks at a run."""
CHAPTERS = """
element.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-share]"), film = document.querySelector("#film input[type=range]");
  if (!mark || !film) return;
  film.value = mark.dataset.share;
  for (const name of ["input", "change"]) film.dispatchEvent(new Event(name, { bubbles: true }));
});
"""
"""Turns the film to the chapter that is clicked."""
MOST = 64
"""Fresh fakes at once."""


def page(studio: Studio, say: Words, page_state: PageState) -> None:
    """The page, for the run that is chosen."""
    chosen = page_state.chosen
    seen = gr.State(None)
    with gr.Row(elem_classes="eo-controls"):
        pause = gr.Button(say("pause"), interactive=False, elem_id="pause", min_width=120, scale=0)
        resume = gr.Button(say("resume"), interactive=False, elem_id="resume", min_width=120, scale=0)
        more = gr.Textbox(
            label=say("larger budget"),
            placeholder=f"{say('larger budget')} 2m",
            show_label=False,
            container=False,
            max_lines=1,
            scale=0,
            min_width=280,
        )
    start(studio, say, chosen)
    with gr.Row():
        with gr.Column(min_width=320, scale=6):
            live_view.canvas(studio, say, chosen)
            picture = gr.HTML(elem_id="scene")
            back = gr.Slider(0, 100, 100, step=0.1, label=say("film"), info=say("film info"), elem_id="film")
            marks = gr.HTML(html_template="${value}", js_on_load=CHAPTERS, value="", elem_id="chapters")
            film = gr.HTML()
        with gr.Column(min_width=320, scale=5):
            board = gr.HTML(elem_id="board")
    fresh(studio, say, chosen)

    def look(name: str, here: str, before: Any, share: float) -> Any:
        if here != page_state.key:
            return [gr.skip()] * 7
        state, parts = glance(studio, say, name, before, share / 100)
        if state == before:
            return [gr.skip()] * 7
        status, *shown = parts
        stopping = studio.trainings.is_stopping(name)
        return (
            state,
            *shown,
            gr.update(
                value=say("pausing" if stopping else "pause"), interactive=status.running and not stopping
            ),
            gr.update(interactive=status.phase in ("paused", "over")),
        )

    outputs = [seen, board, picture, marks, film, pause, resume]
    timer = gr.Timer(EVERY)
    for event in (timer.tick, chosen.change, back.change):
        event(
            look,
            [chosen, page_state.here, seen, back],
            outputs,
            show_progress="hidden",
            queue=False,
            api_visibility="private",
        )

    def stop(name: str) -> Any:
        studio.trainings.stop(name)
        return gr.update(value=say("pausing"), interactive=False)

    pause.click(with_gradio_errors(stop, say), chosen, pause, api_name="pause")
    resume.click(
        with_gradio_errors(lambda name, budget: studio.trainings.resume(name, budget.strip() or None), say),
        [chosen, more],
        None,
        api_name="resume",
    )


def glance(studio: Studio, say: Words, name: str, before: Any, share: float) -> Any:
    """A mark of all that is shown, and what is shown where that is another than ``before``: the status, board, scene,
    the film's chapters and the film."""
    if not name:
        mark: Any = ["none"]
        return mark, (Status("none"), f'<p class="eo-welcome">{say("welcome")}</p>', "", "", "")
    try:
        status = studio.status(name)
        run = studio.run(name) if (studio.folder(name) / "recipe.json").is_file() else None
    except UserError as problem:
        return [str(problem)], (Status("none"), markup.alert(problem_sentence(say, problem)), "", "", "")
    written = (
        []
        if run is None
        else [
            stamp(run.path / "journal.jsonl"),
            stamp(run.path / "verdict.json"),
            stamp(run.path / "film.gif"),
        ]
    )
    shows_itself = run is not None and status.running and live.has_scene(run.path)
    mark = [
        name,
        status.phase,
        shows_itself,
        studio.trainings.is_stopping(name),
        status.line if run is None or status.phase == "failed" else "",
        *written,
        share,
    ]
    if mark == before:
        return mark, None
    if run is None:
        return mark, (status, play_view.board(say, None, status), "", "", "")
    try:
        shown = "" if shows_itself else play_view.scene(say, studio.cache, run, share)
        marks = "" if shows_itself else play_view.chapter_marks(say, run)
    except (
        UserError,
        OSError,
        ValueError,
    ) as problem:  # a file that goes away while it is read is there again next time
        shown, marks = markup.alert(problem_sentence(say, problem)), ""
    return mark, (status, play_view.board(say, run, status), shown, marks, ended(say, run, status))


def stamp(path: Path) -> float:
    """When a file was written, 0 where there is none."""
    return path.stat().st_mtime if path.exists() else 0.0


def ended(say: Words, run: Run, status: Status) -> str:
    """The film and the report of a game that is not being played."""
    if status.running or not (run.path / "report.html").exists():
        return ""
    base = f"/runs/{run.path.name}"
    at = int(stamp(run.path / "report.html"))
    film = ""
    if (run.path / "film.gif").exists():
        film = markup.figure(
            markup.image(f"{base}/film.gif?{at}", say("alt film"), ""), say("the film"), "eo-film"
        )
    report = f"{base}/report.html?language={say('language tag')}&at={at}"
    return f'{film}<p><a href="{report}" target="_blank" rel="noopener">{say("open report")}</a></p>'


def start(studio: Studio, say: Words, chosen: gr.Dropdown) -> None:
    """The form from which a game is started."""
    with gr.Accordion(say("new game"), open=False, elem_id="new-game") as form:
        with gr.Row():
            source = gr.Dropdown(
                list(BUILTINS),
                value="people",
                label=say("source"),
                info=say("source info local" if studio.local else "source info"),
                allow_custom_value=studio.local,
                elem_id="source",
            )
            upload = gr.File(
                label=say("upload"),
                file_types=[".csv", ".tsv", ".gz", ".jsonl", ".ndjson", ".xlsx", ".parquet", ".zip"],
                type="filepath",
                height=140,
            )
        with gr.Row():
            network = gr.Dropdown(list(get_args(NetworkName)), value="auto", label=say("network"))
            condition = gr.Dropdown(
                [(say("nothing"), ""), "labels", *PICTURED],
                value="",
                label=say("given"),
                info=say("given info"),
                allow_custom_value=True,
            )
            size = gr.Textbox(label=say("size"), placeholder="64", max_lines=1)
            budget = gr.Textbox(
                label=say("budget"), placeholder="auto, 90s, 10m", max_lines=1, elem_id="budget"
            )
            name = gr.Textbox(label=say("name"), placeholder=say("name info"), max_lines=1, elem_id="name")
            init = gr.Textbox(
                "",  # a default, or clients of the API would have to name it
                label=say("begin with"),
                placeholder=say("begin with info"),
                max_lines=1,
                elem_id="init",
            )
        drawn = drawn_data.section(say)
        own_fields = own_settings.section(say)
        own = gr.State({})
        go = gr.Button(say("start"), variant="primary", elem_id="start")

    def begin(
        source: str,
        upload: str | None,
        network: str,
        condition: str,
        size: str,
        budget: str,
        name: str,
        init: str,
        drawing: str | None = None,
        by_hand: dict[str, str] | None = None,
    ) -> Any:
        named = drawn_data.source(studio.root, drawing) if upload is None else stored(studio, upload)
        if named is None:
            named = security.source(source, local=studio.local)
        settings = {"network": network, "condition": condition, "size": size, "budget": budget}
        settings = {key: value.strip() for key, value in settings.items() if value and value.strip()}
        settings |= by_hand or {}
        recipe_of(settings)  # refused here, where the form is still open, and not by the process
        name = name.strip()
        if not name or not named.startswith(HUB):  # a named game leaves the hub's data to the process
            own_name = find(named).name
            name = name or free(studio, own_name)
        flags = [part for key, value in settings.items() for part in (f"--{key.replace('_', '-')}", value)]
        if init.strip():
            flags += ["--init", security.initial(studio.root, init.strip(), local=studio.local)]
        studio.trainings.start(name, named, flags)
        return gr.update(choices=studio.names(), value=name), gr.update(open=False)

    fields = [source, upload, network, condition, size, budget, name, init, drawn, own]
    # Both states are no parameters of the API: its clients give files and a recipe.
    go.click(
        lambda *values: own_settings.chosen(values),
        own_fields,
        own,
        show_progress="hidden",
        api_visibility="private",
    ).then(with_gradio_errors(begin, say), fields, [chosen, form], api_name="start")


def stored(studio: Studio, upload: str) -> str:
    """An upload, copied to where a resumed training finds it again."""
    path = security.upload(upload)
    folder = studio.root / security.OWN / "uploads" / uuid.uuid4().hex[:12]
    folder.mkdir(parents=True)
    stem = re.sub(r"[^\w.-]+", "-", path.name).lstrip(".-") or "data"
    return str(shutil.copyfile(path, folder / stem))


def free(studio: Studio, name: str) -> str:
    """The name itself, or with a number where it is taken."""
    taken = set(studio.names())
    return next(
        one for one in (name, *(f"{name}-{number}" for number in range(2, 10_000))) if one not in taken
    )


def fresh(studio: Studio, say: Words, chosen: gr.Dropdown) -> None:
    """Fakes from new latents, by their seed and, where values are given, under chosen ones."""
    with gr.Accordion(say("fresh fakes"), open=False):
        with gr.Row():
            count = gr.Slider(1, MOST, 16, step=1, label=say("how many"))
            seed = gr.Number(0, label=say("seed"), precision=0)
            condition = gr.Textbox(label=say("values"), placeholder="label=7", max_lines=1)
            go = gr.Button(say("make"), elem_id="make")
        out = gr.HTML(elem_id="fresh")

    def make(name: str, count: float, seed: float, condition: str) -> str:
        run = studio.run(name)
        n = max(1, min(MOST, int(count)))
        made = studio.cache.fakes(
            run, n, int(seed), parse_assignments(condition) if condition.strip() else None
        )
        if isinstance(run.spec, PictureSpec):
            fakes = cast("np.ndarray[Any, np.dtype[np.uint8]]", made)
            sheet = grid_image(visible(fakes, run.spec.bands), min(n, 8))
            return markup.image(plots.inline(sheet), say("alt fakes"))
        return play_view.shown(say, made)

    go.click(
        with_gradio_errors(make, say),
        [chosen, count, seed, condition],
        out,
        api_name="sample",
        concurrency_limit=4,
    )
