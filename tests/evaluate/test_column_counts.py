"""What is counted to be plotted, against numpy and pandas on tables made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenodds.evaluate.column_counts import (
    LEVELS,
    MISSING,
    OTHERS,
    PAIR_LEVELS,
    PAIRS,
    POINTS,
    category_plot,
    column_plots,
    number_plot,
    pair_plots,
)
from evenodds.metrics.columns import Kind
from evenodds.runs.column_plots import BoxesPlot, LevelsPlot, ScatterPlot

RNG = np.random.default_rng(0)


def numbers(values: Any) -> pd.Series[Any]:
    return pd.Series(np.asarray(values, float))


def test_counts_of_a_number_are_numpy_s() -> None:
    real, fake = RNG.uniform(0, 1, 400), RNG.uniform(0.2, 1.1, 300)
    plot = number_plot("x", numbers(real), numbers(fake), 0.8)
    edges = np.array(plot.edges)
    assert len(plot.real) == 20, "the root of the rows"
    assert edges[[0, -1]] == pytest.approx([real.min(), fake.max()])
    assert np.diff(edges) == pytest.approx(np.diff(edges)[0])
    assert list(plot.real) == np.histogram(real, edges)[0].tolist()
    assert list(plot.fake) == np.histogram(fake, edges)[0].tolist()
    assert (sum(plot.real), sum(plot.fake), plot.missing, plot.beyond) == (400, 300, (0, 0), (False, False))


def test_what_is_far_out_is_gathered_at_the_ends_and_none_is_lost() -> None:
    real = np.concatenate([RNG.uniform(0, 1, 998), [1e9, np.nan]])
    fake = np.concatenate([RNG.uniform(0, 1, 997), [-1e9, -1e9, np.nan]])
    plot = number_plot("x", numbers(real), numbers(fake), 0.8)
    assert plot.beyond == (True, True)
    assert -0.01 < plot.edges[0] < plot.edges[-1] < 1.01
    assert plot.missing == (1, 1)
    assert (sum(plot.real), sum(plot.fake)) == (999, 999)
    within = np.histogram(fake, np.array(plot.edges))[0]
    assert plot.fake[0] - within[0] >= 2
    assert plot.fake[1:-1] == tuple(within[1:-1])


def test_bins_of_whole_numbers_hold_equally_many_of_them() -> None:
    plot = number_plot("x", numbers(np.repeat(np.arange(73), 10)), numbers(np.arange(73)), 1.0)
    widths = np.diff(plot.edges)
    assert plot.whole
    assert plot.edges[0] == -0.5
    assert set(widths) == {float(round(widths[0]))}
    assert set(plot.real[:-1]) == {10 * int(widths[0])}, "no comb"
    assert plot.edges[-1] >= 72.5


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        ([5.0, 5.0], [5.0]),
        ([1e18, 1e18 + 256], [1e18]),
        ([-1.7e308, 1.7e308], [0.5, 1e308]),
        ([np.nan], [1.0, 2.0]),
        ([np.nan], [np.nan, np.nan]),
        ([1e-320, 2e-320], [1e-320]),
    ],
    ids=["one value", "beyond floats' grid", "the largest", "gaps alone", "no value", "the smallest"],
)
def test_odd_numbers_are_counted_all_the_same(real: list[float], fake: list[float]) -> None:
    plot = number_plot("x", numbers(real), numbers(fake), None)
    assert sum(plot.real) + plot.missing[0] == len(real)
    assert sum(plot.fake) + plot.missing[1] == len(fake)
    assert np.isfinite(plot.edges).all()


def test_dates_keep_their_unit() -> None:
    days = pd.Series([18_000, 18_001, None], dtype="Int64")
    plot = number_plot("day", days, days, 1.0, "D")
    assert (plot.unit, plot.whole, plot.missing) == ("D", True, (1, 1))
    assert plot.real == plot.fake == (1, 1)
    assert plot.edges == (17_999.5, 18_000.5, 18_001.5)


def test_counts_of_a_category_are_pandas_s() -> None:
    real = pd.Series(["b"] * 5 + ["a"] * 2 + [None] * 2, dtype="str")
    fake = pd.Series(["c"] * 6 + ["a"] * 2 + [None], dtype="str")
    plot = category_plot("x", real, fake, 0.5)
    assert plot.levels == ("c", "b", "a"), "75, 71 and 29 + 25 %"
    assert plot.real == tuple(int((real == level).sum()) for level in plot.levels) == (0, 5, 2)
    assert plot.fake == (6, 0, 2)
    assert (plot.others, plot.other, plot.missing) == (0, (0, 0), (2, 1))


def test_rare_levels_are_counted_together_and_numbers_stay_in_order() -> None:
    levels = np.repeat(np.arange(40), np.arange(40) + 1)
    plot = category_plot("x", pd.Series(levels), pd.Series(levels), 1.0)
    assert plot.levels == tuple(map(str, range(40 - LEVELS, 40)))
    assert plot.real == tuple(range(40 - LEVELS + 1, 41))
    assert plot.others == 40 - LEVELS
    assert plot.other == (sum(range(1, 40 - LEVELS + 1)),) * 2
    one_more = pd.Series(np.arange(LEVELS + 1))
    assert category_plot("x", one_more, one_more, 1.0).others == 0, "a single one left over is named"


def test_a_level_that_fakes_alone_have_is_seen() -> None:
    real = pd.Series([f"level {index}" for index in range(30)] * 3)
    fake = pd.Series(["made up"] * 50)
    plot = category_plot("x", real, fake, 0.0)
    assert plot.levels[0] == "made up"
    assert (plot.real[0], plot.fake[0]) == (0, 50)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.Series([True, False, None], dtype="boolean"), ("False", "True")),
        (pd.Series([2.5, 10.0, np.nan]), ("2.5", "10")),
        (pd.Series(["\udcff", "<b>", None], dtype=object), ("?", "<b>")),
    ],
    ids=["truths", "numbers", "no text"],
)
def test_levels_are_written_as_they_are_read(values: pd.Series[Any], texts: tuple[str, ...]) -> None:
    plot = category_plot("\udcff", values, values, 1.0)
    assert plot.levels == texts
    assert plot.real == (1, 1)
    assert plot.missing == (1, 1)


def test_columns_come_in_the_order_of_their_shapes() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"], "c": [3.0, 4.0], "gone": [np.nan, np.nan]})
    kinds: dict[str, Kind] = {"a": "number", "b": "category", "c": "number", "gone": "number"}
    plots = column_plots(table, table, kinds, {"c": "s"}, {"a": 0.9, "b": 0.2, "c": 0.5})
    assert [(plot.name, plot.shape) for plot in plots] == [("gone", None), ("b", 0.2), ("c", 0.5), ("a", 0.9)]
    assert plots[2].kind == "number"
    assert plots[2].unit == "s"


def tables(rows: int = 900) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Kind]]:
    """Two numbers that hang together in reals alone, and two categories, of which fakes have torn one apart."""
    x = RNG.normal(size=rows)
    kind = RNG.choice(["p", "q", "r"], rows)
    real = pd.DataFrame({"x": x, "y": x, "kind": kind, "same": kind})
    fake = real.assign(
        y=RNG.permutation(x), same=RNG.permutation(kind), x=np.where(RNG.random(rows) < 0.1, np.nan, x)
    )
    return real, fake, {"x": "number", "y": "number", "kind": "category", "same": "category"}


def test_the_worst_pairs_are_plotted_as_their_kinds_are() -> None:
    real, fake, kinds = tables()
    trends = [("x", "y", 0.5), ("y", "kind", 0.6), ("kind", "x", 0.7), ("kind", "same", 0.8)]
    plots = pair_plots(real, fake, kinds, {}, trends)
    assert [plot.kind for plot in plots] == ["scatter", "boxes", "boxes", "levels"]
    assert [plot.names for plot in plots] == [("x", "y"), ("kind", "y"), ("kind", "x"), ("kind", "same")]
    assert [plot.trend for plot in plots] == [0.5, 0.6, 0.7, 0.8]
    assert len(pair_plots(real, fake, kinds, {}, trends * 5)) == PAIRS


def test_points_are_the_first_rows_that_have_both_numbers() -> None:
    real, fake, kinds = tables()
    (plot,) = pair_plots(real, fake, kinds, {"y": "D"}, [("x", "y", 0.5)])
    assert isinstance(plot, ScatterPlot)
    assert len(plot.real) == len(plot.fake) == POINTS
    assert [axis.unit for axis in plot.axes] == [None, "D"]
    whole = fake.dropna(subset="x")[["x", "y"]].to_numpy()[:POINTS]
    low, high = (np.array([getattr(axis, end) for axis in plot.axes]) for end in ("low", "high"))
    expected = ((whole - low) / (high - low)).clip(0, 1)
    assert np.array(plot.fake) == pytest.approx(expected, abs=1e-4)
    few = pair_plots(real[:40], fake, kinds, {}, [("x", "y", 0.5)])[0]
    assert len(few.real) == len(few.fake) == 40


def test_pairs_of_levels_are_counted_as_pandas_counts_them() -> None:
    real, fake, kinds = tables()
    fake.loc[:9, "same"] = None
    (plot,) = pair_plots(real, fake, kinds, {}, [("kind", "same", 0.8)])
    assert isinstance(plot, LevelsPlot)
    down, across = plot.levels
    assert set(down) == {"p", "q", "r"}
    assert across[-1] == MISSING
    for side, counts in ((real, plot.real), (fake, plot.fake)):
        named = side.fillna({"same": MISSING})
        expected = pd.crosstab(named["kind"], named["same"]).reindex(index=down, columns=across, fill_value=0)
        assert np.array(counts).tolist() == expected.to_numpy().tolist()


def test_many_levels_beside_another_column_are_put_together() -> None:
    many = pd.DataFrame({"a": [f"{index:02d}" for index in range(20)] * 2, "b": ["u", "v"] * 20})
    (plot,) = pair_plots(many, many, {"a": "category", "b": "category"}, {}, [("a", "b", 0.9)])
    assert isinstance(plot, LevelsPlot)
    assert len(plot.levels[0]) == PAIR_LEVELS + 1
    assert plot.levels[0][-1] == OTHERS
    assert sum(plot.real[-1]) == 40 - 2 * PAIR_LEVELS
    assert np.sum(plot.fake) == 40


def test_boxes_are_numpy_s_percentiles() -> None:
    real, fake, kinds = tables()
    fake = fake.assign(kind=fake["kind"].where(fake["kind"] != "r", "q"))
    (plot,) = pair_plots(real, fake, kinds, {}, [("x", "kind", 0.6)])
    assert isinstance(plot, BoxesPlot)
    width = plot.axis.high - plot.axis.low
    for level, count, drawn in zip(plot.levels, plot.real, plot.real_boxes, strict=True):
        values = real["x"][real["kind"] == level]
        expected = (np.percentile(values, [5, 25, 50, 75, 95]) - plot.axis.low) / width
        assert count == len(values)
        assert drawn == pytest.approx(expected, abs=1e-4)
    lost = plot.levels.index("r")
    assert (plot.fake[lost], plot.fake_boxes[lost]) == (0, None)
