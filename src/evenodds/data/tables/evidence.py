"""A table looked at for what hangs together: its columns as codes and as numbers, and what was derived so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.derivations import Derivation, amounts_of, numeric
from evenodds.data.tables.expressions import Floats
from evenodds.data.tables.fitting import Column
from evenodds.data.tables.quantiles import lattice_of

FEWEST = 100
"""Rows, at least, of a table in which anything is looked for."""
CHANCE = 30.0
"""Natural logarithm of 1 over the probability that chance brings a dependency about."""
_FIRST = 60
"""Rows on which what does not hold mostly shows."""

Codes = NDArray[np.intp]


@dataclass
class Derived:
    """What was derived so far: by the name of a column, what it follows from."""

    derivations: list[Derivation] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether a column is derived already."""
        return any(one.name == name for one in self.derivations)

    def sources(self, names: Sequence[str]) -> set[str]:
        """All that columns follow from, they themselves among it."""
        reached, left = set[str](), list(names)
        by_name = {one.name: one for one in self.derivations}
        while left:
            name = left.pop()
            if name not in reached:
                reached.add(name)
                left.extend(by_name[name].inputs if name in by_name else ())
        return reached

    def add(self, one: Derivation) -> bool:
        """Takes a derivation in; False where its column is derived already, or would follow from itself."""
        if self.has(one.name) or one.name in self.sources(one.inputs):
            return False
        self.derivations.append(one)
        return True


class Table:
    """The columns of a table as codes and as numbers, each made once."""

    def __init__(self, frame: pd.DataFrame, columns: Sequence[Column]) -> None:
        """``frame`` holds the columns' values, normalized."""
        self.frame, self.columns = frame, {one.name: one for one in columns}
        self.count = len(frame)
        self.formats = {
            one.name: one.text_format
            for one in columns
            if isinstance(one, DateColumn) and one.text_format is not None
        }
        self.head = np.random.default_rng(0).permutation(self.count)[:_FIRST]
        self._codes: dict[str, Codes] = {}
        self._distinct: dict[str, int] = {}
        self._decimals: dict[str, int | None] = {}
        self._numbers: dict[str, Floats] = {}

    def codes(self, name: str) -> Codes:
        """A column's values as codes (n,) from 0 on, a gap as one of them."""
        if name not in self._codes:
            codes = pd.factorize(self.frame[name], use_na_sentinel=False)[0]
            self._codes[name] = codes.astype(np.intp)
        return self._codes[name]

    def numbers(self, name: str) -> Floats:
        """A column's numbers (n,), NaN where missing; of moments the microseconds."""
        if name not in self._numbers:
            self._numbers[name] = amounts_of(self.frame, self.formats)(name)
        return self._numbers[name]

    def distinct(self, name: str) -> int:
        """How many values a column has, a gap as one of them."""
        if name not in self._distinct:
            self._distinct[name] = int(self.codes(name).max()) + 1
        return self._distinct[name]

    def decimals(self, name: str) -> int | None:
        """How many decimals a column of numbers has, None for 8 or more."""
        if name not in self._decimals:
            x = self.numbers(name)
            levels = np.unique(x[~np.isnan(x)])
            self._decimals[name] = lattice_of(levels, self.frame[name].dtype == np.float32)[0]
        return self._decimals[name]

    def numeric(self) -> list[str]:
        """The columns of numbers that are exact as floats."""
        names = [name for name, one in self.columns.items() if numeric(one)]
        return [name for name in names if np.nanmax(np.abs(self.numbers(name))) < 2.0**53]
