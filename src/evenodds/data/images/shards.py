"""The files of tar shards, as WebDataset writes them: where each lies, and the labels beside the pictures.

A sample is the files of one key, the path up to the name's first dot: `0001.jpg`, `0001.cls`, `0001.json`.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

SHARD = ".tar"
CLASS, FACTS = "cls", "json"
"""Endings of a sample's class, a word or a number, and of its facts by name."""


class Entry(NamedTuple):
    """Where a file lies in a shard."""

    shard: Path
    start: int
    size: int

    def open(self) -> BinaryIO:
        """The file's bytes. Raises EOFError where the shard ends before it does, and OSError."""
        with self.shard.open("rb") as file:
            file.seek(self.start)
            content = file.read(self.size)
        if len(content) < self.size:
            raise EOFError
        return io.BytesIO(content)


def shards_of(path: Path) -> list[Path]:
    """The shards that ``path`` is, or that a folder holds right inside."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() == SHARD and file.is_file())


def files_in(shard: Path) -> Iterator[tuple[str, Entry, int]]:
    """Name, entry and time of change of each regular file; links and devices are left out.

    Raises tarfile.TarError for what is no whole uncompressed tar file, and OSError.
    """
    with tarfile.open(shard, "r:") as archive:
        for member in archive:
            if member.isreg() and not member.issparse():
                yield (
                    member.name.removeprefix("./"),
                    Entry(shard, member.offset_data, member.size),
                    int(member.mtime),
                )
        if shard.stat().st_size < archive.offset:
            raise tarfile.ReadError("ends within a file")


def key_of(name: str) -> str:
    """What the files of one sample have in common.

    >>> key_of("train/0001.seg.png")
    'train/0001'
    """
    path = PurePosixPath(name)
    return str(path.with_name(path.name.split(".")[0] or path.name))


def holds_labels(name: str) -> bool:
    """Whether a file's name says that it holds a sample's class or facts."""
    return name.rpartition(".")[2].lower() in (CLASS, FACTS)


def parsed(name: str, content: bytes | None) -> Any:
    """What a file of labels holds; None where it cannot be read, or is no UTF-8 or JSON."""
    try:
        text = None if content is None else content.decode()
        if text is None or name.lower().endswith(CLASS):
            return text and {"label": text.strip()}
        return json.loads(text)
    except ValueError:
        return None


def labels_beside(
    pictures: Sequence[str], names: Sequence[str], read: Callable[[str], bytes | None]
) -> tuple[pd.DataFrame | None, list[str]]:
    """Labels from the files beside the pictures, a row for each picture, and what there is to say of them.

    A class is the column ``label``; of facts those that are single values are columns. None without any.
    """
    import pandas as pd

    beside = set(filter(holds_labels, names))
    if not beside:
        return None, []
    by_key: dict[str, dict[str, Any]] = {}
    damaged = 0
    for name in sorted(beside):
        values = parsed(name, read(name))
        damaged += values is None
        if isinstance(values, dict):
            singles = {
                str(key): value for key, value in values.items() if isinstance(value, str | int | float)
            }
            by_key.setdefault(key_of(name), {}).update(singles)
    rows = [by_key.get(key_of(name), {}) for name in pictures]
    columns = dict.fromkeys(name for row in rows for name in row)
    notes = [f"{damaged} of {len(beside)} files of labels cannot be read and are left out"] if damaged else []
    if not columns:
        return None, notes
    bare = sum(not row for row in rows)
    if bare:
        notes.append(f"{bare} of {len(rows)} pictures have no file of labels: no labels for them")
    return pd.DataFrame({name: [row.get(name) for row in rows] for name in columns}), notes
