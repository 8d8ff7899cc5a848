"""Lecture: what a GAN is in twelve cards, each with the place in the studio where it is seen to happen."""

from __future__ import annotations

from html import escape
from importlib.resources import files

import gradio as gr

from evenodds.studio.i18n import Words
from evenodds.studio.pages.loading import PageState
from evenodds.studio.state import Studio

CARDS = (
    ("play", "#new-game"),
    ("play", "#scene, #live"),
    ("play", "#board"),
    ("judge", "#row"),
    ("play", "#film, .eo-live-film"),
    ("play", ".eo-held"),
    ("play", "#board"),
    ("how", "#grows"),
    ("steer", "#thumbs"),
    ("steer", "#sum"),
    ("how", "#play-strong"),
    ("draw", "#canvas, #draw-note"),
)
"""For each card, in the lecture's order, the page where its point is seen, and what is looked at there (CSS)."""


def page(studio: Studio, say: Words, state: PageState) -> None:
    """The page; it is the same for every run."""
    gr.HTML(
        html_template=cards_html(say),
        js_on_load=files("evenodds.studio").joinpath("lecture.js").read_text("utf-8"),
        elem_id="lecture",
    )


def cards_html(say: Words) -> str:
    """The cards as HTML. Tabs are found by their names."""
    cards = "".join(card(say, number, *seen) for number, seen in enumerate(CARDS, 1))
    count = escape(say("lecture count")).replace("{", "&#123;").replace("}", "&#125;")
    return (
        f'<p class="eo-dim">{escape(say("lecture intro"))}</p>'
        f'<p class="eo-count" role="status" data-text="{count}"></p>'
        f'<ol class="eo-cards eo-cards-lecture">{cards}</ol>'
    )


def card(say: Words, number: int, where: str, look: str) -> str:
    """A card: its point, what to do, a button that leads there, and a tick."""
    title, text, task = (escape(say(f"card {number} {part}")) for part in ("title", "text", "task"))
    return (
        f'<li class="eo-card" id="card-{number}" data-card="{number}"><h3>{number}. {title}</h3>'
        f"<p>{text}</p><p><b>{task}</b></p>"
        f'<div class="eo-tools"><button type="button" data-page="{escape(say(f"page {where}"))}" '
        f'data-look="{escape(look)}">{escape(say("lecture go"))}</button>'
        f'<label><input type="checkbox"> {escape(say("lecture done"))}</label></div></li>'
    )
