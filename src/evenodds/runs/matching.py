"""Rows with values that a run was not trained to be asked for: drawn until enough of them have these, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.data.conditioning import requested_values
from evenodds.data.tables.codec import TableCodec

TRIED = 20_000
"""Rows that are drawn before it is said how many of them have the values."""
RAREST = 1 / 1000
"""Share of rows that must have the values: of fewer it would take too long."""
SLACK = 4
"""How many times as many rows are drawn as the share leads to expect, at most."""

Draw = Callable[[int, int], Iterator[pd.DataFrame]]
"""Makes n rows from a number, in batches."""


@dataclass(frozen=True)
class Matching:
    """What columns are to hold, by name: values as a table shows them, None for a gap; ``text`` is how it was asked."""

    values: dict[str, Any]
    text: str

    def of(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Which rows (n) have the values."""
        matching = np.ones(len(rows), np.bool_)
        for name, value in self.values.items():
            same = rows[name].isna() if value is None else rows[name] == value
            matching &= same.to_numpy(np.bool_, na_value=False)
        return matching

    def rows(self, n: int, draw: Draw, say: Say) -> Iterator[pd.DataFrame]:
        """n rows with the values, in batches.

        UserError where fewer than RAREST of the first rows have them; ``say`` is told how many are drawn for one.
        """
        left, tried, matched, most = n, 0, 0, 0
        while left:
            waiting: list[pd.DataFrame] = []
            for batch in draw(TRIED, tried // TRIED):
                some = batch[self.of(batch)]
                matched += len(some)
                waiting.append(some)
            tried += TRIED
            if tried == TRIED:
                self._check_first(matched)
                most = TRIED + round(SLACK * n * TRIED / matched)
                if n > matched:
                    say(
                        f"about 1 in {TRIED / matched:.3g} fakes has {self.text}: the others are drawn and dropped"
                    )
            elif tried > most:
                raise UserError(self._rare(matched, tried))
            for some in waiting:
                if left and len(some):
                    yield some[:left].reset_index(drop=True)
                    left -= min(left, len(some))

    def _check_first(self, matched: int) -> None:
        if matched < RAREST * TRIED:
            raise UserError(self._rare(matched, TRIED))

    def _rare(self, matched: int, tried: int) -> str:
        names = ",".join(self.values)
        return (
            f"{self.text}: {matched:,} of {tried:,} fakes have that, too few to wait for; train with --condition "
            f"{names} to ask for it directly"
        )


def matching_of(codec: TableCodec, requested: Mapping[str, str]) -> Matching:
    """What texts by name ask for of a table's columns. UserError for what is no column, and for values that no fake can
    have."""
    text = ",".join(f"{name}={value}" for name, value in requested.items())
    columns = codec.order or codec.names
    for name in requested:
        if name not in columns or name in {key.name for key in codec.keys}:
            raise UserError(
                f"{text}: no fake has values of {name!r} to choose by; the columns are {', '.join(columns)}"
            )
    learnt_ones = {name: value for name, value in requested.items() if name in codec.names}
    values: dict[str, Any] = {one.name: one.value for one in requested_values(codec, learnt_ones)}
    for name, value in requested.items():
        if name not in values:
            values[name] = _derived_value(codec, name, value)
    return Matching(values, text)


def _derived_value(codec: TableCodec, name: str, text: str) -> Any:
    """The value of a column that follows from others."""
    if not text:
        return None
    notation = codec.notations.get(name)
    one = next(one for one in codec.derived if one.name == name)
    texts = pd.Series([text], dtype="str", name=name)
    if notation is not None:
        return codec.value_of(name, texts).iloc[0]
    dtype = one.dtype.lower()
    if dtype.startswith(("int", "uint", "float")):
        try:
            return float(text)
        except ValueError:
            raise UserError(f"column {name!r}: {text!r} is no number, write it like 1.5") from None
    return {"true": True, "false": False}.get(text.lower(), text) if dtype.startswith("bool") else text
