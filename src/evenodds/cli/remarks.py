"""Remarks beside an answer."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """On stderr, so that stdout holds answers alone."""
    print(text, file=sys.stderr)
