"""Points drawn on the page become a table; what is no drawing is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("gradio", reason="the extra studio is not installed")

from evenodds.core.errors import UserError
from evenodds.studio.i18n import speaker
from evenodds.studio.pages import drawn_data, own_settings
from evenodds.studio.translate import problem_sentence


def test_a_drawing_is_stored_as_a_table_of_its_points(tmp_path: Path) -> None:
    points = [[index / 100, 1 - index / 100] for index in range(100)]
    path = drawn_data.source(tmp_path, json.dumps(points))
    assert path is not None
    table = pd.read_csv(path)
    assert list(table) == ["x", "y"]
    assert table["x"].tolist() == [round(index / 10, 3) for index in range(100)]
    assert (table["x"] + table["y"] == 10).all()
    assert drawn_data.source(tmp_path, "") is drawn_data.source(tmp_path, "[]") is None


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", "[[1, 2, 3]]", "7", json.dumps([[0.5, 0.5]] * 59), json.dumps([[0.5, 0.5]] * 5001),
     json.dumps([[0.5, 2]] * 99), json.dumps([[0.5, float("nan")]] * 99), json.dumps([["a", 1]] * 99), "[" * 100_000],
)  # fmt: skip
def test_what_is_no_drawing_is_refused_in_both_languages(text: str) -> None:
    with pytest.raises(UserError) as problem:
        drawn_data.table_of(text)
    assert problem_sentence(speaker("ko"), problem.value) != str(problem.value)


def test_fields_left_empty_are_left_to_the_preset() -> None:
    values = ["", *[""] * len(own_settings.NAMES)]
    assert own_settings.chosen(tuple(values)) == {}
    values[0], values[1] = "hinge", " 64 "
    assert own_settings.chosen(tuple(values)) == {"loss": "hinge", "width": "64"}
