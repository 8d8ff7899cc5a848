"""What a user wants judged: pictures, folders of them, table files, or a row such as height=170,weight=63."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.core.spec import PictureSpec
from evenodds.data.images.album import SUFFIXES, Album, BadPicture, is_archive
from evenodds.data.images.arrays import decode, decoded_channels
from evenodds.data.store import Block
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import READABLE
from evenodds.data.tables.parsing import parse_row

BATCH = 256
"""Samples held at a time."""

Named = tuple[list[str], Block]
"""Names (n) and stored pictures (n, C, H, W)."""
NamedRows = tuple[list[str], pd.DataFrame]
"""Names (n) and rows (n) as they were given."""


def pictures_from(text: str, spec: PictureSpec, settings: DataSettings, say: Say) -> Iterator[Named]:
    """Pictures of a file, folder or archive, at the run's size; bad ones among others are told to ``say`` and left out.

    Raises UserError where ``text`` is no such place, or none of its pictures can be read.
    """
    path = Path(text).expanduser()
    if path.name.lower().endswith(READABLE) or (not path.exists() and "=" in text):
        raise UserError(f"{text}: this run is of pictures and of no rows, give picture files or a folder")
    if not path.exists():
        raise UserError(f"{text} is not there, give a picture file or a folder of them")
    if not path.is_dir() and not is_archive(path):
        # A copy, as of a folder's pictures: what Pillow decoded is read-only, and torch warns of that.
        yield [text], np.stack([_decoded(path, text, spec, settings)])
        return
    with Album(path) as album:
        if not album.names:
            endings = ", ".join(f".{suffix}" for suffix in sorted(SUFFIXES))
            raise UserError(f"no picture lies in {text}: the files read are {endings}")
        readable = 0
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
                readable += len(good)
                yield good, np.stack(blocks)
    if not readable:
        raise UserError(f"none of the pictures in {text} can be read, give pictures that open in a viewer")


def rows_from(text: str, codec: TableCodec) -> Iterator[NamedRows]:
    """Rows of a table file, named FILE:ROW from 1, or the one row that ``text`` spells out, such as a=1,b=2.

    Values may lie outside of what was learnt. Raises UserError where ``text`` is neither, or a column is lacking or a
    value does not read.
    """
    path = Path(text).expanduser()
    if not path.exists() and "=" in text:
        row = parse_row(text, codec)
        codec.values(row)
        yield [text], row
        return
    example = ",".join(f"{name}=..." for name in codec.required)
    if path.is_dir() or path.suffix[1:].lower() in SUFFIXES:
        raise UserError(f"{text}: this run judges table rows and no pictures, give a table file or {example}")
    if not path.exists():
        raise UserError(f"{text} is not there, give a table file or {example}")
    frame = codec.read_file(path)
    try:
        codec.values(frame)
    except UserError as problem:
        raise UserError(f"{text}: {problem}") from None
    yield [f"{text}:{row_number}" for row_number in range(1, len(frame) + 1)], frame


def _decoded(path: Path, text: str, spec: PictureSpec, settings: DataSettings) -> np.ndarray[Any, Any]:
    try:
        return _read(path, spec, settings)
    except BadPicture as problem:
        raise UserError(f"{text} cannot be read ({problem}), give a picture that opens in a viewer") from None


def _read(file: Any, spec: PictureSpec, settings: DataSettings) -> np.ndarray[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of small damage that it reads past
        return decode(file, spec.size, settings.fit, decoded_channels(spec), settings.span)
