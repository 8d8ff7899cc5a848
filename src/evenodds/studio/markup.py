"""The pieces of HTML that pages are made of; what comes from outside is escaped here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any


def braced(text: str) -> str:
    """Text whose braces no template takes for its own."""
    return text.replace("{", "&#123;").replace("}", "&#125;")


def scripted(facts: dict[str, Any]) -> str:
    """What a script reads, as JSON in an attribute of a template."""
    return braced(escape(json.dumps(facts, ensure_ascii=False)))


def note(text: str) -> str:
    """A remark."""
    return f'<p class="eo-dim">{escape(text)}</p>'


def alert(text: str) -> str:
    """Something wrong, told."""
    return f'<p class="eo-alert" role="alert">{escape(text)}</p>'


def image(source: str, alternative: str, kind: str = "eo-sheet") -> str:
    """A picture, and what it shows for who does not see it."""
    return f'<img class="{kind}" src="{source}" alt="{escape(alternative)}">'


def figure(content: str, caption: str, kind: str = "") -> str:
    """Something seen, with a caption under it."""
    return f'<figure class="{kind}">{content}<figcaption>{escape(caption)}</figcaption></figure>'


def table(name: str, columns: Iterable[str], rows: Iterable[Iterable[str]], *, headed: bool = False) -> str:
    """A table that scrolls by itself where it is wide; ``headed`` where each row begins with its name."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' if column else "<td></td>" for column in columns)
    body = ""
    for row in rows:
        cells = [f"<td>{escape(cell)}</td>" for cell in row]
        if headed:
            cells[0] = cells[0].replace("<td>", '<th scope="row">').replace("</td>", "</th>")
        body += f"<tr>{''.join(cells)}</tr>"
    return (
        f'<div class="eo-wide" tabindex="0" role="region" aria-label="{escape(name)}"><table class="eo-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
