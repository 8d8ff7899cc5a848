"""Writes a store: samples stream in, and their number is known at the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from evenodds import aside
from evenodds.data.store import FACTS, LABELS, LAYOUT, ORDER, SAMPLES, Array, Store
from evenodds.errors import UserError
from evenodds.spec import PictureSpec, SampleSpec, spec_to_json

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10
_SPLIT_SEED = 20_140_610  # any constant: the split is drawn once and never again


@dataclass(frozen=True)
class About:
    """What belongs to the samples: facts as JSON values with "skipped" among them, labels a row each."""

    facts: dict[str, Any]
    labels: pd.DataFrame | None = None
    codec_json: dict[str, Any] | None = None


def write_store(
    path: Path, spec: SampleSpec, name: str, chunks: Iterable[Array], about: Callable[[], About]
) -> Store:
    """Write samples of shape (n, *spec.shape), uint8 for pictures and float32 for rows, and open them.

    ``about`` is asked once the chunks have run out. The folder ``path`` appears whole or not at all.
    Raises UserError for fewer than 10 samples (``name`` is the source's, for the message) and where the
    place cannot be written.
    """
    digest = hashlib.sha256()
    with aside.folder(path) as part:
        count = _write_samples(part / SAMPLES, spec, chunks, digest)
        if count < FEWEST:
            raise UserError(
                f"{name} holds {count} usable samples and at least {FEWEST} are needed: add more."
            )
        order = np.random.default_rng(_SPLIT_SEED).permutation(count).astype(np.int64)
        with aside.telling(path):
            np.save(part / ORDER, order, allow_pickle=False)
            digest.update(order.data)
            _write_about(part, spec, count, about(), digest)
    return Store.open(path)


def heldout_count(count: int) -> int:
    """A tenth, at least 2 and at most 10,000 samples."""
    return min(10_000, max(2, count // 10))


def _write_samples(path: Path, spec: SampleSpec, chunks: Iterable[Array], digest: hashlib._Hash) -> int:
    dtype = np.dtype(np.uint8 if isinstance(spec, PictureSpec) else np.float32)
    count = 0
    with path.open("xb") as file:
        _write_header(file, dtype, (0, *spec.shape))
        for chunk in chunks:
            if chunk.shape[1:] != spec.shape or chunk.dtype != dtype:
                raise ValueError(f"a chunk of {chunk.dtype} {chunk.shape} does not fit {spec}")
            content = np.ascontiguousarray(chunk)
            digest.update(content.data)
            with aside.telling(path.parent.parent):
                file.write(content.data)
            count += len(chunk)
        with aside.telling(path.parent.parent):
            file.seek(0)
            _write_header(file, dtype, (count, *spec.shape))
            file.flush()
    return count


def _write_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    # NumPy leaves room in a header for the first axis to grow: the last one written fits the first's place.
    facts = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, facts)


def _write_about(part: Path, spec: SampleSpec, count: int, about: About, digest: hashlib._Hash) -> None:
    heldout = heldout_count(count)
    for fact in (spec_to_json(spec), about.codec_json, heldout):
        digest.update(json.dumps(fact, sort_keys=True).encode())
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
        "labels": about.labels is not None,
    }
    (part / FACTS).write_text(json.dumps(entry, indent=1), "utf-8")
