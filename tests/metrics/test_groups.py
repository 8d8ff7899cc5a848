"""Groups hold what the table itself says, planted losses are named, and halves of the same rows raise nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import read_table
from evenodds.metrics.groups import LEFT, LEVEL, PAIRS, SMALLEST, Group, Rows, TableGroups, shown
from tests.conftest import SHARED, mixed


def shop(rows: int = 8_000) -> pd.DataFrame:
    """Levels that hang together, a number with a spike, one with gaps, and dates."""
    rng = np.random.default_rng(0)
    internet = rng.choice(["fiber", "dsl", "no"], rows, p=[0.5, 0.3, 0.2])
    backup = np.where(internet == "no", "no internet", rng.choice(["yes", "no"], rows))
    weight = rng.normal(70, 10, rows).round(1)
    return pd.DataFrame(
        {
            "internet": internet,
            "backup": backup,
            "phone": rng.choice(["yes", "no"], rows),
            "gain": np.where(rng.random(rows) < 0.9, 0, rng.integers(100, 9_999, rows)),
            "weight": pd.Series(weight).mask(rng.random(rows) < 0.1),
            "tenure": rng.integers(0, 73, rows),
            "day": rng.permutation(pd.date_range("2020-01-01", periods=rows, freq="h").strftime("%Y-%m-%d")),
        }
    )


@cache
def encoded(make: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, TableCodec, Rows]:
    frame = make()
    codec = TableCodec.fit(frame, (), np.random.default_rng(0))
    return frame, codec, codec.encode(frame, np.random.default_rng(0))


def groups_of(make: Callable[[], pd.DataFrame]) -> TableGroups:
    _, codec, rows = encoded(make)
    return TableGroups(codec, rows)


def inside(frame: pd.DataFrame, group: Group) -> pd.Series[bool]:
    """Which rows of a table are in a group, by its words alone."""
    words = group.words
    column = frame[words["column"]]
    if group.kind == "missing":
        return column.isna()
    if group.kind == "range":
        if pd.api.types.is_numeric_dtype(column):
            return column.between(float(words["low"]), float(words["high"]))
        return column.astype("str").between(words["low"], words["high"])
    found = column.map(shown, na_action="ignore") == words["level"]
    if group.kind == "pair":
        found &= frame[words["other"]].map(shown, na_action="ignore") == words["other_level"]
    return found


@pytest.mark.parametrize("make", [shop, mixed])
def test_a_groups_words_say_which_rows_are_in_it(make: Callable[[], pd.DataFrame]) -> None:
    frame, _, rows = encoded(make)
    groups = groups_of(make)
    assert {group.kind for group in groups.groups} == {"level", "missing", "range", "pair"}
    assert [group.number for group in groups.groups] == list(range(len(groups.groups)))
    for group, members in zip(groups.groups, groups.members(rows), strict=True):
        numbers = pd.api.types.is_numeric_dtype(frame[group.words["column"]])
        if group.kind == "range" and group.words["column"] == "day" and not numbers and make is mixed:
            continue  # of dates with their time the text is longer
        assert members.tolist() == inside(frame, group).fillna(False).tolist(), group.words
        assert group.size == members.sum()


def test_a_number_is_cut_into_tenths_between_its_values() -> None:
    ranges = [
        group
        for group in groups_of(shop).groups
        if group.kind == "range" and group.words["column"] == "tenure"
    ]
    assert ranges[0].words["low"] == "0"
    assert ranges[-1].words["high"] == "72"
    assert sum(group.size for group in ranges) == 8_000
    assert len(ranges) == 10
    assert all(600 < group.size < 1_000 for group in ranges)


def test_a_value_that_many_rows_hold_is_a_level_of_its_own() -> None:
    (spike,) = [
        group
        for group in groups_of(shop).groups
        if group.kind == "level" and group.words == {"column": "gain", "level": "0"}
    ]
    assert spike.size == (shop()["gain"] == 0).sum()


def test_pairs_are_bounded_and_none_is_a_level_once_more() -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame({f"c{place}": rng.choice(list("abcd"), 2_000) for place in range(20)})
    codec = TableCodec.fit(wide, (), rng)
    pairs = [group for group in TableGroups(codec, codec.encode(wide, rng)).groups if group.kind == "pair"]
    assert len(pairs) == PAIRS
    spelt = [set(group.words.values()) for group in groups_of(shop).groups if group.kind == "pair"]
    assert {"internet", "no", "phone", "yes"} in spelt
    assert {"internet", "no", "backup", "no internet"} not in spelt


LOSSES: dict[str, tuple[Callable[[pd.DataFrame], pd.Series[bool]], dict[str, str]]] = {
    "level": (lambda frame: frame["internet"] == "dsl", {"column": "internet", "level": "dsl"}),
    "missing": (lambda frame: frame["weight"].isna(), {"column": "weight"}),
    "range": (lambda frame: frame["tenure"] <= 6, {"column": "tenure", "low": "0", "high": "6"}),
    "pair": (
        lambda frame: (frame["internet"] == "fiber") & (frame["phone"] == "no"),
        {"column": "internet", "level": "fiber", "other": "phone", "other_level": "no"},
    ),
}


@pytest.mark.parametrize("kind", list(LOSSES))
@pytest.mark.parametrize("left", [0.0, 0.05])
def test_a_planted_loss_is_the_only_one_named(kind: str, left: float) -> None:
    frame, _, rows = encoded(shop)
    chosen, words = LOSSES[kind]
    rng = np.random.default_rng(1)
    kept = ~chosen(frame).to_numpy(np.bool_) | (rng.random(len(frame)) < left)
    groups = groups_of(shop)
    lost = groups.lost(rows[kept][:2_000])
    (named,) = groups.distinct(lost)
    assert (named.group.kind, named.group.words) == (kind, words)
    assert named.real == pytest.approx(chosen(frame).mean())
    assert named.fake == pytest.approx(chosen(frame)[kept][:2_000].mean())


def test_rows_that_several_groups_hold_are_named_once() -> None:
    """Without internet there is no backup: two levels and several pairs, but the same rows."""
    frame, _, rows = encoded(shop)
    groups = groups_of(shop)
    lost = groups.lost(rows[(frame["internet"] != "no").to_numpy()][:2_000])
    assert len(lost) > 2
    (named,) = groups.distinct(lost)
    assert named.group.words == {"column": "internet", "level": "no"}


def pets(cats: int, rows: int) -> pd.DataFrame:
    return pd.DataFrame({"pet": ["cat"] * cats + ["dog"] * (rows - cats)})


def lost_cats(cats: int, rows: int, found: int, fakes: int, draws: int | None = None) -> bool:
    """Whether cats are lost that are so many of the reals and of the fakes."""
    codec = TableCodec.fit(pets(cats, rows), (), np.random.default_rng(0))
    real, fake = (
        codec.encode(pets(*some), np.random.default_rng(0)) for some in ((cats, rows), (found, fakes))
    )
    groups = TableGroups(codec, real)
    return any(one.group.words["level"] == "cat" for one in groups.lost(fake, draws))


def test_a_third_is_the_most_that_is_left_of_a_lost_group() -> None:
    assert lost_cats(1_200, 6_000, round(0.2 * LEFT * 6_000), 6_000)
    assert not lost_cats(1_200, 6_000, round(0.2 * LEFT * 6_000) + 1, 6_000)


@pytest.mark.parametrize(("cats", "rows", "fakes"), [(61, 2_000, 2_000), (12, 150, 2_000), (400, 8_000, 300)])
def test_chance_is_told_from_loss_by_the_exact_test_of_two_counts(cats: int, rows: int, fakes: int) -> None:
    weight = fakes / (fakes + rows)
    surely = [binom.cdf(found, found + cats, weight) <= LEVEL / 2 for found in range(fakes)]
    few = [found / fakes <= LEFT * cats / rows for found in range(fakes)]
    limit = max(found for found in range(fakes) if surely[found] and few[found])
    assert lost_cats(cats, rows, limit, fakes)
    assert not lost_cats(cats, rows, limit + 1, fakes)


def test_fakes_under_few_conditions_say_less() -> None:
    assert lost_cats(100, 2_000, 0, 2_000)
    assert lost_cats(100, 2_000, 0, 2_000, draws=400)
    assert not lost_cats(100, 2_000, 0, 2_000, draws=100)


def test_groups_that_are_too_small_are_not_looked_at() -> None:
    assert lost_cats(round(SMALLEST * 8_000), 8_000, 0, 8_000)
    assert not lost_cats(round(SMALLEST * 8_000) - 1, 8_000, 0, 8_000)
    assert lost_cats(2, 30, 0, 2_000)
    assert not lost_cats(1, 30, 0, 2_000), "one row of thirty may be chance"


def test_halves_of_the_same_rows_raise_nothing() -> None:
    _, codec, rows = encoded(shop)
    rng = np.random.default_rng(2)
    for _ in range(100):
        order = rng.permutation(len(rows))
        assert not TableGroups(codec, rows[order[:4_000]]).lost(rows[order[4_000:6_000]])


def test_a_table_without_a_group_has_none_to_lose() -> None:
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=50)})
    codec = TableCodec.fit(frame, (), np.random.default_rng(0))
    rows = codec.encode(frame, np.random.default_rng(0))
    assert TableGroups(codec, rows).lost(rows) == []


def test_names_and_values_are_short_and_printable() -> None:
    assert shown("a\x1b[31m\nb") == "a [31m b"
    assert shown("x" * 41) == "x" * 39 + "…"
    assert shown("x" * 40) == "x" * 40
    assert [shown(value) for value in (3.0, 0.1, 42.046411000166664, True, 7)] == [
        "3",
        "0.1",
        "42.04641",
        "True",
        "7",
    ]


@pytest.mark.parametrize(
    ("table", "column", "level"),
    [
        ("churn", "internet_service", "No"),
        ("churn", "contract", "Two year"),
        ("adult", "sex", "Female"),
        ("adult", "race", "Black"),
        ("penguins", "species", "Chinstrap"),
        ("penguins", "island", "Torgersen"),
    ],
)
@pytest.mark.parametrize("left", [0.0, 0.05])
def test_a_level_taken_out_of_real_rows_is_named(table: str, column: str, level: str, left: float) -> None:
    """Half of the rows are known; fakes are drawn from the other half, without the level or nearly so."""
    path = SHARED / "tables" / f"{table}.csv"
    if not path.exists():
        pytest.skip("the shared tables are not here")
    frame = read_table(path)
    rng = np.random.default_rng(0)
    codec = TableCodec.fit(frame, (), rng)
    rows = codec.encode(frame, rng)
    known, other = np.array_split(rng.permutation(len(frame)), 2)
    without = (frame[column].iloc[other] == level).to_numpy(np.bool_)
    drawn = rng.choice(other, 2_000, p=np.where(without, left, 1) / np.where(without, left, 1).sum())
    groups = TableGroups(codec, rows[known])
    named = groups.distinct(groups.lost(rows[drawn]))
    assert {"column": column, "level": level} in [one.group.words for one in named]
