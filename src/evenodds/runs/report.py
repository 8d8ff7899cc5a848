"""report.html: one self-contained page to look at after a game."""

from __future__ import annotations

import base64
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
from evenodds.data.images.arrays import grid_image, to_pictures
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.networks.generate import fixed_noise, generate, latents_of
from evenodds.runs.conditions import resolve_condition
from evenodds.runs.film import FAKE, PICTURES, REAL, ROWS, make_film, number_ranges
from evenodds.runs.journal import Check
from evenodds.runs.messages import MESSAGES, event_sentence
from evenodds.runs.plot_section import plot_section
from evenodds.runs.run import Run, flat
from evenodds.runs.sample import Sampler, beside, load_generator
from evenodds.runs.status import verdict_sentences
from evenodds.runs.verdict import Verdict

TABLE_ROWS = 12
SHOWN = 24
"""Pairs shown."""
ARROWS = {"lower": "↓", "higher": "↑", "half": "→ 0.5", "reals": "→ reals"}
"""Which way a figure is better."""
SMALLEST = 1e-4
"""Of p-values, below which they are not told apart."""
SPLITS = {"train": "training", "held-out": "held-out"}
BESIDE = (
    "Beside each figure stands what as many real samples get in the fakes' place. Figures compare only where "
    "extractor, resizer, counts and split are the same."
)


class Event(NamedTuple):
    """Something that happened, in words."""

    round: int
    sentence: str
    alarm: bool


def write_report(run: Run, store: Store) -> Path:
    """Writes RUN/film.gif and RUN/report.html from what the run holds, and says where the page is."""
    codec = None if store.codec_json is None else TableCodec.from_json(store.codec_json)
    real = None if codec is None else real_rows(store, codec)
    film = make_film(run, real, {} if codec is None else number_ranges(codec))
    verdict, data = run.verdict(), run.data_facts
    page = template().render(
        name=run.path.name,
        meaning=["The game is going on."] if verdict is None else verdict_sentences(verdict),
        facts=headline(run, verdict),
        odds_svg=Markup(odds_plot(run.checks())),  # noqa: S704  drawn here, from numbers alone
        events=events(run),
        judge=judge_sentences(run.judge_facts()),
        evidence=evidence_sentences(verdict),
        pairs=pairs_sentences(run.scores("pairs")),
        scores=score_table(run.scores("score")),
        plots=plot_section(run.plots()),
        colors=(REAL, FAKE),
        figures=figures(run, store, film),
        rows=newest_rows(run) if codec is not None else None,
        notes=[
            counted(data.counts),
            *data.notes,
            *([data.license] if data.license else []),
        ],
        skipped=data.skipped,
        recipe=[("source", run.facts["source"]), *flat(run.facts["settings"]), *flat(run.facts["versions"])],
    )
    atomic.write_bytes(run.path / "report.html", page.encode("utf-8", "replace"))
    return run.path / "report.html"


def template() -> jinja2.Template:
    """The page, with everything that comes from outside escaped."""
    loader = jinja2.PackageLoader("evenodds.runs", ".")
    return jinja2.Environment(loader=loader, autoescape=True).get_template("report.html.j2")


def headline(run: Run, verdict: Verdict | None) -> list[tuple[str, str]]:
    """The figures at the top of the page."""
    network = ("network", run.recipe.network.network)
    if verdict is None:
        return [("verdict", "none yet"), network]
    evidence, ruling = verdict.evidence, verdict.evidence.referee
    facts = [("verdict", "none yet: paused" if verdict.verdict == "interrupted" else verdict.verdict)]
    if evidence.odds is not None:
        facts.append(
            ("odds (95 %)", f"{evidence.odds:.0%} ({evidence.odds_low:.0%} to {evidence.odds_high:.0%})")
        )
    if ruling is not None:
        facts.append(("referee (95 %)", f"{ruling.auc:.0%} ({ruling.low:.0%} to {ruling.high:.0%})"))
    return [
        *facts,
        ("rounds", f"{verdict.rounds:,}"),
        ("samples seen", f"{verdict.seen:,}"),
        ("seconds", f"{verdict.seconds:,.0f}"),
        network,
    ]


