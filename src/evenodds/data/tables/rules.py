"""Rules of a table: those that a user states, and orders that all rows keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.data.tables.columns import NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.dependencies import dependencies
from evenodds.data.tables.derivations import Derivation, Formula, Relative, in_sequence, numeric, tolerance
from evenodds.data.tables.evidence import CHANCE, FEWEST, Derived, Table
from evenodds.data.tables.expressions import Expression, Floats, Statement, column, parse_rule
from evenodds.data.tables.fitting import Column

APPROXIMATE = 0.5
"""A rule with ~ holds where the two sides are not further apart than this part of the larger one."""
STRAY = 0.05
"""Share of rows in which a rule with ~ need not hold, at most."""
OFTEN = 0.02
"""Share of rows, at least, that would break an order if the two columns were independent."""
REACHED = 0.002
"""Share of rows, at least, in which an order's two sides are as near as they get."""
CLOSER = 0.5
"""A difference is learnt in a number's place where it is less spread than this part of the number's own spread
(docs/experiments/likelihood.md, 2026-11-29)."""
NEAR = 16
"""Both sides of an order are as good as equal where they are apart by less than this part of the middle half of the
values: a bin of a generator that draws numbers so. They become equal there if most of such rows are."""
_REVERSED = {">=": "<=", ">": "<"}


def derivations(
    values: pd.DataFrame, columns: Sequence[Column], rules: Sequence[str], search: bool
) -> tuple[Derivation, ...]:
    """What follows in a table from stated rules and, with ``search``, from what hangs together in all its rows; each
    after what it needs. ``values`` are normalized. UserError as of ``apply_rules``."""
    table, derived = Table(values, columns), Derived()
    apply_rules(rules, table, derived)
    if search:
        dependencies(table, derived)
        orders(table, derived)
    return in_sequence(derived.derivations)


def apply_rules(texts: Sequence[str], table: Table, derived: Derived) -> None:
    """Adds to ``derived`` how each rule is kept. UserError for a rule that does not read, names a column that is not
    learnt, cannot be kept, or that the data breaks."""
    for text in texts:
        statement = parse_rule(text)
        _check_columns(statement, text, table)
        if statement.comparison in _REVERSED:
            statement = Statement(statement.right, _REVERSED[statement.comparison], statement.left)
        _refuse_broken(statement, text, table)
        if not any(derived.add(one) for one in _ways(statement, text, table)):
            raise UserError(
                f'the rule "{text}" cannot be kept beside the others: one of its sides must be a column of numbers or '
                "dates alone, of which no other rule makes the values; write it so, or leave it out"
            )


def _check_columns(statement: Statement, text: str, table: Table) -> None:
    names = statement.columns
    if not names:
        raise UserError(f'the rule "{text}" names no column, name some of {", ".join(table.columns)}')
    for name in names:
        if name not in table.columns:
            raise UserError(
                f'the rule "{text}" names {name!r}, which is no learnt column; the columns are '
                f"{', '.join(table.columns)}"
            )
        one = table.columns[name]
        if not numeric(one) and not isinstance(one, DateColumn):
            raise UserError(
                f'the rule "{text}" names {name!r}, which holds no numbers or dates; leave it out'
            )


def _refuse_broken(statement: Statement, text: str, table: Table) -> None:
    """UserError where rows break a rule, with their number and the first of them."""
    left, right = (np.broadcast_to(side.values(table.numbers), table.count) for side in _sides(statement))
    broken = _broken(statement, left, right, table)
    allowed = int(STRAY * table.count) if statement.comparison == "~" else 0
    if int(broken.sum()) <= allowed:
        return
    row = int(broken.argmax())
    example = ", ".join(f"{name}={table.frame[name].iloc[row]}" for name in statement.columns)
    raise UserError(
        f'the rule "{text}" is broken in {int(broken.sum()):,} of {table.count:,} rows, such as row {row + 1} '
        f"({example}): mend them, or leave the rule out"
    )


def _sides(statement: Statement) -> tuple[Expression, Expression]:
    return statement.left, statement.right


def _broken(statement: Statement, left: Floats, right: Floats, table: Table) -> NDArray[np.bool_]:
    """Which rows break a rule; a gap breaks nothing where both sides have one, or the side that is made has."""
    gaps = np.isnan(left) | np.isnan(right)
    with np.errstate(invalid="ignore"):
        if statement.comparison == "<=":
            wrong = left > right
        elif statement.comparison == "<":
            wrong = left >= right
        elif statement.comparison == "=":
            alone = next((side.name for side in _sides(statement) if side.operator == "column"), None)
            wrong = np.abs(left - right) > tolerance(right, table.decimals(alone) if alone else None)
            return np.asarray((wrong & ~gaps) | (np.isnan(left) != np.isnan(right)), np.bool_)
        else:
            nothing = (left == 0) & (right == 0)
            wrong = ~nothing & (np.abs(left - right) > APPROXIMATE * np.maximum(np.abs(left), np.abs(right)))
    return np.asarray(wrong & ~gaps, np.bool_)


