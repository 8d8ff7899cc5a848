"""An album, or the digits, made into a store: samples, labels and what is given of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evenodds.config.data_settings import DataSettings
from evenodds.config.sizes import AUTO, automatic
from evenodds.core.errors import UserError
from evenodds.core.spec import PICTURED, WITH_ALPHA, Condition, PictureSpec, Size, sides_of
from evenodds.data.conditioning import BETWEEN, kind_of, of_labels
from evenodds.data.images.album import Album
from evenodds.data.images.decoding import values_of
from evenodds.data.images.ingest import Chunk, Ingest, Watch
from evenodds.data.images.ingest_report import IngestReport
from evenodds.data.images.items import Pictures
from evenodds.data.images.values import Values, counted
from evenodds.data.source import Source
from evenodds.data.store import Store
from evenodds.data.store_writer import About, Chunks, with_about, write_store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import pandas as pd

    from evenodds.data.images.arrays import Bytes, Channels, Range

_FOLDER_SIZE = 64
_CHUNK = 256
"""Pictures from memory that are held at their new size at a time."""
SHOWN_BANDS = 4
"""Bands whose ranges are given."""
SHOWN_KINDS = 5
"""Kinds of files that are not read, of which the counts are given."""


def default_side(source: Source) -> int:
    """The side in pixels that a source's pictures get where no size is named."""
    if source.builtin == "digits":
        from evenodds.data.builtin import digits

        return digits.SIZE
    return _FOLDER_SIZE


def choose_size(
    settings: DataSettings, side: int, sizes: Sequence[tuple[int, int]]
) -> tuple[Size, list[str]]:
    """The size that pictures of such sizes (width, height) get, ``side`` where none is named, and a note of a choice
    that was made."""
    if settings.size != AUTO:
        return settings.pixels or side, []
    size, count = automatic(sizes, side)
    width, height = sides_of(size)
    return size, [
        f"--size auto takes {width}x{height} px: {count} of {len(sizes)} pictures have about this aspect"
    ]


class Incoming(NamedTuple):
    """An album's samples, to come."""

    spec: PictureSpec
    condition: PictureSpec | None
    """Of the pictures that are given, where some are."""
    chunks: Generator[Chunk, None, IngestReport]
    span: Range | None
    """The values of wide pictures that become black and white."""
    values: Values | None
    """What the levels of bands stand for."""
    notes: list[str]
    """How their size and channels were chosen, where they were."""
    span_of_inputs: Range | None = None
    """As ``span``, of unpaired pictures that others are made from."""


def make_album(
    source: Source, album: Album, settings: DataSettings, target: Path, watch: Watch | None
) -> Store:
    """The store of an album, written to ``target``. Raises UserError where there is nothing to learn from, and where
    what is to be given is not there."""
    from evenodds.data.images import labels

    frame, label_notes = labels.read(album)
    kind = kind_of(settings.condition)
    if settings.condition is not None and kind == "labels":
        of_labels(settings.condition, frame, source.name)  # refused now, before every picture is decoded
    coming = _ingest(album, settings, default_side(source), watch)
    spec, condition, pictures, span = coming.spec, coming.condition, coming.chunks, coming.span
    if kind in BETWEEN and album.metadata_name is None:
        frame = None  # its folders are A and B, or parts of no meaning

    def chunks() -> Chunks:
        report = yield from pictures
        notes = coming.notes + report.notes(spec.size, settings.fit, spec.alpha) + label_notes
        if album.other_names and source.builtin is None:
            notes.append(ignored(album.other_names))
        if span is not None:
            notes.append(stretched(span, settings))
        facts = {**facts_of(source, notes), **report.facts(), "fit": settings.fit}
        if report.every_frame:
            facts["files"] = [album.names[index] for index in report.indices]
        if span is not None:
            facts["range_of_samples" if kind == "unpaired" else "range"] = list(span)
        if coming.span_of_inputs is not None:
            facts["range_of_inputs"] = list(coming.span_of_inputs)
            notes.append(f"{stretched(coming.span_of_inputs, settings)}, where others are made from them")
        values = values_of(facts["modes"], span)
        if coming.values is not None:
            facts["values"] = coming.values.to_json()
            notes.append("fakes in a folder are .npy files, in the values of the bands")
        elif values is not None and spec.channels == 1:
            facts["values"] = list(values)
            notes.append("fakes in a folder are PNG files of 16 bits, in the values of the pictures")
        rows = None if frame is None else frame.iloc[report.indices].reset_index(drop=True)
        about = _about(facts, rows, settings, condition, source)
        return replace(about, heldout=report.heldout)

    return write_store(target, spec, source.name, chunks(), condition)


def stretched(span: Range, settings: DataSettings) -> str:
    """One sentence on the range by which wide pictures get 8 bits."""
    low, high = (f"{end:,.6g}" for end in span)
    measured = " (--range takes another one, or full)" if settings.range == "auto" else ""
    return f"of pictures with more than 8 bits, values from {low} to {high} go from black to white{measured}"


