"""Dates and times: numbers of days or seconds to the networks, dates again on the way out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.core.spec import Span
from evenodds.data.tables.columns import CategoryColumn, NumberColumn, fields, unseen

FEW = 20
"""A number with no more distinct values than this is learnt as a choice among them."""


@dataclass(frozen=True)
class DateColumn:
    """A date or time as a whole number of days, seconds or microseconds since 1970, coded by ``inner``."""

    name: str
    dtype: str
    text_format: str | None
    unit: Literal["D", "s", "us"]
    inner: NumberColumn | CategoryColumn

    @classmethod
    def fit(
        cls, name: str, series: pd.Series[Any], text_format: str | None, rng: np.random.Generator
    ) -> DateColumn:
        """The codec of a datetime column, or of a text column in one strftime format."""
        stamps = _stamps(series, text_format)
        present = stamps[~np.isnat(stamps)]
        units: tuple[Literal["D", "s", "us"], ...] = ("D", "s", "us")
        unit = next(u for u in units if (present.astype(f"datetime64[{u}]") == present).all())
        inner = number_or_category(name, _ticks(stamps, unit), rng)
        return cls(name, str(series.dtype), text_format, unit, inner)

    @property
    def width(self) -> int:
        return self.inner.width

    def spans(self, start: int) -> tuple[Span, ...]:
        return self.inner.spans(start)

    def values(self, series: pd.Series[Any]) -> NDArray[Any]:
        """Values (n,) as ``inner`` has them. UserError for text that is not in the column's format."""
        return self.inner.values(self._read(series))

    def encode(self, series: pd.Series[Any], rng: np.random.Generator) -> NDArray[np.float32]:
        """Values (n) as places (n, width). UserError for text that is not in the column's format."""
        return self.inner.encode(self._read(series), rng)

    def encode_values(self, values: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float32]:
        """What ``values`` gave (n,) as places (n, width)."""
        return self.inner.encode_values(values, rng)

    def _read(self, series: pd.Series[Any]) -> pd.Series[Any]:
        stamps = _stamps(series, self.text_format)
        wrong = np.isnat(stamps) & series.notna().to_numpy(np.bool_)
        if wrong.any():
            row = int(wrong.argmax())
            raise unseen(self.name, f"{series.iloc[row]!r}, which is not like {self.text_format},", row)
        return _ticks(stamps, self.unit)

    def decode(self, block: NDArray[Any], rng: np.random.Generator) -> pd.Series[Any]:
        """Places (n, width) as datetimes, or as text in the column's own format."""
        return self.moments(self.inner.decode(block, rng))

    def ticks(self, series: pd.Series[Any]) -> pd.Series[Any]:
        """Values (n) as whole numbers of the unit; missing too where text is not in the column's format."""
        return _ticks(_stamps(series, self.text_format), self.unit)

    def moments(self, ticks: pd.Series[Any]) -> pd.Series[Any]:
        """Whole numbers (n) of the unit as datetimes, or as text in the column's own format."""
        absent = ticks.isna().to_numpy(np.bool_)
        whole = ticks.to_numpy(np.int64, na_value=0)
        stamps = whole.astype(f"datetime64[{self.unit}]").astype("datetime64[us]")
        stamps[absent] = np.datetime64("NaT", "us")
        if self.text_format is None:
            zone = "UTC" if "," in self.dtype else None
            dtype: Any = self.dtype
            return pd.Series(pd.DatetimeIndex(stamps).tz_localize(zone), name=self.name).astype(dtype)
        # Each distinct moment is formatted once: strftime is slow.
        code, distinct = pd.factorize(stamps)
        texts = pd.Series(pd.DatetimeIndex(distinct).strftime(self.text_format), dtype="str")
        return pd.Series(texts.array.take(code, allow_fill=True), name=self.name)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "kind": "date", "inner": self.inner.to_json()}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> DateColumn:
        inner = NumberColumn if facts["inner"]["kind"] == "number" else CategoryColumn
        return cls(**{**fields(facts), "inner": inner.from_json(facts["inner"])})


def number_or_category(
    name: str, series: pd.Series[Any], rng: np.random.Generator
) -> NumberColumn | CategoryColumn:
    """The codec of a numeric column: a choice among few distinct values that repeat, else a number."""
    distinct = series.nunique()
    few = distinct <= 2 or (distinct <= FEW and series.notna().sum() >= 5 * distinct)
    return CategoryColumn.fit(name, series) if few else NumberColumn.fit(name, series, rng)


def _stamps(series: pd.Series[Any], text_format: str | None) -> NDArray[np.datetime64]:
    """Dates (n) as datetime64[us] in UTC, NaT where missing or not in the format."""
    moments = pd.to_datetime(series, format=text_format, errors="coerce", utc=True)
    return moments.dt.tz_localize(None).to_numpy("datetime64[us]")


def _ticks(stamps: NDArray[np.datetime64], unit: str) -> pd.Series[Any]:
    """Moments as whole numbers of a unit since 1970, missing where NaT."""
    absent = np.isnat(stamps)
    ticks = pd.Series(stamps.astype(f"datetime64[{unit}]").astype(np.int64), dtype="Int64")
    return ticks.mask(absent) if absent.any() else ticks
