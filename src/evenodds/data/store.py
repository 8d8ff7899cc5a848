"""A prepared data set on disk: samples ready to be read, split once into training and held-out."""

from __future__ import annotations

import mmap
import os
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from evenodds.core import checksums
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, SampleSpec, condition_from_json, spec_from_json

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
Block = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
"""Samples as a store holds them: pictures (n, c, H, W) uint8, or encoded rows (n, width) float32."""
Part = Literal["train", "heldout"]

LAYOUT = 4
"""The version of the files below."""

SAMPLES, CONDITIONS = "samples.npy", "conditions.npy"
ORDER, CONDITION_ORDER = "order.npy", "condition_order.npy"
FACTS, LABELS = "store.json", "labels.parquet"
SUMS = {SAMPLES: "samples.crc.npy", CONDITIONS: "conditions.crc.npy"}
"""A checksum of every row, by which rows of large files are checked as they are read."""

RESIDENT = 64 * 2**20
"""Bytes up to which a file is mapped, and checked as a whole when it is opened."""


class Store:
    """An opened data set. Pictures are uint8 (n, C, H, W), table rows float32 (n, width).

    Memory stays below about 128 MiB a store, however large. Opening it again gives the same split. Safe
    to read from several threads and after a fork.
    """

    def __init__(
        self, path: Path, entry: dict[str, Any], samples: _File, order: _File, conditions: _File | None
    ) -> None:
        self.path = path
        self.spec: SampleSpec = spec_from_json(entry["spec"])
        self.fingerprint: str = entry["fingerprint"]
        """sha256 of the prepared samples, labels, spec and split; moving the source does not change it."""
        self.facts: dict[str, Any] = entry["facts"]
        """JSON values: source, kind, counts, skipped, notes, licence and what its kind adds."""
        self.codec_json: dict[str, Any] | None = entry["codec"]
        self.condition: Condition | None = condition_from_json(entry["condition"])
        """What each sample was made under, where a condition was asked for."""
        self.condition_codec: dict[str, Any] | None = entry["condition_codec"]
        self.n_heldout: int = entry["facts"]["counts"]["heldout"]
        self.n_train: int = entry["facts"]["counts"]["train"]
        self._samples, self._conditions = samples, conditions
        self._split = Split(order, self.n_train, self.n_heldout)
        self._condition_split = self._split
        if self.condition is not None and not self.condition.paired:
            counts = entry["facts"]["given"]
            self._condition_split = Split(_File(path / CONDITION_ORDER), counts["train"], counts["heldout"])

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open what ``write_store`` wrote. Raises UserError where files are missing, short or damaged.

        Files up to RESIDENT bytes are checked now, to the last bit; the rows of larger ones as they are read, which
        raises UserError too.
        """
        try:
            entry = checksums.load(path / FACTS)
            if entry.get("layout") != LAYOUT:
                raise ValueError("written by another version")
            entry = checksums.read_verified(path / FACTS)
            checksums.verify(path, entry["sums"])
            samples, order = _File(path / SAMPLES), _File(path / ORDER)
            conditions = None if entry["condition"] is None else _File(path / CONDITIONS)
            store = cls(path, entry, samples, order, conditions)
            count, many = store._split.count, store._condition_split.count
            if samples.shape != (count, *store.spec.shape):
                raise ValueError("its counts disagree")
            if store.condition and conditions and conditions.shape != (many, *store.condition.spec.shape):
                raise ValueError("its conditions' count disagrees")
            if entry["labels"] and not (path / LABELS).is_file():
                raise ValueError("its labels are missing")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"The prepared data in {path} is damaged ({error}): delete that folder and prepare it again."
            ) from error
        return store

    def train(self, indices: npt.NDArray[np.integer[Any]]) -> Array:
        """Training samples 0 to n_train - 1, in the order asked for, as a new array."""
        return self._samples.gather(self._split.rows("train", indices))

    def heldout(self, indices: npt.NDArray[np.integer[Any]]) -> Array:
        """Held-out samples 0 to n_heldout - 1, in the order asked for, as a new array."""
        return self._samples.gather(self._split.rows("heldout", indices))

    def conditions(self, part: Part, indices: npt.NDArray[np.integer[Any]]) -> Array | None:
        """What those samples of a part were made under, in the order asked for, as a new array: pictures uint8
        (n, C, H, W), values float32 (n, width). None where no condition was asked for.

        Of unpaired pictures those of the same part, one after the other, and from the first again.
        """
        if self._conditions is None:
            return None
        if self.condition is not None and not self.condition.paired:
            indices = indices % self.n_conditions(part)
        return self._conditions.gather(self._condition_split.rows(part, indices))

    def n_conditions(self, part: Part) -> int:
        """How many conditions a part has: as many as samples, but of unpaired pictures."""
        return self._condition_split.n_of(part)

    def in_file_order(self, start: int, stop: int) -> Array:
        """Samples start to stop - 1 as they were prepared, training and held-out mixed."""
        return self._samples.slice(start, stop)

    def labels(self, part: Part | Literal["all"] = "all") -> pd.DataFrame | None:
        """The labels, a row for a sample: all in the source's order, or in the order of ``train`` or
        ``heldout``. None where the source has none."""
        if not (self.path / LABELS).is_file():
            return None
        import pandas as pd

        frame = pd.read_parquet(self.path / LABELS)
        if part == "all":
            return frame
        count = self._split.n_of(part)
        return frame.iloc[self._split.rows(part, np.arange(count))].reset_index(drop=True)


class Split:
    """Which rows of a file are training rows, and which are held out: the first ``n_heldout`` of an order."""

    def __init__(self, order: _File, n_train: int, n_heldout: int) -> None:
        self._order, self.n_train, self.n_heldout = order, n_train, n_heldout
        if order.shape != (self.count,):
            raise ValueError("its counts disagree")

    @property
    def count(self) -> int:
        """Rows of both parts."""
        return self.n_train + self.n_heldout

    def n_of(self, part: Part) -> int:
        """Rows of a part."""
        return self.n_train if part == "train" else self.n_heldout

    def rows(self, part: Part, indices: npt.NDArray[np.integer[Any]]) -> Array:
        """Where rows of a part stand in the file. Raises IndexError where it has no such row."""
        count, first = self.n_of(part), self.n_heldout if part == "train" else 0
        if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= count):
            raise IndexError(f"an index lies outside 0 to {count - 1}")
        return self._order.gather(indices + first)


class _File:
    """The rows of a .npy file: mapped where it is small, read row by row where it is large.

    A large file is not mapped, because one touched page may make megabytes resident (the system maps
    whole folios of its cache), and because reading 64 pictures costs no more than their page faults.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError(f"{path.name} is of another version")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            self._start = file.tell()
            size = os.fstat(file.fileno()).st_size
            if fortran or dtype.hasobject or size < self._start + _bytes(shape, dtype):
                raise ValueError(f"{path.name} is short")
            self.path, self.shape, self._dtype = path, tuple(shape), dtype
            self._row_bytes = _bytes(shape[1:], dtype)
            self._row_items = self._row_bytes // dtype.itemsize
            self._mapped: Array | None = None
            if size <= RESIDENT or not hasattr(os, "preadv"):
                whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._mapped = np.ndarray(shape, dtype, whole, self._start)
            else:
                self._handle = os.dup(file.fileno())
                sums = path.with_name(SUMS[path.name]) if path.name in SUMS else None
                self._sums = None if sums is None else np.load(sums, allow_pickle=False)
                if self._sums is not None and self._sums.shape != shape[:1]:
                    raise ValueError(f"{SUMS[path.name]} is short")
                weakref.finalize(self, os.close, self._handle)

    def gather(self, rows: Array) -> Array:
        """The rows asked for, in their order, as a new array."""
        if self._mapped is not None:
            return self._mapped.take(rows, axis=0)
        out = np.empty((len(rows), *self.shape[1:]), self._dtype)
        for out_row, row in zip(out.reshape(len(rows), self._row_items), rows.tolist(), strict=True):
            self._read(out_row, row)
        return out

    def slice(self, start: int, stop: int) -> Array:
        """Rows start to stop - 1, as a new array."""
        if self._mapped is not None:
            return self._mapped[start:stop].copy()
        return self.gather(np.arange(start, stop))

    def _read(self, out: Array, row: int) -> None:
        got = os.preadv(self._handle, [out.data], self._start + row * self._row_bytes)
        if got != out.nbytes or (self._sums is not None and zlib.crc32(out.data) != self._sums[row]):
            raise UserError(
                f"The prepared data in {self.path.parent} is damaged (row {row} of {self.path.name}): "
                "delete that folder and give the same command again."
            )


def _bytes(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
