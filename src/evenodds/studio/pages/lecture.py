"""Lecture: what a GAN is in twelve cards, each with the place in the studio where it is seen to happen."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import NamedTuple

import gradio as gr

from evenodds.studio.i18n import LANGUAGES, Language, Words, texts
from evenodds.studio.pages.loading import PageState
from evenodds.studio.state import Studio

ORDER = ("play", "how", "judge", "steer", "draw", "runs", "lecture")
"""The pages as their tabs stand."""


class Card(NamedTuple):
    """A point of the lecture, in a language."""

    title: str
    text: str
    to_do: str
    page: str
    look: str
    """What is looked at on that page, as CSS selectors."""


@cache
def cards(language: Language) -> list[Card]:
    """The cards in their order."""
    listing = json.loads(files("evenodds.studio").joinpath("lecture.json").read_text("utf-8"))
    return [Card(*one[language], one["page"], one["look"]) for one in listing]


def page(studio: Studio, say: Words, state: PageState) -> None:
    """The page; it is the same for every run."""
    language = next(tag for tag in LANGUAGES if texts()["title"][tag] == say("title"))
    gr.HTML(
        html_template=cards_html(say, cards(language)),
        js_on_load=files("evenodds.studio").joinpath("lecture.js").read_text("utf-8"),
        elem_id="lecture",
    )


def cards_html(say: Words, listing: list[Card]) -> str:
    """The cards as HTML."""
    items = "".join(
        f'<li class="eo-card" id="card-{number}" data-card="{number}"><h3>{number}. {escape(card.title)}</h3>'
        f"<p>{escape(card.text)}</p><p><b>{escape(card.to_do)}</b></p>"
        f'<div class="eo-tools"><button type="button" data-page="{ORDER.index(card.page)}" '
        f'data-look="{escape(card.look)}">{escape(say("lecture go"))}</button>'
        f'<label><input type="checkbox"> {escape(say("lecture done"))}</label></div></li>'
        for number, card in enumerate(listing, 1)
    )
    count = escape(say("lecture count")).replace("{", "&#123;").replace("}", "&#125;")
    return (
        f'<p class="eo-dim">{escape(say("lecture intro"))}</p>'
        f'<p class="eo-count" role="status" data-text="{count}"></p>'
        f'<ol class="eo-cards eo-cards-lecture" data-own="{ORDER.index("lecture")}">{items}</ol>'
    )
