"""report.html: one self-contained page to look at after a game."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple, cast

import jinja2
import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from evenodds.core import atomic
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import grid_image, to_visible, visible
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.networks.generate import fixed_noise, generate, latents_of
from evenodds.runs.chapters import chapters
from evenodds.runs.conditions import resolve_condition
from evenodds.runs.film import FAKE, PICTURES, REAL, ROWS, film_rounds, make_film, number_ranges
from evenodds.runs.journal import Check
from evenodds.runs.messages import MESSAGES, Speaker, Translate, event_sentence
from evenodds.runs.plot_section import plot_section
from evenodds.runs.report_sentences import (
    counted,
    evidence_sentences,
    headline,
    judge_sentences,
    pairs_sentences,
    score_table,
)
from evenodds.runs.report_texts import english, text_of
from evenodds.runs.run import Run, flat
from evenodds.runs.sample import Sampler, beside, load_generator
from evenodds.runs.status import verdict_sentences

TABLE_ROWS = 12
SHOWN = 24
"""Pairs shown."""


class Event(NamedTuple):
    """Something that happened, in words."""

    round: int
    sentence: str
    alarm: bool


def write_report(run: Run, store: Store) -> Path:
    """Writes RUN/film.gif and RUN/report.html, in English, from what the run holds, and says where the page is."""
    codec = None if store.codec_json is None else TableCodec.from_json(store.codec_json)
    real = None if codec is None else real_rows(store, codec)
    make_film(run, real, {} if codec is None else number_ranges(codec))
    atomic.write_bytes(run.path / "report.html", render_report(run, store))
    return run.path / "report.html"


def render_report(
    run: Run,
    store: Store,
    say: Speaker = english,
    translate: Translate = lambda text: text,
    language: str = "en",
) -> bytes:
    """The report as a page in the language of ``say``, with the film that the run has. ``translate`` is for sentences
    that a run holds in English: notes on its data, and those of versions before."""
    verdict, data = run.verdict(), run.data_facts

    def meaning(name: str) -> str:
        return say(f"meaning {name}")

    def sentence(line: dict[str, Any]) -> str:
        return event_sentence(line, say, translate)

    sentences = verdict_sentences(verdict, meaning, say, translate) if verdict else [say("report going on")]
    page = template().render(
        say=say,
        language=language,
        name=run.path.name,
        meaning=sentences,
        facts=headline(run, verdict, say),
        odds_svg=Markup(odds_plot(run.checks(), say)),  # noqa: S704  drawn here, from numbers and our own words
        events=events(run, sentence),
        judge=judge_sentences(run.judge_facts(), say),
        evidence=evidence_sentences(verdict, say),
        pairs=pairs_sentences(run.scores("pairs"), say),
        scores=score_table(run.scores("score"), say),
        plots=plot_section(run.plots(), say),
        colors=(REAL, FAKE),
        figures=figures(run, store, say),
        chapters=chapter_frames(run, say),
        rows=newest_rows(run) if store.codec_json is not None else None,
        notes=[
            counted(data.counts, say),
            *map(translate, data.notes),
            *([data.license] if data.license else []),
        ],
        skipped=[one._replace(reason=translate(one.reason)) for one in data.skipped],
        recipe=recipe_rows(run, say),
    )
    return page.encode("utf-8", "replace")


def recipe_rows(run: Run, say: Speaker) -> list[tuple[str, Any]]:
    """The source, the settings and the versions, each with its name."""
    settings = ((setting_name(say, name), value) for name, value in flat(run.facts["settings"]))
    source = text_of(say, "source", "source")
    return [(source, run.facts["source"]), *settings, *flat(run.facts["versions"])]


def setting_name(say: Speaker, name: str) -> str:
    """A setting's dotted name, or what it is called in the reader's language."""
    return text_of(say, f"setting {name.rpartition('.')[2]}", name)


def template() -> jinja2.Template:
    """The page, with everything that comes from outside escaped."""
    loader = jinja2.PackageLoader("evenodds.runs", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True)
    environment.globals |= {"say": english, "language": "en"}
    return environment.get_template("report.html.j2")


def events(run: Run, sentence: Callable[[dict[str, Any]], str] = event_sentence) -> list[Event]:
    """What happened between checks, oldest first; of alarms that last, the first.

    ``sentence`` puts a line into words.
    """
    shown: list[Event] = []
    lasting = ""
    for line in run.journal():
        event = line.get("event")
        if "odds" in line and not line["alarms"]:
            lasting = ""
        try:
            if f"event {event}" not in MESSAGES or (event == "alarm" and line["kind"] == lasting):
                continue
            shown.append(Event(line["round"], sentence(line), event == "alarm"))
            lasting = line["kind"] if event == "alarm" else lasting
        except (LookupError, TypeError, ValueError):
            continue  # an event that no training writes so
    return shown


def odds_plot(checks: Sequence[Check], say: Speaker = english) -> str:
    """The odds with their interval over rounds, as an SVG element."""
    rounds = [check.round for check in checks]
    style: Any = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
    with mpl.rc_context(style), warnings.catch_warnings():
        # Texts are drawn by the reader's browser, in fonts of its own: it does not matter which glyphs are here.
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        FigureCanvasSVG(figure)
        plot = figure.add_subplot(xlabel=say("report round"), ylabel=say("report axis odds"), ylim=(0, 1.02))
        plot.axhline(0.5, color=REAL, linewidth=1, linestyle=(0, (4, 3)))
        plot.text(
            1, 0.5, f" {say('report even')}", transform=plot.get_yaxis_transform(), va="center", color=REAL
        )
        low, high = [check.odds.low for check in checks], [check.odds.high for check in checks]
        plot.fill_between(rounds, low, high, color=FAKE, alpha=0.2, linewidth=0)
        plot.plot(
            rounds,
            [check.odds.value for check in checks],
            color=FAKE,
            linewidth=1.6,
            marker=".",
            markersize=4,
        )
        draw_rulings(plot, checks, say)
        plot.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
        plot.spines[["top", "right"]].set_visible(False)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def draw_rulings(plot: Any, checks: Sequence[Check], say: Speaker) -> None:
    """The referee's rulings with their intervals, in a plot of the odds."""
    rulings = [(check.round, check.referee) for check in checks if check.referee is not None]
    for at, ruling in rulings:
        plot.plot([at] * 2, [ruling.low, ruling.high], color=REAL, linewidth=1)
    if rulings:
        told_apart = [ruling.value for _, ruling in rulings]
        plot.plot(
            [at for at, _ in rulings],
            told_apart,
            "D",
            color=REAL,
            markersize=4,
            label=say("report by referee"),
        )
        plot.legend(loc="upper right", frameon=False)


