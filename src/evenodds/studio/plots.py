"""The game drawn as SVG and HTML: the meter, the odds over time, how good both players are, the cloud."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from evenodds.data.builtin.people import KG_PER_CM
from evenodds.data.images.arrays import grid_image
from evenodds.runs import report
from evenodds.runs.heat import Axes, Heat
from evenodds.runs.journal import Check
from evenodds.studio.i18n import Words

WIDE, HIGH = 640, 230
"""The odds plot's size, in units of its own."""
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34
TICKS = 16
"""From the ground down to the base line of its ticks."""
BELOW = 4
"""Under the base line of an axis's name, for letters that go below it."""
MARGIN_AT_EVEN = 44
"""Room for the word at the even line."""
CLOUD_WIDE, CLOUD_HIGH = 640, 460
POINTS = 500
"""Points of each kind in a cloud, at most."""
SURE = 0.5


def meter(say: Words, fake: float, what: str) -> str:
    """How much fake and how much real, as one bar with both figures; ``fake`` is a share."""
    share = min(max(fake, 0.0), 1.0)
    summary = f"{figure(share)} {say('fake')}, {figure(1 - share)} {say('real')}"
    return (
        f'<figure class="eo-meter" role="img" aria-label="{escape(f"{what}: {summary}")}">'
        f"<figcaption>{escape(what)}</figcaption>"
        f'<div class="eo-figures"><b class="eo-fake">{figure(share)}<small>{say("fake")}</small></b>'
        f'<b class="eo-real">{figure(1 - share)}<small>{say("real")}</small></b></div>'
        f'<div class="eo-bar"><i style="width:{100 * share:.1f}%"></i><u></u></div>'
        f'<div class="eo-even" aria-hidden="true">{say("even")} 50 %</div></figure>'
    )


def pairs_meter(say: Words, odds: float) -> str:
    """Of 100 pairs of a real and a fake, how many D gets right and in how many G fools it; ``odds`` is a share."""
    share = min(max(odds, 0.0), 1.0)
    won, lost = (figure(part).removesuffix(" %") for part in (share, 1 - share))
    summary = say("pairs won", count=won)
    return (
        f'<figure class="eo-meter eo-pairs" role="img" aria-label="{escape(summary)}">'
        f"<figcaption>{escape(say('pairs'))}</figcaption>"
        f'<div class="eo-figures"><b class="eo-real"><small>{escape(summary)}</small></b>'
        f'<b class="eo-fake"><small>{escape(say("pairs lost", count=lost))}</small></b></div>'
        f'<div class="eo-bar"><i style="width:{100 * share:.1f}%"></i><u></u></div>'
        f'<div class="eo-even" aria-hidden="true">{say("even")}: 50</div></figure>'
    )


def figure(share: float) -> str:
    """A share in percent: whole ones, and a decimal near the ends."""
    percent = 100 * share
    places = 0 if 1 <= percent <= 99 or percent in (0, 100) else 1 if 0.1 <= percent <= 99.9 else 2
    return f"{percent:.{places}f} %"


def level(name: str, share: float, summary: str, kind: str) -> str:
    """How far one player has come, as a bar; ``kind`` is real for D and fake for G."""
    return (
        f'<div class="eo-level"><span>{escape(name)}</span>'
        f'<div class="eo-track" role="img" aria-label="{escape(f"{name}: {summary}")}">'
        f'<i class="eo-{kind}" style="width:{100 * min(max(share, 0.0), 1.0):.0f}%"></i></div>'
        f"<span>{escape(summary)}</span></div>"
    )


