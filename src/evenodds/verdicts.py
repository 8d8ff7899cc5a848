"""Why a game ends, in plain words. No torch here."""

from __future__ import annotations

MEANINGS = {
    "budget": "The budget is spent. Whether the fakes are good is for the odds and your eyes to say.",
    "interrupted": "The game was stopped and saved; the same command goes on with it.",
    "diverged": "The players' numbers ran off to infinity; the last sound state is kept.",
}
"""What each verdict means."""
EXITS = {"collapsed": 3, "diverged": 3, "interrupted": 130}
"""Exit codes of verdicts; every other one is 0."""
