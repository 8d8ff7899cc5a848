"""The picture files of a folder, a zip or tar shards, in a fixed order. Reads names and bytes, never pixels."""

from __future__ import annotations

import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.data.images.shards import SHARD, Entry, files_in, holds_labels, shards_of

SUFFIXES = frozenset(
    {"jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "ppm", "pgm", "avif", "heic", "heif"}
)
ARRAYS = frozenset({"npy", "npz"})
"""Endings of array files. They are pictures where no picture of another kind lies beside them."""
ARCHIVES = (".zip", SHARD)
METADATA = "metadata.csv"
ENTRY_LIMIT = 200_000_000
"""Bytes: a zip entry that states more is not unpacked."""


DAMAGED = (OSError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error)
"""What comes out of reading a damaged entry."""


class BadPicture(Exception):  # noqa: N818 - it tells of a file, not of a defect
    """A picture cannot be used; the message is a short reason, such as "zero bytes"."""


def reader(name: str, extra: str, purpose: str) -> Any:
    """``need`` for what reads a file. Raises BadPicture with the command where the package is not installed."""
    try:
        return need(name, extra, purpose)
    except UserError as missing:
        raise BadPicture(str(missing)) from None


class Album:
    """An opened folder, zip, tar or folder of tar shards, or one array file.

    ``names`` are the pictures' paths inside it, with forward slashes, sorted; of several shards each path begins with
    its shard's name. ``other_names`` are the files that are neither pictures nor labels; ``top`` is the folder that
    holds every picture ("" for the album itself). Safe to read from several threads.
    """

    def __init__(self, path: Path) -> None:
        """Raises UserError for an archive that is broken and a folder that cannot be read."""
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        self._entries: dict[str, Entry] = {}
        try:
            if is_sharded(path):
                self._stamps = self._sharded(shards_of(path))
            elif path.is_dir():
                self._stamps = dict(_folder_files(path))
            elif is_array(path.name):
                facts = path.stat()
                self._stamps = {path.name: (facts.st_size, facts.st_mtime_ns)}
            else:
                self._zip = zipfile.ZipFile(path)
                self._stamps = {i.filename: (i.file_size, i.CRC) for i in self._zip.infolist() if _counts(i)}
        except tarfile.TarError as error:
            raise UserError(
                f"{path} is, or holds, no whole uncompressed tar file ({error}): make or fetch it again."
            ) from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
            raise UserError(f"{path} is not a whole zip file: make or fetch it again.") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"{path} cannot be read ({reason}): check the path and its rights.") from error
        pictures = [name for name in self._stamps if is_picture(name)]
        self.names = tuple(sorted(pictures or (name for name in self._stamps if is_array(name))))
        self.arrays = bool(self.names) and not pictures
        """Whether the pictures are array files."""
        self.top = _common_folder(self.names)
        used = {*self.names, self.metadata_name, *(name for name in self.beside if holds_labels(name))}
        self.other_names = tuple(sorted(name for name in self._stamps if name not in used))

    def _sharded(self, shards: list[Path]) -> dict[str, tuple[int, int]]:
        """Sizes and times of change of the shards' files by name; where they lie is noted."""
        stamps = {}
        for shard in shards:
            before = f"{shard.name}/" if len(shards) > 1 else ""
            for name, entry, changed in files_in(shard):
                if name and all(_seen(part) for part in PurePosixPath(name).parts):
                    self._entries[before + name] = entry
                    stamps[before + name] = (entry.size, changed)
        return stamps

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    @property
    def in_shards(self) -> bool:
        """Whether the files come from several shards, whose names then lead the paths."""
        return len({entry.shard for entry in self._entries.values()}) > 1

    @property
    def beside(self) -> tuple[str, ...]:
        """The files of tar shards that are no pictures; none of a folder or a zip."""
        return tuple(sorted(self._entries.keys() - set(self.names)))

    @property
    def metadata_name(self) -> str | None:
        """The path inside the album of its metadata.csv, at the album's root or beside the pictures."""
        places = (METADATA, f"{self.top}/{METADATA}")
        return next((folder for folder in places if folder in self._stamps), None)

    def stamps(self) -> Iterator[tuple[str, int, int]]:
        """(name, bytes, a stamp that a change alters) of every file that the samples depend on."""
        for name in (*self.names, *((self.metadata_name,) if self.metadata_name else ())):
            yield (name, *self._stamps[name])

    def open(self, name: str) -> BinaryIO:
        """A file of the album, to be read and closed. Raises BadPicture with the reason it cannot be."""
        if name in self._entries:
            return self._from_shard(name)
        if self._zip is None:
            try:
                return (self.path / name if self.path.is_dir() else self.path).open("rb")
            except OSError as error:
                raise BadPicture((error.strerror or "cannot be opened").lower()) from error
        info = self._zip.getinfo(name)
        if leads_out(name):
            raise BadPicture("its name points outside the zip")
        if info.flag_bits & 1:
            raise BadPicture("encrypted")
        if info.file_size > ENTRY_LIMIT:
            raise BadPicture(f"{info.file_size / 1e6:,.0f} MB unpacked is over the limit of 200 MB")
        try:
            # Never reads more than the size that the entry states, whatever it holds.
            return cast(BinaryIO, self._zip.open(info))
        # ValueError: a name there that is no UTF-8.
        except (*DAMAGED, ValueError) as error:
            raise BadPicture("its place in the zip is damaged") from error

    def _from_shard(self, name: str) -> BinaryIO:
        entry = self._entries[name]
        if leads_out(name):
            raise BadPicture("its name points outside the tar")
        if entry.size > ENTRY_LIMIT:
            raise BadPicture(f"{entry.size / 1e6:,.0f} MB are over the limit of 200 MB")
        try:
            return entry.open()
        except (OSError, EOFError) as error:
            raise BadPicture("its place in the tar is damaged") from error


