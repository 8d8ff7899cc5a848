"""Values that G is given: labels of pictures or columns of a table, chosen, encoded, and asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.core.spec import PICTURED, Condition, ConditionKind
from evenodds.data.tables import parsing
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.files import normalize, to_dtype
from evenodds.data.tables.fitting import Column, inner_of, learn

_CLASSES = 64
"""Whole numbers among the labels are classes where there are no more of them."""
_LISTED = 12
_SEED = 0

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Chosen:
    """Values as a condition: how they are encoded, and those of every sample (n, width)."""

    condition: Condition
    codec: TableCodec
    rows: Rows


@dataclass(frozen=True)
class RequestedValue:
    """What is asked for of one column: ``values`` are the places start to stop - 1 of the condition's vector, ``value``
    is what a table shows, None where missing is asked for."""

    name: str
    start: int
    stop: int
    values: Rows
    value: Any


BETWEEN: tuple[ConditionKind, ...] = ("pairs", "unpaired")
"""Kinds whose pictures come from folders A and B, in a direction between them."""


def kind_of(condition: str | None) -> ConditionKind | None:
    """The kind of condition that pictures are made under; anything but a known word names labels."""
    if condition is None:
        return None
    return next((kind for kind in PICTURED if condition.strip() == kind), "labels")


def of_labels(condition: str, labels: pd.DataFrame | None, source: str) -> Chosen:
    """Labels (n rows) as a condition: all of them for "labels", else those named with commas between.

    Whole numbers and booleans of at most 64 kinds become classes. Of all labels those that cannot be given are left
    out with a note. UserError where there are no labels, for names that are not among them, and for named ones that
    cannot be given.
    """
    if labels is None:
        raise UserError(
            f"{source} has no labels, which --condition {condition} needs: sort its pictures into one folder a class, "
            f"or put a metadata.csv beside them (other words for --condition: {', '.join(PICTURED)})"
        )
    frame = labels.set_axis([str(name) for name in labels.columns], axis=1)
    names = list(frame.columns)
    if condition.strip() != "labels":
        names = _named(condition, names, f"{source} has no label", "; the labels are")
    columns: list[Column] = []
    notes: list[str] = []
    rng = np.random.default_rng(_SEED)
    for name in names:
        column = _label(frame[name], rng, notes)
        if column is not None:
            columns.append(column)
        elif condition.strip() != "labels":
            raise UserError(f"--condition {name} cannot be had: {notes[-1]}; name other labels of {source}")
    if not columns:
        raise UserError(f"{source} has no label that can be given: {'; '.join(notes)}; give it others")
    codec = TableCodec(tuple(columns), tuple(notes))
    classes = frame[list(codec.names)].apply(_classes)
    return Chosen(Condition("labels", codec.spec), codec, codec.encode(classes, rng))


def of_columns(condition: str, table: TableCodec, rows: Rows, existing: Sequence[str], source: str) -> Chosen:
    """Columns of a table as a condition, those named with commas between, in the table's order; ``rows`` (n, width)
    are the table's, and the condition's hold the same numbers. ``known`` are all the table's columns.

    UserError for what is no learnt column, and for all of them: nothing would be left to make.
    """
    if condition.strip() not in existing and condition.strip() in ("labels", *PICTURED):
        raise UserError(
            f"--condition {condition} is for pictures, and {source} is a table: name some of {_listed(table.names)}"
        )
    names = _named(condition, existing, f"{source} has no column", "; the columns are")
    for name in names:
        if name not in table.names:
            if any(one.name == name for one in table.derived):
                raise UserError(_derived(name, table))
            why = next(note for note in table.notes if note.startswith(f"column {name!r} left out"))
            raise UserError(f"--condition {name} cannot be had: {why}; name some of {_listed(table.names)}")
    if set(names) == set(table.names):
        raise UserError(
            f"--condition {condition} names every column of {source} and nothing is left to make: name fewer"
        )
    places: list[int] = []
    start = 0
    for column in table.columns:
        if column.name in names:
            places.extend(range(start, start + column.width))
        start += column.width
    columns = tuple(column for column in table.columns if column.name in names)
    notations = {name: notation for name, notation in table.notations.items() if name in names}
    codec = TableCodec(columns, (), notations, table.layout)
    return Chosen(Condition("columns", codec.spec, tuple(places)), codec, rows[:, np.array(places)])


def _derived(name: str, table: TableCodec) -> str:
    """Why a column cannot be given that follows from others."""
    one = next(one for one in table.derived if one.name == name)
    by, those = ", ".join(one.inputs), "it" if len(one.inputs) == 1 else "those"
    return (
        f"--condition {name} cannot be had: {name!r} is made from {by}; name {those}, "
        "or train with --no-rules"
    )


def requested_values(codec: TableCodec, requested: str | Mapping[str, str]) -> list[RequestedValue]:
    """What a text, such as glasses=yes,age=39, or values by name ask for, in the codec's order; not every column need
    be named.

    Texts may differ from the levels in the spaces around them. An empty value asks for missing. UserError for columns
    and levels that are unknown, and for numbers outside those of the data.
    """
    values = parsing.parse_assignments(requested) if isinstance(requested, str) else requested
    text = ",".join(f"{name}={value}" for name, value in values.items())
    for name in values:
        if name not in codec.names:
            raise UserError(f"{text}: nothing was trained for {name!r}, ask for {_listed(codec.names)}")
    requests, start = [], 0
    for column in codec.columns:
        if column.name in values:
            series, value = _read(column, values[column.name], codec)
            block = column.encode(series, np.random.default_rng(_SEED))[0]
            requests.append(RequestedValue(column.name, start, start + column.width, block, value))
        start += column.width
    return requests


def _named(condition: str, existing: Sequence[str], missing: str, listing: str) -> list[str]:
    """The names in a text; one that holds commas may stand alone."""
    if condition.strip() in existing:
        return [condition.strip()]
    names = [name.strip() for name in condition.split(",")]
    for name in names:
        if name not in existing:
            raise UserError(
                f"{missing} {name!r} that --condition {condition} names{listing} {_listed(existing)}"
            )
    return list(dict.fromkeys(names))


def _listed(names: Sequence[Any]) -> str:
    listed = ", ".join(str(name).strip() for name in names[:_LISTED])
    return listed if len(names) <= _LISTED else f"{listed} and {len(names) - _LISTED} more"


def _label(series: pd.Series[Any], rng: np.random.Generator, notes: list[str]) -> Column | None:
    """The codec of a label, None with a note for what cannot be given."""
    try:
        return learn(_classes(series), rng, notes)
    except UserError:  # its advice is for tables
        notes.append(f"column {series.name!r} left out: it is free text, or holds no plain values")
        return None


def _classes(series: pd.Series[Any]) -> pd.Series[Any]:
    """Few whole numbers, or booleans, as text: a digit's class is a choice and no amount."""
    series = normalize(series)
    if series.dtype.kind not in "iufb" or series.nunique() > _CLASSES:
        return series
    if series.dtype.kind == "f":
        if not (series.dropna() % 1 == 0).all():
            return series
        series = series.astype("Int64")
    return series.astype("str").where(series.notna(), None).astype("str")


