"""Runs: all of them under the folder, side by side; opened, gone on with, exported, deleted."""

from __future__ import annotations

import shutil
import tempfile
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.export.formats import FORMS, export
from evenodds.runs.run import Run
from evenodds.studio import markup, play_view, plots, security
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words
from evenodds.studio.pages.loading import PageState
from evenodds.studio.state import Studio
from evenodds.studio.translate import problem_sentence

COMPARED = 4
"""Runs compared at once, at most."""
CHECKED = "[...document.querySelectorAll('#listing input[data-run]:checked')].map((box) => box.dataset.run)"
"""The names of the cards whose boxes are checked, in a browser."""


def page(studio: Studio, say: Words, state: PageState) -> None:
    """The page; to open a run is to choose it for every page."""
    chosen = state.chosen
    gr.HTML(markup.note(say("runs info")))
    listing = gr.HTML(elem_id="listing")
    with gr.Row(elem_classes="eo-controls"):
        # Filled by the cards' own boxes, see CHECKED, which the keyboard reaches in their order.
        which = gr.Dropdown([], multiselect=True, visible="hidden", allow_custom_value=True)
        again = gr.Button(say("look again"), min_width=120, scale=0, elem_id="look-again")
    with gr.Row(elem_classes="eo-controls"):
        compare = gr.Button(say("compare"), min_width=120, elem_id="compare")
        resume = gr.Button(say("resume"), min_width=120)
        delete = gr.Button(say("delete"), min_width=120, elem_id="delete")
    with gr.Row(elem_classes="eo-controls"):
        form = gr.Dropdown(
            list(FORMS), value="onnx", label=say("export as"), info=say("export info"), elem_id="form"
        )
        take = gr.Button(say("export"), min_width=120, scale=0, elem_id="export")
    with gr.Group(visible=False) as sure:
        question = gr.HTML(elem_id="sure")
        with gr.Row():
            yes = gr.Button(say("delete yes"), variant="stop", elem_id="delete-yes")
            no = gr.Button(say("delete no"), elem_id="delete-no")
    beside = gr.HTML(elem_id="beside")
    download = gr.DownloadButton(say("download"), visible=False, elem_id="download")

    def look() -> Any:
        names = studio.names()
        return listed(studio, say, names), gr.update(choices=names)

    def side_by_side(names: list[str]) -> str:
        if not names:
            raise UserError(say("choose runs"))
        return compared(say, [studio.run(name) for name in names[:COMPARED]])

    def ask(names: list[str]) -> Any:
        if not names:
            raise UserError(say("choose runs"))
        for name in names:
            security.run_path(studio.root, name)
        return gr.update(visible=True), markup.alert(say("delete asks", names=", ".join(names)))

    def remove(names: list[str], open_run: str) -> Any:
        for name in names:
            studio.trainings.delete(name)
        left = studio.names()
        now = open_run if open_run in left else (left[0] if left else "")
        return (
            gr.update(visible=False),
            listed(studio, say, left),
            gr.update(choices=left, value=[]),
            gr.update(choices=left, value=now),
            "",
        )

    def go_on(names: list[str]) -> Any:
        if len(names) != 1:
            raise UserError(say("choose one"))
        studio.trainings.resume(names[0])
        return gr.update(value=names[0])

    def take_along(names: list[str], format: str) -> Any:
        if len(names) != 1:
            raise UserError(say("choose one"))
        if format not in FORMS:
            raise UserError(say("choose form", forms=", ".join(FORMS)))
        run = studio.run(names[0])
        path = security.run_path(studio.root, f"{names[0]}-{format}")
        with studio.cache.lock:
            export(run, format, path)
        folder = tempfile.mkdtemp(prefix="evenodds-export-")
        packed = shutil.make_archive(str(Path(folder) / path.name), "zip", path)
        where = say("exported at", path=str(path)) if studio.local else ""
        note = markup.note(f"{say('exported', name=names[0], format=format)} {where}")
        return note, gr.update(value=packed, visible=True)

    again.click(look, None, [listing, which], api_name="runs")

    def arrive(here: str) -> Any:
        return look() if here == state.key else [gr.skip()] * 2

    state.here.change(arrive, state.here, [listing, which], show_progress="hidden", api_visibility="private")
    one, two = f"() => [{CHECKED}]", f"(names, other) => [{CHECKED}, other]"
    compare.click(with_gradio_errors(side_by_side, say), which, beside, api_name="compare", js=one)
    resume.click(with_gradio_errors(go_on, say), which, chosen, api_visibility="private", js=one)
    take.click(
        with_gradio_errors(take_along, say), [which, form], [beside, download], api_name="export", js=two
    )
    delete.click(with_gradio_errors(ask, say), which, [sure, question], api_visibility="private", js=one)
    no.click(lambda: gr.update(visible=False), None, sure, api_visibility="private")
    yes.click(
        with_gradio_errors(remove, say),
        [which, chosen],
        [sure, listing, which, chosen, beside],
        api_name="delete",
        js=two,
    )


