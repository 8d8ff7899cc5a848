"""What a user wants judged: pictures, folders of them, table files, or a row such as height=170,weight=63."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evenodds.data.album import SUFFIXES, Album, BadPicture
from evenodds.data.columns import CategoryColumn, NumberColumn
from evenodds.data.dates import DateColumn
from evenodds.data.pictures import decode
from evenodds.data.reading import READABLE, read_table
from evenodds.data.settings import DataSettings
from evenodds.data.tables import Column, TableCodec
from evenodds.errors import UserError
from evenodds.judge.eye import Block
from evenodds.spec import PictureSpec

BATCH = 256
"""Samples held at a time."""

Say = Callable[[str], None]
Named = tuple[list[str], Block]
"""Names (n) and stored samples (n, ...)."""


def pictures_from(text: str, spec: PictureSpec, settings: DataSettings, say: Say) -> Iterator[Named]:
    """Pictures of a file, folder or zip, at the run's size; bad ones among others are told to ``say`` and left out.

    Raises UserError where ``text`` is no such place, or none of its pictures can be read.
    """
    path = Path(text).expanduser()
    if path.name.lower().endswith(READABLE) or (not path.exists() and "=" in text):
        raise UserError(f"{text}: this run judges pictures and no rows, give picture files or a folder")
    if not path.exists():
        raise UserError(f"{text} is not there, give a picture file or a folder of them")
    if not path.is_dir() and path.suffix.lower() != ".zip":
        yield [text], _decoded(path, text, spec, settings)[None]
        return
    with Album(path) as album:
        if not album.names:
            endings = ", ".join(f".{suffix}" for suffix in sorted(SUFFIXES))
            raise UserError(f"no picture lies in {text}: the files read are {endings}")
        found = 0
        for start in range(0, len(album.names), BATCH):
            good, blocks = [], []
            for name in album.names[start : start + BATCH]:
                try:
                    with album.open(name) as file:
                        blocks.append(_read(file, spec, settings))
                    good.append(f"{text.rstrip('/')}/{name}")
                except BadPicture as problem:
                    say(f"{name} in {text} is left out: {problem}")
            if good:
                found += len(good)
                yield good, np.stack(blocks)
    if not found:
        raise UserError(f"none of the pictures in {text} can be read, give pictures that open in a viewer")


def rows_from(text: str, codec: TableCodec) -> Iterator[Named]:
    """Rows of a table file, named FILE:ROW from 1, or the one row that ``text`` spells out, such as a=1,b=2.

    Raises UserError where ``text`` is neither, or a column or value does not fit the table that was learnt.
    """
    path = Path(text).expanduser()
    if not path.exists() and "=" in text:
        yield [text], codec.encode(_row(text, codec), np.random.default_rng(0))
        return
    spelled = ",".join(f"{name}=..." for name in codec.names)
    if path.is_dir() or path.suffix[1:].lower() in SUFFIXES:
        raise UserError(f"{text}: this run judges table rows and no pictures, give a table file or {spelled}")
    if not path.exists():
        raise UserError(f"{text} is not there, give a table file or {spelled}")
    frame = read_table(path)
    try:
        block = codec.encode(frame, np.random.default_rng(0))
    except UserError as problem:
        raise UserError(f"{text}: {problem}") from None
    yield [f"{text}:{row}" for row in range(1, len(block) + 1)], block


def _decoded(path: Path, text: str, spec: PictureSpec, settings: DataSettings) -> np.ndarray[Any, Any]:
    try:
        return _read(path, spec, settings)
    except BadPicture as problem:
        raise UserError(
            f"{text} cannot be judged ({problem}), give a picture that opens in a viewer"
        ) from None


def _read(file: Any, spec: PictureSpec, settings: DataSettings) -> np.ndarray[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of small damage that it reads past
        return decode(file, spec.width, settings.fit, 1 if spec.channels == 1 else 3)


def _row(text: str, codec: TableCodec) -> pd.DataFrame:
    """The one row that a=1,b=2 spells out; a value may hold commas, and an empty one is missing."""
    values: dict[str, str] = {}
    for part in re.split(r",(?=[^,=]+=)", text):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or name in values:
            what = f"names {name!r} twice" if equals else f"has {part!r} without a ="
            raise UserError(f"{text} {what}, give each column once as name=value")
        values[name] = value.strip()
    known = ", ".join(codec.names)
    for name in values:
        if name not in codec.names:
            raise UserError(f"{text}: there is no column {name!r}, the columns are {known}")
    for name in codec.names:
        if name not in values:
            raise UserError(f"{text}: the column {name!r} is lacking, the columns are {known}")
    return pd.DataFrame({column.name: _typed(column, values[column.name]) for column in codec.columns})


def _typed(column: Column, value: str) -> pd.Series[Any]:
    """One value in its column's own kind. Raises UserError where it does not read."""
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
