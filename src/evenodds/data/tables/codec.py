"""A table's codec: which columns are learnt, and rows to vectors and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec, Span
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.files import Reading, as_written, normalize, open_table, read_before
from evenodds.data.tables.fitting import Column, learn
from evenodds.data.tables.keys import Key, key_of
from evenodds.data.tables.notation import Notation, TextNotation, is_gap
from evenodds.data.tables.number_notation import NumberNotation
from evenodds.data.tables.recognition import notation_from_json
from evenodds.data.tables.text_files import Layout
from evenodds.data.tables.time_notation import DateNotation, SpanNotation

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class TableCodec:
    """Rows of a table as vectors, one column's places after another's, and back.

    ``notes`` are sentences for the user: what was left out or changed, and why. Of a text file ``notations`` say how
    the cells of each learnt column are written, and ``layout`` how the file is laid out.
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    notations: Mapping[str, Notation] = field(default_factory=dict)
    layout: Layout | None = None
    keys: tuple[Key, ...] = ()
    order: tuple[str, ...] = ()
    """The learnt columns and the keys, in the table's order; empty where there is no key."""

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        exclude: tuple[str, ...],
        rng: np.random.Generator,
        reading: Reading | None = None,
        keys: tuple[str, ...] | None = None,
    ) -> TableCodec:
        """Choose a codec for every column of ``frame`` but those named in ``exclude``; ``reading`` is of the file that
        the frame came from, if it came from one. Columns that are named in ``keys``, or that name their row by ids of
        one pattern, come back as new ids; none does where it is None.

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
        made: list[Key] = [forced_key(frame, name) for name in keys or () if name not in exclude]
        for name in frame.columns:
            if name in exclude:
                notes.append(f"column {name!r} left out: as asked")
                continue
            if name in {key.name for key in made}:
                notes.append(f"column {name!r} left out: it is a key, as asked; {_new_ids(name, made)}")
                continue
            text = reading is not None and isinstance(reading.notations.get(name), TextNotation)
            column = learn(frame[name], rng, notes, text)
            if column is not None:
                columns.append(column)
            elif keys is not None and (key := key_of(normalize(frame[name]))) is not None:
                made.append(key)
                notes[-1] += f"; {_new_ids(name, made)}"
        if not columns:
            raise UserError(f"no column is left to learn from: {'; '.join(notes)}; give a table with more")
        names = {one.name for one in (*columns, *made)}
        order = tuple(name for name in frame.columns if name in names) if made else ()
        codec = cls(tuple(columns), tuple(notes), keys=tuple(made), order=order)
        if reading is None or reading.layout is None:
            return codec
        notations = {name: reading.notations[name] for name in order or codec.names}
        return replace(codec, notations=notations, layout=reading.layout)

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
        return [
            (column, normalize(self.value_of(column.name, frame[column.name]))) for column in self.columns
        ]

    def value_of(self, name: str, series: pd.Series[Any]) -> pd.Series[Any]:
        """A column's values (n): what is text is read as the column is written, and time spans become whole numbers.
        UserError for a text that does not read."""
        notation = self.notations.get(name)
        if isinstance(notation, SpanNotation) and series.dtype.kind == "m":
            units = series.astype("timedelta64[us]").to_numpy().astype(np.int64) // (
                notation.unit // MICROSECOND
            )
            return pd.Series(units, dtype="Int64", name=series.name).where(series.notna().to_numpy())
        if notation is None or (series.dtype.kind != "O" and series.dtype != "str"):
            return series
        try:
            return notation.read(series.astype("str"))
        except ValueError as problem:
            text = str(problem)
            row = int((series.astype("str") == text).to_numpy().argmax())
            raise UserError(
                f"column {name!r} has {text!r} in row {row + 1}, which does not read as {notation.in_words()}; mend it"
            ) from None

    def read_file(self, path: Path) -> pd.DataFrame:
        """Another table file: its cells as texts, which ``values`` reads as those of the file that this codec was
        fitted to; without such a file its values. UserError as of ``open_table``."""
        return read_before(path) if self.layout is None else open_table(path, self.layout.header).frame

    def read_sheet(self, path: Path) -> pd.DataFrame:
        """Rows that a run wrote during its game, with plain values: text is text, whatever it looks like."""
        dtypes: dict[str, Any] = {
            column.name: "str" if column.dtype == "str" else "boolean"
            for column in self.columns
            if isinstance(column, CategoryColumn) and column.dtype in ("str", "bool", "boolean")
        }
        frame = pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""])
        dates = [c.name for c in self.columns if isinstance(c, DateColumn) and c.text_format is None]
        return frame.assign(**{name: pd.to_datetime(frame[name]) for name in dates})

    def written(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows as the texts that their file would hold; as they are where they came from no text file."""
        return as_written(frame, self.notations) if self.notations else frame

    def in_memory(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows with time spans as such, which are learnt as whole numbers."""
        spans = {
            name: (frame[name] * pd.Timedelta(notation.unit)).astype("timedelta64[us]")
            for name, notation in self.notations.items()
            if isinstance(notation, SpanNotation) and name in frame
        }
        return frame.assign(**spans)

    def is_gap(self, name: str, text: str) -> bool:
        """Whether a cell is a gap: an empty one, and in a column of no text each word for a missing value."""
        plain = isinstance(self.notations.get(name), TextNotation)
        return not text.strip() or (not plain and is_gap(text))

    def spelled(self, name: str, value: Any) -> str:
        """A value of Python as a text that ``value_of`` reads; empty for None."""
        notation = self.notations.get(name)
        if value is None:
            return ""
        if isinstance(notation, NumberNotation) and isinstance(value, int | float):
            return notation.text(value)
        if isinstance(notation, DateNotation) and hasattr(value, "year"):
            return notation.text(pd.Timestamp(value).to_pydatetime())
        return str(value)

    def decode(self, rows: NDArray[Any], rng: np.random.Generator) -> pd.DataFrame:
        """Vectors (n, width), hard or soft, as rows (n) of the learnt columns."""
        start, decoded = 0, {}
        for column in self.columns:
            decoded[column.name] = column.decode(rows[:, start : start + column.width], rng)
            start += column.width
        return pd.DataFrame(decoded)

    def with_keys(self, rows: pd.DataFrame, start: int, seed: int) -> pd.DataFrame:
        """Decoded rows, the first of which is number ``start`` of its seed, with new ids."""
        if not self.keys:
            return rows
        ids = {key.name: key.values(start, len(rows), seed) for key in self.keys}
        return rows.assign(**ids)[list(self.order)]

    def to_json(self) -> dict[str, Any]:
        facts = {"columns": [column.to_json() for column in self.columns], "notes": list(self.notes)}
        if self.layout is not None:
            facts["notations"] = {name: notation.to_json() for name, notation in self.notations.items()}
            facts["layout"] = self.layout.to_json()
        if self.keys:
            facts["keys"], facts["order"] = [key.to_json() for key in self.keys], list(self.order)
        return facts

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> TableCodec:
        columns = tuple(column_from_json(column) for column in facts["columns"])
        notations = {name: notation_from_json(one) for name, one in facts.get("notations", {}).items()}
        layout = Layout(**facts["layout"]) if "layout" in facts else None
        keys = tuple(Key.from_json(key) for key in facts.get("keys", ()))
        return cls(columns, tuple(facts["notes"]), notations, layout, keys, tuple(facts.get("order", ())))


def forced_key(frame: pd.DataFrame, name: str) -> Key:
    """The key that a column is by the user's word. UserError where it is none."""
    if name not in frame.columns:
        raise UserError(
            f"--key {name}: there is no column {name!r}; the columns are {', '.join(frame.columns)}"
        )
    key = key_of(normalize(frame[name]), forced=True)
    if key is None:
        raise UserError(
            f"--key {name}: its values are not ids of one pattern, all there and all different; leave the flag out"
        )
    return key


def _new_ids(name: str, keys: list[Key]) -> str:
    example = next(key for key in keys if key.name == name).values(0, 1, 0).iloc[0]
    return f"fakes have new ids like {example}"


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