def evidence_sentences(verdict: Verdict | None) -> list[str]:
    """What the verdict rests on, in sentences."""
    if verdict is None or verdict.evidence.head_start_won is None:
        return []
    evidence, ruling = verdict.evidence, verdict.evidence.referee
    won = "won" if evidence.head_start_won else "did not win"
    lines = [f"D {won} its head start; the odds were level at the last {evidence.level_checks} checks."]
    if ruling is not None:
        lines.append(
            f"The referee ({ruling.by}) looked at the state of round {ruling.round:,}: 95 % interval {ruling.low:.1%} "
            f"to {ruling.high:.1%}; even needs at most {evidence.margin:.0%} at its upper end, and as much power."
        )
    if evidence.best_distance is not None:
        lines.append(f"The state kept as best is that of round {evidence.best_round:,}.")
    return lines


def judge_sentences(facts: dict[str, Any] | None) -> list[str]:
    """How well the judge, once made, knows what it says."""
    if facts is None:
        return ["Not made yet: evenodds judge makes it when it is first asked."]
    kinds = ", ".join(f"{name} fakes {value:.1%}" for name, value in facts["auc"].items())
    error, over, reals = facts["calibration_error"], facts["calibration_n"], facts["heldout_n"]
    over_what = f"over {over:,} samples that it did not learn from, {reals:,} of them held-out reals"
    return [
        f"Made for the state of round {int(facts['checkpoint']):,} in {facts['seconds']:.0f} seconds.",
        f"Its percents are off by {100 * error:.1f} points on average {over_what} (expected calibration error).",
        f"How often it scores a held-out real above one of: {kinds}.",
    ]


def pairs_sentences(scores: dict[str, Any] | None) -> list[str]:
    """How near fakes come to held-out reals, and to what was given."""
    if scores is None:
        return []
    if "distance_before" in scores:
        sentence = (
            "What is made from {pictures:,} held-out pictures lies {distance:.3f} from held-out reals of the "
        )
        sentence += (
            "other set (Fréchet distance), and these pictures themselves lie {distance_before:.3f} from them."
        )
        share = f"{scores['honoured']['content']:.0%}"
        return [
            sentence.format(**scores),
            f"Patch by patch fakes keep {share} of the content: 100% is all of it, 0% no more than chance.",
        ]
    sentence = "Over {pairs:,} held-out pairs fakes differ from reals by {l1:.3f} (L1, values from 0 to 1); "
    sentence += "PSNR {psnr:.1f} dB, SSIM {ssim:.3f}, Fréchet distance {distance:.3f}."
    lines, met = [sentence.format(**scores)], scores["honoured"]
    if "f1" in met:
        lines.append(
            f"Of the outlines found in fakes {met['precision']:.0%} were given, and of those given {met['recall']:.0%} "
            f"are found, within 2 px: F1 {met['f1']:.3f}."
        )
    elif met:
        lines.append(
            f"What was given differs from the same taken from the fake by {met['difference']:.3f} (L1)."
        )
    return lines


def score_table(scores: dict[str, Any] | None) -> dict[str, Any] | None:
    """What evenodds score found, as cells: title, fakes, reals in their place, and what it was measured on."""
    if scores is None:
        return None
    state = f"Of the state of round {int(scores['checkpoint']):,}. {BESIDE}"
    return {"state": state, "rows": [score_cells(figure) for figure in scores["figures"]]}


