"""A part of the form on the page Play: data drawn with the mouse, a table of two columns."""

from __future__ import annotations

import json
import uuid
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import gradio as gr
import pandas as pd

from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.studio import markup
from evenodds.studio.i18n import Words
from evenodds.studio.security import OWN

FEWEST, MOST = 60, 5_000
"""Points that are learnt, at least and at most."""
SPAN = 10.0
"""Both columns go from 0 to this."""
COLUMNS = ("x", "y")
WORDS = ("canvas", "brush", "line", "ring", "two", "clear", "count")


def section(say: Words) -> gr.State:
    """A canvas; what was drawn on it, as JSON, is the state's value."""
    drawn = gr.State("")
    with gr.Accordion(say("drawn data"), open=False, elem_id="drawn-data"):
        template = Template(files("evenodds.studio").joinpath("drawn.html").read_text("utf-8"))
        words = {key: escape(say(f"drawn {key}")) for key in WORDS}
        words["count"] = markup.braced(words["count"])
        canvas = gr.HTML(
            html_template=template.safe_substitute(words),
            js_on_load=files("evenodds.studio").joinpath("drawn.js").read_text("utf-8"),
            elem_id="drawn",
        )

    def keep(event: gr.EventData) -> str:
        return str(event.points)

    canvas.drawn(keep, None, drawn, show_progress="hidden", api_visibility="private")
    return drawn


def table_of(text: str) -> pd.DataFrame:
    """Points [[x, y], ...] in [0, 1], as JSON, as a table. Raises UserError for too few, too many, and what is none."""
    try:
        points = [(float(x), float(y)) for x, y in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        raise UserError("the drawing holds no points, clear it and draw again") from None
    if not FEWEST <= len(points) <= MOST:
        raise UserError(f"{len(points)} points were drawn, draw {FEWEST} to {MOST}")
    if not all(0 <= value <= 1 for point in points for value in point):
        raise UserError("the drawing holds no points, clear it and draw again")
    return pd.DataFrame(points, columns=list(COLUMNS)).mul(SPAN).round(3)


def stored(root: Path, text: str) -> str:
    """The table of a drawing as a file in the runs folder, where a resumed training finds it again."""
    table = table_of(text)
    folder = root / OWN / "uploads" / uuid.uuid4().hex[:12]
    folder.mkdir(parents=True)
    atomic.write_bytes(folder / "drawn.csv", table.to_csv(index=False).encode())
    return str(folder / "drawn.csv")


def source(root: Path, text: Any) -> str | None:
    """The file of what was drawn; None where nothing was."""
    return stored(root, str(text)) if text and text != "[]" else None
