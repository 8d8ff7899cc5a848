"""How a game stands and how it ended, in plain words. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evenodds.config.settings import AHEAD
from evenodds.runs.messages import (
    Speaker,
    Translate,
    alarm_sentence,
    english,
    referee_sentence,
    wrong_sentence,
)

if TYPE_CHECKING:
    from evenodds.runs.journal import Check
    from evenodds.runs.verdict import Verdict

SENTENCES = {
    "head start": "before the first round: D has its head start, or G learns by likelihood",
    "alarm": "alarm: {alarm}",
    "far ahead": "D is far ahead: {odds}, G learns slowly",
    "ahead": "D is ahead: {odds}, G learns from it",
    "behind": "G is ahead: D is right only {odds} of the time",
    "undecided": "D's odds lie between {low} and {high}: the samples held out are too few to say more",
    "unlike": "D is right only {odds} of the time, but {precision} of the fakes look like reals and they cover "
    "{coverage} of them: D is too weak to call the game even",
    "told apart": "D is right only {odds} of the time, but the referee tells fakes from reals {referee} of the time",
    "unheard": "the odds are even ({odds}); the referee has not spoken yet",
    "even": "the odds are even ({odds}); the referee tells fakes from reals {referee} of the time",
}
"""The sentence of each standing."""


WIDE = 0.2
"""The odds are called even only where their interval is no wider."""
LIKE = 0.5
"""Nor are they where a smaller share of the fakes looks like reals, or of the reals is covered: a D that has hardly
learnt cannot tell blurs from reals."""


def standing(
    check: Check | None, sentence: Callable[[Any], str] = alarm_sentence
) -> tuple[str, dict[str, str]]:
    """How a game stands at a check, a key of SENTENCES, and the facts of its sentence.

    ``sentence`` puts an alarm into words.
    """
    if check is None:
        return "head start", {}
    if check.alarms:
        return "alarm", {"alarm": sentence(check.alarms[0])}
    facts = {"odds": f"{check.odds.value:.0%}"}
    if check.odds.low > 0.5:
        return "far ahead" if check.odds.low > AHEAD else "ahead", facts
    if check.odds.high < 0.5:
        return "behind", facts
    if check.odds.high - check.odds.low > WIDE:
        return "undecided", {"low": f"{check.odds.low:.0%}", "high": f"{check.odds.high:.0%}"}
    precision, coverage = check.metrics.precision, check.metrics.coverage
    if min(precision, coverage) < LIKE:
        return "unlike", {**facts, "precision": f"{precision:.0%}", "coverage": f"{coverage:.0%}"}
    if check.referee is None:
        return "unheard", facts
    if check.referee.low > 0.5:
        return "told apart", {**facts, "referee": f"{check.referee.value:.0%}"}
    return "even", {**facts, "referee": f"{check.referee.value:.0%}"}


def status_sentence(check: Check | None) -> str:
    """A sentence on a check."""
    key, facts = standing(check)
    return SENTENCES[key].format(**facts)


MEANINGS = {
    "even": "The game ended even: to D a fake looks as real as a real one, and the referee bears it out.",
    "plateau": "The game stood still: nothing became better for a long while, with lower rates too.",
    "budget": "The budget is spent.",
    "interrupted": "The game is paused and saved; the same command goes on with it.",
    "collapsed": "G came down to few kinds of fakes and did not recover in three tries; the best state is kept.",
    "diverged": "The players ran off or went dead and did not recover in three tries; the best state is kept.",
}
"""What each verdict means: the first part of its sentence."""


def verdict_sentences(
    verdict: Verdict,
    meaning: Callable[[str], str] = MEANINGS.__getitem__,
    say: Speaker = english,
    translate: Translate = lambda text: text,
) -> list[str]:
    """The verdict in three parts: what ended the game, what the referee found, and what is wrong. ``meaning`` says what
    a verdict means, in the language of ``say``."""
    summary = verdict.summary
    return [
        meaning(verdict.verdict),
        referee_sentence(summary["referee"], say),
        wrong_sentence(summary["wrong"], say, translate),
    ]


EXITS = {"collapsed": 3, "diverged": 3, "interrupted": 130}
"""Exit codes of verdicts; every other one is 0."""
OVER = {"even", "plateau", "collapsed", "diverged"}
"""Verdicts after which the same command has nothing left to do."""
