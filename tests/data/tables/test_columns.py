"""One column each: there and back, and what its scores look like."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_series_equal
from scipy import stats

from evenodds.core.errors import UserError
from evenodds.data.tables.codec import column_from_json
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.fitting import Column

RNG = np.random.default_rng


def number(values: Any, **kind: Any) -> tuple[NumberColumn, pd.Series]:
    series = pd.Series(values, name="x", **kind)
    return NumberColumn.fit("x", series, RNG(0)), series


def back(column: Column, series: pd.Series) -> pd.Series:
    return column.decode(column.encode(series, RNG(1)), RNG(2))


finite = st.floats(-1e300, 1e300, allow_nan=False, allow_subnormal=False)


@settings(deadline=None)
@given(st.lists(finite, min_size=2, max_size=60, unique=True))
def test_floats_come_back_close(values: list[float]) -> None:
    column, series = number(values)
    reach = max(values) - min(values)
    assert np.abs(back(column, series) - series).max() <= 1e-3 * reach + column.step


@settings(deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=60))
def test_whole_numbers_come_back_whole_and_exact(values: list[int]) -> None:
    column, series = number(values, dtype="int64")
    found = back(column, series)
    assert found.dtype == np.int64
    # Rounding of scores to float32 reaches a neighbour only where 1,000 knots cover a huge range.
    assert np.abs(found - series).max() <= 1e-4 * (max(values) - min(values))


@settings(deadline=None)
@given(
    st.lists(st.one_of(finite, st.sampled_from([0.0, 0.5])), min_size=1, max_size=60),
    st.lists(st.floats(-100, 100), min_size=1, max_size=30),
)
def test_no_score_leaves_the_range(values: list[float], scores: list[float]) -> None:
    column, _ = number(values)
    block = RNG(3).normal(size=(len(scores), column.width))
    block[:, -1] = scores
    found = column.decode(block, RNG(0))
    assert found.between(min(values), max(values)).all()


def test_extreme_scores_give_minimum_and_maximum() -> None:
    column, series = number(RNG(0).gamma(2, 3, 5000).round(1))
    found = column.decode(np.array([[-100.0], [100.0]]), RNG(0))
    assert found.tolist() == [series.min(), series.max()]


@pytest.mark.parametrize("decimals", [0, 1, 2, 12])
def test_scores_are_standard_normal(decimals: int) -> None:
    column, series = number(np.round(RNG(0).gamma(2, 30, 20_000), decimals))
    z = column.encode(series, RNG(1))[:, 0]
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    assert stats.kstest(z, "norm").statistic < 0.01


def test_repeated_values_leave_no_gap_among_scores() -> None:
    """80 ages: an atom in each would let D tell real rows by their lattice alone."""
    column, series = number(RNG(0).integers(17, 97, 20_000))
    z = np.sort(column.encode(series, RNG(1))[:, 0])
    inner = z[np.abs(z) < 2]
    assert np.diff(inner).max() < 0.01
    assert_series_equal(back(column, series), series)


def test_rounded_values_are_spread_within_their_step() -> None:
    column, series = number(RNG(0).normal(170, 9, 2000).round(1))
    z = column.encode(series, RNG(1))[:, 0]
    assert series.nunique() < 600
    assert len(np.unique(z)) > 1990
    assert_series_equal(back(column, series), series)


def test_decoding_normal_scores_gives_the_column_s_own_law() -> None:
    column, series = number(RNG(0).exponential(5, 20_000))
    made = column.decode(RNG(1).normal(size=(20_000, 1)), RNG(2))
    assert stats.ks_2samp(made, series).pvalue > 0.001


@pytest.mark.parametrize("step", [0.1, 0.25, 25.0, 0.002])
def test_lattice_is_kept_for_any_score(step: float) -> None:
    column, _ = number(np.round(np.round(RNG(0).normal(0, 200, 3000)) * step, 3))
    found = column.decode(RNG(1).normal(size=(1000, 1)), RNG(2))
    assert column.step == pytest.approx(step)
    assert np.abs(found / step - np.rint(found / step)).max() < 1e-6
    assert (found == np.round(found, 3)).all()


def test_spike_and_missing_are_choices_and_their_scores_carry_nothing() -> None:
    rng = RNG(0)
    values = rng.normal(50, 10, 10_000)
    kind = rng.choice(3, 10_000, p=[0.5, 0.3, 0.2])
    values[kind == 1], values[kind == 2] = 0.0, np.nan
    column, series = number(values)
    assert column.spikes == (0.0,)
    assert [(s.start, s.stop, s.kind) for s in column.spans(5)] == [(5, 8, "choice"), (8, 9, "number")]
    block = column.encode(series, RNG(1))
    assert block[:, :3].sum(0).tolist() == [(kind == k).sum() for k in (0, 2, 1)]
    for k in range(3):
        assert stats.kstest(block[kind == k, -1], "norm").pvalue > 0.001
    found = column.decode(block, RNG(2))
    assert (found.isna() == series.isna()).all()
    assert ((found == 0) == (series == 0)).all()


def clusters(centres: list[float], sd: float = 0.05, n: int = 5000) -> np.ndarray:
    return RNG(0).choice(centres, n) + RNG(1).normal(0, sd, n)


@pytest.mark.parametrize("decimals", [3, 12])
def test_wide_gaps_part_a_column_and_no_score_falls_into_one(decimals: int) -> None:
    column, series = number(np.round(clusters([-4, -2, 0, 2, 4]), decimals))
    assert column.stretches == 5
    assert [(s.start, s.stop, s.kind) for s in column.spans(1)] == [(1, 6, "choice"), (6, 7, "number")]
    block = column.encode(series, RNG(1))
    nearest = np.rint(series / 2 + 2).to_numpy(int)
    assert (block[:, :5].argmax(1) == nearest).all()
    for k in range(5):
        assert stats.kstest(block[nearest == k, -1], "norm").pvalue > 0.001
    assert np.abs(column.decode(block, RNG(2)) - series).max() < 1e-3
    block[:, -1] = RNG(3).normal(0, 3, len(block))
    made = column.decode(block, RNG(2))
    assert (np.abs(made - 2 * np.rint(made / 2)) < 0.25).all()


def test_stretches_stand_beside_a_spike_and_missing_values() -> None:
    values = clusters([1.0, 9.0], n=9000)
    values[::3], values[1::9] = 5.0, np.nan
    column, series = number(values)
    assert (column.stretches, column.spikes, column.choices) == (2, (5.0,), 4)
    found = back(column, series)
    assert (found.isna() == series.isna()).all()
    assert ((found == 5) == (series == 5)).all()
    assert np.abs(found - series).max() < 1e-3


@pytest.mark.parametrize(
    "values",
    [
        RNG(0).normal(size=20_000),
        RNG(0).standard_cauchy(20_000),
        RNG(0).lognormal(0, 3, 20_000),
        RNG(0).uniform(size=300),
        np.append(RNG(0).normal(size=5000), [1e6] * 20),
        np.round(RNG(0).normal(0, 500, 3000)),
        np.round(np.round(RNG(0).normal(160, 20, 1500)) * 0.4536, 2)
        + RNG(1).choice([0, 0.01], 1500, p=[0.97, 0.03]),
    ],
    ids=["normal", "cauchy", "lognormal", "few", "outliers", "lattice", "pounds in kilograms"],
)
def test_smooth_laws_and_outliers_are_not_parted(values: np.ndarray) -> None:
    assert number(values)[0].stretches == 1


def test_a_value_in_a_gap_scores_just_beyond_the_nearer_stretch() -> None:
    column, _ = number(clusters([0, 2]))
    block = column.encode(pd.Series([0.8, 1.2], name="x"), RNG(1))
    assert block[:, :2].tolist() == [[1, 0], [0, 1]]
    assert 3.5 < block[0, 2] <= 4
    assert -4 <= block[1, 2] < -3.5


def test_tall_value_of_a_smooth_histogram_is_no_spike() -> None:
    assert number(np.round(RNG(0).normal(190, 8, 340)))[0].spikes == ()


def test_value_outside_the_range_scores_beyond_all_others_but_within_four() -> None:
    column, series = number(RNG(0).normal(70, 15, 2000).round(1))
    seen = column.encode(series, RNG(1))
    z = column.encode(pd.Series([-1e9, 5.0, 150.0, 200.0, 1e9], name="x"), RNG(1))[:, 0]
    assert np.abs(seen).max() <= 3.5 + 1e-6
    assert (np.diff(z) > 0).all()
    assert np.abs(z).min() > 3.5
    assert np.abs(z).max() <= 4


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "Int64", "UInt16", "float32", "float64"])
def test_dtype_is_kept(dtype: str) -> None:
    column, series = number(RNG(0).integers(0, 120, 200), dtype=dtype)
    assert_series_equal(back(column, series), series)


def test_largest_whole_numbers_do_not_wrap() -> None:
    top = np.iinfo(np.int64).max
    column, series = number([top - k * 10**15 for k in range(50)], dtype="int64")
    found = column.decode(np.array([[4.0], [-4.0]]), RNG(0))
    assert found[0] == pytest.approx(float(top))
    assert found[1] == pytest.approx(float(series.min()))


def test_missing_whole_numbers_stay_missing() -> None:
    column, series = number([*range(50), None, None], dtype="Int64")
    assert_series_equal(back(column, series), series)


def test_single_precision_decimals_are_seen() -> None:
    column, series = number(RNG(0).normal(40, 5, 500).round(1), dtype="float32")
    assert column.decimals == 1
    assert_series_equal(back(column, series), series)


def test_missing_value_unknown_from_training_is_refused() -> None:
    column, _ = number(np.arange(50.0))
    with pytest.raises(UserError, match=r"'x' has a missing value in row 2"):
        column.encode(pd.Series([1.0, np.nan]), RNG(0))


LEVELS = [
    pd.Series(["a", "b", None, "a"], dtype="str", name="c"),
    pd.Series(["a", "b", "b"], dtype="str", name="c"),
    pd.Series([1, 2, 16, 2], dtype="int64", name="c"),
    pd.Series([1, None, 16, 2], dtype="Int64", name="c"),
    pd.Series([0.5, 1.0, np.nan], dtype="float64", name="c"),
    pd.Series([True, False, True], dtype="bool", name="c"),
    pd.Series([True, None, False], dtype="boolean", name="c"),
]


@pytest.mark.parametrize("series", LEVELS, ids=lambda s: str(s.dtype))
def test_levels_come_back_in_their_own_type(series: pd.Series) -> None:
    column = CategoryColumn.fit("c", series)
    block = column.encode(series, RNG(0))
    assert (block.sum(1) == 1).all()
    assert column.spans(0)[0].stop == block.shape[1] == series.nunique(dropna=False)
    assert_series_equal(column.decode(block, RNG(0)), series)


def test_over_256_levels_share_a_place_and_none_is_lost() -> None:
    names = [f"level {k}" for k in range(400)]
    series = pd.Series(np.repeat(names, np.arange(400, 0, -1)), dtype="str", name="c")
    column = CategoryColumn.fit("c", pd.concat([series, pd.Series([None])], ignore_index=True))
    assert column.width == 256
    assert column.merged == 400 - 254
    found = back(column, series)
    common = series.isin(names[:254])
    assert (found[common] == series[common]).all()
    rare = series[~common].value_counts()
    made = found[~common].value_counts().reindex(rare.index, fill_value=0)
    # Levels drawn by their own frequencies: chi-square over the 146 rare ones.
    assert stats.chisquare(made, rare).pvalue > 0.001


def test_unknown_level_is_refused_with_its_row() -> None:
    column = CategoryColumn.fit("sex", pd.Series(["m", "f"], dtype="str"))
    with pytest.raises(UserError, match=r"'sex' has 'x' in row 2"):
        column.encode(pd.Series(["m", "x"], dtype="str"), RNG(0))


def test_soft_choice_falls_on_its_largest_place() -> None:
    column = CategoryColumn.fit("c", pd.Series(["a", "a", "b"], dtype="str"))
    assert column.decode(np.array([[0.6, 0.4], [0.1, 0.2]]), RNG(0)).tolist() == ["a", "b"]


MOMENTS = pd.Series(pd.date_range("1999-12-20", periods=300, freq="D"), name="d")


@pytest.mark.parametrize(
    ("text_format", "freq", "unit"),
    [
        ("%Y-%m-%d", "D", "D"),
        ("%d.%m.%Y", "D", "D"),
        ("%Y-%m-%d %H:%M:%S", "61s", "s"),
        ("%m/%d/%Y %H:%M", "15min", "s"),
        ("%Y-%m-%dT%H:%M:%S.%f", "70ms", "us"),
    ],
)
def test_dates_as_text_come_back_in_their_format(text_format: str, freq: str, unit: str) -> None:
    moments = pd.date_range("1999-12-20", periods=300, freq=freq)
    series = pd.Series([*moments.strftime(text_format), None], dtype="str", name="d")
    column = DateColumn.fit("d", series, text_format, RNG(0))
    assert column.unit == unit
    assert_series_equal(back(column, series), series)


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "datetime64[s]", "datetime64[us, Europe/Berlin]"])
def test_datetimes_come_back_in_their_dtype(dtype: str) -> None:
    series = MOMENTS.dt.tz_localize("UTC").astype(dtype) if "," in dtype else MOMENTS.astype(dtype)
    series[5] = pd.NaT
    assert_series_equal(back(DateColumn.fit("d", series, None, RNG(0)), series), series)


def test_new_dates_stay_in_range_and_on_whole_days() -> None:
    column = DateColumn.fit("d", MOMENTS, None, RNG(0))
    found = column.decode(np.linspace(-100, 100, 999)[:, None], RNG(0))
    assert found.between(MOMENTS.min(), MOMENTS.max()).all()
    assert (found == found.dt.normalize()).all()


def test_text_that_is_no_date_is_refused() -> None:
    series = pd.Series(MOMENTS.dt.strftime("%Y-%m-%d"), dtype="str")
    column = DateColumn.fit("d", series, "%Y-%m-%d", RNG(0))
    with pytest.raises(UserError, match=r"'d' has 'soon', which is not like %Y-%m-%d"):
        column.encode(pd.Series(["soon"], dtype="str"), RNG(0))


def test_codecs_survive_json() -> None:
    columns: list[Column] = [
        number([*RNG(0).normal(size=90), *[0.0] * 50, np.nan])[0],
        number(RNG(0).integers(0, 30, 900))[0],
        number(clusters([0, 1, 2]))[0],
        *(CategoryColumn.fit("c", series) for series in LEVELS),
        DateColumn.fit("d", MOMENTS, None, RNG(0)),
        DateColumn.fit("d", MOMENTS[:2].repeat(9), None, RNG(0)),
    ]
    for column in columns:
        assert column_from_json(json.loads(json.dumps(column.to_json(), allow_nan=False))) == column
