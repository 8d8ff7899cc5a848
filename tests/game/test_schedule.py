"""What keeps the players level: each move, its limits, and the way back to the recipe's pace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenodds.config.settings import GameSettings
from evenodds.game.reason import Reason
from evenodds.game.schedule import (
    AHEAD,
    BEHIND,
    FIRMER,
    GAP,
    HELD,
    MOST,
    NO_NEARER,
    SLOWER,
    SLOWEST,
    STALLED,
    STEP,
    STEPS,
    BalanceSchedule,
    Move,
    ScheduleState,
)
from evenodds.metrics.odds import Odds

RAN_OFF = Reason("exploded", {"range": 3e6})
D_AHEAD, BAND, D_BEHIND = Odds(0.97, 0.95, 0.99), Odds(0.7, 0.65, 0.75), Odds(0.4, 0.35, 0.45)
LEVEL = Odds(0.52, 0.48, 0.56)
SIDES = [D_AHEAD, BAND, D_BEHIND]
STILL = {
    "ratio": 0,
    "rate": 1.0,
    "penalty_raised": False,
    "slowed": 0,
    "lr_restored": False,
    "penalty": 1.0,
    "augment": 0.0,
}


def tempo(pace: ScheduleState | None = None, **facts: Any) -> BalanceSchedule:
    """Moves nothing but what is asked for."""
    asked = GameSettings.model_validate({"tempo": "fixed", "augment": "off", **facts})
    return BalanceSchedule(asked, pace or ScheduleState())


def ratios(own: BalanceSchedule, odds: Odds, checks: int) -> list[int]:
    found = []
    for _ in range(checks):
        own.level(odds, 0)
        found.append(own.pace.ratio)
    return found


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (5, 1), (2, 3)])
def test_a_new_pace_is_the_recipes(d_steps: int, g_steps: int) -> None:
    own = tempo(d_steps=d_steps, g_steps=g_steps)
    assert own.turns == (d_steps, g_steps)
    assert (own.pace.rate, own.pace.penalty, own.pace.augment) == (1, 1, 0)


@pytest.mark.parametrize(
    ("ratio", "turns"), [(-3, (2, 24)), (-1, (2, 6)), (0, (2, 3)), (1, (4, 3)), (3, (16, 3))]
)
def test_a_step_of_the_ratio_doubles_one_players_turns(ratio: int, turns: tuple[int, int]) -> None:
    assert tempo(ScheduleState(ratio=ratio), d_steps=2, g_steps=3).turns == turns


def test_a_d_that_is_ahead_loses_turns_until_the_limit() -> None:
    assert ratios(tempo(tempo="turns"), D_AHEAD, 5) == [-1, -2, -STEPS, -STEPS, -STEPS]


def test_a_d_that_is_behind_wins_turns_until_the_limit() -> None:
    assert ratios(tempo(tempo="turns"), D_BEHIND, 5) == [1, 2, STEPS, STEPS, STEPS]


@pytest.mark.parametrize("start", [-STEPS, -1, 0, 1, STEPS])
def test_in_its_band_the_ratio_goes_back_to_the_recipes_and_stays(start: int) -> None:
    own = tempo(ScheduleState(ratio=start), tempo="turns")
    steps = ratios(own, BAND, STEPS + 1)
    assert [abs(step) for step in steps] == [max(0, abs(start) - 1 - done) for done in range(STEPS + 1)]


@pytest.mark.parametrize(
    ("odds", "side"),
    [
        (Odds(0.95, AHEAD + 0.001, 0.99), -1),
        (Odds(0.95, AHEAD, 0.99), 0),
        (Odds(0.99, AHEAD - 0.001, 1.0), 0),
        (Odds(0.45, 0.4, BEHIND - 0.001), 1),
        (Odds(0.45, 0.4, BEHIND), 0),
        (Odds(0.45, 0.4, BEHIND + 0.001), 0),
    ],
)
def test_only_an_interval_wholly_outside_the_band_moves_the_turns(odds: Odds, side: int) -> None:
    """The value alone does not: it may be luck."""
    assert ratios(tempo(tempo="turns"), odds, 1) == [side]


def test_each_move_says_what_to_which_value_and_why() -> None:
    own = tempo(tempo="turns", d_steps=2)
    assert own.level(D_AHEAD, 0) == [Move("d_steps", 1.0, Reason("odds", {"odds": 0.97}))]
    assert own.level(D_AHEAD, 0) == [Move("d_steps", 0.5, Reason("odds", {"odds": 0.97}))]
    assert own.level(BAND, 0) == [Move("d_steps", 1.0, Reason("odds", {"odds": 0.70}))]


def test_nothing_is_said_where_nothing_moves() -> None:
    assert tempo(tempo="turns").level(BAND, 0) == []
    assert tempo(ScheduleState(ratio=-STEPS), tempo="turns").level(D_AHEAD, 0) == []
    assert tempo(ScheduleState(penalty=FIRMER**6), tempo="penalty").level(D_AHEAD, 0) == []


@pytest.mark.parametrize("odds", SIDES)
def test_a_fixed_tempo_never_moves(odds: Odds) -> None:
    own = tempo(ScheduleState(ratio=1, penalty=4, augment=0.5))
    assert own.level(odds, 0.5) == []
    assert own.pace == ScheduleState(ratio=1, penalty=4, augment=0.5)


def test_the_penalty_grows_while_d_is_ahead_and_shrinks_while_it_is_behind() -> None:
    own = tempo(tempo="penalty")
    assert [move.to for _ in range(2) for move in own.level(D_AHEAD, 0)] == [FIRMER, FIRMER**2]
    assert own.level(BAND, 0) == []
    moves = [move for _ in range(3) for move in own.level(D_BEHIND, 0)]
    assert [move.to for move in moves] == [FIRMER, 1, 1 / FIRMER]
    assert [move[::2] for move in moves] == [("penalty", Reason("odds", {"odds": 0.4}))] * 3
    assert own.pace.ratio == 0


@pytest.mark.parametrize(("odds", "limit"), [(D_AHEAD, FIRMER**6), (D_BEHIND, FIRMER**-6)])
def test_the_penalty_has_a_limit_either_way(odds: Odds, limit: float) -> None:
    own = tempo(tempo="penalty")
    told = [len(own.level(odds, 0)) for _ in range(9)]
    assert own.pace.penalty == limit
    assert told == [1] * 6 + [0] * 3


def test_augmentation_rises_with_the_gap_and_falls_back() -> None:
    own = tempo(augment="auto")
    up = [move for _ in range(12) for move in own.level(BAND, GAP + 0.01)]
    steps = round(MOST / STEP)
    assert [move.to for move in up] == [round(STEP * n, 3) for n in range(1, steps + 1)], "and no further"
    down = [move for _ in range(12) for move in own.level(BAND, -0.001)]
    assert [move.to for move in down] == [round(MOST - STEP * n, 3) for n in range(1, steps + 1)]
    assert own.pace.augment == 0
    assert own.level(BAND, -0.2) == []
    assert {move.what for move in up + down} == {"augment"}
    assert up[0].reason == Reason("gap", {"gap": GAP + 0.01})


@pytest.mark.parametrize("gap", [0.0, GAP / 2, GAP])
def test_augmentation_stays_where_the_gap_is_small(gap: float) -> None:
    own = tempo(ScheduleState(augment=0.4), augment="auto")
    assert own.level(BAND, gap) == []
    assert own.pace.augment == 0.4


@pytest.mark.parametrize("choice", ["on", "off"])
def test_a_choice_of_augmentation_is_kept(choice: str) -> None:
    own = tempo(ScheduleState(augment=float(choice == "on")), augment=choice, tempo="turns")
    for gap in (0.5, -0.5):
        own.level(D_AHEAD, gap)
        assert own.pace.augment == float(choice == "on")


def test_turns_and_augmentation_move_at_the_same_check() -> None:
    moves = tempo(tempo="turns", augment="auto").level(D_AHEAD, 0.2)
    assert [move.what for move in moves] == ["d_steps", "augment"]


def test_a_game_that_stands_still_is_held_firmer_once_and_its_rates_are_lowered_so_often() -> None:
    own = tempo()
    told = [own.on_plateau(D_AHEAD, True) for _ in range(SLOWEST + 3)]
    assert [len(moves) for moves in told] == [1] * (SLOWEST + 1) + [0, 0]
    assert told[0] == [Move("penalty", HELD, STALLED)]
    for times, moves in enumerate(told[1 : SLOWEST + 1], 1):
        assert tuple(moves[0]) == ("lr", pytest.approx(SLOWER**times), STALLED)
    assert own.state() == pytest.approx(
        {**STILL, "penalty": HELD, "penalty_raised": True, "rate": SLOWER**SLOWEST, "slowed": SLOWEST}
    )


def test_rates_that_were_lowered_for_nothing_are_raised_again_and_stay_so() -> None:
    own = tempo()
    own.on_plateau(LEVEL, False)
    assert own.pace.rate == pytest.approx(SLOWER)
    assert own.on_plateau(LEVEL, False) == [Move("lr", pytest.approx(1.0), NO_NEARER)]
    assert own.on_plateau(LEVEL, False) == own.on_plateau(LEVEL, True) == []


def test_rates_that_brought_the_game_nearer_once_are_not_raised_again() -> None:
    own = tempo()
    told = [own.on_plateau(LEVEL, nearer) for nearer in (False, True, False)]
    assert [len(moves) for moves in told] == [1, 1, 0]
    assert own.pace.rate == pytest.approx(SLOWER**SLOWEST)


@pytest.mark.parametrize(("odds", "penalised"), [(LEVEL, True), (D_AHEAD, False)])
def test_a_level_game_and_one_without_a_penalty_are_only_slowed(odds: Odds, penalised: bool) -> None:
    own = BalanceSchedule(GameSettings(), ScheduleState(), penalised)
    assert [move.what for move in own.on_plateau(odds, False)] == ["lr"]


def test_without_annealing_nothing_moves_where_a_game_stands_still() -> None:
    own = tempo(anneal="off")
    assert own.on_plateau(D_AHEAD, False) == []
    assert own.pace == ScheduleState()


def test_each_new_try_has_a_tenth_of_the_rates_and_from_the_second_four_times_the_penalty() -> None:
    own = tempo()
    assert own.recover(1, RAN_OFF) == [Move("lr", 0.1, RAN_OFF)]
    assert own.state() == {**STILL, "rate": 0.1}
    for attempt in (2, 3):
        rates, penalty = own.recover(attempt, RAN_OFF)
        assert tuple(rates) == ("lr", pytest.approx(0.1**attempt), RAN_OFF)
        assert penalty == Move("penalty", 4.0 ** (attempt - 1), RAN_OFF)
    assert own.state() == pytest.approx({**STILL, "rate": 1e-3, "penalty": 16})


def test_a_new_try_takes_no_annealing_away() -> None:
    own = tempo()
    own.recover(1, RAN_OFF)
    assert [len(own.on_plateau(LEVEL, True)) for _ in range(SLOWEST + 1)] == [1] * SLOWEST + [0]
    assert own.pace.rate == pytest.approx(0.1 * SLOWER**SLOWEST)


CHECKS = st.lists(st.tuples(st.sampled_from(SIDES), st.floats(-0.5, 0.5)), max_size=40)
KINDS = st.sampled_from(["fixed", "turns", "penalty"])
WAYS = st.sampled_from(["auto", "on", "off"])


@settings(deadline=None)
@given(KINDS, WAYS, CHECKS)
def test_no_course_of_checks_leaves_the_limits(
    kind: str, augment: str, checks: list[tuple[Odds, float]]
) -> None:
    own = tempo(tempo=kind, augment=augment)
    for odds, gap in checks:
        own.level(odds, gap)
        assert -STEPS <= own.pace.ratio <= STEPS
        assert FIRMER**-6 <= own.pace.penalty <= FIRMER**6
        assert 0 <= own.pace.augment <= (MOST if augment == "auto" else 1)
        assert min(own.turns) == 1


@settings(deadline=None)
@given(KINDS, CHECKS, CHECKS)
def test_a_restored_tempo_goes_on_as_the_one_that_was_saved(
    kind: str, before: list[tuple[Odds, float]], after: list[tuple[Odds, float]]
) -> None:
    own, again = (tempo(tempo=kind, augment="auto") for _ in range(2))
    for odds, gap in before:
        own.level(odds, gap)
    own.on_plateau(D_AHEAD, False)
    own.recover(2, RAN_OFF)
    again.restore(json.loads(json.dumps(own.state())))
    assert again.pace == own.pace
    assert [again.level(*check) for check in after] == [own.level(*check) for check in after]
    assert again.on_plateau(LEVEL, True) == own.on_plateau(LEVEL, True)
    assert again.state() == own.state()
