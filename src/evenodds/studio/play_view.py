"""What the Play page shows of a run: the board (how the game stands) and the scene (what G makes, beside reals)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import sheet_scale
from evenodds.data.tables.codec import TableCodec
from evenodds.runs.answers import read_answers
from evenodds.runs.chapters import chapters
from evenodds.runs.film import number_ranges
from evenodds.runs.gallery import in_gallery
from evenodds.runs.heat import heat_of
from evenodds.runs.journal import Check
from evenodds.runs.messages import alarm_sentence, event_sentence
from evenodds.runs.report import events
from evenodds.runs.run import Run
from evenodds.runs.status import standing, verdict_sentences
from evenodds.runs.verdict import Verdict
from evenodds.studio import markup, plots
from evenodds.studio.cache import RunCache
from evenodds.studio.i18n import Words
from evenodds.studio.processes import Status
from evenodds.studio.translate import problem_sentence, translate

EVENTS = 6
"""The newest things that happened, shown."""
ROWS = 8


def board(say: Words, run: Run | None, status: Status) -> str:
    """How the game stands: the meter, the sentence, both levels, the odds, what happened, and the verdict."""
    parts = [badge(say, status)]
    if status.phase == "failed":
        parts.append(markup.alert(status.line.removeprefix("evenodds: ") or say("broke off")))
    if run is None:
        parts.append(markup.note((status.line if status.running else "") or say("first check")))
        return "".join(parts)
    checks = run.checks()
    verdict = run.verdict()
    if verdict is not None and not status.running:
        parts.append(ending(say, verdict))
    if in_gallery(run.name):
        parts.append(markup.note(say("gallery run", name=run.name)))
        return "".join(parts)
    if not checks:
        parts.append(markup.note(status.line or say("first check")))
        return "".join(parts)
    last = checks[-1]
    parts.append(f"<h3>{say('at check', rounds=last.round)}</h3>" + plots.pairs_meter(say, last.odds.value))
    parts.append(
        f'<p class="eo-said" aria-live="polite">{escape(sentence(say, checks, verdict, status))}</p>'
    )
    parts.append(levels(say, checks))
    parts.append(f"<h3>{say('odds over time')}</h3>" + plots.odds_plot(say, {run.path.name: checks}))
    played = {"speed": round(last.speed or 0.0), "seconds": round(last.seconds)}
    parts.append(markup.note(say("rounds played", rounds=last.round, seen=last.seen, **played)))
    happened = events(run, lambda line: event_sentence(line, say, partial(translate, say)))[-EVENTS:]
    if happened:
        lines = "".join(
            f'<li class="{"eo-alarm" if event.alarm else ""}"><b>{event.round:,}</b> {escape(event.sentence)}</li>'
            for event in reversed(happened)
        )
        parts.append(f'<h3>{say("what happened")}</h3><ul class="eo-events">{lines}</ul>')
    return "".join(parts)


def sentence(say: Words, checks: Sequence[Check], verdict: Verdict | None, status: Status) -> str:
    """One sentence on how the game stands, or on how it ended: never both, for the verdict has looked at more."""
    if verdict is not None and verdict.verdict != "interrupted" and not status.running:
        finding = verdict.summary["referee"]
        word = say(f"verdict {verdict.verdict}")
        return say(
            "ended", verdict=word[:1].upper() + word[1:], short=say(f"short {finding['code']}", **finding)
        )
    rulings = [check.referee for check in checks if check.referee is not None]
    key, facts = standing(
        replace(checks[-1], referee=rulings[-1] if rulings else None),
        lambda alarm: alarm_sentence(alarm, say, partial(translate, say)),
    )
    return say("standing " + key, **facts)


def badge(say: Words, status: Status) -> str:
    """Where the run is, in a word."""
    return f'<p class="eo-badge eo-{status.phase}" role="status">{say("phase " + status.phase)}</p>'


def ending(say: Words, verdict: Verdict) -> str:
    """The verdict in words, with its evidence."""
    name, facts, ruling = verdict.verdict, verdict.evidence, verdict.evidence.referee
    word = say(f"verdict {name}")
    title = word if name == "interrupted" else f"{say('verdict')}: {word}"
    meaning = verdict_sentences(verdict, lambda ended: say(f"meaning {ended}"), say, partial(translate, say))
    lines = []
    if facts.odds is not None:
        interval = {"low": facts.odds_low, "high": facts.odds_high}
        level = {"level": facts.level_checks} if facts.level_checks else {}
        lines.append(
            say("evidence odds" if level else "evidence odds now", odds=facts.odds, **interval, **level)
        )
    if ruling is not None:
        interval = {"low": ruling.low, "high": ruling.high}
        lines.append(say("evidence referee", **interval, margin=facts.margin))
    played = {"rounds": verdict.rounds, "seconds": verdict.seconds}
    lines.append(say("evidence best", round=facts.best_round, **played))
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f'<section class="eo-verdict eo-v-{name}"><h3>{title}</h3>'
        + "".join(f"<p>{escape(sentence)}</p>" for sentence in meaning)
        + f"<ul>{items}</ul></section>"
    )


def levels(say: Words, checks: Sequence[Check]) -> str:
    """How good D and G are now: D by its odds, G by how far the distance to reals has fallen since the first check."""
    odds, first, last = checks[-1].odds.value, checks[0].metrics.distance, checks[-1].metrics.distance
    came = min(max(math.log(first / last) / math.log(100), 0.0), 1.0) if first and last > 0 else 0.0
    fell = 1 - last / first if first else 0.0
    return (
        '<div class="eo-levels">'
        + plots.level(say("D"), abs(2 * odds - 1), say("level D", odds=odds), "real")
        + plots.level(say("G"), came, say("level G", fell=max(0.0, fell)), "fake")
        + "</div>"
    )


def sheets(run: Run) -> list[Path]:
    """What fixed latents gave, oldest first."""
    return list(run.samples("png" if isinstance(run.spec, PictureSpec) else "csv"))


def scene(say: Words, cache: RunCache, run: Run, back: float) -> str:
    """What G makes of fixed latents, beside reals; ``back`` is the share of the film to be shown, 1 is now."""
    paths = sheets(run)
    if not paths:
        return markup.note(say("no samples"))
    index = round((len(paths) - 1) * min(max(back, 0.0), 1.0))
    title = f"<h3>{say('after rounds', rounds=int(paths[index].stem))}</h3>"
    title += pinned(say, run, paths[index])
    if isinstance(run.spec, PictureSpec):
        return title + pictures(say, cache, run, paths[index])
    return f'<div class="eo-pinned">{title}{table(say, cache, run, paths, index)}</div>'


def chapter_marks(say: Words, run: Run) -> str:
    """A button for each chapter of the film, which turns the film to it; nothing where there is one frame."""
    rounds = [int(path.stem) for path in sheets(run)]
    if len(rounds) < 2:
        return ""
    marks = "".join(
        f'<button type="button" data-share="{100 * chapter.frame / (len(rounds) - 1):.1f}">'
        f"<b>{chapter.round:,}</b> {escape(say(f'chapter {chapter.name}'))}</button>"
        for chapter in chapters(run, rounds)
    )
    return (
        f'<div class="eo-chapters" role="group" aria-label="{escape(say("report chapters"))}">{marks}</div>'
    )


def pinned(say: Words, run: Run, sheet: Path) -> str:
    """D's own answer to the first fake of a sheet, whose latent stays the same all along; nothing where the run is of a
    version that kept no answers."""
    answers = read_answers(sheet)
    if answers is None or not answers.fakes:
        return ""
    if isinstance(run.spec, PictureSpec):
        scale = sheet_scale(run.spec.height, run.spec.width)
        with Image.open(sheet) as image:
            first = image.crop((0, 0, run.spec.width * scale, run.spec.height * scale))
        shown = markup.image(plots.inline(first), say("alt pinned"), "")
    else:
        row = pd.read_csv(sheet, dtype=str, keep_default_na=False, nrows=1).iloc[0]
        shown = markup.note(", ".join(f"{name} {value}" for name, value in row.items()))
    return f'<div class="eo-pin">{shown}{plots.meter(say, 1 - answers.fakes[0], say("pinned says"))}</div>'


def pictures(say: Words, cache: RunCache, run: Run, sheet: Path) -> str:
    """The sheet of fakes beside one of held-out reals."""
    base = f"/runs/{quote(run.path.name)}"
    try:
        cache.store(run)
        real = markup.image(f"{base}/reals.png", say("alt reals"))
    except UserError as problem:
        real = markup.note(problem_sentence(say, problem))
    fake = markup.image(f"{base}/samples/{sheet.name}", say("alt fakes"))
    both = markup.figure(fake, say("fakes"), "eo-fakes-frame") + markup.figure(
        real, say("reals"), "eo-reals-frame"
    )
    return f'<div class="eo-pair">{both}</div>'


def table(say: Words, cache: RunCache, run: Run, paths: list[Path], index: int) -> str:
    """The cloud where a table has two numbers or more, and the first rows."""
    return cloud_of(say, cache, run, index) + shown(
        say, pd.read_csv(paths[index], keep_default_na=False, na_values=[""]).head(ROWS)
    )


def cloud_of(say: Words, cache: RunCache, run: Run, index: int) -> str:
    """The cloud, and what its colours mean; nothing where a table has fewer than two numbers."""
    drawing = cloud_alone(say, cache, run, index)
    key = f'<span class="eo-key eo-fake">{say("fakes")}</span><span class="eo-key eo-real">{say("reals")}</span>'
    if "<image" in drawing:
        key += f'<span class="eo-key eo-heat"><i aria-hidden="true"></i>{say("heat")}</span>'
    if "eo-standard" in drawing:
        key += f'<span class="eo-key eo-standard">{say("standard weight")}</span>'
    return f'<p class="eo-keys">{key}</p>{drawing}' if drawing else ""


def cloud_alone(say: Words, cache: RunCache, run: Run, index: int) -> str:
    """The fakes of one check over reals and D's score, by the first two numbers of a table."""
    paths = sheets(run)
    index %= len(paths)
    axes = dict(list(number_ranges(TableCodec.from_json(run.codec())).items())[:2])
    if len(axes) < 2:
        return ""
    scores = paths[index].with_suffix(".npy")
    before = pd.read_csv(paths[index - 1]) if index else None
    fake = pd.read_csv(paths[index])
    try:
        real = cache.real_samples(run)
    except UserError:
        real = None
    heat = None
    if scores.exists() and real is not None and len(fake):
        plane = np.load(scores, allow_pickle=False)
        heat = heat_of(run.recipe.objective.loss, plane, axes, real, fake)
    return plots.cloud(say, axes, real, fake, before, heat, people=is_people(run))


def is_people(run: Run) -> bool:
    """Whether a run was trained on the built-in heights and weights."""
    return str(run.facts["source"]) == "people"


def shown(say: Words, rows: pd.DataFrame) -> str:
    """Rows as a table."""
    cells = (["" if pd.isna(cell) else str(cell) for cell in row] for row in rows.itertuples(index=False))
    return markup.table(say("rows"), map(str, rows.columns), cells)
