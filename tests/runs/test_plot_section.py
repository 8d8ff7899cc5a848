"""The report's plots show the numbers of plots.json, in order and escaped, and no file of that name harms the page."""

from __future__ import annotations

import copy
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenodds.runs.column_plots import (
    Axis,
    BoxesPlot,
    CategoryPlot,
    ColumnPlot,
    LevelsPlot,
    NumberPlot,
    PairPlot,
    ScatterPlot,
    TablePlots,
    read_plots,
)
from evenodds.runs.column_svg import BASE, TOP, column_svg
from evenodds.runs.pair_svg import pair_svg
from evenodds.runs.plot_section import SHOWN, plot_section
from evenodds.runs.report import template
from evenodds.runs.run import Run
from evenodds.runs.svg import figure, moment, percent, shortened

BEFORE = Path(__file__).parents[1] / "runs_before" / "customers"
ODD = [
    "<script>alert(1)</script>",
    "</svg><img src=x onerror=alert(1)>",
    'a" onload="alert(1)',
    "$\\frac{1}{2}$ & ^",
]
ELEMENTS = {"svg", "path", "rect", "text", "tspan", "title"}
NUMBER = NumberPlot(
    name="x",
    shape=0.5,
    edges=(0.0, 1.0, 2.0),
    real=(3, 1),
    fake=(1, 3),
    missing=(0, 0),
    beyond=(False, False),
)
CATEGORY = CategoryPlot(
    name="c", shape=0.5, levels=("p", "q"), real=(3, 1), fake=(0, 4), others=0, other=(0, 0), missing=(0, 0)
)
AXIS = Axis(low=0, high=10)
SCATTER = ScatterPlot(
    names=("x", "y"), trend=0.5, axes=(AXIS, AXIS), real=((0.0, 1.0), (0.5, 0.5)), fake=((1.0, 0.0),)
)
LEVELS = LevelsPlot(
    names=("c", "d"), trend=0.5, levels=(("p", "q"), ("u", "v")), real=((4, 0), (0, 4)), fake=((2, 2), (2, 2))
)
BOX = (0.0, 0.25, 0.5, 0.75, 1.0)
BOXES = BoxesPlot(
    names=("c", "x"), trend=0.5, axis=AXIS, levels=("p", "q"), real=(3, 1), fake=(4, 0),
    real_boxes=(BOX, BOX), fake_boxes=(BOX, None),
)  # fmt: skip


