"""Draws the distribution of a column's real rows and fakes, one over the other or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evenodds.runs.column_plots import CategoryPlot, ColumnPlot, NumberPlot
from evenodds.runs.messages import Speaker
from evenodds.runs.report_texts import english
from evenodds.runs.svg import (
    SIDES,
    Shares,
    both_shares,
    drawing,
    line,
    name_of,
    percent,
    ratio,
    rect,
    text,
    values_of,
)

WIDE, TALL = 300, 152
"""Size of a histogram in units of its own; bars of levels are as high as they have to be."""
LEFT, RIGHT, TOP, BASE = 4, 296, 20, 130
LINE = 16
"""From the base line down to an axis's text."""
GAPS = 92
"""Room for the bars of gaps."""
LABELS, AFTER = 110, 84
"""Room for the names of levels, and for both shares after their bars."""


def column_svg(plot: ColumnPlot, say: Speaker = english) -> Markup:
    """A histogram of numbers and dates, bars of a category's levels."""
    return histogram(plot, say) if isinstance(plot, NumberPlot) else bars(plot, say)


def histogram(plot: NumberPlot, say: Speaker) -> Markup:
    """Shares of the known values in each bin, one side over the other; beside them shares of gaps."""
    gaps = any(plot.missing)
    right = RIGHT - GAPS if gaps else RIGHT
    sides = [[count / max(sum(side), 1) for count in side] for side in (plot.real, plot.fake)]
    most = max(*sides[0], *sides[1]) or 1.0
    low, high = plot.edges[0], plot.edges[-1]
    if plot.whole and high - low >= 1:  # its edges lie halfway between two values
        low, high = low + 0.5, high - 0.5
    first, middle, last = values_of(low, high, plot.unit)
    parts = [
        text(LEFT, TOP - 6, percent(most), "start"),
        line(LEFT, TOP, right, TOP, "grid"),
        *(outline(side, most, right, kind) for side, kind in zip(sides, SIDES, strict=True)),
        line(LEFT, BASE, right, BASE, "axis"),
        text(LEFT, BASE + LINE, "≤ " * plot.beyond[0] + first, "start"),
        text((LEFT + right) / 2, BASE + LINE, middle if high > low else "", "middle"),
        text(right, BASE + LINE, "≥ " * plot.beyond[1] + last if high > low else "", "end"),
    ]
    if gaps:
        parts.append(gap_bars(plot, right, say))
    return drawing(WIDE, TALL, say("report drawing", what=plot.name), parts)


def outline(side: Sequence[float], most: float, right: float, kind: str) -> Markup:
    """A histogram as one path."""
    width = (right - LEFT) / len(side)
    steps = [
        f"V{BASE - (BASE - TOP) * share / most:.1f}H{LEFT + width * index:.1f}"
        for index, share in enumerate(side, start=1)
    ]
    return Markup('<path class="{} area" d="M{} {}{}V{}"/>').format(kind, LEFT, BASE, "".join(steps), BASE)


def gap_bars(plot: NumberPlot, right: float, say: Speaker) -> Markup:
    """The shares of gaps among all rows, on a scale from none to all."""
    totals = (sum(plot.real) + plot.missing[0], sum(plot.fake) + plot.missing[1])
    sides = ratio(plot.missing, totals)
    middle = right + GAPS / 2 + 4
    parts = [
        text(middle, TOP - 6, say("report missing"), "middle", "gaps"),
        line(middle - 22, TOP, middle + 22, TOP, "grid"),
    ]
    for share, kind, x in zip(sides, SIDES, (middle - 16, middle + 2), strict=True):
        parts.append(rect(x, BASE - (BASE - TOP) * share, 14, (BASE - TOP) * share, kind))
    parts.append(line(middle - 22, BASE, middle + 22, BASE, "axis"))
    parts.append(both_shares(middle, BASE + LINE, sides, "middle"))
    return Markup("").join(parts)


def bars(plot: CategoryPlot, say: Speaker) -> Markup:
    """Shares of the known values at each level, as pairs of bars; gaps, as shares of all rows, below them."""
    present = (sum(plot.real) + plot.other[0], sum(plot.fake) + plot.other[1])
    rows = [
        (name, ratio(counts, present))
        for name, *counts in zip(plot.levels, plot.real, plot.fake, strict=True)
    ]
    if plot.others:
        rows.append((say("report others", count=plot.others), ratio(plot.other, present)))
    high = 22 if len(rows) <= 8 else 17
    most = max((max(sides) for _, sides in rows), default=1.0) or 1.0
    parts = [level_bars(2 + high * index, high, *row, most) for index, row in enumerate(rows)]
    bottom = 2 + high * len(rows)
    if any(plot.missing):
        gaps = ratio(plot.missing, (present[0] + plot.missing[0], present[1] + plot.missing[1]))
        parts.append(line(LEFT, bottom + 3, RIGHT, bottom + 3, "grid"))
        parts.append(level_bars(bottom + 6, high, say("report missing"), gaps, max(most, *gaps), "gaps"))
        bottom += 6 + high
    return drawing(WIDE, bottom + 2, say("report drawing", what=plot.name), parts)


def level_bars(y: float, high: float, name: str, sides: Shares, most: float, style: str = "") -> Markup:
    """A level's name, its two bars and shares."""
    room, bar = RIGHT - AFTER - LABELS, high / 2 - 2
    parts = [name_of(LABELS - 6, y + high / 2 + 4, name, LABELS - 8, style)]
    for index, (share, kind) in enumerate(zip(sides, SIDES, strict=True)):
        parts.append(rect(LABELS, y + 2 + index * bar, room * share / most, bar, kind))
    parts.append(both_shares(RIGHT, y + high / 2 + 4, sides, "end"))
    return Markup("").join(parts)
