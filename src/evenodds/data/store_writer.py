"""Writes a store: samples, and the conditions they were made under, stream in; their number is known at the end."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from array import array
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from evenodds.core import atomic, checksums
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, SampleSpec, condition_to_json, spec_to_json
from evenodds.data.store import (
    CONDITION_ORDER,
    CONDITIONS,
    FACTS,
    LABELS,
    LAYOUT,
    ORDER,
    RESIDENT,
    SAMPLES,
    SUMS,
    Array,
    Store,
)

if TYPE_CHECKING:
    import pandas as pd

    from evenodds.data.images.ingest_report import Heldout

FEWEST = 10
SHARE, LARGEST_SHARE, ENOUGH_ROWS = 0.1, 0.3, 1_000
"""What is held out: this share, and up to the larger one of a table of which it is fewer rows."""
_SPLIT_SEED = 20_140_610  # any constant: the split is drawn once and never again


@dataclass(frozen=True)
class About:
    """What belongs to the samples: facts as JSON values with "skipped" among them, labels a row each."""

    facts: dict[str, Any]
    labels: pd.DataFrame | None = None
    codec_json: dict[str, Any] | None = None
    condition: Condition | None = None
    conditions: Array | None = None
    """Those that are values, a row each; conditions that are pictures stream in beside the samples."""
    holdout: float = 0.0
    """Share of the samples to hold out; 0 chooses by their number."""
    condition_codec: dict[str, Any] | None = None
    """How values that are no part of a row are encoded, as TableCodec.to_json gives it."""
    heldout: Heldout | None = None
    """Which rows are held out of samples and of unpaired pictures, where the source says that."""


Chunks = Generator[Array | tuple[Array, Array], None, About]
"""Samples, or pairs of samples and conditions, some at a time; and once all have come, what is known about them."""


def write_store(
    path: Path,
    spec: SampleSpec,
    name: str,
    chunks: Chunks,
    condition: PictureSpec | None = None,
) -> Store:
    """Write samples of shape (n, *spec.shape), uint8 for pictures and float32 for rows, and open them.

    Where conditions are pictures, ``condition``, a chunk is a pair of samples and conditions. The folder ``path``
    appears whole or not at all. Raises UserError for fewer than 10 samples (``name`` is the source's, for the message)
    and where the place cannot be written.
    """
    digest = hashlib.sha256()
    with atomic.folder(path) as part:
        with ExitStack() as files:
            samples = files.enter_context(Rows(part / SAMPLES, spec, digest))
            beside = (
                None if condition is None else files.enter_context(Rows(part / CONDITIONS, condition, digest))
            )
            about = append_all(chunks, samples, beside)
        unpaired = beside is not None and about.condition is not None and not about.condition.paired
        for rows in (samples, *([beside] if unpaired and beside else [])):
            if rows.count < FEWEST:
                what = "samples" if rows is samples else "pictures to make others from"
                raise UserError(
                    f"{name} holds {rows.count} usable {what} and at least {FEWEST} are needed: add more."
                )
        own, others = about.heldout or (None, None)
        with atomic.reporting_write_errors(path):
            heldout = split(part / ORDER, samples.count, spec, about.holdout, own, digest)
            if unpaired and beside is not None:
                many = split(part / CONDITION_ORDER, beside.count, spec, about.holdout, others, digest)
                about.facts["given"] |= {"train": beside.count - many, "heldout": many}
            _write_about(part, spec, samples.count, heldout, about, digest)
    return Store.open(path)


def split(
    path: Path,
    count: int,
    spec: SampleSpec,
    share: float,
    rows: list[int] | None,
    digest: hashlib._Hash,
) -> int:
    """Writes the order in which the held-out rows, ``rows`` or a ``share`` by chance, come before the others. Returns
    how many are held out."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(count).astype(np.int64)
    heldout = heldout_count(count, spec, share)
    if rows is not None:
        chosen = np.isin(order, rows)
        order, heldout = np.concatenate([order[chosen], order[~chosen]]), len(rows)
    np.save(path, order, allow_pickle=False)
    digest.update(order.data)
    return heldout


def append_all(chunks: Chunks, samples: Rows, conditions: Rows | None) -> About:
    """Appends every chunk to the files. Returns what the generator returns."""
    while True:
        try:
            chunk = next(chunks)
        except StopIteration as end:
            about: About = end.value
            return about
        first, second = chunk if isinstance(chunk, tuple) else (chunk, None)
        samples.append(first)
        if conditions is not None and second is not None:
            conditions.append(second)


def with_about(chunks: Iterable[Array | tuple[Array, Array]], about: About) -> Chunks:
    """Chunks about which everything is known beforehand."""
    yield from chunks
    return about


def heldout_count(count: int, spec: SampleSpec, share: float = 0.0) -> int:
    """How many of so many samples are held out, at least 2 and at most 10,000: a ``share``, or where that is 0 a tenth,
    and of rows up to LARGEST_SHARE where a tenth is fewer than ENOUGH_ROWS, for a referee to tell anything by."""
    if not share:
        share = SHARE
        if not isinstance(spec, PictureSpec):
            share = min(LARGEST_SHARE, max(SHARE, ENOUGH_ROWS / count))
    return min(10_000, max(2, int(round(share * count, 6))))


class Rows:
    """A .npy file of samples that grows; whole when the block that it is used in ends."""

    def __init__(self, path: Path, spec: SampleSpec, digest: hashlib._Hash) -> None:
        self.spec, self.digest, self.count = spec, digest, 0
        self.dtype = np.dtype(np.uint8 if isinstance(spec, PictureSpec) else np.float32)
        self.folder, self.path = path.parent.parent, path
        self.sums = array("I")
        with atomic.reporting_write_errors(self.folder):
            self.file = path.open("xb")
            self._header()

    def append(self, chunk: Array) -> None:
        """Samples (n, *shape) after those before."""
        if chunk.shape[1:] != self.spec.shape or chunk.dtype != self.dtype:
            raise ValueError(f"a chunk of {chunk.dtype} {chunk.shape} does not fit {self.spec}")
        content = np.ascontiguousarray(chunk)
        self.digest.update(content.data)
        self.sums.extend(
            zlib.crc32(row.data) for row in content.reshape(len(content), math.prod(self.spec.shape))
        )
        with atomic.reporting_write_errors(self.folder):
            self.file.write(content.data)
        self.count += len(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file is closed within: what is still unwritten then may find no room either.
        with atomic.reporting_write_errors(self.folder), self.file:
            if error is None:
                self.file.seek(0)
                self._header()
                self.file.flush()
                sums = np.array(self.sums, np.uint32)
                np.save(self.path.with_name(SUMS[self.path.name]), sums, allow_pickle=False)

    def _header(self) -> None:
        # NumPy leaves room in a header for the first axis to grow: the last one written fits the first's place.
        shape: Sequence[int] = (self.count, *self.spec.shape)
        facts = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, facts)


def _write_about(
    part: Path, spec: SampleSpec, count: int, heldout: int, about: About, digest: hashlib._Hash
) -> None:
    condition = condition_to_json(about.condition)
    for fact in (spec_to_json(spec), about.codec_json, heldout, *([condition] if condition else [])):
        digest.update(json.dumps(fact, sort_keys=True).encode())
    if about.condition is not None and about.conditions is not None:
        with Rows(part / CONDITIONS, about.condition.spec, digest) as rows:
            rows.append(about.conditions)
    if about.labels is not None:
        digest.update(about.labels.to_csv(index=False).encode())
        about.labels.to_parquet(part / LABELS, index=False)
    counts = {
        "samples": count,
        "train": count - heldout,
        "heldout": heldout,
        "skipped": len(about.facts["skipped"]),
    }
    entry = {
        "layout": LAYOUT,
        "spec": spec_to_json(spec),
        "fingerprint": digest.hexdigest(),
        "facts": {**about.facts, "counts": counts},
        "codec": about.codec_json,
        "condition": condition,
        "condition_codec": about.condition_codec,
        "labels": about.labels is not None,
        "sums": {
            file.name: checksums.checksum_of(file)
            for file in sorted(part.iterdir())
            if file.name not in SUMS or file.stat().st_size <= RESIDENT
        },
    }
    (part / FACTS).write_text(json.dumps(checksums.with_checksum(entry), indent=1), "utf-8")
