"""How a claim's result is read from a benchmark's JSON file and compared with its goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Row = dict[str, Any]


class NotMeasuredError(LookupError):
    """A file lacks the rows that a claim is read from."""


class Count(NamedTuple):
    """So many of so many."""

    hits: int
    total: int


@dataclass(frozen=True)
class Facts:
    """One benchmark's JSON file."""

    rows: list[Row] = field(default_factory=list)
    summary: Row = field(default_factory=dict)
    machine: Row = field(default_factory=dict)

    def where(self, **wanted: Any) -> list[Row]:
        """The rows with these values, at least one; an underscore in a keyword stands for a space.

        Raises NotMeasuredError.
        """
        columns = {name.replace("_", " "): value for name, value in wanted.items()}
        return self.that(lambda row: all(row.get(name) == value for name, value in columns.items()))

    def that(self, fits: Callable[[Row], bool]) -> list[Row]:
        """The rows that fit, at least one. Raises NotMeasuredError."""
        rows = [row for row in self.rows if fits(row)]
        if not rows:
            raise NotMeasuredError
        return rows

    def value(self, column: str, **wanted: Any) -> float:
        """The number in a column of the first row with these values."""
        return number(self.where(**wanted)[0][column])

    def values(self, column: str, **wanted: Any) -> list[float]:
        """The numbers of a column in all rows with these values."""
        return [number(row[column]) for row in self.where(**wanted)]

    def count(self, fits: Callable[[Row], bool]) -> Count:
        """How many rows fit, of all. Raises NotMeasuredError where there are none."""
        return Count(sum(map(fits, self.where())), len(self.rows))


def number(cell: Any) -> float:
    """A cell as a number; "4.1%" is 0.041."""
    if isinstance(cell, str) and cell.endswith("%"):
        return float(cell[:-1]) / 100
    return float(cell)


@dataclass(frozen=True)
class Goal:
    """The range that a result has to be in; ``strict`` leaves out its bounds."""

    low: float | None = None
    high: float | None = None
    strict: bool = False

    def reached(self, value: float) -> bool:
        """Whether a result is in the range."""
        if self.strict:
            return (self.low is None or value > self.low) and (self.high is None or value < self.high)
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def text(self, form: str) -> str:
        """The range in words."""
        if self.low is not None and self.high is not None:
            return f"{form.format(self.low)} to {form.format(self.high)}"
        bound = form.format(self.high if self.low is None else self.low)
        sign = ("<", "≤") if self.low is None else (">", "≥")
        return f"{sign[0] if self.strict else sign[1]} {bound}"


@dataclass(frozen=True)
class Claim:
    """One row: what is claimed, the file, how the result is read, the goal if there is one, and the number's form."""

    text: str
    benchmark: str
    read: Callable[[Facts], float | Count]
    goal: Goal | None = None
    form: str = "{:.3g}"

    def result(self, facts: Facts) -> float | Count | None:
        """The result, or None where the file has not what it is read from."""
        try:
            return self.read(facts) if facts.rows else None
        except (LookupError, ZeroDivisionError):
            return None

    def reached(self, result: float | Count) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        value = result.hits if isinstance(result, Count) else result
        return None if self.goal is None else self.goal.reached(value)

    def shown(self, result: float | Count) -> str:
        """The result as text."""
        return f"{result.hits} of {result.total}" if isinstance(result, Count) else self.form.format(result)


def at_least(low: float) -> Goal:
    """The goal "low or more"."""
    return Goal(low=low)


def at_most(high: float) -> Goal:
    """The goal "high or less"."""
    return Goal(high=high)


def above(low: float) -> Goal:
    """The goal "more than low"."""
    return Goal(low=low, strict=True)


def below(high: float) -> Goal:
    """The goal "less than high"."""
    return Goal(high=high, strict=True)
