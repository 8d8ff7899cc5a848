"""Groups of a table's rows, and which of them fakes have lost: levels, pairs of levels, ranges of numbers, gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.fitting import Column, inner_of

LEFT = 1 / 3
"""A group is lost where fakes have at most this part of its share among reals."""
LEVEL = 0.001
"""Chance, at most, that any group of a table is called lost where fakes come from the reals' own distribution."""
SMALLEST = 0.01
"""Share of rows below which a group is not looked at."""
RANGES = 10
"""Ranges of about equal counts into which a number is cut."""
PAIRS = 300
"""Pairs of levels, at most: the most frequent ones."""
PAIRED = 400
"""Levels, at most, of which pairs are made: the most frequent ones."""
SAME = 0.9
"""A pair that holds so much of one of its levels is that level once more."""
SHOWN = 2_000
"""Reals by which it is seen that two groups are the same rows."""
APART = 10.0
"""Between the stretches of a number, whose scores lie in [-4, 4]."""
LONGEST = 40
"""Characters of a name or a value that are shown."""

Rows = NDArray[np.float32]
Members = NDArray[np.bool_]
"""Which rows are in which group, (groups, n)."""
Kind = Literal["level", "missing", "range", "pair"]


class Group(NamedTuple):
    """Some rows of a table, by what they have in common."""

    kind: Kind
    words: Mapping[str, str]
    """Columns, and values as the table spells them: ``column``, and ``level`` or ``low`` and ``high``; of a pair
    ``other`` and ``other_level`` too."""
    size: int = 0
    """How many reals are in it."""
    number: int = 0
    """Its position among the groups of the table."""


class Lost(NamedTuple):
    """A group of which fakes have too little: its share of reals, and of fakes."""

    group: Group
    real: float
    fake: float


class Partition(Protocol):
    """The groups of one column, of which a row is in one at most."""

    groups: list[Group]

    def members(self, rows: Rows) -> Members: ...


class Choices:
    """The one-hot places of a column that are a level or a gap each."""

    def __init__(self, column: Column, start: int, width: int, places: Sequence[int]) -> None:
        """The column's choice has ``width`` places from ``start`` on, and those of ``places`` count."""
        self.start, self.stop = start, start + width
        self.places = np.array(places, np.intp)[:, None]
        block = np.zeros((len(places), column.width), np.float32)
        block[np.arange(len(places)), places] = 1
        values = column.decode(block, np.random.default_rng(0))
        gaps, name = values.isna().tolist(), shown(column.name)
        self.groups = [
            Group("missing", {"column": name})
            if gap
            else Group("level", {"column": name, "level": shown(value)})
            for value, gap in zip(values.tolist(), gaps, strict=True)
        ]

    def members(self, rows: Rows) -> Members:
        """Which rows (n, width) chose which place."""
        chosen = rows[:, self.start : self.stop].argmax(1)
        return np.asarray(chosen == self.places, np.bool_)


class Ranges:
    """The values of a number, cut into RANGES of about equal counts of reals, never within a value."""

    def __init__(self, column: Column, inner: NumberColumn, start: int, reals: Rows) -> None:
        """The column has its places from ``start`` on; ``inner`` is the number that it is coded by."""
        self.start, self.inner = start, inner
        position = self.positions(reals)
        order = np.argsort(position)[: int(np.isfinite(position).sum())]
        position = position[order]
        block = reals[order, start : start + inner.width]
        values = column.decode(block, np.random.default_rng(0)).tolist()
        cuts = cuts_of(values)
        self.edges = np.array([(position[cut - 1] + position[cut]) / 2 for cut in cuts])
        ends = zip([0, *cuts], [*cuts, len(values)], strict=True)
        self.groups = [between(column.name, values[low], values[high - 1]) for low, high in ends if values]

    def positions(self, rows: Rows) -> NDArray[np.float64]:
        """Where the values of rows (n, width) stand along the number: (n,), infinite for gaps and for values that are a
        choice of their own."""
        number = rows[:, self.start + self.inner.choices].astype(np.float64)
        if not self.inner.choices:
            return number
        choice = rows[:, self.start : self.start + self.inner.choices].argmax(1)
        return np.where(choice < self.inner.stretches, number + APART * choice, np.inf)

    def members(self, rows: Rows) -> Members:
        """Which rows (n, width) are in which range."""
        position = self.positions(rows)
        chosen = np.where(np.isfinite(position), np.searchsorted(self.edges, position), -1)
        return np.asarray(chosen == np.arange(len(self.groups))[:, None], np.bool_)


def cuts_of(values: Sequence[Any]) -> list[int]:
    """Where sorted values (n) are cut into RANGES of about equal counts: places at which another value begins."""
    changes = np.array([at for at in range(1, len(values)) if values[at] != values[at - 1]], np.intp)
    if not len(changes):
        return []
    even = np.arange(1, RANGES) * len(values) / RANGES
    return sorted({int(changes[np.abs(changes - cut).argmin()]) for cut in even})