class Elements(HTMLParser):
    """The elements of a page, their attributes and the text in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    def of(self, tag: str, kind: str) -> list[dict[str, str | None]]:
        """The attributes of elements of a class."""
        return [
            found for name, found in self.found if name == tag and kind in (found.get("class") or "").split()
        ]


def facts(columns: list[ColumnPlot], pairs: list[PairPlot]) -> dict[str, Any]:
    """plots.json as it is read from the disk."""
    plots = TablePlots(
        checkpoint=7, split="train", real_n=4, fake_n=4, columns=tuple(columns), pairs=tuple(pairs)
    )
    stored: dict[str, Any] = json.loads(json.dumps(plots.model_dump(mode="json")))
    return stored


def page_of(stored: Any) -> str:
    """The report of a run without anything else."""
    empty = dict.fromkeys(("facts", "events", "judge", "evidence", "pairs", "figures", "notes", "recipe"), ())
    return template().render(**empty, name="run", colors=("#000", "#f00"), plots=plot_section(stored))


def test_bars_are_as_high_as_shares() -> None:
    (path,) = Elements(column_svg(NUMBER)).of("path", "fake")
    heights = [(BASE - float(y)) / (BASE - TOP) for y in re.findall(r"V([\d.]+)H", path["d"] or "")]
    assert heights == pytest.approx([1 / 3, 1], abs=0.01), "25 and 75 %, of 75 % at most"
    assert "75 %" in Elements(column_svg(NUMBER)).words


def test_gaps_have_bars_of_their_own() -> None:
    gaps = NUMBER.model_copy(update={"missing": (4, 0)})
    drawn = Elements(column_svg(gaps))
    real, fake = (drawn.of("rect", kind)[0] for kind in ("real", "fake"))
    assert (float(real["height"] or 0), float(fake["height"] or 0)) == ((BASE - TOP) / 2, 0)
    assert {"missing", "50 %", "0 %"} <= set(drawn.words)
    assert "missing" not in Elements(column_svg(NUMBER)).words
    category = Elements(column_svg(CATEGORY.model_copy(update={"missing": (4, 0)})))
    assert {"missing", "50 %", "75 %", "25 %", "100 %"} <= set(category.words), (
        "levels are shares of what is known"
    )


def test_levels_have_paired_bars_and_their_shares() -> None:
    plot = CATEGORY.model_copy(update={"others": 3, "other": (0, 4)})
    drawn = Elements(column_svg(plot))
    widths = [[float(bar["width"] or 0) for bar in drawn.of("rect", kind)] for kind in ("real", "fake")]
    assert np.array(widths[0]) / max(widths[0]) == pytest.approx([1, 1 / 3, 0], abs=0.01)
    assert np.array(widths[1]) / max(widths[0]) == pytest.approx([0, 2 / 3, 2 / 3], abs=0.01)
    assert "(3 others)" in drawn.words


def test_ends_that_hold_more_say_so_and_dates_are_dates() -> None:
    far = NUMBER.model_copy(update={"beyond": (True, False)})
    words = Elements(column_svg(far)).words
    assert {"≤ 0", "1", "2"} <= set(words)
    days = NUMBER.model_copy(update={"edges": (17_999.5, 18_000.5, 18_001.5), "whole": True, "unit": "D"})
    words = Elements(column_svg(days)).words
    assert {"2019-04-14", "2019-04-15"} <= set(words)


def test_points_lie_in_the_panel_of_their_side() -> None:
    drawn = Elements(pair_svg(SCATTER))
    frames = [(float(one["x"] or 0), float(one["width"] or 0)) for one in drawn.of("rect", "frame")]
    for kind, (left, width), points in zip(
        ("real", "fake"), frames, (SCATTER.real, SCATTER.fake), strict=True
    ):
        (path,) = drawn.of("path", kind)
        across = [float(x) for x in re.findall(r"M([\d.]+) ", path["d"] or "")]
        assert len(across) == len(points)
        assert all(left < x < left + width for x in across)


def test_cells_are_as_full_as_shares() -> None:
    drawn = Elements(pair_svg(LEVELS))
    assert [cell.get("fill-opacity") for cell in drawn.of("rect", "real")] == [None, None], (
        "half of all rows each"
    )
    assert [cell.get("fill-opacity") for cell in drawn.of("rect", "fake")] == ["0.50"] * 4


def test_a_level_without_values_has_no_box() -> None:
    drawn = Elements(pair_svg(BOXES))
    assert [len(drawn.of("rect", kind)) for kind in ("real", "fake")] == [2, 1]
    assert {"75 %", "25 %", "100 %", "0 %"} <= set(drawn.words)


@pytest.mark.parametrize("name", ODD)
def test_names_are_text_and_nothing_else(name: str) -> None:
    pair = {"names": (name, name)}
    columns: list[ColumnPlot] = [
        NUMBER.model_copy(update={"name": name}),
        CATEGORY.model_copy(update={"name": name, "levels": (name, name * 9)}),
    ]
    pairs: list[PairPlot] = [
        SCATTER.model_copy(update=pair),
        LEVELS.model_copy(update={**pair, "levels": ((name, name * 9),) * 2}),
        BOXES.model_copy(update={**pair, "levels": (name, name * 9)}),
    ]
    for svg in (*map(column_svg, columns), *map(pair_svg, pairs)):
        drawn = Elements(svg)
        assert {tag for tag, _ in drawn.found} <= ELEMENTS
        assert not any(attribute.startswith("on") for _, found in drawn.found for attribute in found)
        assert name in (drawn.found[0][1]["aria-label"] or "")
    page = Elements(page_of(facts(columns, pairs)))
    assert {tag for tag, _ in page.found}.isdisjoint({"script", "img"})
    assert page.words.count(name) >= 2, "as it is"
    assert f"{name} and {name}" in page.words
    assert name * 9 in page.words, "whole, as a tooltip"


def test_the_worst_columns_are_shown_and_the_others_unfold() -> None:
    columns: list[ColumnPlot] = [
        NUMBER.model_copy(update={"name": f"column {index}"}) for index in range(SHOWN + 50)
    ]
    section = plot_section(facts(columns, []))
    assert section is not None
    assert [drawn.title for drawn in section.columns] == [f"column {index}" for index in range(SHOWN)]
    assert len(section.more) == 50
    page = page_of(facts(columns, [SCATTER]))
    assert "<summary>50 more columns" in page
    assert "4 training rows and 4 fakes of the state of round 7" in page
    assert (
        page.index("column 0<")
        < page.index("column 23<")
        < page.index("<details>")
        < page.index("column 24<")
    )
    assert len(page) < 300_000
    assert "<details>" not in page_of(facts(columns[:SHOWN], []))


def test_the_figure_stands_in_the_title() -> None:
    silent = NUMBER.model_copy(update={"shape": None})
    section = plot_section(facts([silent, CATEGORY], [SCATTER, LEVELS]))
    assert section is not None
    assert [drawn.figure for drawn in section.columns] == ["no value on one side", "shape 0.500"]
    assert [(drawn.title, drawn.figure) for drawn in section.pairs] == [
        ("y over x", "pair trend 0.500"),
        ("c and d", "pair trend 0.500"),
    ]


def test_a_file_that_is_read_is_what_was_written() -> None:
    stored = facts([NUMBER, CATEGORY], [SCATTER, LEVELS, BOXES])
    plots = read_plots(stored)
    assert plots is not None
    assert (plots.columns, plots.pairs) == ((NUMBER, CATEGORY), (SCATTER, LEVELS, BOXES))


DAMAGE = [
    ("columns", 0, "edges", [0, 1]),
    ("columns", 0, "edges", [0, 2, 1]),
    ("columns", 0, "edges", [0, 1, 10**400]),
    ("columns", 0, "real", [3, -1]),
    ("columns", 0, "real", [3, "many"]),
    ("columns", 0, "real", None),
    ("columns", 0, "shape", float("nan")),
    ("columns", 0, "name", 5),
    ("columns", 0, "kind", "of a later version"),
    ("columns", 0, "missing", [1]),
    ("columns", 1, "levels", ["p"]),
    ("pairs", 0, "real", [[0.5, 7]]),
    ("pairs", 0, "axes", [{"low": 0, "high": "far"}] * 2),
    ("pairs", 1, "real", [[1, 2], [3]]),
    ("pairs", 2, "real_boxes", [[0, 1], None]),
]


@pytest.mark.parametrize(("part", "index", "key", "value"), DAMAGE)
def test_a_plot_that_does_not_read_is_left_out(part: str, index: int, key: str, value: Any) -> None:
    whole = facts([NUMBER, CATEGORY], [SCATTER, LEVELS, BOXES])
    harmed = copy.deepcopy(whole)
    harmed[part][index][key] = value
    plots = read_plots(harmed)
    assert plots is not None
    assert (len(plots.columns), len(plots.pairs)) == ((1, 3) if part == "columns" else (2, 2))
    assert plot_section(harmed) is not None


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        {"columns": 5},
        {"columns": [5, None, []], "pairs": {}, "checkpoint": 0},
        {"checkpoint": "round"},
    ],
)
def test_without_plots_the_page_has_no_section(stored: dict[str, Any] | None) -> None:
    assert plot_section(stored) is None
    page = page_of(stored)
    assert "least alike" not in page
    assert "The recipe" in page


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (2010, "2010"), (15_000, "15,000"), (2.5e9, "2.5e+09"), (1e-9, "1e-09"), (-93.654, "-93.65")],
)
def test_figures_are_short(value: float, words: str) -> None:
    assert figure(value) == words


def test_words_are_cut_by_their_width() -> None:
    assert shortened("short", 100) == "short"
    assert shortened("a  name\nof a level that is long", 100) == "a name of a …"
    assert shortened("가" * 20, 100) == "가" * 6 + "…"
    assert shortened("", 10) == ""


def test_moments_beyond_the_calendar_are_left_out() -> None:
    assert moment(18_000, "D", False) == "2019-04-14"
    assert moment(1.5552e15 + 1.2e9, "us", True) == "2019-04-14 00:20"
    assert moment(1e300, "s", False) == ""


def test_small_shares_have_a_decimal() -> None:
    assert [percent(share) for share in (0, 0.013, 0.215, 1)] == ["0 %", "1.3 %", "22 %", "100 %"]


def test_no_file_of_that_name_harms_a_run(tmp_path: Path) -> None:
    """The run is of a version that wrote none."""
    shutil.copytree(BEFORE, tmp_path / "run", symlinks=True)
    run = Run.open(tmp_path / "run")
    assert run.plots() is None
    for content in (b"", b"{", b"\xff\xfe", b"[1]", b"[" * 100_000, b"5"):
        (run.path / "plots.json").write_bytes(content)
        assert run.plots() is None
    run.write_plots(facts([NUMBER], []))
    assert run.plots() == facts([NUMBER], [])
