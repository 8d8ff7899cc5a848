"""What a user wants judged: pictures, folders of them, table files, or a row such as height=170,weight=63."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.core.spec import PictureSpec
from evenodds.data.images.album import ARRAYS, SUFFIXES, Album, BadPicture, is_archive
from evenodds.data.images.arrays import decode, decode_bands, decoded_channels
from evenodds.data.images.decoding import Reel, open_file
from evenodds.data.images.values import Values, counted
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


def pictures_from(
    text: str, spec: PictureSpec, settings: DataSettings, say: Say, values: Values | None = None
) -> Iterator[Named]:
    """Pictures of a file, folder or archive, at the run's size, bands by its ``values``; bad ones among others are told
    to ``say`` and left out.

    Raises UserError where ``text`` is no such place, or none of its pictures can be read.
    """
    path = Path(text).expanduser()
    if path.name.lower().endswith(READABLE) or (not path.exists() and "=" in text):
        raise UserError(f"{text}: this run is of pictures and of no rows, give picture files or a folder")
    if not path.exists():
        raise UserError(f"{text} is not there, give a picture file or a folder of them")
    read = partial(_read, spec=spec, settings=settings, values=values)
    if not path.is_dir() and not is_archive(path):
        try:
            blocks = list(read(path))
        except BadPicture as problem:
            raise UserError(f"{text} cannot be read ({problem}), give {_readable(spec)}") from None
        # A copy, as of a folder's pictures: what Pillow decoded is read-only, and torch warns of that.
        yield _numbered(text, len(blocks)), np.stack(blocks)
        return
    with Album(path) as album:
        if not album.names:
            endings = ", ".join(f".{suffix}" for suffix in sorted(SUFFIXES | ARRAYS))
            raise UserError(f"no picture lies in {text}: the files read are {endings}")
        readable = 0
        for start in range(0, len(album.names), BATCH):
            good, blocks = [], []
            for name in album.names[start : start + BATCH]:
                try:
                    with album.open(name) as file:
                        pictures = list(read(file))
                    good += _numbered(f"{text.rstrip('/')}/{name}", len(pictures))
                    blocks += pictures
                except BadPicture as problem:
                    say(f"{name} in {text} is left out: {problem}")
            if good:
                readable += len(good)
                yield good, np.stack(blocks)
    if not readable:
        raise UserError(f"none of the pictures in {text} can be read, give {_readable(spec)}")


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
    if path.is_dir() or path.suffix[1:].lower() in SUFFIXES | ARRAYS:
        raise UserError(f"{text}: this run judges table rows and no pictures, give a table file or {example}")
    if not path.exists():
        raise UserError(f"{text} is not there, give a table file or {example}")
    frame = codec.read_file(path)
    try:
        codec.values(frame)
    except UserError as problem:
        raise UserError(f"{text}: {problem}") from None
    yield [f"{text}:{row_number}" for row_number in range(1, len(frame) + 1)], frame


def _readable(spec: PictureSpec) -> str:
    """What a run of a spec reads."""
    if not spec.bands:
        return "pictures that open in a viewer"
    return f".npy, .npz or .tif files of {counted(spec.channels)}"


def _numbered(name: str, count: int) -> list[str]:
    """What the pictures of a file are called: of a stack by their numbers from 1."""
    return [name] if count == 1 else [f"{name}:{number}" for number in range(1, count + 1)]


def _read(
    file: Any, spec: PictureSpec, settings: DataSettings, values: Values | None
) -> Iterator[np.ndarray[Any, Any]]:
    """The pictures of a file: the first frame, or each of an array."""
    if isinstance(file, Path):
        with open_file(file) as stream:
            yield from _read(stream, spec, settings, values)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of small damage that it reads past
        reel = Reel(file)
        for frame in range(1 if reel.bands is None or not reel.bands.stack else reel.bands.shape.pictures):
            if spec.bands and values is not None:
                yield decode_bands(reel, spec.size, settings.fit, values, frame)
            else:
                yield decode(reel, spec.size, settings.fit, decoded_channels(spec), settings.span, frame)
