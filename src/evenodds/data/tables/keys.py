"""Keys: columns of ids, all different and of one pattern, which come back as new ids that no row had."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of
from evenodds.data.tables.files import normalize

FEWEST = 20
"""Ids, at least, of which a pattern is found without being asked."""
SLOTS = 4
"""Classes of ids for each id of the table: one in which none of its ids lies is free."""
LONGEST = 64
"""Letters of an id, at most."""
_CLASSES = (
    *("0123456789", "0123456789abcdef", "0123456789ABCDEF", "abcdefghijklmnopqrstuvwxyz"),
    *("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "0123456789abcdefghijklmnopqrstuvwxyz",
)
_COUNTER = re.compile(r"(.*?)([1-9][0-9]*|0)(\D*)", re.DOTALL)
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Key:
    """A column of ids. A ``counter`` goes on from ``start`` between ``before`` and ``after``; a ``pattern`` has the
    letters of ``alphabets`` at each place.

    The ids of a pattern are numbered, and fall by their number into ``classes``; those of the table lie in the classes
    whose bit is set in ``used``. New ones come from the others: which id is the i-th of a seed is computed, and none is
    remembered.
    """

    name: str
    dtype: str
    kind: Literal["counter", "pattern"]
    before: str = ""
    after: str = ""
    start: int = 0
    alphabets: tuple[str, ...] = ()
    classes: int = 0
    used: str = field(default="", repr=False)

    def values(self, start: int, count: int, seed: int) -> pd.Series[Any]:
        """The ids of rows start to start + count - 1 under a seed, in the column's dtype. UserError where the pattern
        has no more."""
        shift = seed_of(seed, "key", self.name)
        texts = [self._text(index, shift) for index in range(start, start + count)]
        if self.dtype == "str":
            return pd.Series(texts, dtype="str", name=self.name)
        return pd.Series(np.array([int(text) for text in texts], self.dtype.lower()), name=self.name)

    def _text(self, index: int, shift: int) -> str:
        if self.kind == "counter":
            return f"{self.before}{self.start + index}{self.after}"
        if index >= self.room:
            return self._longer(index - self.room)
        slot = (index * self._stride + shift) % self.room
        depth, position = divmod(slot, len(self._free))
        return self._id(depth * self.classes + int(self._free[position]))

    @cached_property
    def _free(self) -> np.ndarray[Any, Any]:
        bits = np.unpackbits(np.frombuffer(base64.b64decode(self.used), np.uint8), count=self.classes)
        return np.flatnonzero(bits == 0)

    @cached_property
    def room(self) -> int:
        """How many new ids the pattern has."""
        return len(self._free) * (math.prod(map(len, self.alphabets)) // self.classes)

    @cached_property
    def _stride(self) -> int:
        """A step that meets every slot once, and neighbours far apart."""
        stride = max(1, int(self.room * _GOLDEN))
        while math.gcd(stride, self.room) > 1:
            stride += 1
        return stride

    def _id(self, number: int) -> str:
        letters = []
        for alphabet in reversed(self.alphabets):
            number, letter = divmod(number, len(alphabet))
            letters.append(alphabet[letter])
        return "".join(reversed(letters))

    def _longer(self, index: int) -> str:
        """An id beyond the pattern: its last run of digits is a digit longer."""
        digits = "".join("9" if len(set(a) & set(_CLASSES[0])) == len(a) > 1 else "-" for a in self.alphabets)
        runs = list(re.finditer("9+", digits))
        if not runs:
            raise UserError(
                f"column {self.name!r}: its pattern has {self.room:,} new ids and no more; ask for fewer rows, or "
                f"leave it out with --exclude {self.name}"
            )
        first, last = runs[-1].span()
        before, after = (
            "".join(a[0] for a in part) for part in (self.alphabets[:first], self.alphabets[last:])
        )
        return f"{before}{10 ** (last - first) + index}{after}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Key:
        """The key whose ``to_json`` gave these facts."""
        return cls(**{**facts, "alphabets": tuple(facts["alphabets"])})


def key_of(series: pd.Series[Any], forced: bool = False) -> Key | None:
    """The key that a column is: whole numbers or texts of one pattern, all there and all different, FEWEST at least
    unless it is ``forced``; None where it is none."""
    name, count = str(series.name), len(series)
    if series.isna().any() or series.nunique() < count or (count < FEWEST and not forced):
        return None
    if series.dtype.kind in "iu":
        low, high = int(series.min()), int(series.max())
        same = low > 0 and len(str(low)) == len(str(high)) and high - low > SLOTS * SLOTS * count
        pattern = _pattern(name, "int64", [str(value) for value in series]) if same else None
        return pattern or Key(name, "int64", "counter", start=high + 1)
    if series.dtype != "str":
        return None
    texts = [str(text) for text in series]
    return _pattern(name, "str", texts) or _counter(name, texts)


def forced_key(frame: pd.DataFrame, name: str) -> Key:
    """The key that a column is by the user's word. UserError where it is none."""
    if name not in frame.columns:
        raise UserError(
            f"--key {name}: there is no column {name!r}; the columns are {', '.join(frame.columns)}"
        )
    key = key_of(normalize(frame[name]), forced=True)
    if key is None:
        raise UserError(
            f"--key {name}: its values are not ids of one pattern, all there and all different; leave the flag out"
        )
    return key


