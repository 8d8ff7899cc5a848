"""A source made into a store, once: the next call finds it in the cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evenodds.config.data_settings import NOTHING_FAKED, READ_BEFORE, DataSettings
from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.core.optional import installed
from evenodds.data.build_store import (
    channels_of,
    default_side,
    facts_of,
    make_album,
    make_digits,
    make_pictures,
)
from evenodds.data.cache import locked, once
from evenodds.data.cache_entries import cache_root, lease
from evenodds.data.conditioning import BETWEEN, kind_of, of_columns
from evenodds.data.images.album import Album
from evenodds.data.images.ingest import Watch
from evenodds.data.objects import Content
from evenodds.data.source import Source
from evenodds.data.store import Store
from evenodds.data.store_writer import About, with_about, write_store

if TYPE_CHECKING:
    import pandas as pd

    from evenodds.data.tables.files import Reading

_TABLE_SEED = 0


def prepare(source: Source, settings: DataSettings, watch: Watch | None = None) -> Store:
    """The source's store, made now or found in the cache; ``watch(what, done, total)`` is told of progress.

    Safe to call from several processes: one makes it, the others wait. Raises UserError where the source
    has nothing to learn from and where the cache cannot be written.
    """
    try:
        _refuse_strange(source, settings)
        if source.kind == "table":
            return _table(source, settings)
        if source.content is not None:
            return _pictures(source, source.content, settings, watch)
        if source.builtin == "digits":
            return _digits(source, settings)
        return _album(source, picture_path(source, watch), settings, watch)
    except atomic.Unwritable as error:
        raise UserError(
            f"The cache in {error.path} cannot be written ({error.reason}): "
            "free space there, or set EVENODDS_CACHE to another folder."
        ) from error


def _album(source: Source, path: Path, settings: DataSettings, watch: Watch | None) -> Store:
    with Album(path) as album:
        key = [
            list(album.stamps()),
            len(album.other_names),
            settings.size or default_side(source),
            settings.fit,
            f"channels {settings.channels}",
            f"range {settings.range}",
            *(["every frame"] if settings.frames == "all" else []),
            *_given(settings),
        ]
        return once(source, key, lambda target: make_album(source, album, settings, target, watch))


def _refuse_strange(source: Source, settings: DataSettings) -> None:
    """Raises UserError for settings that this kind of source does not know."""
    if settings.split is not None and source.content is None:
        raise UserError("--split is for data sets (hf:user/name), leave it out")
    if settings.read_choices and (source.path is None or source.kind == "pictures"):
        raise UserError("--read is for text files, leave it out")
    if settings.frames == "all" and (source.kind != "pictures" or source.content is not None):
        raise UserError("--frames is for folders and archives of pictures, leave it out")
    if settings.frames == "all" and kind_of(settings.condition) == "pairs":
        raise UserError("--frames all is not for pairs, leave it out")
    if settings.rule and source.kind == "pictures":
        raise UserError("--rule is for tables, leave it out")
    if settings.columns and source.kind == "pictures" and source.content is None:
        raise UserError("--columns is for tables and data sets (hf:user/name), leave it out")


def _pictures(source: Source, content: Content, settings: DataSettings, watch: Watch | None) -> Store:
    if kind_of(settings.condition) in BETWEEN:
        raise UserError(
            f"--condition {settings.condition} needs a folder or zip with A and B: "
            "give labels or outlines, or such a folder"
        )
    key = [content.digest, settings.size, settings.fit, f"channels {settings.channels}", *_given(settings)]
    return once(
        source, key, lambda target: make_pictures(source, content.pictures(), settings, target, watch)
    )


def _given(settings: DataSettings) -> list[str]:
    """What is held out, and what is given, as a part of a store's key."""
    holdout = [f"holdout {settings.holdout:g}"]
    if settings.condition is None:
        return holdout
    return [
        *holdout,
        settings.condition.strip(),
        *([settings.direction] if kind_of(settings.condition) in BETWEEN else []),
    ]


def picture_path(source: Source, watch: Watch | None = None) -> Path:
    """The folder or zip of a source's pictures; the built-in faces are drawn the first time."""
    if source.builtin != "faces":
        return _path(source)
    from evenodds.data.builtin import faces

    folder = cache_root() / f"faces-v{faces.VERSION}"
    while not lease(folder, source):
        with locked(folder):
            if not folder.is_dir():
                with atomic.folder(folder) as part, atomic.reporting_write_errors(folder.parent):
                    faces.draw_into(part, faces.COUNT, watch)
    return folder


def _digits(source: Source, settings: DataSettings) -> Store:
    if kind_of(settings.condition) in BETWEEN:
        raise UserError(
            f"--condition {settings.condition} needs a folder or zip with A and B, and digits has none: "
            "give labels or outlines"
        )
    size = settings.size or default_side(source)
    # Digits are square: how they are fitted decides about rectangles alone.
    fit = [settings.fit] if isinstance(size, str) else []
    key = [size, *fit, channels_of(settings, gray=True, transparent=False), *_given(settings)]
    return once(source, key, lambda target: make_digits(source, settings, target))