def odds_plot(say: Words, games: Mapping[str, Sequence[Check]]) -> str:
    """Odds over rounds with their interval, the even line, and what the referee said; a stroke for each game."""
    lines = {name: checks for name, checks in games.items() if checks}
    last = max((checks[-1].round for checks in lines.values()), default=0) or 1

    def at(rounds: float, odds: float) -> tuple[float, float]:
        return (
            LEFT + (WIDE - LEFT - MARGIN_AT_EVEN) * rounds / last,
            TOP + (HIGH - TOP - BOTTOM) * (1 - odds),
        )

    parts = []
    for odds in (0, 0.25, 0.5, 0.75, 1):
        _, y = at(0, odds)
        kind = "eo-evenline" if odds == SURE else "eo-grid"
        parts.append(
            f'<line class="{kind}" x1="{LEFT}" x2="{WIDE - MARGIN_AT_EVEN}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{odds:.0%}</text>')
    _, middle = at(0, SURE)
    parts.append(
        f'<text class="eo-strong" x="{WIDE - MARGIN_AT_EVEN + 6}" y="{middle + 4:.1f}">{say("even")}</text>'
    )
    for rounds in ticks(last):
        x, y = at(rounds, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + TICKS:.1f}" text-anchor="middle">{rounds:,}</text>')
    parts.append(f'<text x="{LEFT}" y="{HIGH - BELOW}">{say("round")}</text>')
    for index, (name, checks) in enumerate(lines.items()):
        parts.append(curve(at, checks, f"eo-line{index % 4}"))
        if len(lines) > 1:
            x, y = at(last, 0)
            parts.append(
                f'<text class="eo-line{index % 4}-text" x="{x:.1f}" y="{TOP + 14 * (index + 1)}" text-anchor="end">'
                f"{escape(name)}</text>"
            )
    summary = "; ".join(f"{name}: {figure(checks[-1].odds.value)}" for name, checks in lines.items()) or say(
        "no checks"
    )
    label = escape(say("odds") + ", " + summary)
    return (
        f'<svg class="eo-plot" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def curve(at: Any, checks: Sequence[Check], kind: str) -> str:
    """One game's odds: the interval as a band, the line, and the referee's rulings as diamonds with their interval."""
    above = [at(check.round, check.odds.high) for check in checks]
    below = [at(check.round, check.odds.low) for check in reversed(checks)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(check.round, check.odds.value) for check in checks))
    band = " ".join(f"{x:.1f},{y:.1f}" for x, y in above + below)
    parts = [f'<polygon class="{kind} eo-band" points="{band}"/><polyline class="{kind}" points="{line}"/>']
    for check in checks:
        if check.referee is not None:
            x, y = at(check.round, check.referee.value)
            _, high = at(check.round, check.referee.high)
            _, low = at(check.round, check.referee.low)
            parts.append(
                f'<g class="eo-referee"><line x1="{x:.1f}" x2="{x:.1f}" y1="{high:.1f}" y2="{low:.1f}"/>'
                f'<path d="M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4z"/></g>'
            )
    return "".join(parts)


def ticks(last: float, count: int = 5) -> list[int]:
    """About ``count`` round numbers from nought to ``last``."""
    raw = max(last / count, 1)
    size = 10 ** math.floor(math.log10(raw))
    step = next(int(size * times) for times in (1, 2, 5, 10) if size * times >= raw)
    return list(range(0, int(last) + 1, step))