def listed(studio: Studio, say: Words, names: list[str]) -> str:
    """Every run with its newest fakes, its state and its figures."""
    cards = "".join(card(studio, say, name) for name in names)
    return f'<div class="eo-cards">{cards}</div>' if cards else markup.note(say("no runs"))


def card(studio: Studio, say: Words, name: str) -> str:
    """One run at a glance."""
    status = studio.status(name)
    choice = (
        ""
        if status.phase == "gallery"
        else (
            f'<label class="eo-choose"><input type="checkbox" data-run="{escape(name)}" '
            f'aria-label="{escape(say("choose it", name=name))}">{escape(say("choose"))}</label>'
        )
    )
    title = f'{choice}<h3><a href="?run={quote(name)}">{escape(name)}</a></h3>{play_view.badge(say, status)}'
    try:
        run = studio.run(name)
    except UserError as problem:
        problem_note = markup.note(status.line if status.running else problem_sentence(say, problem))
        return f'<article class="eo-card">{title}{problem_note}</article>'
    facts = "".join(f"<dt>{escape(term)}</dt><dd>{escape(value)}</dd>" for term, value in figures(say, run))
    shown = f"{newest(studio, say, run)}<dl>{facts}</dl>{downloads(say, run)}"
    return f'<article class="eo-card">{title}{shown}</article>'


def downloads(say: Words, run: Run) -> str:
    """Links that save a run's film, report and newest fakes where the browser keeps downloads."""
    sheets = play_view.sheets(run)
    files = [("the film file", "film.gif", ""), ("report", "report.html", f"?language={say('language tag')}")]
    present = [(say(key), file, query) for key, file, query in files if (run.path / file).is_file()]
    if sheets:
        present.append((say("newest fakes"), f"samples/{sheets[-1].name}", ""))
    links = "".join(
        f'<a href="/runs/{quote(run.path.name)}/{file}{query}" '
        f'download="{escape(run.path.name)}-{file.rpartition("/")[2]}">{escape(text)}</a>'
        for text, file, query in present
    )
    return f'<p class="eo-downloads">{escape(say("download"))}: {links}</p>' if links else ""


def newest(studio: Studio, say: Words, run: Run) -> str:
    """A run's newest fakes."""
    sheets = play_view.sheets(run)
    if not sheets:
        return ""
    if isinstance(run.spec, PictureSpec):
        address = f"/runs/{quote(run.path.name)}/samples/{sheets[-1].name}"
        return markup.image(address, say("alt fakes"))
    return play_view.cloud_alone(say, studio.cache, run, -1)


def figures(say: Words, run: Run) -> list[tuple[str, str]]:
    """What is told of a run in its list."""
    checks, verdict = run.checks(), run.verdict()
    entries = [
        (say("source"), str(run.facts["source"]).rsplit("/", 1)[-1]),
        (say("network"), run.recipe.network.network),
    ]
    if run.recipe.data.condition:
        entries.append((say("given"), run.recipe.data.condition))
    if verdict:
        entries.append((say("verdict"), say(f"verdict {verdict.verdict}")))
    if checks:
        last = checks[-1]
        entries += [
            (say("odds"), f"{last.odds.value:.0%}"),
            (say("distance"), f"{last.metrics.distance:.4g}"),
            (say("round"), f"{last.round:,}"),
        ]
    rulings = [check.referee for check in checks if check.referee is not None]
    if rulings:
        entries.append((say("referee"), f"{rulings[-1].value:.0%}"))
    return entries


def compared(say: Words, runs: list[Run]) -> str:
    """Odds in one plot, figures side by side, and the settings in which recipes differ."""
    plot = plots.odds_plot(say, {run.path.name: run.checks() for run in runs})
    rows: dict[str, list[str]] = {}
    for column, run in enumerate(runs):
        entries = [*figures(say, run), *settings(say, run)]
        for term, value in entries:
            rows.setdefault(term, [""] * len(runs))[column] = value
    differing = {term: values for term, values in rows.items() if len(set(values)) > 1 or len(runs) == 1}
    columns = ["", *(run.path.name for run in runs)]
    cells = ([term, *(value[:60] for value in values)] for term, values in differing.items())
    table = markup.table(say("differences"), columns, cells, headed=True)
    return f"<h3>{say('odds over time')}</h3>{plot}<h3>{say('differences')}</h3>{table}"


def settings(say: Words, run: Run) -> list[tuple[str, str]]:
    """A run's settings, each by a name that a reader knows, but for those that its figures name already."""
    return [
        (say(f"setting {name}"), spelled(value))
        for group in run.recipe.model_dump().values()
        for name, value in group.items()
        if name not in ("network", "condition")
    ]


def spelled(value: Any) -> str:
    """A setting's value; one that is not set is a dash."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value)) or None
    return "–" if value is None else str(value)
