"""What is drawn stands where it should."""

from __future__ import annotations

import base64
import io
import re
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.metrics.odds import Odds
from evenodds.runs.heat import FAKE_HEAT, REAL_HEAT, Heat
from evenodds.runs.journal import Check
from evenodds.studio import plots
from evenodds.studio.i18n import Language, speaker
from tests.checks import check_of

SAY = speaker("en")


def check(rounds: int, odds: float, referee: float | None = None) -> Check:
    ruling = None if referee is None else Odds(referee, referee, referee)
    return check_of(Odds(odds, odds - 0.01, odds + 0.01), rounds, referee=ruling)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.88, "88 %"), (0.5, "50 %"), (0.997, "99.7 %"), (0.9995, "99.95 %"), (0, "0 %"), (1, "100 %")],
)
def test_figures_keep_what_matters(share: float, text: str) -> None:
    assert plots.figure(share) == text


def test_the_meter_says_both_sides() -> None:
    seen = plots.meter(SAY, 0.88, "what")
    assert 'aria-label="what: 88 % fake, 12 % real"' in seen
    assert "width:88.0%" in seen


@pytest.mark.parametrize(
    ("language", "odds", "seen"),
    [
        ("en", 0.87, "D wins 87 of 100 pairs"),
        ("en", 0.9972, "D wins 99.7 of 100 pairs"),
        ("ko", 0.5, "구분자가 100쌍 중 50쌍을 맞힘"),
    ],
)
def test_the_odds_are_said_in_pairs(language: Language, odds: float, seen: str) -> None:
    """They are no percent of being fake: that is D's answer to one sample."""
    drawn = plots.pairs_meter(speaker(language), odds)
    assert f'aria-label="{seen}"' in drawn
    assert f"width:{100 * odds:.1f}%" in drawn
    assert "%" not in re.sub(r"<[^>]+>", "", drawn)


def test_odds_stand_on_their_line() -> None:
    seen = plots.odds_plot(SAY, {"one": [check(0, 1.0), check(100, 0.5, 0.5)]})
    even = re.search(r'class="eo-evenline" x1="(\d+)" x2="(\d+)" y1="([\d.]+)"', seen)
    points = re.search(r'<polyline class="eo-line0" points="([^"]+)"', seen)
    assert even
    assert points
    (x0, y0), (x1, y1) = ([float(part) for part in pair.split(",")] for pair in points[1].split())
    assert (x0, x1) == (float(even[1]), float(even[2]))
    assert y1 == pytest.approx(float(even[3]))
    assert y0 == plots.TOP
    assert seen.count("eo-referee") == 1


def test_no_checks_are_no_error() -> None:
    assert "none yet" in plots.odds_plot(SAY, {"one": []})


def test_names_cannot_write_html() -> None:
    seen = plots.odds_plot(SAY, {"<script>": [check(0, 1)], "b": [check(0, 1)]})
    assert "<script>" not in seen
    frame = pd.DataFrame({"<a>": [1.0], "<b>": [2.0]})
    axes = {"<a>": (0.0, 2.0), "<b>": (0.0, 4.0)}
    assert "<a>" not in plots.cloud(SAY, axes, frame, frame, None, None)


def test_fakes_come_from_where_they_were() -> None:
    axes = {"x": (0.0, 10.0), "y": (0.0, 10.0)}
    now, before = (pd.DataFrame({"x": [x], "y": [5.0]}) for x in (10.0, 0.0))
    seen = plots.cloud(SAY, axes, None, now, before, None)
    wide = plots.CLOUD_WIDE - plots.LEFT - plots.RIGHT
    assert f'cx="{plots.CLOUD_WIDE - plots.RIGHT:.1f}"' in seen
    assert f"--dx:{-wide}px;--dy:0px" in seen