def new_ids(key: Key) -> str:
    """What fakes have in a key's column, for the user."""
    return f"fakes have new ids like {key.values(0, 1, 0).iloc[0]}"


def _pattern(name: str, dtype: str, texts: list[str]) -> Key | None:
    """The key of ids that are equally long, with letters of one class at each place and digits at some."""
    lengths = set(map(len, texts))
    if len(lengths) > 1 or max(lengths) > LONGEST or not max(lengths):
        return None
    alphabets = [_alphabet(set(letters), len(texts)) for letters in zip(*texts, strict=True)]
    if None in alphabets or not any(len(a) > 1 and a[0] == "0" for a in alphabets if a):
        return None
    complete = tuple(a for a in alphabets if a)
    if dtype != "str":  # a whole number begins with no zero
        complete = (complete[0].lstrip("0"), *complete[1:])
    room = math.prod(map(len, complete))
    classes = min(room, SLOTS * len(texts))
    used = np.zeros(classes, bool)
    used[[_number(text, complete) % classes for text in texts]] = True
    if used.all():
        return None
    bits = base64.b64encode(np.packbits(used).tobytes()).decode()
    return Key(name, dtype, "pattern", alphabets=complete, classes=classes, used=bits)


def _alphabet(letters: set[str], count: int) -> str | None:
    """The letters that a place may have, sorted: those of a class, or only those that it has where they are few of it;
    None where no class has them all."""
    if len(letters) == 1:
        return letters.pop()
    digits = any(letter in _CLASSES[0] for letter in letters)
    whole = next((one for one in _CLASSES if letters <= set(one) and (digits or one[0] != "0")), None)
    if whole is None:
        return None
    few = len(letters) <= len(whole) / 2 and count >= 8 * len(whole)
    return "".join(sorted(letters)) if few else whole


def _number(text: str, alphabets: tuple[str, ...]) -> int:
    number = 0
    for letter, alphabet in zip(text, alphabets, strict=True):
        number = number * len(alphabet) + alphabet.index(letter)
    return number


def _counter(name: str, texts: list[str]) -> Key | None:
    """The key of ids that are numbers, without leading zeros, between texts that all of them have."""
    matches = [_COUNTER.fullmatch(text) for text in texts]
    around = {(match[1], match[3]) for match in matches if match}
    if None in matches or len(around) > 1:
        return None
    before, after = around.pop()
    start = max(int(match[2]) for match in matches if match) + 1
    return Key(name, "str", "counter", before, after, start)
