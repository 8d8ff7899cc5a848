"""Why a game ends, in plain words. No torch here."""

from __future__ import annotations

MEANINGS = {
    "even": "D's odds are even, and a referee who knows neither player cannot tell fakes from held-out reals either.",
    "plateau": "Nothing became better for a long while, with lower rates too: more of the same will not help.",
    "budget": "The budget is spent. Whether the fakes are good is for the odds and your eyes to say.",
    "interrupted": "The game was stopped and saved; the same command goes on with it.",
    "collapsed": "G came down to few kinds of fakes and did not recover in three tries; the best state is kept.",
    "diverged": "The players ran off or went dead and did not recover in three tries; the best state is kept.",
}
"""What each verdict means."""
EXITS = {"collapsed": 3, "diverged": 3, "interrupted": 130}
"""Exit codes of verdicts; every other one is 0."""
OVER = {"even", "plateau", "collapsed", "diverged"}
"""Verdicts after which the same command has nothing left to do."""
