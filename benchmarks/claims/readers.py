"""How a result is read: what most claims share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from claims.claim import Facts, number

SHARE, SECONDS, TIMES = "{:.1%}", "{:.1f} s", "{:.2f} ×"


def summary(key: str) -> Callable[[Facts], float]:
    """A number of the summary."""
    return lambda facts: number(facts.summary[key])


def cell(column: str, **wanted: Any) -> Callable[[Facts], float]:
    """The number in a column of the first row with these values (see ``Facts.where``)."""
    return lambda facts: facts.value(column, **wanted)


def lowest(column: str, **wanted: Any) -> Callable[[Facts], float]:
    """The lowest number of a column in the rows with these values."""
    return lambda facts: min(facts.values(column, **wanted))


def highest(column: str, **wanted: Any) -> Callable[[Facts], float]:
    """The highest number of a column in the rows with these values."""
    return lambda facts: max(facts.values(column, **wanted))


def lead(column: str, key: str, ours: str, *others: str, ratio: bool = False) -> Callable[[Facts], float]:
    """By how much the row ``ours`` is ahead of the best of others, or how many times as much it has."""

    def read(facts: Facts) -> float:
        own = facts.value(column, **{key: ours})
        best = max(facts.value(column, **{key: name}) for name in others)
        return own / best if ratio else own - best

    return read
