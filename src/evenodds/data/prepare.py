"""A source made into a store, once: the next call finds it in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import platformdirs
from filelock import FileLock

from evenodds import aside
from evenodds.data.album import Album
from evenodds.data.intake import Intake, Watch
from evenodds.data.settings import DataSettings
from evenodds.data.source import Source
from evenodds.data.store import Store
from evenodds.data.writer import About, write_store
from evenodds.errors import UserError
from evenodds.spec import PictureSpec

if TYPE_CHECKING:
    import pandas as pd

PREPARED = 2
"""Raised whenever the same source would be prepared differently."""

_FOLDER_SIZE = 64
_TABLE_SEED = 0


def prepare(source: Source, settings: DataSettings, watch: Watch | None = None) -> Store:
    """The source's store, made now or found in the cache; ``watch(what, done, total)`` is told of progress.

    Safe to call from several processes: one makes it, the others wait. Raises UserError where the source
    has nothing to learn from and where the cache cannot be written.
    """
    try:
        if source.kind == "table":
            return _table(source, settings)
        if source.builtin == "digits":
            return _digits(source, settings)
        return _album(source, picture_path(source, watch), settings, watch)
    except aside.Unwritable as error:
        raise UserError(
            f"The cache in {error.place} cannot be written ({error.reason}): "
            "free space there, or set EVENODDS_CACHE to another folder."
        ) from error


def cache_root() -> Path:
    """Where prepared data lies: the environment's EVENODDS_CACHE, or the system's place for caches."""
    told = os.environ.get("EVENODDS_CACHE")
    return Path(told).expanduser() if told else Path(platformdirs.user_cache_dir("evenodds"))


def picture_size(source: Source, settings: DataSettings) -> int:
    """The side in pixels that the source's pictures get."""
    if settings.size is not None:
        return settings.size
    if source.builtin == "digits":
        from evenodds.data import digits

        return digits.SIZE
    return _FOLDER_SIZE


def _album(source: Source, path: Path, settings: DataSettings, watch: Watch | None) -> Store:
    size = picture_size(source, settings)
    with Album(path) as album:
        key = [list(album.stamps()), album.others, size, settings.fit, settings.channels]
        return _once(source, key, lambda target: _make_album(source, album, settings, target, watch))


def _make_album(
    source: Source, album: Album, settings: DataSettings, target: Path, watch: Watch | None
) -> Store:
    from evenodds.data import labels

    frame, label_notes = labels.read(album)
    intake = Intake(album, watch)
    size = picture_size(source, settings)
    channels = _channels(settings, intake.grey)

    def about() -> About:
        notes = intake.notes(size, settings.fit) + label_notes
        if album.others and source.builtin is None:
            notes.append(f"files that are not pictures are ignored: {album.others}")
        facts = {**_facts(source, notes), **intake.facts(), "fit": settings.fit}
        return About(facts, None if frame is None else frame.iloc[intake.kept].reset_index(drop=True))

    chunks = intake.chunks(size, settings.fit, channels)
    return write_store(target, PictureSpec(channels, size, size), source.name, chunks, about)


def _channels(settings: DataSettings, grey: bool) -> Literal[1, 3]:
    return 1 if settings.channels == "grey" or (settings.channels == "auto" and grey) else 3


def picture_path(source: Source, watch: Watch | None = None) -> Path:
    """The folder or zip of a source's pictures; the built-in faces are drawn the first time."""
    if source.builtin != "faces":
        return _path(source)
    from evenodds.data import faces

    folder = cache_root() / f"faces-v{faces.VERSION}"
    if not folder.is_dir():
        with _locked(folder):
            if not folder.is_dir():
                with aside.folder(folder) as part, aside.telling(folder.parent):
                    faces.draw_into(part, faces.COUNT, watch)
    return folder


def _digits(source: Source, settings: DataSettings) -> Store:
    from evenodds.data import digits

    size = picture_size(source, settings)
    channels = _channels(settings, grey=True)

    def make(target: Path) -> Store:
        import pandas as pd
        from PIL import Image

        from evenodds.data.pictures import fitted

        pictures, which = digits.load()
        side = pictures.shape[-1]
        facts = {**_facts(source, [], digits.LICENCE), "skipped": [], "fit": settings.fit}
        facts |= {name: {"min": side, "median": side, "max": side} for name in ("width", "height")}
        facts["modes"] = {"L": len(pictures)}
        labels = pd.DataFrame({"label": which.astype(str)})
        chunk = np.stack([fitted(Image.fromarray(one), size, settings.fit, channels) for one in pictures])
        spec = PictureSpec(channels, size, size)
        return write_store(target, spec, source.name, [chunk], lambda: About(facts, labels))

    return _once(source, [size, channels], make)


def _table(source: Source, settings: DataSettings) -> Store:
    def make(target: Path) -> Store:
        from evenodds.data.tables import TableCodec

        frame = read_frame(source)
        rng = np.random.default_rng(_TABLE_SEED)
        codec = TableCodec.fit(frame, settings.leave_out, rng)
        facts = {
            **_facts(source, list(codec.notes)),
            "skipped": [],
            "columns": [str(name) for name in frame.columns],
        }
        about = About(facts, codec_json=codec.to_json())
        return write_store(target, codec.spec, source.name, [codec.encode(frame, rng)], lambda: about)

    return _once(source, [_table_stamp(source), settings.leave_out], make)


def read_frame(source: Source) -> pd.DataFrame:
    """A table source as a DataFrame. Raises UserError where its file cannot be read."""
    if source.builtin == "people":
        from evenodds.data import people

        return people.draw(people.ROWS, people.SEED)
    from evenodds.data.reading import read_table

    return read_table(_path(source))


def _table_stamp(source: Source) -> list[Any]:
    if source.builtin == "people":
        from evenodds.data import people

        return [people.ROWS, people.SEED]
    path = _path(source)
    try:
        facts = path.stat()
    except OSError as error:
        raise UserError(f"{path} cannot be read any more: check that it is still there.") from error
    return [path.name, facts.st_size, facts.st_mtime_ns]


def _path(source: Source) -> Path:
    if source.path is None:
        raise ValueError(f"the source {source} has neither a path nor a known built-in")
    return source.path


def _facts(source: Source, notes: list[str], licence: str | None = None) -> dict[str, Any]:
    if source.builtin == "faces":
        from evenodds.data import faces

        licence = faces.LICENCE
    return {"source": source.name, "kind": source.kind, "notes": notes, "licence": licence}


def _once(source: Source, key: list[Any], make: Callable[[Path], Store]) -> Store:
    """The store under this key, made under a lock where it is absent or damaged."""
    told = json.dumps([PREPARED, source.kind, source.builtin, key])
    digest = hashlib.sha256(told.encode()).hexdigest()
    target = cache_root() / "stores" / f"{source.name}-{digest[:16]}"
    store = _found(target)
    if store is not None:
        return store
    with _locked(target):
        store = _found(target)  # another process may have made it while this one waited
        if store is not None:
            return store
        with aside.telling(target.parent):
            if target.exists():
                shutil.rmtree(target)
        return make(target)


def _found(target: Path) -> Store | None:
    if not target.is_dir():
        return None
    try:
        return Store.open(target)
    except UserError:  # damaged: it is made again
        return None


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """One process at a time makes ``target``; what a killed one left beside it is swept away first."""
    with aside.telling(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_name(f".{target.name}.lock"))
        lock.acquire()
    try:
        aside.sweep(target)
        yield
    finally:
        lock.release()
