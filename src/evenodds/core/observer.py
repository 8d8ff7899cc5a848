"""How long work reports to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Say = Callable[[str], None]
"""Takes one sentence for the user."""


class Observer(Protocol):
    """Is told what happens while something is prepared or made."""

    def say(self, text: str) -> None:
        """One sentence that matters."""

    def prepare(self, what: str, done: int, total: int) -> None:
        """How much of a preparation is done."""


def silent(text: str) -> None:
    """Tells nobody."""
