"""How the cells of a text file's column are written: what every notation shares, and texts and truths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd

INFINITE = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
"""Words for numbers without end, which no fake has: they count as missing."""
GAPS = frozenset(
    {
        "",
        "na",
        "n/a",
        "n.a.",
        "nan",
        "null",
        "none",
        "nil",
        "nat",
        "missing",
        "?",
        "-",
        "--",
        ".",
        "#n/a",
        "#na",
        "<na>",
    }
    | INFINITE
)
"""Words, in small letters and without spaces around them, that are gaps among numbers, dates, spans and truths. Among
other words each is a word."""


def is_gap(text: str) -> bool:
    """Whether a cell is one of the words for a missing value."""
    return text.strip().lower() in GAPS


class Notation(Protocol):
    """How a column's values are written. ``read`` and ``write`` undo each other, letter by letter, on what the column
    held."""

    @property
    def kind(self) -> str:
        """text, truth, number, date or span."""

    @property
    def gap(self) -> str:
        """How a missing value is written."""

    def read(self, texts: pd.Series[Any]) -> pd.Series[Any]:
        """Texts (n) as values, missing where they are gaps. ValueError with the text that does not read."""

    def write(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Values (n) as texts."""

    def in_words(self) -> str:
        """What the column was taken for, for the user."""

    def to_json(self) -> dict[str, Any]:
        """The notation as JSON values."""


def distinct_read(texts: pd.Series[Any], value: Callable[[str], Any], gap: str, dtype: str) -> pd.Series[Any]:
    """Texts (n) as values of a dtype, each distinct text read once; missing where it is a gap. Whole
    numbers and truths have a nullable dtype only where some are missing."""
    codes, distinct = pd.factorize(texts)
    absent = [text == gap or is_gap(text) for text in distinct]
    values = [None if missing else value(text) for text, missing in zip(distinct, absent, strict=True)]
    read: Any = pd.Series(values, dtype=dtype).array.take(codes, allow_fill=True)
    missing = any(absent) or bool((codes < 0).any())
    if not missing and dtype in ("Int64", "boolean"):
        read = read.astype("int64" if dtype == "Int64" else "bool")
    return pd.Series(read, name=texts.name, index=texts.index)


def distinct_written(values: pd.Series[Any], text: Callable[[Any], str], gap: str) -> pd.Series[Any]:
    """Values (n) as texts, each distinct value written once."""
    keys: Any = values
    if values.dtype.kind == "f":
        keys = values.to_numpy(np.float64).view(np.int64)  # -0.0 is written otherwise than 0.0
    _, first, indices = np.unique(pd.factorize(keys)[0], return_index=True, return_inverse=True)
    texts = [gap if pd.isna(value) else text(value) for value in values.iloc[first]]
    return pd.Series(np.array(texts, object)[indices], dtype="str", name=values.name, index=values.index)


@dataclass(frozen=True)
class TextNotation:
    """Texts as they stand, without the spaces that stand before and after each of them; an empty cell is missing."""

    before: str = ""
    after: str = ""
    gap: str = ""
    kind: ClassVar[str] = "text"

    def read(self, texts: pd.Series[Any]) -> pd.Series[Any]:
        """Texts (n), missing where they are empty."""
        texts = texts.astype("str").where(texts != "", None)
        if self.before or self.after:
            texts = texts.str.removeprefix(self.before).str.removesuffix(self.after)
        return texts

    def write(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Texts (n), empty where they are missing."""
        texts = values.astype("str")
        if self.before or self.after:
            texts = self.before + texts + self.after
        return texts.fillna("")

    def in_words(self) -> str:
        """What the column was taken for."""
        return "text"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class TruthNotation:
    """True and false, in the file's spelling."""

    true: str
    false: str
    gap: str = ""
    kind: ClassVar[str] = "truth"

    def read(self, texts: pd.Series[Any]) -> pd.Series[Any]:
        """Texts (n) as booleans. ValueError with the text that is neither."""
        return distinct_read(texts, self._value, self.gap, "boolean")

    def _value(self, text: str) -> bool:
        if text not in (self.true, self.false):
            raise ValueError(text)
        return text == self.true

    def write(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Booleans (n) as texts."""
        return distinct_written(values, lambda value: self.true if value else self.false, self.gap)

    def in_words(self) -> str:
        """What the column was taken for."""
        return f"truths, {self.true} or {self.false}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}