def test_the_heat_has_its_colors_where_they_belong_and_upwards_is_up() -> None:
    told = np.full((4, 4), 0.5)
    told[0, 3], told[3, 0] = 1.0, 0.0  # the lowest row of the second column comes first
    there = np.ones((4, 4))
    there[0, 0] = 0.0
    content = base64.b64decode(plots.heat_map(Heat(told, there)).partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)
    assert tuple(pixels[-1, -1]) == (*REAL_HEAT, 255)
    assert tuple(pixels[0, 0]) == (*FAKE_HEAT, 255)
    assert pixels[-1, 0, 3] == 0
    assert tuple(pixels[0, -1]) == (255, 255, 255, 255)


def people_cloud(language: Language) -> str:
    """A cloud of ``people`` of which D is sure: fake at the left, real at the right, nothing known above."""
    told = np.tile(np.linspace(0.0, 1.0, 5), (5, 1))
    there = np.ones((5, 5))
    there[-1] = 0.0
    axes = {"height": (140.0, 200.0), "weight": (30.0, 150.0)}
    frame = pd.DataFrame({"height": [170.0], "weight": [63.0]})
    return plots.cloud(speaker(language), axes, frame, frame, None, Heat(told, there), people=True)


def test_people_have_their_axes_and_the_standard_weight() -> None:
    korean = people_cloud("ko")
    assert "키 (cm)" in korean
    assert "몸무게 (kg)" in korean
    assert "Height (cm)" in people_cloud("en")
    assert plots.standard_weight({"height": (140.0, 200.0), "weight": (30.0, 150.0)}) == (140, 36, 200, 90)
    assert plots.standard_weight({"height": (140.0, 200.0), "weight": (45.0, 63.0)}) == (150, 45, 170, 63)
    line = re.search(r'class="eo-standard" x1="([\d.]+)" y1="([\d.]+)"', korean)
    assert line
    assert float(line[1]) == plots.LEFT


@pytest.mark.parametrize(
    ("language", "seen"),
    [("en", ["140 cm, 90 kg: 100 % fake", "155 cm, 90 kg: 75 % fake", "200 cm, 150 kg: 0 % fake (no sample lies"]),
     ("ko", ["140 cm, 90 kg: 가짜 100 %", "155 cm, 90 kg: 가짜 75 %", "200 cm, 150 kg: 가짜 0 % (이 근처에는 표본"])],
)  # fmt: skip
def test_a_place_pointed_at_says_what_d_answers(chromium: Any, language: Language, seen: list[str]) -> None:
    script = files("evenodds.studio").joinpath("cloud.js").read_text("utf-8")
    page = chromium.new_page(viewport={"width": 390, "height": 700})
    page.set_content(f"<body style='margin:0'>{people_cloud(language)}<script>{script}</script></body>")
    ground = page.locator("rect.eo-ground").bounding_box()
    for (x, y), text in zip([(0.0, 0.5), (0.25, 0.5), (1.0, 1.0)], seen, strict=True):
        page.mouse.move(
            ground["x"] + 0.2 + x * (ground["width"] - 0.6),
            ground["y"] + 0.2 + (1 - y) * (ground["height"] - 0.6),
        )
        assert page.locator(".eo-answer").inner_text().startswith(text)
    page.close()


@pytest.mark.parametrize("last", [1, 7, 50, 851, 20_000, 123_456])
def test_ticks_are_few_and_round(last: int) -> None:
    found = plots.ticks(last)
    assert found[0] == 0
    assert found[-1] <= last
    assert len(found) <= 6
    assert all(
        str(one).rstrip("0") in ("", "1", "2", "3", "4", "5", "6", "7", "8", "9", "15", "25") or one % 5 == 0
        for one in found
    )


def test_ticks_lie_within_their_range() -> None:
    for low, high in ((136.0, 204.0), (-0.5, 0.25), (0.0, 1.0), (30.0, 112.0)):
        found = plots.ticks_between(low, high)
        assert 2 <= len(found) <= 7
        assert low <= found[0] + 1e-9
        assert found[-1] <= high + 1e-9
