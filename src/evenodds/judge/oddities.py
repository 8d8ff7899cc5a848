"""English sentences on what of a row lies outside of what real rows show; the studio has them in Korean, too."""

from __future__ import annotations

from typing import Any

from evenodds.judge.support import Oddity
from evenodds.runs.messages import Speaker

SENTENCES = {
    "outside below": "{column} {value} lies {by} below the least of {rows:,} real rows",
    "outside above": "{column} {value} lies {by} above the greatest of {rows:,} real rows",
    "outside before": "{column} {value} lies before {edge}, the earliest of {rows:,} real rows",
    "outside after": "{column} {value} lies after {edge}, the latest of {rows:,} real rows",
    "outside level": "{column} {value} is in none of {rows:,} real rows",
    "outside missing": "{column} is missing, which it is in none of {rows:,} real rows",
    "outside pair": (
        "{column} {value} beside {other} {beside} is in none of {rows:,} real rows, and would be in {expected:,.0f} "
        "if the columns were independent"
    ),
}
"""By key: ``outside`` and an oddity's code."""


def english(key: str, /, **facts: Any) -> str:
    """The sentence of a key in English."""
    return SENTENCES[key].format(**facts)


def sentence(oddity: Oddity, say: Speaker = english) -> str:
    """A sentence on an oddity.

    >>> sentence(Oddity("below", {"column": "height", "value": "100", "by": "38", "rows": 8000}, 20.0))
    'height 100 lies 38 below the least of 8,000 real rows'
    """
    return say(f"outside {oddity.code}", **oddity.facts)