def ignored(names: Sequence[str]) -> str:
    """One sentence on the files that are not read, with their kinds, the most frequent first."""
    kinds = Counter(PurePosixPath(name).suffix.lower() or "without an ending" for name in names)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(SHOWN_KINDS))
    more = ", ..." if len(kinds) > SHOWN_KINDS else ""
    return f"files of kinds that are not read are ignored: {len(names)} ({counts}{more})"


def make_digits(source: Source, settings: DataSettings, target: Path) -> Store:
    """The store of the built-in digits, written to ``target``. Raises UserError for what cannot be given of them."""
    import pandas as pd
    from PIL import Image

    from evenodds.data.builtin import digits
    from evenodds.data.images.arrays import fitted

    pictures, which = digits.load()
    side = pictures.shape[-1]
    size, chosen = choose_size(settings, digits.SIZE, [(side, side)] * len(pictures))
    channels = channels_of(settings, gray=True, transparent=False)
    facts = {**facts_of(source, chosen, digits.LICENCE), "skipped": [], "fit": settings.fit}
    facts |= {name: {"min": side, "median": side, "max": side} for name in ("width", "height")}
    facts["modes"] = {"L": len(pictures)}
    labels = pd.DataFrame({"label": which.astype(str)})
    spec = PictureSpec.of(channels, size)
    condition, make = _making(settings, spec)
    samples = np.stack([fitted(Image.fromarray(one), size, settings.fit, channels) for one in pictures])
    chunk = samples if make is None else (samples, np.stack([make(one) for one in samples]))
    about = _about(facts, labels, settings, condition, source)
    return write_store(target, spec, source.name, with_about([chunk], about), condition)


def make_pictures(
    source: Source, pictures: Pictures, settings: DataSettings, target: Path, watch: Watch | None
) -> Store:
    """The store of pictures from memory, written to ``target``. Raises UserError for what cannot be given of them."""
    from evenodds.data.images.arrays import fitted

    size, chosen = choose_size(settings, pictures.side, pictures.sizes)
    total, transparent = len(pictures.sizes), pictures.transparent
    channels = channels_of(settings, pictures.gray, 2 * transparent > total)
    chosen += transparency_noted(settings, transparent, total)
    spec = PictureSpec.of(channels, size)
    condition, make = _making(settings, spec)
    facts = {**facts_of(source, [*chosen, *pictures.notes]), **pictures.facts(), "fit": settings.fit}

    def chunks() -> Chunks:
        for start, images in enumerate(batched(pictures.images(), _CHUNK)):
            samples = np.stack([fitted(image, size, settings.fit, channels) for image in images])
            yield samples if make is None else (samples, np.stack([make(one) for one in samples]))
            if watch is not None:
                watch("preparing pictures", min(total, (start + 1) * _CHUNK), total)
        return _about(facts, pictures.labels, settings, condition, source)

    return write_store(target, spec, source.name, chunks(), condition)


def batched(images: Iterator[Any], n: int) -> Iterator[list[Any]]:
    """Up to n at a time."""
    while batch := list(islice(images, n)):
        yield batch


def channels_of(settings: DataSettings, gray: bool, transparent: bool) -> Channels:
    """How many channels pictures get that are all grey, or not, and most of which are transparent somewhere, or not."""
    if settings.channels == "alpha" or (settings.channels == "auto" and transparent):
        return WITH_ALPHA
    return 1 if settings.channels == "gray" or (settings.channels in ("auto", "opaque") and gray) else 3


def transparency_noted(settings: DataSettings, transparent: int, total: int) -> list[str]:
    """A note where the pictures' transparency decided of their channels, or is no more than some have."""
    if settings.channels != "auto" or not transparent:
        return []
    uses = f"{transparent} of {total} pictures have transparent pixels"
    if 2 * transparent > total:
        return [f"--channels auto takes alpha: {uses} (--channels color lays them on white)"]
    return [f"--channels auto takes no alpha: only {uses}"]


def facts_of(source: Source, notes: list[str], license: str | None = None) -> dict[str, Any]:
    """What every store says of its source."""
    if source.builtin == "faces":
        from evenodds.data.builtin import faces

        license = faces.LICENCE
    return {"source": source.name, "kind": source.kind, "notes": notes, "licence": license}


def _ingest(album: Album, settings: DataSettings, side: int, watch: Watch | None) -> Incoming:
    """What an album's samples are; a square of ``side`` where no size is named."""
    kind = kind_of(settings.condition)
    if kind in BETWEEN:
        return _ingest_both(album, settings, side, watch)
    ingest = Ingest(album, watch, settings.frames == "all")
    size, chosen = choose_size(settings, side, ingest.sizes)
    if ingest.bands:
        refuse_bands(ingest.bands, settings, album)
        values, strange = ingest.band_values(settings.span, settings.range == "full")
        spec = PictureSpec.of(ingest.bands, size, bands=True)
        chunks = ingest.band_chunks(size, settings.fit, values)
        return Incoming(spec, None, chunks, None, values, [*chosen, *values_noted(values, strange)])
    transparent = ingest.transparent() if settings.channels == "auto" else 0
    channels = channels_of(settings, ingest.gray, 2 * transparent > len(ingest.usable))
    chosen += transparency_noted(settings, transparent, len(ingest.usable))
    spec = PictureSpec.of(channels, size)
    condition, make = _making(settings, spec)
    span = ingest.value_range() if settings.range == "auto" else settings.span
    chunks = ingest.chunks(size, settings.fit, channels, make, span)
    return Incoming(spec, condition, chunks, span, None, chosen)


