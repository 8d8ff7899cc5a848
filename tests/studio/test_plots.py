"""What is drawn stands where it should."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.metrics.odds import Odds
from evenodds.runs.journal import Check
from evenodds.studio import plots
from evenodds.studio.i18n import speaker
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


def test_the_heat_is_bluest_where_d_says_real_and_upwards_is_up() -> None:
    scores = np.zeros((4, 4))
    scores[0, 3] = 9  # lowest row of the table's second column
    scores[3, 0] = -9
    content = base64.b64decode(plots.heat_map(scores).partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    red = pixels[..., 0]
    assert red[-1, -1] < red[len(red) // 2, len(red[0]) // 2] < red[0, 0]


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
