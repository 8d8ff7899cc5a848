"""When a game is over: what `even` needs, all of it, and how long a game may stand still."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenodds.game.stopping import BETTER, LEVEL_FOR, PATIENCE, SOON, StoppingRule
from evenodds.metrics.odds import Odds
from evenodds.metrics.referee import Ruling
from evenodds.training.clock import APART, after

MARGIN = 0.55
CHECKS = 20
"""Patience of these games, in early checks."""
LEVEL, D_AHEAD, G_AHEAD = Odds(0.51, 0.47, 0.55), Odds(0.6, 0.56, 0.64), Odds(0.4, 0.36, 0.44)


def ruling(high: float = 0.54, auc: float = 0.51) -> Ruling:
    return Ruling(auc, auc - 0.03, high, 0.3, "trees")


def finish(odds: list[Odds], *, warmed_up: bool = True, alarmed: tuple[int, ...] = ()) -> StoppingRule:
    """After checks with these odds; ``alarmed`` are the places of those with an alarm."""
    own = StoppingRule(MARGIN, CHECKS, warmed_up=warmed_up)
    for place, level in enumerate(odds):
        own.note(100 * (place + 1), level, 1.0, 0.5, place in alarmed)
    return own


def test_level_odds_and_a_ruling_below_the_margin_are_even() -> None:
    own = finish([LEVEL] * LEVEL_FOR)
    assert own.wants_referee
    assert own.even(ruling())


def test_without_a_ruling_nothing_is_even() -> None:
    assert not finish([LEVEL] * 50).even(None)


def test_a_d_that_never_led_is_never_even() -> None:
    own = finish([LEVEL] * 50, warmed_up=False)
    assert not own.wants_referee
    assert not own.even(ruling(0.5))


@pytest.mark.parametrize("checks", range(LEVEL_FOR))
def test_fewer_level_checks_are_not_enough(checks: int) -> None:
    own = finish([LEVEL] * checks)
    assert not own.wants_referee
    assert not own.even(ruling())


@pytest.mark.parametrize("other", [D_AHEAD, G_AHEAD])
def test_level_checks_must_follow_one_another(other: Odds) -> None:
    odds = [LEVEL, LEVEL, other, LEVEL, LEVEL]
    assert not finish(odds).even(ruling())
    assert finish([*odds, LEVEL]).even(ruling())


@pytest.mark.parametrize("place", range(3))
def test_an_alarm_among_the_last_checks_forbids_even(place: int) -> None:
    assert not finish([LEVEL] * 3, alarmed=(place,)).even(ruling())
    assert finish([LEVEL] * (4 + place), alarmed=(place,)).even(ruling()), "three sound ones since"


def test_a_game_alarmed_at_every_check_is_never_even() -> None:
    assert not finish([LEVEL] * 20, alarmed=tuple(range(20))).wants_referee


@pytest.mark.parametrize(
    ("low", "high", "level"),
    [(0.5, 0.6, 1), (0.4, 0.5, 1), (0.501, 0.6, 0), (0.4, 0.499, 0), (0.0, 1.0, 1)],
)
def test_odds_are_level_where_their_interval_holds_a_half(low: float, high: float, level: int) -> None:
    assert finish([Odds((low + high) / 2, low, high)]).level == level


@pytest.mark.parametrize(("high", "even"), [(MARGIN - 1e-6, True), (MARGIN, True), (MARGIN + 1e-6, False)])
def test_the_upper_end_decides_and_not_the_ruling_itself(high: float, even: bool) -> None:
    assert finish([LEVEL] * 3).even(ruling(high, auc=0.45)) is even


def course(distances: list[float], every: int = 100, patience: int = CHECKS) -> StoppingRule:
    """After checks at every ``every`` rounds with these distances, D ahead all the time."""
    own = StoppingRule(MARGIN, patience, warmed_up=True)
    for place, distance in enumerate(distances, 1):
        own.note(place * every, D_AHEAD, distance, 0.5, False)
    return own


def first_standing(distances: list[float]) -> int | None:
    """The check, from 1, at which the game first stands still."""
    for checks in range(1, len(distances) + 1):
        if course(distances[:checks]).has_stalled(100 * checks, 100):
            return checks
    return None


def test_a_game_whose_distance_always_falls_never_stands() -> None:
    assert first_standing([0.9**place for place in range(60)]) is None


def test_a_game_that_never_becomes_better_stands_when_its_patience_is_over() -> None:
    assert first_standing([1.0] * 3 * CHECKS) == CHECKS + 1
    assert course([1.0] * (CHECKS + 1)).has_stalled(100 * (CHECKS + 1), 100)
    longer = course([1.0] * (CHECKS + 1), patience=CHECKS + 1)
    assert not longer.has_stalled(100 * (CHECKS + 1), 100)


def test_patience_is_a_share_of_the_rounds_played() -> None:
    """Better until ``last``, since medians lag by one check; at that many checks CHECKS are long over."""
    last = 10 * CHECKS + 1
    distances = [0.9 ** min(place, last - 1) for place in range(1, 2 * last)]
    assert course(distances).best_round == 100 * last
    assert first_standing(distances) == math.ceil(last / (1 - PATIENCE))


def test_checks_that_are_further_apart_later_make_nobody_wait_longer() -> None:
    """Of those 3 % of the rounds apart twenty take four fifths of them: patience is PATIENCE, and no more."""
    own, rounds = course([1.0]), 10_000
    own.better(rounds)
    while not own.has_stalled(rounds, 100):
        rounds = after(rounds, 100)
        own.note(rounds, D_AHEAD, 1.0, 0.5, False)
    assert 10_000 / (1 - PATIENCE) <= rounds <= 10_000 / (1 - PATIENCE) * (1 + APART)


def test_less_than_the_stated_share_lower_is_not_better() -> None:
    for share, better in ((1 - BETTER * 0.9, False), (1 - BETTER * 1.1, True)):
        own = course([1.0] * 3 + [share] * 3)
        assert (own.best_round > 100) is better


def test_small_gains_that_add_up_are_better() -> None:
    own = course([0.995**place for place in range(100)])
    assert own.best is not None
    assert own.best < 0.63
    assert not own.has_stalled(10_000, 100)


def test_one_lucky_check_is_no_progress() -> None:
    """Among three the middle one counts: a single low distance, wherever it falls, changes nothing."""
    for lucky in range(1, 9):
        distances = [1.0] * 10
        distances[lucky] = 0.1
        own = course(distances)
        assert (own.best, own.best_round) == (1.0, 100)


def test_two_low_checks_of_three_are_progress() -> None:
    own = course([1.0] * 6 + [0.1, 1.0, 0.1])
    assert (own.best, own.best_round) == (0.1, 900)


def test_a_coverage_that_grows_is_progress_while_the_distance_stands() -> None:
    """By a median of three checks, as the distance is; but nothing has come nearer by it."""
    own = StoppingRule(MARGIN, CHECKS, warmed_up=True)
    for place in range(1, 5 * CHECKS):
        own.note(100 * place, D_AHEAD, 1.0, min(1.0, 0.1 * 1.05 ** (place - 1)), False)
        if place == 2:
            own.changed(100 * place, probing=True)
    full = 1 + math.ceil(math.log(10, 1.05))
    assert own.best_coverage > 1 / (1 + BETTER)
    assert 100 * (full - 1) <= own.best_round <= 100 * (full + 1)
    assert not own.nearer


def test_one_check_that_covers_more_is_no_progress() -> None:
    own = course([1.0] * 5)
    own.note(600, D_AHEAD, 1.0, 0.9, False)
    own.note(700, D_AHEAD, 1.0, 0.5, False)
    assert (own.best_coverage, own.best_round) == (0.5, 100)
    own.note(800, D_AHEAD, 1.0, 0.9, False)
    assert (own.best_coverage, own.best_round) == (0.9, 800)


def test_what_came_nearer_is_told_from_the_last_change_on() -> None:
    own = course([1.0] * 5)
    own.changed(500, probing=True)
    for place in (6, 7, 8):
        own.note(100 * place, D_AHEAD, 0.99, 0.5, False)
    assert not own.nearer
    own.add_referee(900, Ruling(0.8, 0.77, 0.83, 0, "trees"))
    assert own.nearer
    own.changed(900, probing=False)
    assert own.nearer, "what is no try, such as going back after a fault, leaves the last one's answer"
    own.changed(900, probing=True)
    assert not own.nearer
    for place in (10, 11):
        own.note(100 * place, D_AHEAD, 0.9, 0.5, False)
    assert own.nearer


def test_a_surely_lower_ruling_is_progress_and_an_unsure_one_is_not() -> None:
    own = course([1.0] * 20)
    own.add_referee(2000, Ruling(0.8, 0.77, 0.83, 0, "trees"))
    assert (own.best_auc, own.best_round) == (0.8, 2000)
    assert not own.has_stalled(2000, 100)
    own.add_referee(2100, Ruling(0.78, 0.75, 0.81, 0, "trees"))
    assert (own.best_auc, own.best_round) == (0.8, 2000), "its interval reaches the old one"
    own.add_referee(2200, Ruling(0.76, 0.73, 0.79, 0, "trees"))
    assert (own.best_auc, own.best_round) == (0.76, 2200)


@pytest.mark.parametrize(("probing", "share"), [(False, PATIENCE), (True, SOON)])
def test_patience_begins_anew_after_a_change(probing: bool, share: float) -> None:
    first = 10 * CHECKS
    own = course([1.0] * first)
    assert own.has_stalled(100 * first, 100)
    own.changed(100 * first, probing)
    assert not own.has_stalled(100 * first, 100)
    for place in range(first + 1, 2 * first):
        own.note(100 * place, D_AHEAD, 1.0, 0.5, False)
        since = place - first
        assert own.has_stalled(100 * place, 100) == (since >= CHECKS and since >= share * place)


def test_a_change_that_brought_something_is_waited_for_as_ever() -> None:
    own = course([1.0] * 10 * CHECKS)
    own.changed(1000 * CHECKS, probing=True)
    assert own.has_stalled(int(1000 * CHECKS / (1 - SOON)) + 1, 100)
    for place in (1, 2):
        own.note(1000 * CHECKS + place, D_AHEAD, 0.9, 0.5, False)
    assert own.best_round == 1000 * CHECKS + 2
    assert not own.has_stalled(int(1000 * CHECKS / (1 - SOON)) + 1, 100)
    assert own.has_stalled(int(own.best_round / (1 - PATIENCE)) + 1, 100)


EACH = st.tuples(
    st.sampled_from([LEVEL, D_AHEAD, G_AHEAD]),
    st.floats(0.01, 10),
    st.floats(0, 1),
    st.booleans(),
    st.none() | st.floats(0.5, 1),
)
COURSE = st.lists(EACH, max_size=25)
Check = tuple[Odds, float, float, bool, float | None]


def play(own: StoppingRule, checks: list[Check], first: int = 1) -> list[tuple[Any, ...]]:
    found = []
    for place, (odds, distance, coverage, alarmed, auc) in enumerate(checks, first):
        own.note(place, odds, distance, coverage, alarmed)
        add_referee = None if auc is None else ruling(min(1.0, auc + 0.03), auc)
        if add_referee:
            own.add_referee(place, add_referee)
        found.append((own.wants_referee, own.even(add_referee), own.has_stalled(place, 1)))
    return found


@settings(deadline=None)
@given(COURSE, COURSE)
def test_a_restored_finish_goes_on_as_the_one_that_was_saved(before: list[Check], after: list[Check]) -> None:
    own, again = StoppingRule(MARGIN, CHECKS, warmed_up=True), StoppingRule(MARGIN, CHECKS)
    play(own, before)
    again.restore(json.loads(json.dumps(own.state())))
    assert again == own
    first = len(before) + 1
    assert play(again, after, first) == play(own, after, first)
    assert again == own


@settings(deadline=None)
@given(COURSE)
def test_even_is_said_only_with_all_its_proof(checks: list[Check]) -> None:
    """Whatever the course: three level checks without an alarm, a ruling below the margin, and a lead."""
    found = play(StoppingRule(MARGIN, CHECKS, warmed_up=True), checks)
    for place, (_, even, _) in enumerate(found):
        last = checks[max(0, place - LEVEL_FOR + 1) : place + 1]
        auc = checks[place][4]
        level = len(last) == LEVEL_FOR and all(odds == LEVEL and not bad for odds, _, _, bad, _ in last)
        assert even == (level and auc is not None and min(1.0, auc + 0.03) <= MARGIN)
    assert not any(even for _, even, _ in play(StoppingRule(MARGIN, CHECKS), checks))


def test_another_margin_survives_what_is_restored() -> None:
    """The margin is the recipe's, not the checkpoint's."""
    own = StoppingRule(0.6, CHECKS)
    own.restore(finish([LEVEL] * 3).state())
    assert own.even(ruling(0.59))