def _table(source: Source, settings: DataSettings) -> Store:
    columns = [["columns", *settings.columns]] if settings.columns else []
    reading = (
        []
        if settings.read == READ_BEFORE
        else [f"reading {settings.read}", settings.header is not False, *settings.key]
    )
    rules = (
        [["rules", _finds_rules(settings), *settings.rule]] if _finds_rules(settings) or settings.rule else []
    )
    faked = faked_of_settings(settings)
    none = faked == NOTHING_FAKED or (faked is None and not installed("faker"))
    made = [] if none else [["faked", faked or True]]
    key = [_table_stamp(source), settings.exclude, *columns, *_given(settings), *reading, *rules, *made]
    return once(source, key, lambda target: _make_table(source, settings, target))


def _make_table(source: Source, settings: DataSettings, target: Path) -> Store:
    from evenodds.data.tables.codec import TableCodec
    from evenodds.data.tables.containers import refuse_dropped

    table = None if source.content is None else source.content.table()
    reading = read_source(source, settings)
    frame, names = reading.frame, [str(name) for name in reading.frame.columns]
    rng = np.random.default_rng(_TABLE_SEED)
    codec = TableCodec.fit(
        frame, settings.exclude, rng, reading, keys_of(settings), faked_of_settings(settings)
    )
    if settings.rule or _finds_rules(settings):
        codec = codec.deriving(frame, rng, settings.rule, _finds_rules(settings))
    rows = codec.encode(frame, rng)
    if codec.derived or _finds_rules(settings):
        codec = codec.combining(rows, _finds_rules(settings))
    facts = {**facts_of(source, [*reading.notes, *codec.notes]), "skipped": [], "columns": names}
    if table is not None:
        refuse_dropped(table.container, codec, names, settings.exclude)
        facts |= {"container": table.container, "notes": [*table.notes, *codec.notes]}
    about = About(facts, codec_json=codec.to_json(), holdout=settings.holdout)
    if settings.condition is not None:
        chosen = of_columns(settings.condition, codec, rows, names, source.name)
        facts["given"] = {"kind": "columns", "columns": list(chosen.codec.names)}
        about = replace(
            about,
            condition=chosen.condition,
            conditions=chosen.rows,
            condition_codec=chosen.codec.to_json(),
        )
    return write_store(target, codec.spec, source.name, with_about([rows], about))


def keys_of(settings: DataSettings) -> tuple[str, ...] | None:
    """The keys that are named; None for a reading of versions that knew none."""
    return None if settings.read == READ_BEFORE else settings.key


def faked_of_settings(settings: DataSettings) -> str | None:
    """What is made up, as settings state it; nothing for a reading of versions that made nothing up."""
    return NOTHING_FAKED if settings.read == READ_BEFORE else settings.faked


def _finds_rules(settings: DataSettings) -> bool:
    """Whether what hangs together in a table is looked for."""
    return settings.rules is not False and settings.read != READ_BEFORE


def chosen_columns(frame: pd.DataFrame, columns: tuple[str, ...], source: str) -> pd.DataFrame:
    """The columns asked for, in their order; all of them where none is. Raises UserError for one that is not there."""
    names = [str(name) for name in frame.columns]
    missing = [name for name in columns if name not in names]
    if missing:
        raise UserError(
            f"{source} has no column {missing[0]!r}, name some of its columns: {', '.join(names)}"
        )
    return frame.iloc[:, [names.index(name) for name in columns]] if columns else frame


def read_source(source: Source, settings: DataSettings) -> Reading:
    """The columns chosen of a table source, as values, with how a text file writes them. Raises UserError where its
    file cannot be read, and where a column that is learnt can be read in two ways."""
    from evenodds.data.tables.files import Reading, open_table, read_before, read_values

    if source.content is not None or source.builtin == "people":
        frame = chosen_columns(_in_memory(source), settings.columns, source.name)
        return Reading(frame, {}, None, ())
    if settings.read == READ_BEFORE:
        return Reading(
            chosen_columns(read_before(_path(source)), settings.columns, source.name), {}, None, ()
        )
    cells = open_table(_path(source), settings.header is not False)
    cells = cells._replace(frame=chosen_columns(cells.frame, settings.columns, source.name))
    return read_values(cells, settings.read_choices, settings.exclude)


def _in_memory(source: Source) -> pd.DataFrame:
    if source.content is not None:
        return source.content.table().frame
    from evenodds.data.builtin import people

    return people.draw(people.ROWS, people.SEED)


def _table_stamp(source: Source) -> list[Any]:
    if source.builtin == "people":
        from evenodds.data.builtin import people

        return [people.ROWS, people.SEED]
    if source.content is not None:
        return [source.content.digest]
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