def _read(column: Column, text: str, codec: TableCodec) -> tuple[pd.Series[Any], Any]:
    """What is asked for of a column: a series of one value to encode, and the value itself."""
    if not text:
        if not inner_of(column).missing:
            raise UserError(f"column {column.name!r} never was missing in training: give it a value")
        return parsing.parse_value(column, text, codec), None
    if isinstance(column, DateColumn):
        return _moment(column, text, codec)
    if isinstance(column, NumberColumn):
        return _amount(column, text, codec)
    level = _level(column, text, codec)
    if level is None:
        raise UserError(f"column {column.name!r} knows no {text!r}, ask for {_listed(sorted(column.levels))}")
    return pd.Series([level]), level


def _level(column: CategoryColumn, text: str, codec: TableCodec) -> Any:
    """The level that a text means, None for no level."""
    if column.dtype == "str":
        exact = [level for level in column.levels if level == text]
        return next(iter(exact + [level for level in column.levels if level.strip() == text]), None)
    try:
        value = parsing.parse_value(column, text, codec).iloc[0]
    except UserError:
        return None
    return next((level for level in column.levels if level == value), None)


def _amount(column: NumberColumn, text: str, codec: TableCodec) -> tuple[pd.Series[Any], Any]:
    x = float(parsing.parse_value(column, text, codec).iloc[0])
    if column.decimals is not None:
        x = round(x, column.decimals)
    low, high = column.reach
    if not low <= x <= high:
        raise UserError(
            f"column {column.name!r} goes from {low:.15g} to {high:.15g} in training, ask for nothing outside"
        )
    return pd.Series([x]), to_dtype(np.array([x]), np.array([False]), column.dtype)[0].item()


def _moment(column: DateColumn, text: str, codec: TableCodec) -> tuple[pd.Series[Any], Any]:
    series = parsing.parse_value(column, text, codec)
    ticks = column.ticks(series)
    if ticks.isna().any():
        raise UserError(f"column {column.name!r}: {text!r} is no date, write it like {column.text_format}")
    tick, inner = int(ticks.iloc[0]), column.inner
    if isinstance(inner, NumberColumn):
        low, high = column.moments(pd.Series(inner.reach)).astype("str")
        if not inner.reach[0] <= tick <= inner.reach[1]:
            raise UserError(
                f"column {column.name!r} goes from {low} to {high} in training, ask for nothing outside"
            )
    elif tick not in inner.levels:
        existing = column.moments(pd.Series(inner.levels)).astype("str").tolist()
        raise UserError(f"column {column.name!r} knows no {text!r}, ask for {_listed(existing)}")
    return series, column.moments(ticks).iloc[0]
