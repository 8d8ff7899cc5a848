"""A table's codec: which columns are learnt, and rows to vectors and back."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec, Span
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import FEW, DateColumn, number_or_category
from evenodds.data.tables.files import date_format, normalize

_ID_ENDINGS = ("id", "ids", "uuid", "guid", "key", "index", "idx", "seqn", "rowid", "rownum")


Column = NumberColumn | CategoryColumn | DateColumn


@dataclass(frozen=True)
class TableCodec:
    """Rows of a table as vectors, one column's places after another's, and back.

    ``notes`` are sentences for the user: what was left out or changed, and why.
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame, exclude: tuple[str, ...], rng: np.random.Generator) -> TableCodec:
        """Choose a codec for every column of ``frame`` but those named in ``exclude``.

        Left out with a note: a column that is constant, empty, or names its row, which is

        - text of which more than half the values differ from all before;
        - whole numbers, all different, whose name ends like an id's, or which fill at least half of their
          range in 20 rows or more (a numbering, in any order: 20 numbers drawn from a range of 40 are
          all different 3 times in 1,000).

        All-different floats, and all-different whole numbers spread more widely, are measurements and stay.
        UserError for free text, values that are no scalars, unknown names, or nothing left to learn.
        """
        frame = _named(frame)
        strange = [name for name in exclude if name not in frame.columns]
        if strange:
            existing = ", ".join(frame.columns)
            raise UserError(f"there is no column {strange[0]!r} to leave out; the columns are {existing}")
        columns: list[Column] = []
        notes: list[str] = []
        for name in frame.columns:
            if name in exclude:
                notes.append(f"column {name!r} left out: as asked")
                continue
            column = learn(frame[name], rng, notes)
            if column is not None:
                columns.append(column)
        if not columns:
            raise UserError(f"no column is left to learn from: {'; '.join(notes)}; give a table with more")
        return cls(tuple(columns), tuple(notes))

    @property
    def names(self) -> tuple[str, ...]:
        """The learnt columns, in the table's order."""
        return tuple(column.name for column in self.columns)

    @property
    def spec(self) -> RowSpec:
        spans: list[Span] = []
        for column in self.columns:
            spans.extend(column.spans(spans[-1].stop if spans else 0))
        return RowSpec(tuple(spans))

    def encode(self, frame: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.float32]:
        """Rows (n) as vectors (n, width): numbers in [-4, 4], categories one-hot.

        ``rng`` spreads rounded values within their step. UserError for a column that is absent and for a
        value that training never saw.
        """
        rows = np.empty((len(frame), self.spec.width), np.float32)
        start = 0
        for column, series in self._series(frame):
            rows[:, start : start + column.width] = column.encode(series, rng)
            start += column.width
        return rows

    def values(self, frame: pd.DataFrame) -> list[NDArray[Any]]:
        """Every learnt column's values (n,), those that training never saw among them: numbers, and dates as numbers,
        as floats with NaN for a missing one; categories as the indices of their places, -1 for what has none.

        UserError for a column that is absent and for values that do not read.
        """
        return [column.values(series) for column, series in self._series(frame)]

    def encode_values(self, values: list[NDArray[Any]], rng: np.random.Generator) -> NDArray[np.float32]:
        """What ``values`` gave, with nothing in it that training never saw, as vectors (n, width)."""
        blocks = [column.encode_values(x, rng) for column, x in zip(self.columns, values, strict=True)]
        return np.concatenate(blocks, axis=1)

    def _series(self, frame: pd.DataFrame) -> list[tuple[Column, pd.Series[Any]]]:
        """The learnt columns and their series of a frame. UserError for a column that is absent."""
        frame = _named(frame)
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise UserError(f"the table has no column {missing[0]!r}; it needs {', '.join(self.names)}")
        return [(column, normalize(frame[column.name])) for column in self.columns]

    def decode(self, rows: NDArray[Any], rng: np.random.Generator) -> pd.DataFrame:
        """Vectors (n, width), hard or soft, as rows (n) of the learnt columns."""
        start, decoded = 0, {}
        for column in self.columns:
            decoded[column.name] = column.decode(rows[:, start : start + column.width], rng)
            start += column.width
        return pd.DataFrame(decoded)

    def to_json(self) -> dict[str, Any]:
        return {"columns": [column.to_json() for column in self.columns], "notes": list(self.notes)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> TableCodec:
        return cls(tuple(column_from_json(column) for column in facts["columns"]), tuple(facts["notes"]))


def learn(series: pd.Series[Any], rng: np.random.Generator, notes: list[str]) -> Column | None:
    """The codec of a column, None where it is left out; what is to be told is added to ``notes``. UserError for free
    text and values that are no scalars."""
    series = _finite(normalize(series), notes)
    reason = _useless(series)
    if reason is None:
        return _fit_column(series, rng, notes)
    notes.append(f"column {series.name!r} left out: {reason}")
    return None


def inner_of(column: Column) -> NumberColumn | CategoryColumn:
    """The number's or category's codec of a column, which a date has within."""
    return column.inner if isinstance(column, DateColumn) else column


def column_from_json(facts: dict[str, Any]) -> Column:
    """The column codec whose ``to_json`` gave these facts."""
    kinds: dict[str, type[Column]] = {
        "number": NumberColumn,
        "category": CategoryColumn,
        "date": DateColumn,
    }
    return kinds[facts["kind"]].from_json(facts)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns' names as text, each of which must be there once."""
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(f"the table has two columns named {twice[0]!r}; rename one of them")
    return frame


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


def _fit_column(series: pd.Series[Any], rng: np.random.Generator, notes: list[str]) -> Column | None:
    """The codec of a settled column, None for text that names its row."""
    name, kind = str(series.name), series.dtype.kind
    text_format = date_format(series) if series.dtype == "str" else None
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
