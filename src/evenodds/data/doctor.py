"""What a source holds and what becomes of it, as facts for the user before any training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from evenodds.config.data_settings import DataSettings
from evenodds.config.sizes import as_setting
from evenodds.core.spec import PictureSpec
from evenodds.data.conditioning import BETWEEN
from evenodds.data.images.album import Album
from evenodds.data.images.ingest import Watch
from evenodds.data.images.pairs import made_names
from evenodds.data.images.unpaired import sample_names
from evenodds.data.prepare import picture_path, prepare, read_source
from evenodds.data.source import Source
from evenodds.data.store import Array, Store
from evenodds.data.tables.derivations import Derivation, Formula, Relative, derivation_from_json

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_BYTES = 8 * 2**20
_EXAMPLES = 5
_TREATED = {
    "1": "black and white taken as grey",
    "L": "as it is",
    "LA": "laid on white",
    "P": "palette looked up",
    "RGB": "as it is",
    "RGBA": "laid on white",
    "CMYK": "converted to RGB",
    "YCbCr": "converted to RGB",
    "I": "scaled to 8 bits",
    "F": "scaled to 8 bits",
}


def examine(source: Source, settings: DataSettings, watch: Watch | None = None) -> dict[str, Any]:
    """Facts about a source as JSON values; prepares it, so that training starts at once afterwards.

    Always: source, kind, count, train, heldout, skipped (file and reason), notes, licence, fingerprint,
    prepared_bytes, prepared_in; where a condition is asked for, given (kind, and columns or
    direction; of unpaired pictures also how many are given, in training and held out).
    Pictures: width and height (min, median, max in pixels), modes (count, treated), prepared (size as --size takes it,
    channels, fit), labels (levels and their counts, missing) and near_duplicates. Tables: columns (name, kind,
    missing, distinct, in_words; of a text file read_as), left_out, duplicate_rows.
    Raises UserError as ``prepare`` does.
    """
    store = prepare(source, settings, watch)
    facts = store.facts
    common = {
        "source": source.name,
        "kind": source.kind,
        "count": facts["counts"]["samples"],
        "train": store.n_train,
        "heldout": store.n_heldout,
        "skipped": facts["skipped"],
        "notes": facts["notes"],
        "licence": facts["licence"],
        "fingerprint": store.fingerprint,
        "prepared_in": str(store.path),
        "prepared_bytes": sum(file.stat().st_size for file in store.path.iterdir()),
    }
    if "given" in facts:
        common["given"] = facts["given"]
    return common | (
        _pictures(source, store, watch) if source.kind == "pictures" else _table(source, store, settings)
    )


def _pictures(source: Source, store: Store, watch: Watch | None) -> dict[str, Any]:
    if not isinstance(store.spec, PictureSpec):
        raise TypeError(f"a store of pictures has the spec {store.spec}")
    facts = store.facts
    treated = {**_TREATED, **dict.fromkeys(("LA", "RGBA"), "with alpha")} if store.spec.alpha else _TREATED
    modes = {
        mode: {
            "count": count,
            "treated": "each band by its range" if store.spec.bands else treated.get(mode, "converted"),
        }
        for mode, count in facts["modes"].items()
    }
    return {
        "width": facts["width"],
        "height": facts["height"],
        "modes": modes,
        "prepared": {
            "size": as_setting(*store.spec.size),
            "channels": store.spec.channels,
            "fit": facts["fit"],
        },
        "labels": _labels(store.labels()),
        "near_duplicates": _near_duplicates(source, store, watch),
    }


def _labels(frame: pd.DataFrame | None) -> dict[str, Any]:
    if frame is None:
        return {}
    return {
        str(name): {
            "levels": {str(level): int(count) for level, count in column.value_counts().items()},
            "missing": int(column.isna().sum()),
        }
        for name, column in frame.items()
    }


def _near_duplicates(source: Source, store: Store, watch: Watch | None) -> dict[str, Any]:
    from evenodds.data.images.duplicates import near_duplicates

    groups = near_duplicates(_chunks(store, watch))
    groups.sort(key=len, reverse=True)
    names = _names(source, store)
    return {
        "groups": len(groups),
        "pictures": sum(len(group) for group in groups),
        "examples": [[names[index] for index in group[:_EXAMPLES]] for group in groups[:_EXAMPLES]],
    }


def _chunks(store: Store, watch: Watch | None) -> Iterator[Array]:
    count = store.n_train + store.n_heldout
    step = max(1, _CHUNK_BYTES // store.in_file_order(0, 1).nbytes)
    for start in range(0, count, step):
        stop = min(count, start + step)
        yield store.in_file_order(start, stop)
        if watch is not None:
            watch("looking for duplicates", stop, count)


def _names(source: Source, store: Store) -> list[str]:
    """What each sample is called, in the store's order."""
    if "files" in store.facts:
        return list(store.facts["files"])
    if source.builtin == "digits":
        return [str(index) for index in range(store.n_train + store.n_heldout)]
    skipped = {entry["file"] for entry in store.facts["skipped"]}
    condition = store.facts.get("given", {})
    with Album(picture_path(source)) as album:
        names = list(album.names)
        if condition.get("kind") in BETWEEN:
            of_samples = sample_names if condition["kind"] == "unpaired" else made_names
            names = of_samples(album, condition["direction"])
        return [name for name in names if name not in skipped]


def _table(source: Source, store: Store, settings: DataSettings) -> dict[str, Any]:
    reading = read_source(source, settings)
    frame, notations = reading.frame, reading.notations
    facts = store.codec_json or {}
    codecs = {column["name"]: column for column in facts["columns"]}
    derived = {one.name: one for one in map(derivation_from_json, facts.get("derived", []))}
    columns = [
        {
            "name": str(name),
            "kind": "derived"
            if str(name) in derived
            else codecs.get(str(name), {"kind": "left out"})["kind"],
            "in_words": _derived(derived[str(name)])
            if str(name) in derived
            else _in_words(codecs.get(str(name))),
            **({"read_as": notations[str(name)].in_words()} if str(name) in notations else {}),
            "missing": int(column.isna().sum()),
            "distinct": int(column.nunique()),
        }
        for name, column in frame.items()
    ]
    return {
        "columns": columns,
        "left_out": [str(name) for name in frame.columns if str(name) not in {*codecs, *derived}],
        "duplicate_rows": int(frame.duplicated().sum()),
    }


def _derived(one: Derivation) -> str:
    """What a column is made from that follows from others."""
    if isinstance(one, Formula):
        return one.expression.text
    if isinstance(one, Relative):
        return f"from {one.stand_in} and {', '.join(one.inputs)}"
    return f"looked up by {' and '.join(one.inputs)}"


def _in_words(column: dict[str, Any] | None) -> str:
    """What was decided for a column of the codec."""
    if column is None:
        return "not learnt"
    if column["kind"] == "date":
        return f"a moment, as {_in_words(column['inner'])}"
    if column["kind"] == "category":
        return f"a choice among {len(column['levels'])} levels"
    spikes = len(column["spikes"])
    alone = f", {spikes} of its values as choices of their own" if spikes else ""
    return f"a number{alone}"
