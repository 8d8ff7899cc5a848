"""What the 256 levels of stored pictures stand for, by channel: the data's own values, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

NATURAL = (1.0, 255.0, 65_535.0)
"""Upper ends of what pictures hold by their kind, from 0 on."""
OUTSIDE = 0.1
"""Percent of the values below a measured range, and as many above it."""
NUMBERS = "biuf"
"""Kinds of dtypes that are numbers: truth, whole numbers, and floats."""


@dataclass(frozen=True)
class Values:
    """``low`` and ``high`` are the values of levels 0 and 255, one for each channel; fakes have the ``dtype``.

    >>> values = Values((1000.0,), (1470.0,), "uint16")
    >>> values.of_levels(np.array([[0], [255]], np.uint8)).tolist()
    [[1000], [1470]]
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    dtype: str

    @property
    def channels(self) -> int:
        return len(self.low)

    def levels(self, values: NDArray[Any]) -> Bytes:
        """Values (..., C) as uint8; those beyond the ends are clipped, and what is no finite number is the low end."""
        low, high = np.array(self.low), np.array(self.high)
        finite = np.where(np.isfinite(values), values, low)
        share = (finite - low) / np.maximum(high - low, 1e-30)
        levels: Bytes = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
        return levels

    def of_shares(self, shares: Floats) -> NDArray[Any]:
        """Shares (..., C) from 0 to 1 of the way from low to high, as values; what lies outside is clipped."""
        low, high, dtype = np.array(self.low), np.array(self.high), np.dtype(self.dtype)
        values = low + (high - low) * np.clip(shares, 0, 1)
        values = values if dtype.kind == "f" else np.rint(values)
        made: NDArray[Any] = values.astype(dtype)
        return made

    def of_levels(self, levels: Bytes) -> NDArray[Any]:
        """Levels uint8 (..., C) as values."""
        return self.of_shares(levels / 255)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``from_json`` is its inverse."""
        return {"low": list(self.low), "high": list(self.high), "dtype": self.dtype}

    @classmethod
    def from_json(cls, facts: Any) -> Self:
        """What ``to_json`` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        low, high = (tuple(float(end) for end in facts[name]) for name in ("low", "high"))
        if len(low) != len(high) or not all(
            a <= b and np.isfinite(b - a) for a, b in zip(low, high, strict=True)
        ):
            raise ValueError(f"{facts} are no ranges of values")
        dtype = np.dtype(str(facts["dtype"]))
        if dtype.kind not in NUMBERS:
            raise ValueError(f"{dtype} is no dtype of numbers")
        return cls(low, high, dtype.name)


def counted(bands: int) -> str:
    """A number of bands in words.

    >>> counted(1), counted(5)
    ('1 band', '5 bands')
    """
    return "1 band" if bands == 1 else f"{bands} bands"


def measured(values: Floats) -> tuple[float, float] | None:
    """From the 0.1st to the 99.9th percentile of finite values (n,); None where there are none or all are one, and
    where that is more than half of the range of their kind, which then stands."""
    if not len(values):
        return None
    low, high = (float(end) for end in np.percentile(values, (OUTSIDE, 100 - OUTSIDE)))
    natural = natural_end(values)
    if high <= low or (natural is not None and high - low > natural / 2):
        return None
    return low, high


def natural_end(values: Floats) -> float | None:
    """The upper end of the range of their kind, from 0 on, of values (n,) that lie within one."""
    return next((most for most in NATURAL if values.min() >= 0 and values.max() <= most), None)


def of_bands(samples: Sequence[NDArray[Any]], span: tuple[float, float] | None, full: bool) -> Values:
    """The ranges of bands of which ``samples`` (n, C) of each file are there: ``span`` where it is given, each band's
    own as ``measured`` has it, or from its least to its greatest value where it is to be taken in ``full``. Whole
    numbers of 8 bits stand for themselves."""
    dtype = np.result_type(*(one.dtype for one in samples))
    bands = np.concatenate(samples).T.astype(np.float64)
    if span is not None:
        ends = [span] * len(bands)
    elif dtype in (np.uint8, np.bool_):
        ends = [(0.0, 255.0 if dtype == np.uint8 else 1.0)] * len(bands)
    else:
        ends = [_ends(band[np.isfinite(band)], full) for band in bands]
    low, high = zip(*ends, strict=True)
    return Values(low, high, dtype.name)


def _ends(band: Floats, full: bool) -> tuple[float, float]:
    if not len(band):
        return 0.0, 0.0
    range_measured = None if full else measured(band)
    if range_measured is not None:
        return range_measured
    natural = natural_end(band)
    constant = band.min() == band.max()
    return (float(band.min()), float(band.max())) if natural is None or constant or full else (0.0, natural)