class TableGroups:
    """The groups of a table's reals that fakes can be seen to lose: levels, gaps, ranges of numbers, pairs of levels.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"pet": ["cat"] * 60 + ["dog"] * 40})
    >>> codec = TableCodec.fit(table, (), np.random.default_rng(0))
    >>> rows = codec.encode(table, np.random.default_rng(0))
    >>> [lost] = TableGroups(codec, rows).lost(rows[:50])
    >>> lost.group.words["level"], lost.real, lost.fake
    ('dog', 0.4, 0.0)
    """

    def __init__(self, codec: TableCodec, reals: Rows) -> None:
        """``reals`` (n, width) are encoded rows of the table."""
        self.partitions = list(partitions(codec, reals))
        members = self.simple(reals)
        groups = [group for partition in self.partitions for group in partition.groups]
        self.pairs = frequent_pairs(groups, members)
        counts = [*members.sum(1), *(members[self.pairs[:, 0]] & members[self.pairs[:, 1]]).sum(1)]
        named = [*groups, *(paired(groups[first], groups[second]) for first, second in self.pairs)]
        self.n_reals = len(reals)
        self.groups = [
            group._replace(size=int(counts[index]), number=index) for index, group in enumerate(named)
        ]
        self.counts = np.array(counts, np.float64)
        self.shown = self.members(reals[:SHOWN])

    def simple(self, rows: Rows) -> Members:
        """Which rows are in which group of one column."""
        return np.concatenate([partition.members(rows) for partition in self.partitions])

    def members(self, rows: Rows) -> Members:
        """Which rows (n, width) are in which group."""
        alone = self.simple(rows)
        return np.concatenate([alone, alone[self.pairs[:, 0]] & alone[self.pairs[:, 1]]])

    def lost(self, fakes: Rows, draws: int | None = None) -> list[Lost]:
        """The groups that fakes (n, width) have lost, the largest first.

        Lost is a group with at most LEFT of its share, and surely fewer than reals have: both counts are taken as
        Poisson's, of which the fakes' part, their sum given, is binomial (Przyborowski and Wilenski 1940), and the
        level is divided among all groups that could be seen to be lost (Bonferroni). ``draws`` says of how many
        independent rows the fakes are, where they are fewer than there are rows.
        """
        n = len(fakes)
        draws = min(n, n if draws is None else draws)
        weight = draws / (draws + self.n_reals)
        fake = self.members(fakes).sum(1) / n
        share = self.counts / self.n_reals
        seen = (share >= SMALLEST) & (self.counts > 0)
        seen &= (1 - weight) ** self.counts <= LEVEL / max(int(seen.sum()), 1)
        p_values = betainc(np.maximum(self.counts, 1), fake * draws + 1, 1 - weight)
        gone = seen & (fake <= LEFT * share) & (p_values <= LEVEL / max(int(seen.sum()), 1))
        order = sorted(np.flatnonzero(gone), key=lambda index: -self.counts[index])
        return [Lost(self.groups[index], float(share[index]), float(fake[index])) for index in order]

    def distinct(self, lost: Sequence[Lost]) -> list[Lost]:
        """Those of lost groups that are not, for the most part, rows of groups before them."""
        covered = np.zeros(self.shown.shape[1], np.bool_)
        distinct = []
        for one in lost:
            rows = self.shown[one.group.number]
            if 2 * (rows & covered).sum() <= rows.sum():
                distinct.append(one)
                covered |= rows
        return distinct


def partitions(codec: TableCodec, reals: Rows) -> Iterator[Partition]:
    """The groups of each column of a table."""
    start = 0
    for column in codec.columns:
        inner = inner_of(column)
        if isinstance(inner, CategoryColumn):  # the rarest levels may share one place, which is no group
            missing = [inner.width - 1] if inner.missing else []
            yield Choices(column, start, inner.width, [*range(inner.alone), *missing])
        else:
            if inner.choices > inner.stretches:
                yield Choices(column, start, inner.choices, range(inner.stretches, inner.choices))
            yield Ranges(column, inner, start, reals)
        start += column.width


def frequent_pairs(groups: Sequence[Group], members: Members) -> NDArray[np.intp]:
    """The most frequent pairs of levels of two columns, (pairs, 2), but those that are nearly one of both levels."""
    counts = members.sum(1)
    levels = np.array([index for index, group in enumerate(groups) if group.kind == "level"], np.intp)
    levels = np.sort(levels[np.argsort(-counts[levels], kind="stable")[:PAIRED]])
    inside = members[levels].astype(np.float32)
    together = np.triu(inside @ inside.T, 1)
    smaller = np.minimum.outer(counts[levels], counts[levels])
    together[(together >= SAME * smaller) | (together < SMALLEST * members.shape[1])] = 0
    order = np.argsort(-together, axis=None, kind="stable")[:PAIRS]
    first, second = np.unravel_index(order[together.flat[order] > 0], together.shape)
    return np.stack([levels[first], levels[second]], axis=1)


def paired(first: Group, second: Group) -> Group:
    """Rows of both of two levels."""
    other, other_level = second.words.values()
    return Group("pair", {**first.words, "other": other, "other_level": other_level})


def between(column: str, low: Any, high: Any) -> Group:
    """Rows whose value lies from ``low`` to ``high``, both among them."""
    if low == high:
        return Group("level", {"column": shown(column), "level": shown(low)})
    return Group("range", {"column": shown(column), "low": shown(low), "high": shown(high)})


def shown(value: Any) -> str:
    """A name or a value as a sentence shows it."""
    text = f"{value:.7g}" if isinstance(value, float) else str(value)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
