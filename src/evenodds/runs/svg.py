"""Pieces of SVG drawings: every text is escaped, and the page's style gives the colors."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

from evenodds.runs.column_plots import Unit

SIDES = ("real", "fake")
"""Classes of what is drawn of each side."""
LETTER = 7.2
"""Width of a label's letter, about; those of East Asian scripts take twice as much."""
DAY = {"D": 1, "s": 86_400, "us": 86_400_000_000}
"""Units of a date in a day."""

Shares = tuple[float, float]
"""Of real rows and of fakes."""


def drawing(wide: float, high: float, what: str, parts: Iterable[Markup]) -> Markup:
    """The parts as an SVG element that takes the width of where it stands; ``what`` is said of it."""
    opening = Markup('<svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>')
    return opening.format(wide, high, what, Markup("").join(parts))


def text(x: float, y: float, words: str, anchor: str, kind: str = "") -> Markup:
    """Words that begin, end or have their middle at x."""
    label = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return label.format(kind, x, y, anchor, words)


def name_of(x: float, y: float, name: str, room: float, kind: str = "") -> Markup:
    """A name that ends at x, cut where it does not fit the room; the whole of it is its tooltip."""
    label = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>')
    return label.format(kind, x, y, with_tooltip(name, room))


def with_tooltip(name: str, room: float) -> Markup:
    """A name as the content of a text."""
    short = shortened(name, room)
    return Markup("{}").format(short) if short == name else Markup("<title>{}</title>{}").format(name, short)


def turned(x: float, y: float, name: str, room: float) -> Markup:
    """The same, read upwards."""
    label = Markup('<text transform="translate({:.1f} {:.1f}) rotate(-60)" text-anchor="end">{}</text>')
    return label.format(x, y, with_tooltip(name, room))


def line(x: float, y: float, to_x: float, to_y: float, kind: str) -> Markup:
    """A straight line."""
    return Markup('<path class="{}" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(kind, x, y, to_x, to_y)


def rect(x: float, y: float, wide: float, high: float, kind: str, opacity: float = 1) -> Markup:
    """A filled rectangle."""
    area = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"{}/>')
    clear = Markup("") if opacity == 1 else Markup(' fill-opacity="{:.2f}"').format(opacity)
    return area.format(kind, x, y, wide, high, clear)


def both_shares(x: float, y: float, sides: Shares, anchor: str) -> Markup:
    """Both sides' shares in their colors."""
    label = Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="{}"><tspan class="real">{}</tspan> / '
        '<tspan class="fake">{}</tspan></text>'
    )
    return label.format(x, y, anchor, *map(percent, sides))


def ratio(counts: Sequence[int], totals: Sequence[int]) -> Shares:
    """Counts of both sides as shares of their totals."""
    return counts[0] / max(totals[0], 1), counts[1] / max(totals[1], 1)


def percent(share: float) -> str:
    """A share in percent, with a decimal where it is small."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or not value else f"{value:.1f} %"


def shortened(words: str, room: float) -> str:
    """The words, cut where they do not fit the room."""
    words = " ".join(words.split())
    if length(words) <= room:
        return words
    fitting = next(
        count for count in range(len(words), -1, -1) if length(words[:count]) + LETTER <= room or not count
    )
    return words[: max(fitting, 1)] + "…"


def length(words: str) -> float:
    """How wide words are, about."""
    return LETTER * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def values_of(low: float, high: float, unit: Unit | None) -> tuple[str, str, str]:
    """The ends of an axis and its middle in words, of dates the ends alone."""
    if unit is not None:
        hours = high - low < 3 * DAY[unit] and unit != "D"
        return moment(low, unit, hours), "", moment(high, unit, hours)
    return figure(low), figure(low / 2 + high / 2), figure(high)


def figure(value: float) -> str:
    """A number in few letters."""
    if value and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def moment(value: float, unit: Unit, hours: bool) -> str:
    """A date, with its time where that matters."""
    try:
        stamp = np.datetime64(round(value), unit).astype("datetime64[m]" if hours else "datetime64[D]")
    except (OverflowError, ValueError):
        return ""
    return str(stamp).replace("T", " ")
