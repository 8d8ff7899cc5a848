"""Draws how two columns hang together, in real rows and in fakes."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evenodds.runs.column_plots import Box, BoxesPlot, LevelsPlot, PairPlot, ScatterPlot
from evenodds.runs.messages import Speaker
from evenodds.runs.report_texts import english
from evenodds.runs.svg import (
    SIDES,
    both_shares,
    drawing,
    length,
    line,
    name_of,
    ratio,
    rect,
    text,
    turned,
    values_of,
)

WIDE, PANEL, HIGH = 380, 140, 136
"""Width of a plot, and size of each of its two panels, in units of its own."""
STARTS = (WIDE - 2 * PANEL - 14, WIDE - PANEL - 4)
"""Where each panel begins."""
TOP, LINE = 18, 15
NAMES = 84
"""Room for names of levels that are turned."""
LABELS, AFTER = 104, 88
"""Of boxes: room for the names of levels before them, and for both shares after them."""
BOX_ROW = 30
"""Height of a level's two boxes."""


def pair_svg(plot: PairPlot, say: Speaker = english) -> Markup:
    """Two numbers as points, two categories as heat maps, a number at each level as boxes."""
    if isinstance(plot, ScatterPlot):
        return scatter(plot, say)
    return heat_maps(plot, say) if isinstance(plot, LevelsPlot) else boxes(plot, say)


def scatter(plot: ScatterPlot, say: Speaker) -> Markup:
    """Points of real rows and of fakes in two panels with common axes."""
    across, up = (values_of(axis.low, axis.high, axis.unit) for axis in plot.axes)
    base = TOP + HIGH
    parts = [text(STARTS[0] - 6, base, up[0], "end"), text(STARTS[0] - 6, TOP + 9, up[2], "end")]
    for x, kind, points in zip(STARTS, SIDES, (plot.real, plot.fake), strict=True):
        steps = (f"M{x + 3 + (PANEL - 6) * a:.1f} {base - 3 - (HIGH - 6) * b:.1f}h0" for a, b in points)
        parts += [
            text(x, TOP - 6, say(f"report {kind}"), "start", f"{kind} side"),
            rect(x, TOP, PANEL, HIGH, "frame"),
            Markup('<path class="{} dots" d="{}"/>').format(kind, "".join(steps)),
            text(x, base + LINE, across[0], "start"),
            text(x + PANEL, base + LINE, across[2], "end"),
        ]
    return drawing(WIDE, base + LINE + 5, say("report drawing", what=" / ".join(plot.names)), parts)


def heat_maps(plot: LevelsPlot, say: Speaker) -> Markup:
    """Shares of rows with each pair of levels in two panels; the fullest color is the largest share of both."""
    down, across = (max(len(levels), 1) for levels in plot.levels)
    tall, wide = min(26.0, HIGH / down), PANEL / across
    totals = [max(sum(map(sum, side)), 1) for side in (plot.real, plot.fake)]
    sides = list(zip(STARTS, SIDES, (plot.real, plot.fake), totals, strict=True))
    most = (
        max((count / total for _, _, cells, total in sides for row in cells for count in row), default=0)
        or 1.0
    )
    parts = [
        name_of(STARTS[0] - 6, TOP + tall * (row + 0.5) + 4, name, STARTS[0] - 8)
        for row, name in enumerate(plot.levels[0])
    ]
    for x, kind, cells, total in sides:
        parts += [
            text(x, TOP - 6, say(f"report {kind}"), "start", f"{kind} side"),
            rect(x, TOP, PANEL, tall * down, "frame"),
        ]
        for row, counts in enumerate(cells):
            for column, count in enumerate(counts):
                if count:
                    corner = (x + wide * column, TOP + tall * row)
                    parts.append(rect(*corner, wide, tall, kind, count / total / most))
        parts += [
            turned(x + wide * (column + 0.5) + 4, TOP + tall * down + 12, name, NAMES)
            for column, name in enumerate(plot.levels[1])
        ]
    longest = max((min(length(name), NAMES) for name in plot.levels[1]), default=0)
    return drawing(
        WIDE,
        TOP + tall * down + 18 + 0.9 * longest,
        say("report drawing", what=" / ".join(plot.names)),
        parts,
    )


def boxes(plot: BoxesPlot, say: Speaker) -> Markup:
    """At each level the number's percentiles, and the level's share of rows on both sides."""
    right = WIDE - AFTER
    totals = (sum(plot.real), sum(plot.fake))
    parts = []
    columns = (plot.levels, plot.real, plot.fake, plot.real_boxes, plot.fake_boxes)
    for index, (name, real, fake, *percentiles) in enumerate(zip(*columns, strict=True)):
        y = 4 + BOX_ROW * index
        parts.append(name_of(LABELS - 6, y + BOX_ROW / 2 + 4, name, LABELS - 8))
        for offset, kind, one in zip((3, 15), SIDES, percentiles, strict=True):
            if one is not None:
                parts.append(box(one, y + offset, kind, right))
        parts.append(both_shares(WIDE - 4, y + BOX_ROW / 2 + 4, ratio((real, fake), totals), "end"))
    bottom = 6 + BOX_ROW * len(plot.levels)
    low, middle, high = values_of(plot.axis.low, plot.axis.high, plot.axis.unit)
    parts += [
        line(LABELS, bottom, right, bottom, "axis"),
        text(LABELS, bottom + LINE, low, "start"),
        text((LABELS + right) / 2, bottom + LINE, middle, "middle"),
        text(right, bottom + LINE, high, "end"),
    ]
    return drawing(WIDE, bottom + LINE + 5, say("report drawing", what=" / ".join(plot.names)), parts)


def box(percentiles: Box, y: float, kind: str, right: float) -> Markup:
    """Whiskers from the 5th to the 95th percentile, a box from the 25th to the 75th, and the median."""
    low, lower, middle, upper, high = (LABELS + (right - LABELS) * value for value in percentiles)
    parts: Sequence[Markup] = [
        line(low, y + 5, high, y + 5, f"{kind} stroke"),
        rect(lower, y, max(upper - lower, 1), 10, f"{kind} box"),
        line(middle, y, middle, y + 10, f"{kind} stroke median"),
    ]
    return Markup("").join(parts)
