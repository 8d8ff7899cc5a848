"""Columns that follow from others: looked up, computed, or restored from what is learnt in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import FEW, DateColumn
from evenodds.data.tables.expressions import Amounts, Expression, Floats, parse_expression
from evenodds.data.tables.files import floats, to_dtype
from evenodds.data.tables.fitting import Column, column_from_json
from evenodds.data.tables.quantiles import lattice_of

MICROSECONDS = {"D": 86_400_000_000, "s": 1_000_000, "us": 1}
_SLACK = 1e-9
"""How far floating point may carry a value, as a part of it."""


class Derivation(Protocol):
    """How a column of the table follows from others."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The column that follows."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The table's columns from which it follows."""

    @property
    def dtype(self) -> str:
        """The dtype of the column."""

    @property
    def sentence(self) -> str:
        """What is kept, for the user."""

    def derive(self, frame: pd.DataFrame) -> pd.Series[Any]:
        """The column (n) of rows (n) that have its inputs, and what is learnt in its place where something is."""

    def to_json(self) -> dict[str, Any]: ...


def amounts_of(frame: pd.DataFrame, formats: Mapping[str, str]) -> Amounts:
    """A frame's columns as numbers, NaN where missing: moments as microseconds since 1970, texts in ``formats``."""

    def amounts(name: str) -> Floats:
        series = frame[name]
        if name in formats or series.dtype.kind == "M":
            stamps = pd.to_datetime(series, format=formats.get(name), errors="coerce", utc=True)
            moments = stamps.dt.tz_localize(None).to_numpy("datetime64[us]")
            return np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))
        x, absent = floats(series)
        return np.where(absent, np.nan, x)

    return amounts


def _codes(series: pd.Series[Any], index: pd.Index[Any]) -> NDArray[np.intp]:
    """Values (n) as positions in an index, a gap as the one after it; a number that is none of it as the nearest."""
    codes = np.where(series.isna().to_numpy(np.bool_), len(index), index.get_indexer(pd.Index(series)))
    strange = np.flatnonzero(codes < 0)
    if len(strange) and index.dtype.kind in "iuf":
        x, levels = floats(series.iloc[strange])[0], index.to_numpy(np.float64)
        codes[strange] = np.abs(x[:, None] - levels).argmin(1)
    return codes


def rounded(x: Floats, decimals: int | None) -> Floats:
    """Numbers with so many decimals; as they are where they have none in common."""
    return x if decimals is None else np.round(x, decimals)


def tolerance(x: Floats, decimals: int | None) -> Floats:
    """How far a number (n,) may lie from what it is rounded from."""
    step = 0.0 if decimals is None else 0.5 * 10.0**-decimals
    return step + _SLACK * (1 + np.abs(x))


@dataclass(frozen=True)
class Lookup:
    """A column that one or two others determine, by a table: ``rows`` holds for each pair of their levels (a gap last)
    which of ``values`` belongs to it, -1 where the data has no such row."""

    kind: ClassVar[str] = "lookup"
    name: str
    by: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    rows: tuple[int, ...]
    values: tuple[Any, ...]
    dtype: str
    reversible: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.by

    @property
    def sentence(self) -> str:
        if self.reversible:
            return f"column {self.name!r} says the same as {self.by[0]!r}: it is looked up, not learnt"
        by = " and ".join(map(repr, self.by))
        return f"column {self.name!r} follows from {by}: it is looked up, not learnt"

    @property
    def amounts(self) -> bool:
        """Whether its values are amounts: numbers, and too many for a choice."""
        return self.dtype.lower().startswith(("int", "uint", "float")) and len(self.values) > FEW

    @cached_property
    def _indices(self) -> tuple[pd.Index[Any], ...]:
        return tuple(pd.Index(list(levels)) for levels in self.levels)

    @cached_property
    def _table(self) -> NDArray[np.intp]:
        return np.array(self.rows, np.intp)

    def derive(self, frame: pd.DataFrame) -> pd.Series[Any]:
        code = np.zeros(len(frame), np.intp)
        for name, index in zip(self.by, self._indices, strict=True):
            code = code * (len(index) + 1) + _codes(frame[name], index)
        gaps = None in self.values
        which = self._table[code]
        if gaps:
            which = np.where(which == self.values.index(None), -1, which)
        values = pd.Series(list(self.values), dtype=self.dtype)
        # A pair that no row of the data has is there only where a condition asks for it.
        picked: Any = values.array.take(which, allow_fill=gaps or bool((which < 0).any()))
        return pd.Series(picked, name=self.name)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Lookup:
        """The lookup whose ``to_json`` gave these facts."""
        levels = tuple(map(tuple, facts["levels"]))
        by, rows, values = (tuple(facts[name]) for name in ("by", "rows", "values"))
        return cls(facts["name"], by, levels, rows, values, facts["dtype"], facts["reversible"])


