"""What is said of a check: the sentence follows from the interval, and alarms come before all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenodds.game import schedule
from evenodds.metrics.odds import Odds
from evenodds.runs import status
from evenodds.runs.journal import Check
from evenodds.runs.status import AHEAD, WIDE, status_sentence
from tests.checks import check_of

END = 1e-6


def check(value: float, low: float, high: float, referee: float | None = None, **facts: Any) -> Check:
    ruling = None if referee is None else Odds(referee, referee, referee)
    return check_of(Odds(value, low, high), referee=ruling, **facts)


def blurs(line: Check) -> Check:
    """The same check of fakes that hardly look like reals."""
    return replace(line, metrics=line.metrics._replace(precision=0.08, coverage=0.02))


def test_before_the_first_check_d_has_its_head_start() -> None:
    assert status_sentence(None).startswith("before the first round: D has its head start")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (check(0.97, 0.95, 0.99), "D is far ahead: 97%, G learns slowly"),
        (check(0.76, 0.73, 0.79), "D is ahead: 76%, G learns from it"),
        (check(0.42, 0.39, 0.45), "G is ahead: D is right only 42% of the time"),
        (check(0.51, 0.47, 0.55), "the odds are even (51%); the referee has not spoken yet"),
        (check(0.51, 0.47, 0.55, referee=None), "the odds are even (51%); the referee has not spoken yet"),
        (
            check(0.49, 0.45, 0.53, referee=0.5),
            "the odds are even (49%); the referee tells fakes from reals 50% of the time",
        ),
        (
            check(0.49, 0.45, 0.53, referee=0.634),
            "D is right only 49% of the time, but the referee tells fakes from reals 63% of the time",
        ),
        (
            blurs(check(0.49, 0.45, 0.53, referee=0.5)),
            status.SENTENCES["unlike"].format(odds="49%", precision="8%", coverage="2%"),
        ),
    ],
)
def test_each_state_of_the_game_has_its_sentence(line: Check, sentence: str) -> None:
    assert status_sentence(line) == sentence


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (AHEAD + END, 0.99, "far ahead"),
        (AHEAD, 0.99, "D is ahead"),
        (0.5 + END, 0.6, "D is ahead"),
        (0.5, 0.6, "even"),
        (0.4, 0.5, "even"),
        (0.4, 0.5 - END, "G is ahead"),
        (0.4, 0.6, "even"),
        (0.4, 0.6 + END, "too few"),
        (0.0, 1.0, "too few"),
    ],
)
def test_a_state_begins_where_the_whole_interval_is_in_it(low: float, high: float, words: str) -> None:
    assert words in status_sentence(check((low + high) / 2, low, high))


def test_a_referee_that_is_sure_is_quoted_at_zero_too() -> None:
    assert status_sentence(check(0.5, 0.45, 0.55, referee=0.0)).endswith("0% of the time")


@given(st.tuples(*[st.floats(0, 1)] * 3).map(sorted), st.none() | st.floats(0, 1))
def test_an_alarm_is_said_first_whatever_the_odds(odds: list[float], referee: float | None) -> None:
    low, value, high = odds
    alarms = (
        {"kind": "collapse", "code": "identical", "share": 0.9},
        {"kind": "copying", "code": "copied", "closeness": 0.8},
    )
    sentence = status_sentence(check(value, low, high, alarms=alarms, referee=referee))
    assert sentence == "alarm: collapse: 90% of the fakes are near-identical to another"


@given(st.tuples(*[st.floats(0, 1)] * 3).map(sorted), st.none() | st.floats(0, 1))
def test_every_interval_has_one_sentence_with_the_odds_in_percent(
    odds: list[float], referee: float | None
) -> None:
    low, value, high = odds
    sentence = status_sentence(check(value, low, high, referee=referee))
    wide = low <= 0.5 <= high and high - low > WIDE
    assert (f"between {low:.0%} and {high:.0%}" if wide else f"{value:.0%}") in sentence
    assert "alarm" not in sentence
    begins = ("D is far", "D is ahead", "D is right", "G is ahead", "the odds are", "D's odds lie")
    starts = [sentence.startswith(words) for words in begins]
    assert sum(starts) == 1


def test_far_ahead_is_where_the_tempo_slows_d() -> None:
    """One number in two places: this file is read without torch's half of the package."""
    assert AHEAD == schedule.AHEAD