def figures(run: Run, store: Store, say: Speaker = english) -> list[tuple[str, str]]:
    """Captions and pictures: newest fakes, reals to compare with, and the film."""
    captioned = []
    sheets = list(run.samples("png"))
    if run.condition is not None and run.condition.pictures:
        wish = resolve_condition(run, None, run.recipe.plan.seed)
        count = min(SHOWN, len(cast(Any, wish.pictures)))
        made = Sampler(run, torch.device("cpu")).pictures(count, run.recipe.plan.seed, wish)
        sheet, columns = beside(wish, np.concatenate(list(made)))
        what = say("report conditions" if wish.reals is not None else "report conditions alone")
        captioned.append((what, inline(png(grid_image(sheet, columns)), "png")))
    elif isinstance(store.spec, PictureSpec) and sheets:
        fakes = first_fakes(run)
        captioned.append((say("report fakes", last=len(fakes) - 1), inline(png(grid_image(fakes)), "png")))
    if isinstance(store.spec, PictureSpec) and sheets:
        reals = store.heldout(np.arange(min(PICTURES, store.n_heldout))).transpose(0, 2, 3, 1)
        reals = visible(reals, store.spec.bands)
        captioned.append((say("report reals"), inline(png(grid_image(reals)), "png")))
    film = run.path / "film.gif"
    if film.exists():
        captioned.append((say("report film"), inline(film.read_bytes(), "gif")))
    return captioned


def chapter_frames(run: Run, say: Speaker = english) -> list[tuple[str, str]]:
    """Captions and frames of the film's chapters; none where there is no film."""
    shown: list[tuple[str, str]] = []
    film = run.path / "film.gif"
    if not film.exists():
        return shown
    with Image.open(film) as image:
        for chapter in chapters(run, film_rounds(run)):
            image.seek(min(chapter.frame, getattr(image, "n_frames", 1) - 1))
            caption = say("report chapter", round=chapter.round, name=say(f"chapter {chapter.name}"))
            shown.append((caption, inline(png(image.convert("RGB").quantize(128)), "png")))
    return shown


def first_fakes(run: Run) -> NDArray[np.uint8]:
    """The first fakes of the best state, as they are shown, uint8 (n, H, W, C): those of these numbers in the studio
    and in exports; where G is given values, under those of the data in turn, of which the first is the one that
    steering takes."""
    cpu = torch.device("cpu")
    generator, condition = load_generator(run, cpu), resolve_condition(run, None, run.recipe.plan.seed)
    with fixed_noise(cpu):
        latents, c = (
            latents_of(range(PICTURES), run.recipe.network.latent),
            condition.conditions_for(0, PICTURES),
        )
        return to_visible(torch.cat(list(generate(generator, latents, c))), cast(PictureSpec, run.spec).bands)


def real_rows(store: Store, codec: TableCodec) -> pd.DataFrame:
    """Held-out rows, decoded, for the film."""
    count = min(ROWS, store.n_heldout)
    return codec.to_table(store.heldout(np.arange(count)), np.random.default_rng(0))


def newest_rows(run: Run) -> dict[str, Any] | None:
    """The first rows of the newest sample table."""
    tables = list(run.samples("csv"))
    if not tables:
        return None
    rows = pd.read_csv(tables[-1], dtype=str, keep_default_na=False, nrows=TABLE_ROWS)
    return {"columns": list(rows.columns), "values": rows.to_numpy().tolist()}


def png(image: Image.Image) -> bytes:
    """The image as PNG bytes."""
    content = BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def inline(content: bytes, kind: str) -> str:
    """A picture as a data URL, so that the page stands alone."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