@dataclass(frozen=True)
class Formula:
    """A number that is computed from other columns, rounded to ``decimals``; ``formats`` are those of dates that are
    texts."""

    kind: ClassVar[str] = "formula"
    name: str
    expression: Expression
    dtype: str
    decimals: int | None
    formats: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.expression.columns

    @property
    def sentence(self) -> str:
        return f"column {self.name!r} is {self.expression.text}: it is computed, not learnt"

    def derive(self, frame: pd.DataFrame) -> pd.Series[Any]:
        x = rounded(self.expression.values(amounts_of(frame, self.formats)), self.decimals)
        x = np.broadcast_to(x, len(frame))
        absent = np.isnan(x)
        return pd.Series(to_dtype(np.where(absent, 0.0, x), absent, self.dtype), name=self.name)

    def to_json(self) -> dict[str, Any]:
        facts = {"name": self.name, "dtype": self.dtype, "decimals": self.decimals, "formats": self.formats}
        return {"kind": self.kind, "expression": self.expression.text, **facts}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Formula:
        """The formula whose ``to_json`` gave these facts."""
        expression = parse_expression(facts["expression"])
        return cls(facts["name"], expression, facts["dtype"], facts["decimals"], facts["formats"])


@dataclass(frozen=True)
class Relative:
    """A column in whose stead its difference from an expression is learnt, or its ratio to one: a difference that the
    data never has below 0 keeps an order. Of the sense ``least`` the column itself is learnt, and raised to the
    expression where it lies below it, or within ``near`` of it. ``column`` is the codec that the column has by itself.
    """

    kind: ClassVar[str] = "relative"
    column: Column
    expression: Expression
    sense: Literal["above", "below", "ratio", "least"]
    statement: str
    formats: dict[str, str] = field(default_factory=dict)
    empty: bool = False
    """Of a ratio to nothing: whether the column is a gap there, and 0 otherwise."""
    near: float = 0.0

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def dtype(self) -> str:
        return self.column.dtype

    @property
    def stand_in(self) -> str:
        """What the learnt column is called."""
        other = self.expression.text
        other = f"({other})" if self.expression.operator not in ("column", "number") else other
        name = self.name
        return {
            "above": f"{name} - {other}",
            "below": f"{other} - {name}",
            "ratio": f"{name} / {other}",
            "least": f"{name} or {other}",
        }[self.sense]

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.expression.columns

    @property
    def sentence(self) -> str:
        if self.sense == "least":
            return f"{self.statement} in all rows: {self.name!r} is learnt, and raised where it is less"
        return f"{self.statement} in all rows: {self.stand_in} is learnt in place of {self.name!r}"

    @property
    def unit(self) -> int:
        """Microseconds of a moment's tick; 1 of a number."""
        return MICROSECONDS[self.column.unit] if isinstance(self.column, DateColumn) else 1

    @property
    def decimals(self) -> int | None:
        """Decimals of the column."""
        if isinstance(self.column, CategoryColumn):
            return lattice_of(np.sort(np.array(self.column.levels, np.float64)), False)[0]
        return self.column.decimals if isinstance(self.column, NumberColumn) else 0

    def relation(self, frame: pd.DataFrame) -> pd.Series[Any]:
        """What is learnt (n), of rows (n) that have the column and its inputs; NaN where the column is missing."""
        amounts = amounts_of(frame, self._formats)
        x, other = amounts(self.name), self.expression.values(amounts)
        if self.sense == "ratio":
            with np.errstate(all="ignore"):
                ratio = np.where(other == 0, np.nan, x / other)
            middle = float(np.nanmedian(ratio)) if np.isfinite(ratio).any() else 1.0
            ratio = np.where(other == 0, middle, ratio)
            return pd.Series(np.where(np.isnan(x) & (other != 0), np.nan, ratio), name=self.stand_in)
        apart = {"above": x - other, "below": other - x, "least": x}[self.sense] / self.unit
        apart = np.round(apart, 9 if self.decimals is None else max(self.decimals, 6)) + 0.0
        absent = np.isnan(apart)
        whole = bool((apart[~absent] % 1 == 0).all())
        dtype = ("Int64" if absent.any() else "int64") if whole else "float64"
        return pd.Series(to_dtype(np.where(absent, 0.0, apart), absent, dtype), name=self.stand_in)

    def derive(self, frame: pd.DataFrame) -> pd.Series[Any]:
        amounts = amounts_of(frame, self._formats)
        apart, absent = floats(frame[self.stand_in])
        other = self.expression.values(amounts)
        if self.sense == "ratio":
            x = np.where(other == 0, np.nan if self.empty else 0.0, other * np.where(absent, np.nan, apart))
        elif self.sense == "least":
            x = np.where(apart - other <= self.near, other, apart)
            x = np.where(absent, np.nan, x)
        else:
            apart = np.where(absent, np.nan, apart) * self.unit
            x = self._within(other + apart if self.sense == "above" else other - apart, other)
        absent = np.isnan(x)
        x = np.where(absent, 0.0, x) / self.unit
        if isinstance(self.column, DateColumn):
            return self.column.moments(
                pd.Series(np.rint(x).astype(np.int64), dtype="Int64", name=self.name).mask(absent)
            ).rename(self.name)
        return pd.Series(to_dtype(rounded(x, self.decimals), absent, self.column.dtype), name=self.name)

    @property
    def _formats(self) -> dict[str, str]:
        own = self.column.text_format if isinstance(self.column, DateColumn) else None
        return self.formats if own is None else {**self.formats, self.name: own}

    def _within(self, x: Floats, other: Floats) -> Floats:
        """Values (n,) brought back into the column's range where the order allows it."""
        inner = self.column.inner if isinstance(self.column, DateColumn) else self.column
        low, high = inner.reach if isinstance(inner, NumberColumn) else (min(inner.levels), max(inner.levels))
        clipped = np.clip(x, low * self.unit, high * self.unit)
        # Past the other side is no way back: there the order counts.
        return np.where((clipped - other) * (x - other) > 0, clipped, x)

    def to_json(self) -> dict[str, Any]:
        facts = {
            "sense": self.sense,
            "statement": self.statement,
            "formats": self.formats,
            "empty": self.empty,
            "near": self.near,
        }
        return {
            "kind": self.kind,
            "column": self.column.to_json(),
            "expression": self.expression.text,
            **facts,
        }

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Relative:
        """The relation whose ``to_json`` gave these facts."""
        rest = (facts["sense"], facts["statement"], facts["formats"], facts["empty"], facts.get("near", 0.0))
        return cls(column_from_json(facts["column"]), parse_expression(facts["expression"]), *rest)


def derivation_from_json(facts: dict[str, Any]) -> Derivation:
    """The derivation whose ``to_json`` gave these facts."""
    kinds: dict[str, Any] = {one.kind: one for one in (Lookup, Formula, Relative)}
    made: Derivation = kinds[facts["kind"]].from_json(facts)
    return made


def in_sequence(derivations: list[Derivation]) -> tuple[Derivation, ...]:
    """Derivations with each one after those that it needs. ValueError where they go round in a circle."""
    left, sequence = list(derivations), list[Derivation]()
    while left:
        waiting = {one.name for one in left}
        ready = [one for one in left if not waiting & set(one.inputs)]
        if not ready:
            raise ValueError("derivations go round in a circle")
        sequence += ready
        left = [one for one in left if one not in ready]
    return tuple(sequence)


def numeric(column: Column) -> bool:
    """Whether a column is one of numbers, few or many."""
    if isinstance(column, CategoryColumn):
        return column.dtype.lower().startswith(("int", "uint", "float"))
    return isinstance(column, NumberColumn)
