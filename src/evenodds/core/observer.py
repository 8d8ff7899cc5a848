"""What long work tells whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one sentence for the user."""


def silent(text: str) -> None:
    """Tells nobody."""
