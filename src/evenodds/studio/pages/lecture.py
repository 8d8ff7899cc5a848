"""Lecture: what a GAN is in twelve cards, each of which opens the studio where its point is seen to happen."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any, Literal

import gradio as gr

from evenodds.runs.gallery import GALLERY
from evenodds.studio import markup
from evenodds.studio.i18n import Words
from evenodds.studio.pages.loading import PageState
from evenodds.studio.state import Studio

Kind = Literal["press", "fill", "refill", "open"]
"""What is done to an element before a card is seen: pressed; filled in; filled in once it has a value; opened, where it
is closed."""
PEOPLE, FACES = (GALLERY + name for name in ("people", "faces"))
DRAWS = "draws"
"""Stands for the first run that makes pictures from pictures."""
HELD: tuple[tuple[Kind, str, str], ...] = (
    ("press", ".eo-held:not([aria-busy]) > [data-held=open]", ""),
    ("press", ".eo-held:not([aria-busy]) [data-held=untrained]", ""),
    ("fill", ".eo-held select", "50"),
)
"""A game of the table that is played by hand, begun with players that have learnt nothing, fifty steps at a time."""
D_LEARNS: tuple[Kind, str, str] = ("press", ".eo-held:not([aria-busy]) [data-held=d]", "")


@dataclass(frozen=True)
class Card:
    """The run that is chosen for a card ("" leaves it, DRAWS is looked for), the page that is turned to, what is looked
    at there (CSS), and what is done first: a kind, an element and a value."""

    run: str
    page: str
    look: str
    before: tuple[tuple[Kind, str, str], ...] = ()


CARDS = (
    Card(PEOPLE, "judge", "#opinion", (
        ("refill", "#row textarea, #row input", "height=170,weight=63"), ("press", "#judge-it", ""),
    )),
    Card(FACES, "how", "#few-faces"),
    Card(PEOPLE, "play", ".eo-live", HELD),
    Card(PEOPLE, "play", ".eo-live-answer", (*HELD, D_LEARNS)),
    Card(PEOPLE, "play", ".eo-live-film", (
        *HELD, D_LEARNS, ("press", ".eo-held:not([aria-busy]) [data-held=play]", ""),
    )),
    Card(PEOPLE, "play", ".eo-held", (
        *HELD, D_LEARNS, ("fill", ".eo-held:not([aria-busy]) select", "10"),
        ("press", ".eo-held:not([aria-busy]) [data-held=slow]", ""),
    )),
    Card(PEOPLE, "play", ".eo-verdict", (("press", ".eo-held:not([aria-busy]) > [data-held=open]", ""),)),
    Card(FACES, "how", "#grows"),
    Card(FACES, "steer", "#steered", (("fill", "#slider-2 input[type=number]", "1.5"),)),
    Card(FACES, "steer", "#sum:has(figure)", (
        ("fill", "#slot-A textarea, #slot-A input", "{A}"), ("fill", "#slot-B textarea, #slot-B input", "{B}"),
        ("fill", "#slot-C textarea, #slot-C input", "{C}"), ("open", "#sum-slots", "{arithmetic}"),
        ("press", "#sum-slots", ""),
    )),
    Card("", "how", "#play-strong"),
    Card(DRAWS, "draw", "#canvas:has(.eo-wrong[data-run]:not([data-run=''])), #train-outlines"),
)  # fmt: skip
"""In the lecture's order."""
TERMS = {"A": "172 199 201", "B": "0 6 9", "C": "24 28 37"}
"""Seeds of gallery:faces: by the label readers, fakes with short hair, beard and glasses, the same without glasses, and
with long hair, no beard and no glasses."""


def page(studio: Studio, say: Words, state: PageState) -> None:
    """The page; it is the same for every run."""
    gr.HTML(
        html_template=cards_html(say),
        js_on_load="element.dispatchEvent(new Event('cards', {bubbles: true}))",
        elem_id="lecture",
    )


def guide(studio: Studio, say: Words, chosen: gr.Dropdown) -> None:
    """The bar that goes along from card to card, and what its buttons do."""
    bar = gr.HTML(
        html_template=guide_html(say),
        js_on_load=files("evenodds.studio").joinpath("lecture.js").read_text("utf-8"),
        elem_id="guide",
    )

    def choose(event: gr.EventData) -> Any:
        name = str(event.run)
        if name == DRAWS:
            name = next(filter(studio.draws, studio.names()), "")
        return gr.update(value=name) if name else gr.skip()

    bar.choose(choose, None, chosen, show_progress="hidden", queue=False, api_visibility="private")


def guide_html(say: Words) -> str:
    """The bar as HTML, with what the script says and does."""
    facts = {**TERMS, "arithmetic": say("arithmetic")}
    cards = [
        {
            "run": card.run,
            "page": say(f"page {card.page}"),
            "look": card.look,
            "before": [[kind, element, value.format(**facts)] for kind, element, value in card.before],
            **{part: say(f"card {number} {part}") for part in ("title", "text", "task")},
        }
        for number, card in enumerate(CARDS, 1)
    ]
    script = {"cards": cards, "lecture": say("page lecture"), "count": say("lecture count")}
    words = markup.scripted(script)
    buttons = "".join(
        f'<button type="button" data-guide="{key}">{escape(say(f"guide {key}"))}</button>'
        for key in ("back", "cards", "on", "close")
    )
    return (
        f'<aside class="eo-guide" aria-label="{escape(say("page lecture"))}" data-words="{words}" hidden>'
        '<div class="eo-guide-said" role="status"><b></b> <span></span> <i></i></div>'
        f'<div class="eo-tools">{buttons}</div></aside>'
    )


def cards_html(say: Words) -> str:
    """The cards as HTML."""
    cards = "".join(card_html(say, number) for number in range(1, len(CARDS) + 1))
    return (
        f'<p class="eo-dim">{escape(say("lecture intro"))}</p><p class="eo-count" role="status"></p>'
        f'<ol class="eo-cards eo-cards-lecture">{cards}</ol>'
    )


def card_html(say: Words, number: int) -> str:
    """A card: its point, what to do, a button that opens it in the studio, and a tick."""
    title, text, task = (escape(say(f"card {number} {part}")) for part in ("title", "text", "task"))
    return (
        f'<li class="eo-card" id="card-{number}" data-card="{number}"><h3>{number}. {title}</h3>'
        f"<p>{text}</p><p><b>{task}</b></p>"
        f'<div class="eo-tools"><button type="button" data-show="{number}">{escape(say("lecture go"))}</button>'
        f'<label><input type="checkbox"> {escape(say("lecture done"))}</label></div></li>'
    )
