"""Which codec a column gets, and why it gets none."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np
import pandas as pd

from evenodds.core.errors import UserError
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import FEW, DateColumn, number_or_category
from evenodds.data.tables.files import date_format, normalize

_ID_ENDINGS = ("id", "ids", "uuid", "guid", "key", "index", "idx", "seqn", "rowid", "rownum")

Column = NumberColumn | CategoryColumn | DateColumn


def learn(
    series: pd.Series[Any], rng: np.random.Generator, notes: list[str], text: bool = False
) -> Column | None:
    """The codec of a column, None where it is left out; what is to be told is added to ``notes``. With ``text`` texts
    are no dates. UserError for free text and values that are no scalars."""
    series = _finite(normalize(series), notes)
    reason = _useless(series)
    if reason is None:
        return _fit_column(series, rng, notes, text)
    notes.append(f"column {series.name!r} left out: {reason}")
    return None


def column_from_json(facts: dict[str, Any]) -> Column:
    """The column codec whose ``to_json`` gave these facts."""
    kinds: dict[str, type[Column]] = {
        "number": NumberColumn,
        "category": CategoryColumn,
        "date": DateColumn,
    }
    return kinds[facts["kind"]].from_json(facts)


def _finite(series: pd.Series[Any], notes: list[str]) -> pd.Series[Any]:
    if series.dtype.kind != "f":
        return series
    infinite = np.isinf(series.to_numpy(np.float64))
    if infinite.any():
        notes.append(f"column {series.name!r}: {infinite.sum()} infinite values counted as missing")
        return series.mask(infinite)
    return series


def _useless(series: pd.Series[Any]) -> str | None:
    """Why nothing can be learnt from a column, None where something can."""
    present = series.dropna()
    if present.empty:
        return "all its values are missing"
    if series.dtype == object:  # values that are no scalars cannot be compared
        return None
    distinct = present.nunique()
    if distinct == 1 and len(present) == len(series):
        return f"it is constant ({present.iloc[0]})"
    if series.dtype.kind in "iu" and distinct == len(present) and _numbering(str(series.name), present):
        return "every value is different, as in a row's id"
    return None


def _numbering(name: str, values: pd.Series[Any]) -> bool:
    """Whether all-different whole numbers count rows: named so, or filling half of their range."""
    words = "".join(c if c.isalnum() else " " for c in name).lower().split()
    named = bool(words) and (words[-1] in _ID_ENDINGS or words[0] == "unnamed" or name.endswith("Id"))
    reach = int(values.max()) - int(values.min()) + 1
    return named or (len(values) >= 20 and reach <= 2 * len(values))


def _fit_column(
    series: pd.Series[Any], rng: np.random.Generator, notes: list[str], text: bool
) -> Column | None:
    """The codec of a settled column, None for text that names its row."""
    name, kind = str(series.name), series.dtype.kind
    text_format = date_format(series) if series.dtype == "str" and not text else None
    if kind == "M" or text_format:
        return DateColumn.fit(name, series, text_format, rng)
    if kind in "iuf":
        return number_or_category(name, series, rng)
    if kind != "b" and series.dtype != "str":
        raise UserError(f"column {name!r} holds no numbers, text or dates; add --exclude {shlex.quote(name)}")
    if series.dtype == "str" and _naming(series.dropna()):
        notes.append(f"column {name!r} left out: most of its values are different, as in names or ids")
        return None
    column = CategoryColumn.fit(name, series)
    if column.merged:
        levels = len(column.levels)
        notes.append(f"column {name!r}: {levels} levels, the rarest {column.merged} share one place")
    return column


def _naming(texts: pd.Series[Any]) -> bool:
    """Whether texts (no missing one) name their rows: all are different, or over half of many are.

    UserError where they are free text instead: four words or more, or two in over 40 characters.
    """
    distinct = texts.nunique()
    if distinct <= len(texts) / 2:
        return False
    words = texts.str.count(r"\S+").median()
    if words >= 4 or (words >= 2 and texts.str.len().mean() > 40):
        raise UserError(
            f"column {str(texts.name)!r} is free text, a discrete sequence through which a generator gets "
            f"no gradient (Yu 2017, 1609.05473); add --exclude {shlex.quote(str(texts.name))}"
        )
    return distinct > FEW or (distinct == len(texts) and distinct > 2)


def named_once(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns' names as text, each of which must be there once."""
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(f"the table has two columns named {twice[0]!r}; rename one of them")
    return frame


def inner_of(column: Column) -> NumberColumn | CategoryColumn:
    """The number's or category's codec of a column, which a date has within."""
    return column.inner if isinstance(column, DateColumn) else column