def cloud(
    say: Words,
    axes: Axes,
    real: pd.DataFrame | None,
    fake: pd.DataFrame,
    before: pd.DataFrame | None,
    heat: Heat | None,
    marked: dict[str, float] | None = None,
    *,
    people: bool = False,
) -> str:
    """Fakes over reals, and D's answers in color. ``before`` are the same fakes at the check before, from where they
    move here; ``marked`` is one row to be marked; ``people`` is true for that data set, whose columns and standard
    weight are known."""
    (x, (left, right)), (y, (low, high)) = axes.items()

    def at(frame: pd.DataFrame) -> np.ndarray:
        across = LEFT + (CLOUD_WIDE - LEFT - RIGHT) * (frame[x].to_numpy(float) - left) / (right - left)
        up = TOP + (CLOUD_HIGH - TOP - BOTTOM) * (1 - (frame[y].to_numpy(float) - low) / (high - low))
        return np.stack([across, up], 1)[:POINTS]

    wide, tall = CLOUD_WIDE - LEFT - RIGHT, CLOUD_HIGH - TOP - BOTTOM
    parts = [f'<rect class="eo-ground" x="{LEFT}" y="{TOP}" width="{wide}" height="{tall}"/>']
    if heat is not None:
        parts.append(
            f'<image href="{heat_map(heat)}" x="{LEFT}" y="{TOP}" width="{wide}" height="{tall}" '
            'preserveAspectRatio="none"/>'
        )
    for value in ticks_between(left, right):
        index = LEFT + wide * (value - left) / (right - left)
        parts.append(
            f'<text x="{index:.0f}" y="{CLOUD_HIGH - BOTTOM + TICKS}" text-anchor="middle">{value:g}</text>'
        )
    for value in ticks_between(low, high):
        index = TOP + tall * (1 - (value - low) / (high - low))
        parts.append(f'<text x="{LEFT - 6}" y="{index + 4:.0f}" text-anchor="end">{value:g}</text>')
    across_name, up_name = (say("axis height"), say("axis weight")) if people else (x, y)
    parts.append(
        f'<text class="eo-strong" x="{CLOUD_WIDE - RIGHT}" y="{CLOUD_HIGH - BELOW}" text-anchor="end">'
        f"{escape(across_name)}</text>"
    )
    parts.append(f'<text class="eo-strong" x="4" y="{TOP - 1}">{escape(up_name)}</text>')
    if people:
        x1, y1, x2, y2 = standard_weight(axes)
        [(a, b), (c, d)] = at(pd.DataFrame({x: [x1, x2], y: [y1, y2]}))
        parts.append(
            f'<line class="eo-standard" x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}">'
            f"<title>{escape(say('standard weight'))}</title></line>"
        )
    if real is not None:
        parts.append(
            '<g class="eo-reals">'
            + "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.4"/>' for a, b in at(real))
            + "</g>"
        )
    here = at(fake)
    moved = np.zeros_like(here) if before is None or len(before) < len(here) else at(before) - here
    parts.append('<g class="eo-fakes">')
    parts += [
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" style="--dx:{c:.0f}px;--dy:{d:.0f}px"/>'
        for (a, b), (c, d) in zip(here, moved, strict=True)
        if math.isfinite(a + b + c + d)
    ]
    parts.append("</g>")
    if marked is not None:
        [(a, b)] = at(pd.DataFrame([marked]))
        parts.append(
            f'<g class="eo-asked"><circle cx="{a:.1f}" cy="{b:.1f}" r="11"/>'
            f'<path d="M{a:.1f} {b - 17:.1f}v34M{a - 17:.1f} {b:.1f}h34"/></g>'
        )
    frame = f' data-box="{LEFT},{TOP},{wide},{tall}" data-range="{left},{right},{low},{high}"'
    facts = "" if heat is None else frame + heat_facts(say, heat, people)
    hint = (
        "" if heat is None else f'<p class="eo-dim eo-answer" role="status">{escape(say("point at it"))}</p>'
    )
    return (
        f'<div class="eo-cloud-box"><svg class="eo-plot eo-cloud" viewBox="0 0 {CLOUD_WIDE} {CLOUD_HIGH}" role="img" '
        f'aria-label="{escape(say("cloud told", x=across_name, y=up_name))}"{facts}>{"".join(parts)}</svg>{hint}</div>'
    )


def ticks_between(low: float, high: float) -> list[float]:
    """Round numbers within a range."""
    size = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = next(size * times for times in (1, 2, 5, 10) if (high - low) / (size * times) <= 6)
    return [float(value) for value in np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step]


def heat_map(heat: Heat) -> str:
    """D's answers as a picture, a data URL."""
    image = Image.fromarray(heat.rgba()[::-1]).resize((256, 192), Image.Resampling.BILINEAR)
    return inline(image)


def heat_facts(say: Words, heat: Heat, people: bool) -> str:
    """What cloud.js reads of D's answers: P(fake) and presence in 65,535ths, rows upwards, and how a place is said."""
    planes = np.stack([1 - heat.probability, heat.presence])
    packed = base64.b64encode((planes * 65_535).round().astype("<u2").tobytes()).decode()
    down, across = heat.probability.shape
    units = "cm,kg" if people else ","
    return (
        f' data-heat="{packed}" data-down="{down}" data-across="{across}" data-units="{units}"'
        f' data-place="{escape(say("answer at"))}" data-far="{escape(say("far off"))}"'
    )


def standard_weight(axes: Axes) -> tuple[float, float, float, float]:
    """The ends x, y, x, y of the line weight = (height - 100) * 0.9 within the axes of ``people``."""
    (left, right), (low, high) = axes.values()
    ends = [min(max(100 + weight / KG_PER_CM, left), right) for weight in (low, high)]
    return ends[0], KG_PER_CM * (ends[0] - 100), ends[1], KG_PER_CM * (ends[1] - 100)


def inline(image: Image.Image) -> str:
    """A picture as a data URL."""
    return report.inline(report.png(image), "png")


def enlarged(pixels: NDArray[np.uint8], side: int = 160) -> str:
    """A picture (H, W, C) as a data URL, enlarged so that its longer side has ``side`` pixels or nearly so many."""
    return inline(grid_image(pixels[None], 1, max(1, side // max(pixels.shape[:2]))))
