"""Values that a user spells out for columns, such as height=170,weight=63."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from evenodds.core.errors import UserError
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.fitting import Column
from evenodds.data.tables.number_notation import NumberNotation
from evenodds.data.tables.time_notation import DateNotation, SpanNotation


def parse_assignments(text: str) -> dict[str, str]:
    """Values by name, both without the spaces around them; a value may hold commas. UserError for an empty text, a
    name given twice and a part without a =."""
    if not text.strip():
        raise UserError("the row is empty, give each column once as name=value")
    values: dict[str, str] = {}
    for part in re.split(r",(?=[^,=]+=)", text):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or name in values:
            what = f"names {name!r} twice" if equals else f"has {part!r} without a ="
            raise UserError(f"{text} {what}, give each column once as name=value")
        values[name] = value.strip()
    return values


def parse_row(text: str, codec: TableCodec) -> pd.DataFrame:
    """The one row that a=1,b=2 spells out; an empty value is missing. UserError where a column is lacking or unknown,
    or a value does not read."""
    values = parse_assignments(text)
    existing = ", ".join(codec.required)
    for name in values:
        if name not in codec.required:
            raise UserError(f"{text}: there is no column {name!r}, the columns are {existing}")
    for name in codec.required:
        if name not in values:
            raise UserError(f"{text}: the column {name!r} is lacking, the columns are {existing}")
    return pd.DataFrame(
        {column.name: parse_value(column, values[column.name], codec) for column in codec.required_columns}
    )


def parse_value(column: Column, value: str, codec: TableCodec) -> pd.Series[Any]:
    """One value in its column's own kind, as the codec's file is written. Raises UserError where it does not read."""
    notation = codec.notations.get(column.name)
    if value and isinstance(notation, NumberNotation | DateNotation | SpanNotation):
        try:
            return notation.read(pd.Series([value], dtype="str"))
        except ValueError:
            what = {"number": "number", "date": "date", "span": "time span"}[notation.kind]
            raise UserError(
                f"column {column.name!r}: {value!r} is no {what}, its file has {notation.in_words()}"
            ) from None
    if isinstance(column, DateColumn):
        if value and column.text_format is None:
            moment = pd.to_datetime(value, errors="coerce")
            if pd.isna(moment):
                raise UserError(f"column {column.name!r}: {value!r} is no date, give one like 2024-12-31")
            return pd.Series([moment])
        return pd.Series([value or None], dtype="str" if column.text_format else "datetime64[us]")
    if isinstance(column, CategoryColumn) and column.dtype == "str":
        return pd.Series([value or None], dtype="str")
    if isinstance(column, CategoryColumn) and column.dtype.lower().startswith("bool"):
        truth = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": None}
        if value.lower() not in truth:
            raise UserError(f"column {column.name!r}: {value!r} is neither true nor false")
        return pd.Series([truth[value.lower()]], dtype="boolean")
    return _number(column, value)


def _number(column: NumberColumn | CategoryColumn, value: str) -> pd.Series[Any]:
    try:
        return pd.Series([float(value) if value else np.nan])
    except ValueError:
        raise UserError(f"column {column.name!r}: {value!r} is no number, write it like 1.5") from None