def is_archive(path: Path) -> bool:
    """Whether a path names a zip or a tar."""
    return path.suffix.lower() in ARCHIVES


def is_sharded(path: Path) -> bool:
    """Whether a path is a tar, or a folder with tar shards and no picture file in it, however deep."""
    if not path.is_dir():
        return path.suffix.lower() == SHARD
    return bool(shards_of(path)) and not any(is_picture(name) for name, _ in _folder_files(path))


def leads_out(name: str) -> bool:
    """Whether a path, as either kind of system reads it, may lead out of the folder that it is meant for."""
    windows = PureWindowsPath(name)
    parts = (*PurePosixPath(name).parts, *windows.parts)
    return ".." in parts or name.startswith(("/", "\\")) or bool(windows.drive) or "\0" in name


def is_picture(name: str) -> bool:
    """Whether a file's name says that it is a picture."""
    return PurePosixPath(name).suffix[1:].lower() in SUFFIXES


def is_array(name: str) -> bool:
    """Whether a file's name says that it is an array."""
    return PurePosixPath(name).suffix[1:].lower() in ARRAYS


def holds_picture(path: Path) -> tuple[bool, bool]:
    """Whether a folder holds any file, and any picture, array or tar shard; stops at the first picture."""
    if is_sharded(path):
        return True, True
    holds_any = False
    for name, _ in _folder_files(path):
        holds_any = True
        if is_picture(name) or is_array(name):
            return True, True
    return holds_any, False


def _folder_files(root: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    above = {str(folder) for folder in root.resolve().parents}
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, onerror=_raise, followlinks=True):
        real = str(Path(folder).resolve())
        # A link that leads back up would never end, or take in what was not named.
        if real in seen or real in above:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if _seen(name))
        for name in files:
            file = Path(folder, name)
            if _seen(name) and file.is_file():
                facts = file.stat()
                yield file.relative_to(root).as_posix(), (facts.st_size, facts.st_mtime_ns)


def _raise(error: OSError) -> None:
    raise error


def _seen(part: str) -> bool:
    return part == ".." or not (part.startswith(".") or part == "__MACOSX")


def _counts(info: zipfile.ZipInfo) -> bool:
    named = bool(info.filename)  # a name may be empty, or begin with a zero byte
    return named and not info.is_dir() and all(_seen(part) for part in PurePosixPath(info.filename).parts)


def _common_folder(names: tuple[str, ...]) -> str:
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    if not parents:
        return ""
    low, high = min(parents), max(parents)
    same = 0
    while same < min(len(low), len(high)) and low[same] == high[same]:
        same += 1
    return "/".join(low[:same])
