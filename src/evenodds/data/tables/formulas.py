"""Numbers that are computed from others in all rows: parts of moments, digits, sums, differences and products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.derivations import Derivation, Formula, tolerance
from evenodds.data.tables.evidence import CHANCE, Table
from evenodds.data.tables.expressions import FUNCTIONS, Expression, Floats, column, parse_expression

_SHUFFLES = 5
_OPERATION = {"+": np.add, "*": np.multiply}


def parts(table: Table) -> Iterator[Derivation]:
    """Parts of a moment, such as its month, and digits of a whole number, such as the hour of 1425."""
    names = table.numeric()
    whole = [name for name in names if table.decimals(name) == 0]
    for name, one in table.columns.items():
        if isinstance(one, DateColumn):
            for function in FUNCTIONS:
                expression = Expression(function, (column(name),))
                shifted = [parse_expression(f"{expression.text} + 1")] if function == "weekday" else []
                yield from (
                    made
                    for target in whole
                    for each in (expression, *shifted)
                    if (made := formula(table, target, each)) is not None
                )
    for name, target in permutations(whole, 2):
        if table.distinct(name) > table.distinct(target):
            for text in ("// 100", "% 100"):
                made = formula(table, target, parse_expression(f"{column(name).text} {text}"))
                if made is not None:
                    yield made


def sums(table: Table) -> Iterator[Derivation]:
    """Numbers that are the sum, difference or product of two others, or the sum of three."""
    names = [name for name in table.numeric() if table.distinct(name) > 2]
    head = {name: table.numbers(name)[table.head] for name in names}
    slack = {name: tolerance(head[name], table.decimals(name)) for name in names}
    for signs in ("+*", "-"):  # a total before its parts
        for target in names:
            others = [name for name in names if name != target]
            for expression in _candidates(head, slack, target, others, signs):
                made = formula(table, target, expression)
                if made is not None:
                    yield made


def _candidates(
    head: Mapping[str, Floats], slack: Mapping[str, Floats], target: str, others: Sequence[str], signs: str
) -> Iterator[Expression]:
    """Expressions of others with one of these signs that give a target in some rows."""
    if len(others) < 2:
        return
    x, matrix = head[target], np.stack([head[name] for name in others])
    for first, name in enumerate(others):
        a, rest = head[name], matrix[first + 1 :]
        for sign in signs:
            values = a - matrix if sign == "-" else _OPERATION[sign](a, rest)
            start = 0 if sign == "-" else first + 1
            for index in np.flatnonzero(_agree(values, x, slack[target])):
                yield Expression(sign, (column(name), column(others[start + int(index)])))
        for second in range(first + 1, len(others) if "+" in signs else 0):
            values = a + matrix[second] + matrix[second + 1 :]
            for index in np.flatnonzero(_agree(values, x, slack[target])):
                both = Expression("+", (column(name), column(others[second])))
                yield Expression("+", (both, column(others[second + 1 + int(index)])))


def _agree(values: Floats, x: Floats, slack: Floats) -> NDArray[np.bool_]:
    """Which rows of ``values`` (k, n) are x (n,) within rounding, with the same gaps."""
    with np.errstate(invalid="ignore"):
        same = np.abs(values - x) <= slack
    return np.asarray((same | (np.isnan(values) & np.isnan(x))).all(1), np.bool_)


def formula(table: Table, target: str, expression: Expression) -> Formula | None:
    """The formula by which a target is an expression within rounding in all rows; None where it is not, or where that
    may be chance."""
    x = table.numbers(target)
    decimals = table.decimals(target)
    for rows in (table.head, np.arange(table.count)):
        values = expression.values(lambda name, rows=rows: table.numbers(name)[rows])  # type: ignore[misc]
        if not _agree(values[None], x[rows], tolerance(x[rows], decimals))[0]:
            return None
    if not _more_than_chance(table, x, expression, decimals):
        return None
    return Formula(target, expression, str(table.frame[target].dtype), decimals, _used(table, expression))


def _used(table: Table, expression: Expression) -> dict[str, str]:
    return {name: table.formats[name] for name in expression.columns if name in table.formats}


def _more_than_chance(table: Table, x: Floats, expression: Expression, decimals: int | None) -> bool:
    """Whether shuffling any of an expression's columns makes it wrong in so many rows that chance is out."""
    rng = np.random.default_rng(0)
    slack = tolerance(x, decimals)
    for shuffled in expression.columns:
        wrong = 0.0
        for _ in range(_SHUFFLES):
            order = rng.permutation(table.count)
            values = expression.values(
                lambda name, order=order, one=shuffled: (  # type: ignore[misc]
                    table.numbers(name)[order] if name == one else table.numbers(name)
                )
            )
            with np.errstate(invalid="ignore"):
                right = (np.abs(values - x) <= slack) | (np.isnan(values) & np.isnan(x))
            wrong += float((~right).mean()) / _SHUFFLES
        if wrong * table.count < CHANCE:
            return False
    return True