def score_cells(figure: dict[str, Any]) -> tuple[str, str, str, str]:
    """A figure of evenodds score in words, as a page and a terminal show it."""
    value = f"{figure['value']:.4g}"
    if figure["low"] is not None:
        value += f" ({figure['low']:.4g} to {figure['high']:.4g})"
    if figure["p_value"] is not None:
        p = figure["p_value"]
        value += f", p = {p:.2g}" if p >= SMALLEST else f", p < {SMALLEST:g}"
    reals = "" if figure["reals"] is None else f"{figure['reals']:.4g}"
    made = (
        figure["extractor"] if figure["resizer"] == "none" else f"{figure['extractor']}, {figure['resizer']}"
    )
    against = f"{figure['fake_n']:,} fakes, {figure['real_n']:,} {SPLITS[figure['split']]} reals"
    return f"{figure['title']} {ARROWS[figure['better']]}", value, reals, f"{against}; {made}"


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


def counted(counts: dict[str, int]) -> str:
    """How many samples there are, and how they are split."""
    return f"{counts['samples']:,} samples: {counts['train']:,} to train on, {counts['heldout']:,} held out."


def odds_plot(checks: Sequence[Check]) -> str:
    """The odds with their interval over rounds, as an SVG element."""
    rounds = [check.round for check in checks]
    with mpl.rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}):
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        FigureCanvasSVG(figure)
        plot = figure.add_subplot(xlabel="round", ylabel="odds", ylim=(0, 1.02))
        plot.axhline(0.5, color=REAL, linewidth=1, linestyle=(0, (4, 3)))
        plot.text(1, 0.5, " even", transform=plot.get_yaxis_transform(), va="center", color=REAL)
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
        rulings = [(check.round, check.referee) for check in checks if check.referee is not None]
        for at, ruling in rulings:
            plot.plot([at] * 2, [ruling.low, ruling.high], color=REAL, linewidth=1)
        if rulings:
            told_apart = [ruling.value for _, ruling in rulings]
            plot.plot([at for at, _ in rulings], told_apart, "D", color=REAL, markersize=4, label="referee")
            plot.legend(loc="upper right", frameon=False)
        plot.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
        plot.spines[["top", "right"]].set_visible(False)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def figures(run: Run, store: Store, film: Path | None) -> list[tuple[str, str]]:
    """Captions and pictures: newest fakes, reals to compare with, and the film."""
    captioned = []
    sheets = list(run.samples("png"))
    if run.condition is not None and run.condition.pictures:
        wish = resolve_condition(run, None, run.recipe.plan.seed)
        count = min(SHOWN, len(cast(Any, wish.pictures)))
        made = Sampler(run, torch.device("cpu")).pictures(count, run.recipe.plan.seed, wish)
        sheet, columns = beside(wish, np.concatenate(list(made)))
        what = "held-out conditions and what G makes of them"
        if wish.reals is not None:
            what = "held-out conditions, what G makes of them, and the reals"
        captioned.append((what, inline(png(grid_image(sheet, columns)), "png")))
    elif isinstance(store.spec, PictureSpec) and sheets:
        fakes = first_fakes(run)
        what = f"fakes 0 to {len(fakes) - 1} of the state kept as best"
        captioned.append((what, inline(png(grid_image(fakes)), "png")))
    if isinstance(store.spec, PictureSpec) and sheets:
        reals = store.heldout(np.arange(min(PICTURES, store.n_heldout))).transpose(0, 2, 3, 1)
        captioned.append(("reals that were never trained on", inline(png(grid_image(reals)), "png")))
    if film is not None:
        captioned.append(("the game from its first round to its last", inline(film.read_bytes(), "gif")))
    return captioned


def first_fakes(run: Run) -> NDArray[np.uint8]:
    """The first fakes of the best state, uint8 (n, H, W, C): those of these numbers in the studio and in exports; where
    G is given values, under those of the data in turn, of which the first is the one that steering takes."""
    cpu = torch.device("cpu")
    generator, condition = load_generator(run, cpu), resolve_condition(run, None, run.recipe.plan.seed)
    with fixed_noise(cpu):
        latents, c = (
            latents_of(range(PICTURES), run.recipe.network.latent),
            condition.conditions_for(0, PICTURES),
        )
        return to_pictures(torch.cat(list(generate(generator, latents, c))))


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
