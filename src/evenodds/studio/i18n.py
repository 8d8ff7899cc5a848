"""What the studio says, in English and Korean."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Protocol

from evenodds.judge.oddities import SENTENCES
from evenodds.runs.messages import MESSAGES
from evenodds.runs.report_texts import REPORT

Language = Literal["en", "ko"]
LANGUAGES: dict[Language, str] = {"en": "English", "ko": "한국어"}
"""Each by its own name."""


class Words(Protocol):
    """Says a text by its key, facts put in."""

    def __call__(self, key: str, /, **facts: Any) -> str: ...


@cache
def texts() -> dict[str, dict[Language, str]]:
    """Every text in every language, by its key. The English of a run's messages stands in ``runs.messages``, that of
    its report in ``runs.report_texts``, that of a row's oddities in ``judge.oddities``."""
    words: dict[str, dict[Language, str]] = json.loads(
        files("evenodds.studio").joinpath("words.json").read_text("utf-8")
    )
    english = {**MESSAGES, **SENTENCES, **REPORT}
    return {key: {"en": english[key], **text} if key in english else text for key, text in words.items()}


def speaker(language: Language) -> Words:
    """Who says texts in a language. It raises KeyError for a text that is not there."""

    def say(key: str, /, **facts: Any) -> str:
        text = texts()[key][language]
        return text.format(**facts) if facts else text

    return say


def preferred(accepted: str | None) -> Language:
    """The language for a browser's Accept-Language: the first of ours that it names, else English."""
    ranked = []
    for position, part in enumerate((accepted or "").split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), position, tag.split("-")[0].lower()))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(ranked) if tag in LANGUAGES), "en")
