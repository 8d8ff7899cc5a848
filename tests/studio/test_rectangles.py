"""A run of rectangles in the studio: its canvas, what is drawn on it, and its maps."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.studio.conftest import Server, studio, train, wait_for
from tests.studio.test_browser import Visitor


@pytest.fixture(scope="module")
def rectangles(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Iterator[Server]:
    """A studio with pictures of 24 x 16 px that are made from outlines."""
    pytest.importorskip("gradio", reason="the extra studio is not installed")
    runs = tmp_path_factory.mktemp("runs")
    outlines = ("--condition", "outlines", "--size", "24x16", "--width", "8", "--budget", "4rounds")
    train(runs, "wide", photographs, *outlines)
    with studio(runs) as server:
        yield server


def test_a_rectangle_is_drawn_upon_and_looked_into(chromium: Any, rectangles: Server) -> None:
    visitor = Visitor(chromium, rectangles)
    page = visitor.open("wide", "draw")
    canvas = page.locator("#canvas canvas")
    canvas.wait_for(state="visible")
    wait_for(lambda: canvas.get_attribute("height") == "341", 60)
    assert canvas.get_attribute("width") == "512"
    box = canvas.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(1.5, abs=0.03)
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('#canvas .eo-result').src.length > 500")
    made = page.locator("#canvas .eo-result").get_attribute("src")
    with Image.open(io.BytesIO(base64.b64decode(made.partition(",")[2]))) as picture:
        assert picture.size == (240, 160)
    visitor.shot("draw-wide")
    visitor.turn("how")
    page.wait_for_selector("#pools figure")
    assert page.locator("#pools figcaption").all_inner_texts() == [
        "as made, 24x16 px",
        "pooled to 12x8 px",
        "pooled to 6x4 px",
        "pooled to 3x2 px",
    ]
    # A U-Net pads what it is given: 24 px become 32.
    assert "maps of 16 × 8" in page.locator("#grows").inner_text()
    visitor.context.close()
    assert visitor.errors == []
