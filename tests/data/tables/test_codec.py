"""Table files, the choice of columns, and the built-in people."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn, NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.files import read_before, read_table
from tests.conftest import mixed

TABLES = Path(__file__).parents[3].parent / "shared/data/tables"
RNG = np.random.default_rng


def file(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fit(frame: pd.DataFrame, *exclude: str) -> TableCodec:
    return TableCodec.fit(frame, exclude, RNG(0))


def back(codec: TableCodec, frame: pd.DataFrame) -> pd.DataFrame:
    return codec.decode(codec.encode(frame, RNG(1)), RNG(2))


def real(name: str) -> pd.DataFrame:
    if not TABLES.is_dir():
        pytest.skip(f"{TABLES} is not here: it holds the real tables")
    return read_table(TABLES / name)


@pytest.mark.parametrize(
    ("name", "coarse"), [("adult.csv", ["fnlwgt"]), ("penguins.csv", []), ("diamonds.csv", [])]
)
def test_real_rows_come_back(name: str, coarse: list[str]) -> None:
    """Exactly, but for a number whose 1,000 knots span more than float32 scores can tell apart."""
    frame = real(name)
    codec = fit(frame)
    found = back(codec, frame)
    assert_frame_equal(found.drop(columns=coarse), frame.drop(columns=coarse))
    for column in coarse:
        assert (found[column] == frame[column]).mean() > 0.999
    assert codec.notes == ()


def test_real_rows_keep_marginals_when_scores_are_drawn_anew() -> None:
    frame = real("adult.csv")
    codec = fit(frame)
    column = next(c for c in codec.columns if c.name == "age")
    ages = column.decode(RNG(0).normal(size=(200_000, 1)), RNG(1))
    made, there = (s.value_counts(normalize=True).sort_index() for s in (ages, frame["age"]))
    assert (made - there.reindex(made.index)).abs().max() < 0.003


def test_question_marks_and_spaces_of_adult_are_understood() -> None:
    """A question mark among words is a word, which comes back as such; versions before 0.2 took it for a gap."""
    frame = real("adult.csv")
    assert frame.shape == (32_561, 15)
    assert not frame.isna().any().any()
    assert (frame == "?").sum()[lambda count: count > 0].to_dict() == {
        "workclass": 1836,
        "occupation": 1843,
        "native-country": 583,
    }
    gaps = read_before(TABLES / "adult.csv").isna().sum()
    assert gaps[gaps > 0].to_dict() == {"workclass": 1836, "occupation": 1843, "native-country": 583}
    assert set(frame["sex"]) == {"Male", "Female"}


def test_survey_ids_and_constants_are_left_out() -> None:
    codec = fit(real("nhefs_complete.csv"))
    assert not {"seqn", "id", "censored"} & set(codec.names)
    assert len(codec.names) == 64


def test_mixed_table_comes_back_and_spans_follow_one_another() -> None:
    frame = mixed()
    codec = fit(frame)
    rows = codec.encode(frame, RNG(1))
    assert isinstance(codec.spec, RowSpec)
    assert rows.shape == (400, codec.spec.width)
    assert rows.dtype == np.float32
    assert [s.start for s in codec.spec.spans] == [0, *(s.stop for s in codec.spec.spans[:-1])]
    for span in codec.spec.spans:
        block = rows[:, span.start : span.stop]
        if span.kind != "number":
            assert set(np.unique(block)) <= {0, 1}
            assert (block.sum(1) == 1).all()
        else:
            assert span.width == 1
            assert np.abs(block).max() <= 4
    assert_frame_equal(codec.decode(rows, RNG(2)), frame)
    assert TableCodec.from_json(json.loads(json.dumps(codec.to_json(), allow_nan=False))) == codec


def test_few_numbers_are_a_choice_and_dates_are_found() -> None:
    frame = mixed().assign(
        years=RNG(0).integers(1, 17, 400), text=lambda f: f["day"].dt.strftime("%d/%m/%Y").astype("str")
    )
    kinds = {column.name: type(column) for column in fit(frame).columns}
    assert kinds["years"] is CategoryColumn
    assert kinds["count"] is NumberColumn
    assert kinds["day"] is kinds["text"] is DateColumn
    assert_frame_equal(back(fit(frame), frame), frame)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("x", [f"{k:032x}" for k in range(60)], "names or ids"),
        ("x", ["a b"] * 20 + [f"Ann {k}" for k in range(40)], "names or ids"),
        ("x", range(60), "row's id"),
        ("x", RNG(0).permutation(60) + 1000, "row's id"),
        ("passenger_id", np.arange(60) ** 2, "row's id"),
        ("x", [7] * 60, r"it is constant \(7\)"),
        ("x", [None] * 60, "all its values are missing"),
        ("x", [np.inf] * 60, "all its values are missing"),
    ],
)
def test_columns_that_teach_nothing_are_left_out_with_a_note(name: str, values: Any, reason: str) -> None:
    frame = mixed(60)[["height"]].assign(**{name: values})
    codec = fit(frame)
    assert codec.names == ("height",)
    assert pd.Series(codec.notes).str.contains(f"column '{name}' left out: .*{reason}").any()
    assert back(codec, frame).columns.tolist() == ["height"]


@pytest.mark.parametrize(
    "values",
    [
        RNG(0).normal(size=60),
        np.arange(60) / 7,
        RNG(0).permutation(10_000)[:60],
        np.sort(RNG(0).permutation(10_000)[:60]),
        pd.date_range("2020-01-01", periods=60),
        ["a", "b", "c"] * 20,
    ],
)
def test_measurements_stay_even_where_all_are_different(values: Any) -> None:
    assert fit(pd.DataFrame({"paid": values})).names == ("paid",)


def test_few_different_measured_numbers_stay() -> None:
    assert fit(pd.DataFrame({"age": [31, 30, 33, 36, 34], "y": [1, 2, 1, 2, 1]})).names == ("age", "y")


def test_free_text_is_refused_with_the_way_out() -> None:
    said = pd.Series([f"it was the {k}th day of the week" for k in range(60)])
    frame = mixed(60).assign(**{"what they said": said})
    with pytest.raises(UserError, match=r"'what they said' is free text.*--exclude 'what they said'"):
        fit(frame)
    assert "what they said" not in fit(frame, "what they said").names


def test_values_that_are_no_scalars_are_refused() -> None:
    with pytest.raises(UserError, match="'x' holds no numbers, text or dates; add --exclude x"):
        fit(pd.DataFrame({"x": [[1], [2, 3]]}))


def test_unknown_column_to_leave_out_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match="no column 'hight' to leave out; the columns are height, count"):
        fit(mixed(), "hight")


def test_nothing_left_to_learn() -> None:
    with pytest.raises(UserError, match=r"no column is left.*'a' left out: it is constant \(1\)"):
        fit(pd.DataFrame({"a": [1, 1, 1]}))


def test_infinite_is_missing_and_said() -> None:
    frame = mixed()[["height"]]
    frame.loc[:2, "height"] = [np.inf, -np.inf, np.nan]
    codec = fit(frame)
    assert codec.notes == ("column 'height': 2 infinite values counted as missing",)
    assert back(codec, frame)["height"].isna().sum() == 3


def test_over_256_levels_are_noted() -> None:
    codec = fit(pd.DataFrame({"town": [f"t{k % 300}" for k in range(900)]}))
    assert codec.notes == ("column 'town': 300 levels, the rarest 45 share one place",)


def test_lacking_column_and_text_for_a_number_are_refused() -> None:
    codec = fit(mixed())
    with pytest.raises(UserError, match="no column 'sex'; it needs height, count, sex"):
        codec.encode(mixed().drop(columns="sex"), RNG(0))
    with pytest.raises(UserError, match="'height' holds values that are no numbers"):
        codec.encode(mixed().assign(height="tall"), RNG(0))


def test_kinds_of_pandas_settle() -> None:
    """Objects, categories and Arrow's own dtypes are read for what they hold."""
    frame = pd.DataFrame(
        {
            "decimal": [Decimal(k) / 10 for k in range(60)],
            "day": [date(2020, 1 + k % 12, 1 + k % 28) for k in range(60)],
            "kind": pd.Categorical(["a", "b", None] * 20),
            "arrow": pd.array(RNG(0).normal(size=60), dtype="double[pyarrow]"),
            "scalars": [1, "one", 2.5] * 20,
            "truth": pd.Series([True, None, False] * 20, dtype=object),
        }
    )
    found = back(fit(frame), frame)
    assert found["decimal"].tolist() == [k / 10 for k in range(60)]
    assert found["day"].dt.date.tolist() == frame["day"].tolist()
    assert found["kind"].isna().sum() == found["truth"].isna().sum() == 20
    assert found["scalars"].tolist() == ["1", "one", "2.5"] * 20
    assert found["arrow"].to_numpy() == pytest.approx(frame["arrow"].to_numpy(float), abs=1e-4)
