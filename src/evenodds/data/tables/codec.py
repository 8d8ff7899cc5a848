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

from evenodds.config.data_settings import NOTHING_FAKED
from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec, Span
from evenodds.data.tables.choices import Combinations, combinations_of
from evenodds.data.tables.columns import CategoryColumn
from evenodds.data.tables.dates import DateColumn, number_or_category
from evenodds.data.tables.derivations import Derivation, Lookup, Relative, derivation_from_json
from evenodds.data.tables.faked import Faked, fakes_of, learn_or_name_way_on
from evenodds.data.tables.files import Reading, as_written, normalize, open_table, read_before
from evenodds.data.tables.fitting import Column, column_from_json, named_once
from evenodds.data.tables.keys import Key, forced_key, key_of, new_ids
from evenodds.data.tables.notation import Notation, TextNotation, is_gap
from evenodds.data.tables.number_notation import NumberNotation
from evenodds.data.tables.rare_levels import with_groups
from evenodds.data.tables.recognition import notation_from_json
from evenodds.data.tables.rules import derivations
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
    keys: tuple[Key | Faked, ...] = ()
    """Columns that are made of no vector: new ids, and texts that are made up."""
    order: tuple[str, ...] = ()
    """The columns that rows have for the user, in the table's order; empty where these are the learnt ones."""
    derived: tuple[Derivation, ...] = ()
    """Columns that follow from others, each after those that it needs."""
    combinations: Combinations = field(default_factory=Combinations)
    """Choices that never stand together."""

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        exclude: tuple[str, ...],
        rng: np.random.Generator,
        reading: Reading | None = None,
        keys: tuple[str, ...] | None = None,
        faked: str | None = NOTHING_FAKED,
    ) -> TableCodec:
        """Choose a codec for every column of ``frame`` but those named in ``exclude``; ``reading`` is of the file that
        the frame came from, if any. Columns that are named in ``keys``, or that name their row by ids of one pattern,
        come back as new ids; none does where it is None. Texts of the columns of ``faked`` (settings) are made up.

        Left out with a note: a column that is constant, empty, or names its row, which is text of which more than half
        the values differ from all before, or whole numbers, all different, whose name ends like an id's, or which fill
        at least half of their range in 20 rows or more (a numbering, in any order: 20 numbers drawn from a range of 40
        are all different 3 times in 1,000). All-different floats, and all-different whole numbers spread more widely,
        are measurements and stay. UserError for free text, values that are no scalars, unknown names, or nothing left
        to learn.
        """
        frame = named_once(frame)
        strange = [name for name in exclude if name not in frame.columns]
        if strange:
            existing = ", ".join(frame.columns)
            raise UserError(f"there is no column {strange[0]!r} to leave out; the columns are {existing}")
        columns: list[Column] = []
        notes: list[str] = []
        forced = {name: forced_key(frame, name) for name in keys or () if name not in exclude}
        fakes = fakes_of(frame, faked, (*exclude, *forced))
        made: list[Key | Faked] = list(forced.values())
        unlearnt = dict.fromkeys(exclude, "as asked")
        unlearnt |= {name: f"it is a key, as asked; {new_ids(key)}" for name, key in forced.items()}
        unlearnt |= {name: one.sentence for name, one in fakes.items()}
        for name in frame.columns:
            if name in unlearnt:
                notes.append(f"column {name!r} left out: {unlearnt[name]}")
                made += [fakes[name]] if name in fakes else []
                continue
            text = reading is not None and isinstance(reading.notations.get(name), TextNotation)
            column = learn_or_name_way_on(frame[name], rng, notes, text, faked)
            if column is not None:
                columns.append(column)
            elif keys is not None and (key := key_of(normalize(frame[name]))) is not None:
                made.append(key)
                notes[-1] += f"; {new_ids(key)}"
        if not columns:
            raise UserError(f"no column is left to learn from: {'; '.join(notes)}; give a table with more")
        names = {one.name for one in (*columns, *made)}
        order = tuple(name for name in frame.columns if name in names) if made else ()
        codec = cls(with_groups(columns, frame, notes), tuple(notes), keys=tuple(made), order=order)
        if reading is not None and reading.layout is not None:
            notations = {name: reading.notations[name] for name in order or codec.names}
            codec = replace(codec, notations=notations, layout=reading.layout)
        return codec

    def deriving(
        self, frame: pd.DataFrame, rng: np.random.Generator, rules: tuple[str, ...] = (), search: bool = True
    ) -> TableCodec:
        """This codec without columns that follow from others by ``rules``, or with ``search`` by what hangs together
        in all rows of the ``frame`` that it was fitted to: these are not learnt, but made anew on decoding.

        UserError for a rule that does not read, that the data breaks, or that cannot be kept.
        """
        values = pd.DataFrame({column.name: series for column, series in self.series_of(named_once(frame))})
        sequence = derivations(values, self.columns, rules, search)
        if not sequence:
            return self
        derived = {one.name for one in sequence}
        columns = [one for one in self.columns if one.name not in derived]
        columns += [
            number_or_category(one.stand_in, one.relation(values), rng)
            for one in sequence
            if isinstance(one, Relative)
        ]
        notes = (*self.notes, *(one.sentence for one in sequence))
        order = self.order or self.names
        return replace(self, columns=tuple(columns), notes=notes, derived=sequence, order=order)

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
        for column, series in self.series_of(frame):
            rows[:, start : start + column.width] = column.encode(series, rng)
            start += column.width
        return rows

    def values(self, frame: pd.DataFrame) -> list[NDArray[Any]]:
        """Every learnt column's values (n,), those that training never saw among them: numbers, and dates as numbers,
        as floats with NaN for a missing one; categories as the indices of their places, -1 for what has none.

        UserError for a column that is absent and for values that do not read.
        """
        return [column.values(series) for column, series in self.series_of(frame)]

    def encode_values(self, values: list[NDArray[Any]], rng: np.random.Generator) -> NDArray[np.float32]:
        """What ``values`` gave, with nothing in it that training never saw, as vectors (n, width)."""
        blocks = [column.encode_values(x, rng) for column, x in zip(self.columns, values, strict=True)]
        return np.concatenate(blocks, axis=1)

    def series_of(self, frame: pd.DataFrame) -> list[tuple[Column, pd.Series[Any]]]:
        """The learnt columns and their series of a frame. UserError for a column that is absent."""
        frame = named_once(frame)
        needed = self.required if set(self.names) - set(frame.columns) else self.names
        missing = [name for name in needed if name not in frame.columns]
        if missing:
            raise UserError(f"the table has no column {missing[0]!r}; it needs {', '.join(needed)}")
        values = {name: normalize(self.value_of(name, frame[name])) for name in needed}
        learnt_frame = self.with_stand_ins(pd.DataFrame(values))
        return [(column, learnt_frame[column.name]) for column in self.columns]

    @property
    def relatives(self) -> dict[str, Relative]:
        """The columns in whose stead something else is learnt, by what that is called."""
        return {one.stand_in: one for one in self.derived if isinstance(one, Relative)}

    @property
    def required(self) -> tuple[str, ...]:
        """The table's columns from which a row can be encoded, in the table's order."""
        relatives = self.relatives
        needed = {relatives[name].name if name in relatives else name for name in self.names}
        return tuple(name for name in self.order or self.names if name in needed)

    @property
    def required_columns(self) -> tuple[Column, ...]:
        """Their codecs."""
        relatives = self.relatives
        own = {column.name: column for column in self.columns if column.name not in relatives}
        own |= {one.name: one.column for one in relatives.values()}
        return tuple(own[name] for name in self.required)

    def with_stand_ins(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows (n) with all the learnt columns, of rows that have what those are made from."""
        for one in self.derived:
            if isinstance(one, Relative) and one.stand_in not in frame:
                frame = frame.assign(**{one.stand_in: one.relation(frame)})
            elif one.name not in frame:
                frame = frame.assign(**{one.name: one.derive(frame)})
        return frame

    def complete(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Decoded rows (n), as the table has them: with the columns that follow from others, and nothing in a column's
        stead; without keys."""
        if not self.derived:
            return rows
        for one in self.derived:
            rows = rows.assign(**{one.name: one.derive(rows).array})
        keys = {key.name for key in self.keys}
        return rows[[name for name in self.order if name not in keys]]

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
            for column in self.required_columns
            if isinstance(column, CategoryColumn) and column.dtype in ("str", "bool", "boolean")
        }
        frame = pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""])
        dates = [c.name for c in self.required_columns if isinstance(c, DateColumn) and c.text_format is None]
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

    def combining(self, rows: NDArray[np.float32], search: bool = True) -> TableCodec:
        """This codec with the choices that never stand together in the encoded ``rows`` (n, width) of its table."""
        both = [one.inputs for one in self.derived if isinstance(one, Lookup) and len(one.inputs) == 2]
        made = combinations_of(rows, self.columns, both, search)
        if not made.pairs:
            return self
        return replace(self, combinations=made, notes=(*self.notes, made.sentence(self.columns)))

    def mended(
        self, rows: NDArray[Any], rng: np.random.Generator, fixed: tuple[str, ...] = ()
    ) -> NDArray[Any]:
        """A generator's vectors (n, width), in which of two choices that never stand together one is drawn anew, never
        one of a column that is ``fixed``."""
        return self.combinations.mend(rows, self.columns, rng, fixed)

    def decode(self, rows: NDArray[Any], rng: np.random.Generator) -> pd.DataFrame:
        """Vectors (n, width), hard or soft, as rows (n) of the learnt columns."""
        start, decoded = 0, {}
        for column in self.columns:
            decoded[column.name] = column.decode(rows[:, start : start + column.width], rng)
            start += column.width
        return pd.DataFrame(decoded)

    def to_table(self, rows: NDArray[Any], rng: np.random.Generator) -> pd.DataFrame:
        """A generator's vectors (n, width), hard or soft, as rows (n) of the table, without keys."""
        return self.complete(self.decode(self.mended(rows, rng), rng))

    def with_keys(self, rows: pd.DataFrame, start: int, seed: int) -> pd.DataFrame:
        """Decoded rows, the first of which is number ``start`` of its seed, complete and with new ids."""
        return self.with_ids(self.complete(rows), start, seed)

    def with_ids(self, rows: pd.DataFrame, start: int, seed: int) -> pd.DataFrame:
        """Complete rows with new ids."""
        ids = {key.name: key.values(start, len(rows), seed) for key in self.keys}
        return rows.assign(**ids)[list(self.order)] if ids else rows

    def to_json(self) -> dict[str, Any]:
        facts = {"columns": [column.to_json() for column in self.columns], "notes": list(self.notes)}
        if self.layout is not None:
            facts["notations"] = {name: notation.to_json() for name, notation in self.notations.items()}
            facts["layout"] = self.layout.to_json()
        if self.keys:
            facts["keys"] = [key.to_json() for key in self.keys]
        if self.derived:
            facts["derived"] = [one.to_json() for one in self.derived]
        if self.combinations.pairs:
            facts["combinations"] = self.combinations.to_json()
        if self.order:
            facts["order"] = list(self.order)
        return facts

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> TableCodec:
        columns = tuple(column_from_json(column) for column in facts["columns"])
        notations = {name: notation_from_json(one) for name, one in facts.get("notations", {}).items()}
        layout = Layout(**facts["layout"]) if "layout" in facts else None
        keys = tuple((Faked if "by" in key else Key).from_json(key) for key in facts.get("keys", ()))
        derived = tuple(derivation_from_json(one) for one in facts.get("derived", ()))
        order = tuple(facts.get("order", ()))
        never = Combinations.from_json(facts.get("combinations", {"counts": (), "forbidden": ()}))
        return cls(columns, tuple(facts["notes"]), notations, layout, keys, order, derived, never)