def _ways(statement: Statement, text: str, table: Table) -> Iterator[Derivation]:
    """How a rule can be kept: the column that stands alone on a side is made from the other side."""
    for alone, other, sense in (
        (statement.right, statement.left, "above"),
        (statement.left, statement.right, "below"),
    )[:: 1 if statement.comparison in ("<=", "<") else -1]:
        if alone.operator != "column" or alone.name in other.columns:
            continue
        one = table.columns[alone.name]
        formats = {name: table.formats[name] for name in other.columns if name in table.formats}
        if statement.comparison == "=":
            if numeric(one):
                dtype = str(table.frame[alone.name].dtype)
                yield Formula(alone.name, other, dtype, table.decimals(alone.name), formats)
        elif _computable(alone.name, other, table, statement.comparison):
            if statement.comparison == "~":
                empty = np.isnan(table.numbers(alone.name)[other.values(table.numbers) == 0]).any()
                yield Relative(one, other, "ratio", text, formats, bool(empty))
            else:
                yield Relative(one, other, "above" if sense == "above" else "below", text, formats)


def _computable(name: str, other: Expression, table: Table, comparison: str) -> bool:
    """Whether a column can be made from the other side: where that is missing the column is, too; a ratio to nothing
    has one answer."""
    x, values = table.numbers(name), np.broadcast_to(other.values(table.numbers), table.count)
    if (np.isnan(values) & ~np.isnan(x)).any():
        return False
    if comparison != "~":
        return True
    at_nothing = x[values == 0]
    gaps = np.isnan(at_nothing)
    return bool(gaps.all() or (~gaps & (at_nothing == 0)).all())


def orders(table: Table, derived: Derived) -> None:
    """Adds orders such as start <= end, those that independent columns would break the most first.

    Beyond that an order must be reached: rows in which its sides are as near as they get.
    """
    if table.count < FEWEST:
        return
    names = [
        name
        for name, one in table.columns.items()
        if isinstance(one, NumberColumn | DateColumn) and not derived.has(name)
    ]
    candidates = [
        (share, low, high)
        for low, high in permutations(names, 2)
        if isinstance(table.columns[low], DateColumn) == isinstance(table.columns[high], DateColumn)
        and (share := _ordered(table, low, high))
    ]
    for _, low, high in sorted(candidates, reverse=True):
        strict = bool((table.numbers(low) < table.numbers(high)).all())
        statement = f"{column(low).text} {'<' if strict else '<='} {column(high).text}"
        formats = {low: table.formats[low]} if low in table.formats else {}
        derived.add(_order(table, low, high, statement, formats))


def _order(table: Table, low: str, high: str, statement: str, formats: dict[str, str]) -> Relative:
    """How an order is kept: by the difference where that says more closely where ``high`` lies than ``high`` itself,
    which else is learnt as it is: what other columns say of it is plainer so, and so are values that it often has."""
    one = table.columns[high]
    a, b = table.numbers(low), table.numbers(high)
    closer = isinstance(one, DateColumn) or _spread(b - a) < CLOSER * _spread(b)
    if closer or not (a <= b).all() or (a < b).all():  # there are gaps, or they are never equal
        return Relative(one, column(low), "above", statement, formats)
    near = float(np.subtract(*np.quantile(b, [0.75, 0.25]))) / NEAR
    equal, about = int((a == b).sum()), int((b - a <= near).sum())
    return Relative(one, column(low), "least", statement, formats, near=near if 2 * equal > about else 0.0)


def _spread(x: Floats) -> float:
    """How far numbers lie from their median, on average."""
    return float(np.nanmean(np.abs(x - np.nanmedian(x))))


def _ordered(table: Table, low: str, high: str) -> float:
    """The share of rows that would break low <= high if the columns were independent; 0 where rows break it, where few
    would, and where it is not reached."""
    a, b = table.numbers(low), table.numbers(high)
    gaps = np.isnan(a) | np.isnan(b)
    with np.errstate(invalid="ignore"):
        if (a > b)[~gaps].any() or (np.isnan(a) & ~np.isnan(b)).any() or gaps.sum() > table.count / 2:
            return 0.0
    apart, count = (b - a)[~gaps], int((~gaps).sum())
    # Of independent columns, which pairs would be the wrong way round (the Mann-Whitney statistic).
    share = float(np.searchsorted(np.sort(b[~gaps]), a[~gaps], "left").mean() / count)
    if share < OFTEN or share * count < CHANCE:
        return 0.0
    near = apart <= apart.min() + 0.005 * np.ptp(b[~gaps])
    reached = apart.min() <= 0.005 * np.ptp(b[~gaps])
    return share if reached and near.mean() >= REACHED and near.sum() >= 5 else 0.0