def _ingest_both(album: Album, settings: DataSettings, side: int, watch: Watch | None) -> Incoming:
    """The same of pictures that are made from pictures, with partners or without."""
    choose = partial(choose_size, settings, side)
    if kind_of(settings.condition) == "pairs":
        from evenodds.data.images.pairs import Pairs

        pairs = Pairs(album, settings.direction, choose, watch)
        refuse_bands(pairs.bands, settings, album)
        made = channels_of(settings, pairs.gray, _mostly(settings, pairs, pairs.usable))
        partners = [pairs.partners[index] for index in pairs.usable]
        drawn_from = channels_of(settings, pairs.gray_source, _mostly(settings, pairs, partners))
        spec, source = (PictureSpec.of(channels, pairs.size) for channels in (made, drawn_from))
        return Incoming(spec, source, pairs.pairs(settings.fit, made, drawn_from), None, None, pairs.notes)
    from evenodds.data.images.unpaired import Unpaired

    sets = Unpaired(album, settings.direction, choose, watch, settings.frames == "all")
    for one in (sets.samples, sets.inputs):
        refuse_bands(one.bands, settings, album)
    made, drawn_from = (channels_of(settings, one.gray, False) for one in (sets.samples, sets.inputs))
    spec, source = (PictureSpec.of(channels, sets.size) for channels in (made, drawn_from))
    span, of_inputs = (
        one.value_range() if settings.range == "auto" else settings.span
        for one in (sets.samples, sets.inputs)
    )
    chunks = sets.chunks(settings.fit, made, drawn_from, (span, of_inputs))
    return Incoming(spec, source, chunks, span, None, sets.notes, of_inputs)


def refuse_bands(bands: int, settings: DataSettings, album: Album) -> None:
    """Raises UserError where pictures of so many bands are to be learnt as what they are not."""
    if bands and settings.channels not in ("auto", "opaque"):
        raise UserError(
            f"--channels {settings.channels} is for pictures in gray or color, and those in {album.path} have {bands} "
            "bands: leave it out"
        )
    if bands and kind_of(settings.condition) in PICTURED:
        raise UserError(
            f"--condition {settings.condition} is for pictures in gray or color, and those in {album.path} have "
            f"{bands} bands: leave it out, or give labels"
        )


def values_noted(values: Values, strange: float) -> list[str]:
    """How bands are read: each by its own range, or as they are."""
    ends = [f"{low:,.6g} to {high:,.6g}" for low, high in zip(values.low, values.high, strict=True)]
    shown = ", ".join(ends[:SHOWN_BANDS]) + (", ..." if len(ends) > SHOWN_BANDS else "")
    notes = [
        f"{counted(values.channels)} of {values.dtype} are learnt each by its own range of values: {shown}"
    ]
    if strange:
        share = f"{strange:.2%}" if strange >= 1e-4 else "a few"
        notes.append(f"{share} of the values are no finite numbers and become the lowest of their band")
    return notes


def _mostly(settings: DataSettings, ingest: Ingest, indices: Sequence[int]) -> bool:
    """Whether most of some pictures use their transparency, where that is asked."""
    return settings.channels == "auto" and 2 * ingest.transparent(indices) > len(indices)


def _making(
    settings: DataSettings, spec: PictureSpec
) -> tuple[PictureSpec | None, Callable[[Bytes], Bytes] | None]:
    """What is made of each picture to be given, and how; None twice where it is none."""
    from evenodds.data.images import conditions

    kind = kind_of(settings.condition)
    if kind not in conditions.MADE:
        return None, None
    return conditions.condition_spec(kind, spec), partial(conditions.make, kind)


def _about(
    facts: dict[str, Any],
    labels: pd.DataFrame | None,
    settings: DataSettings,
    picture: PictureSpec | None,
    source: Source,
) -> About:
    kind = kind_of(settings.condition)
    if settings.condition is None or kind is None:
        return About(facts, labels, holdout=settings.holdout)
    if picture is not None:
        facts["given"] = {"kind": kind, **({"direction": settings.direction} if kind in BETWEEN else {})}
        return About(facts, labels, condition=Condition(kind, picture), holdout=settings.holdout)
    chosen = of_labels(settings.condition, labels, source.name)
    facts["given"] = {"kind": kind, "columns": list(chosen.codec.names)}
    facts["notes"] += chosen.codec.notes
    return About(
        facts,
        labels,
        holdout=settings.holdout,
        condition=chosen.condition,
        conditions=chosen.rows,
        condition_codec=chosen.codec.to_json(),
    )
