"""The canvas on which a game is seen as it is played, frame by frame."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import gradio as gr

from evenodds.studio import markup
from evenodds.studio.held_games import HeldGames
from evenodds.studio.i18n import Words
from evenodds.studio.state import Studio

SCRIPT = ("round", "left", "alone", "answer", "called", "facts", "pairs", "there")
"""What the script says, with facts of its own put in."""
HELD = ("open", "play", "slow", "d", "g", "round", "trained", "untrained", "close", "steps", "bar")
BEATS = ("noise", "fake", "percent", "d moves", "arrows", "g moves")
"""The captions of a slow step, in their order."""


def canvas(studio: Studio, say: Words, chosen: gr.Dropdown) -> gr.HTML:
    """The canvas of the run that is chosen: in sight while that run's game is played, and for single steps by hand."""
    games = HeldGames(studio, say)

    def hold(sent: Any) -> dict[str, Any]:  # gradio calls it by its name
        return games.answer(sent)

    live = gr.HTML(
        html_template=canvas_html(say),
        js_on_load=files("evenodds.studio").joinpath("live.js").read_text("utf-8"),
        server_functions=[hold],
        value="",
        elem_id="live",
    )
    chosen.change(None, chosen, live, js="name => name", api_visibility="private")
    return live


def canvas_html(say: Words) -> str:
    """The canvas with its words put in; ``${value}``, the run, is left for the page."""
    script: dict[str, object] = {key: say(f"live {key}") for key in SCRIPT}
    script["beats"] = [say(f"beat {beat}") for beat in BEATS]
    script["axes"] = {name: say(f"axis {name}") for name in ("height", "weight")}
    names = {"head": "chapter head start", "enters": "chapter enters", "even": "chapter even"}
    script["chapters"] = {name: say(key) for name, key in names.items()}
    # Braces are written so that no template takes them for its own.
    words = markup.scripted(script)
    named = {key: escape(say(f"live {key}")) for key in ("canvas", "sheet", "signal", "wins", "film")}
    named |= {key: escape(say(f"held {key}")) for key in HELD}
    named["chapters"] = escape(say("report chapters"))
    shown = {"fakes": escape(say("fakes")), "reals": escape(say("reals")), "alt": escape(say("alt reals"))}
    template = Template(files("evenodds.studio").joinpath("live.html").read_text("utf-8"))
    return template.safe_substitute({**named, **shown, "words": words})
