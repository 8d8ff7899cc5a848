"""Each alarm just on either side of its threshold, and none for a game in good health."""

from __future__ import annotations

from typing import Any

import pytest

from evenodds.game.alarms import (
    CLOSE,
    CONSTANT,
    EXPLODED,
    FALLEN,
    FLAT,
    LOST_GROUP,
    MET,
    MISLED,
    PLAUSIBLE,
    SETTLED,
    STUCK,
    STUCK_FOR,
    SURE,
    Alarm,
    raised,
)
from evenodds.game.reason import Reason
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.groups import Group, Lost

A_LITTLE = 1e-6
HEALTHY = CheckMetrics(
    odds=0.72,
    odds_low=0.69,
    odds_high=0.75,
    gap=0.01,
    score_range=11.0,
    score_deviation=0.8,
    coverage=0.9,
    precision=0.85,
    identical=0.0,
    spread=0.95,
    closeness=0.5,
    closeness_low=0.47,
    nearer_train=0.81,
    nearer_by_chance=0.8,
    chance=0.013,
    distance=0.1,
)
SWAPPED: dict[str, Any] = {"odds": 0.1, "odds_low": 0.05, "odds_high": 0.15}
COPIED: dict[str, Any] = {"closeness": 0.99, "closeness_low": 0.98, "nearer_train": 1.0}
OFFLINE = Lost(Group("level", {"column": "internet", "level": "no"}), real=0.215512, fake=0.013)
SINGLES = Lost(Group("range", {"column": "size", "low": "1", "high": "2"}), real=0.1, fake=0.0)
CERTAIN: dict[str, Any] = {"odds": 1.0, "odds_low": 0.998, "odds_high": 1.0}


def seen(**facts: Any) -> CheckMetrics:
    return HEALTHY._replace(**facts)


def kinds(now: CheckMetrics, *before: CheckMetrics) -> list[str]:
    return [alarm.kind for alarm in raised(now, before)]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"odds": 0.5, "odds_low": 0.47, "odds_high": 0.53},
        {"odds": 0.4, "odds_low": 0.37, "odds_high": 0.43},
        CERTAIN,
        {"coverage": 0.02, "precision": 0.0, "spread": 0.1},
        {"spread": 3.0},
        {"gap": 0.3},
        {"identical": 0.1},
        {"score_deviation": 1e-3, "score_range": 0.1},
    ],
    ids=["sound", "even", "G ahead", "D certain", "G young", "wide", "memorised", "few twins", "D is new"],
)
def test_a_game_in_good_health_raises_no_alarm(facts: dict[str, Any]) -> None:
    assert raised(seen(**facts), []) == []
    young = [seen(coverage=share / 20, spread=share / 20) for share in range(6)]
    assert raised(seen(**facts), young) == []


@pytest.mark.parametrize(("spread", "alarms"), [(EXPLODED, []), (EXPLODED * 1.001, ["divergence"])])
def test_scores_that_run_off_are_divergence(spread: float, alarms: list[str]) -> None:
    assert kinds(seen(score_range=spread)) == alarms


def test_divergence_names_how_far_the_scores_range() -> None:
    assert raised(seen(score_range=3e6), []) == [
        Alarm("divergence", Reason("exploded", {"range": 3e6}), "diverged")
    ]


def certain(*distances: float, low: float = 0.998) -> list[CheckMetrics]:
    return [seen(**{**CERTAIN, "odds_low": low, "distance": distance}) for distance in distances]


def stuck(course: list[CheckMetrics]) -> list[str]:
    return kinds(course[-1], *course[:-1])


def test_odds_at_one_for_long_with_fakes_no_better_are_divergence() -> None:
    assert stuck(certain(*[1.0] * (STUCK_FOR))) == ["divergence"]
    assert stuck(certain(*[1.0] * (STUCK_FOR - 1))) == []


def test_odds_at_one_are_no_fault_while_the_fakes_become_better() -> None:
    assert stuck(certain(*[1 - 0.01 * place for place in range(30)])) == []
    assert stuck(certain(*[1 + 0.01 * place for place in range(30)])) == ["divergence"]


def test_one_good_check_among_bad_ones_is_not_better() -> None:
    """Medians of both halves are compared."""
    distances = [1.0] * (STUCK_FOR)
    distances[-2] = 0.1
    assert stuck(certain(*distances)) == ["divergence"]


@pytest.mark.parametrize("place", [0, 5, STUCK_FOR - 1])
def test_one_check_that_was_not_certain_ends_the_count(place: int) -> None:
    course = certain(*[1.0] * (STUCK_FOR))
    course[place] = course[place]._replace(odds_low=STUCK)
    assert stuck(course) == []
    course[place] = course[place]._replace(odds_low=STUCK + A_LITTLE)
    assert stuck(course) == ["divergence"]


def test_checks_before_the_last_ones_are_forgotten() -> None:
    """The distance fell long ago, and the odds were low then."""
    course = [HEALTHY] * 5 + certain(*[5.0] * 3, *[1.0] * (STUCK_FOR))
    assert stuck(course) == ["divergence"]


@pytest.mark.parametrize(("deviation", "dead"), [(0.0, True), (FLAT, True), (FLAT * 1.01, False)])
def test_one_score_for_everything_is_a_dead_d(deviation: float, dead: bool) -> None:
    expected = [Alarm("dead D", Reason("constant_score"), "diverged")] if dead else []
    assert raised(seen(score_deviation=deviation), []) == expected


@pytest.mark.parametrize(("high", "misled"), [(MISLED, True), (MISLED + A_LITTLE, False)])
def test_odds_surely_and_twice_far_below_even_are_a_misled_d(high: float, misled: bool) -> None:
    now, low = seen(odds=0.2, odds_high=high), seen(**SWAPPED)
    assert kinds(now, low) == ["misled D"] * misled
    assert kinds(low, now) == ["misled D"] * misled
    assert kinds(low) == [], "once is not enough"
    assert kinds(low, low, HEALTHY) == [], "nor twice with a pause"


def test_a_misled_d_is_said_with_its_odds() -> None:
    (alarm,) = raised(seen(**SWAPPED), [seen(**SWAPPED)])
    assert alarm.ends == "diverged"
    assert alarm.reason == Reason("swapped", {"odds": 0.1})


@pytest.mark.parametrize(("share", "collapsed"), [(CONSTANT, False), (CONSTANT + A_LITTLE, True)])
def test_twins_in_more_than_half_of_the_fakes_are_a_collapse(share: float, collapsed: bool) -> None:
    assert kinds(seen(identical=share)) == ["collapse"] * collapsed
    assert kinds(seen(identical=share), HEALTHY) == ["collapse"] * collapsed


@pytest.mark.parametrize(
    ("precision", "coverage", "collapsed"),
    [
        (1.0, MET - A_LITTLE, True),
        (1.0, MET, False),
        (0.8, 0.8 * MET - A_LITTLE, True),
        (0.8, 0.8 * MET + A_LITTLE, False),
        (PLAUSIBLE, 0.0, False),
        (PLAUSIBLE + A_LITTLE, 0.0, True),
    ],
)
def test_plausible_fakes_of_few_kinds_are_a_collapse(
    precision: float, coverage: float, collapsed: bool
) -> None:
    assert kinds(seen(precision=precision, coverage=coverage)) == ["collapse"] * collapsed


def test_a_collapse_to_few_kinds_names_both_shares() -> None:
    (alarm,) = raised(seen(precision=0.95, coverage=0.12), [])
    assert alarm.reason == Reason("few_kinds", {"precision": 0.95, "coverage": 0.12})
    assert alarm.ends == "collapsed"


@pytest.mark.parametrize("name", ["coverage", "spread"])
@pytest.mark.parametrize("best", [SETTLED + 0.01, 0.8, 1.0])
def test_a_fall_far_below_the_best_is_a_collapse(name: str, best: float) -> None:
    """However long ago the best was; precision is low, so that nothing else is amiss."""
    peak, since = seen(**{name: best}), seen(**{name: best * 0.7})
    below = seen(**{name: best * FALLEN - A_LITTLE, "precision": 0.5})
    above = seen(**{name: best * FALLEN + A_LITTLE, "precision": 0.5})
    before = [seen(**{name: 0.1}), peak, since, since]
    assert kinds(below, *before) == ["collapse"]
    assert kinds(above, *before) == []
    facts = {"best": best, "now": getattr(below, name)}
    assert raised(below, before)[0].reason == Reason(f"{name}_fell", facts)


@pytest.mark.parametrize("name", ["coverage", "spread"])
def test_a_young_generator_has_nothing_to_fall_from(name: str) -> None:
    now = seen(**{name: 0.0, "precision": 0.5})
    assert kinds(now, seen(**{name: SETTLED})) == []
    assert kinds(now, seen(**{name: SETTLED + A_LITTLE})) == ["collapse"]
    assert kinds(now) == []


def test_spread_that_comes_down_to_the_datas_own_is_no_fall() -> None:
    wide = seen(spread=20.0)
    assert kinds(seen(spread=1.0), wide) == []
    assert kinds(seen(spread=FALLEN + A_LITTLE), wide) == []
    assert kinds(seen(spread=FALLEN - A_LITTLE), wide) == ["collapse"]


@pytest.mark.parametrize(("low", "copied"), [(CLOSE - A_LITTLE, False), (CLOSE, True)])
def test_copying_needs_fakes_surely_nearer_than_heldout_reals(low: float, copied: bool) -> None:
    assert kinds(seen(**{**COPIED, "closeness_low": low})) == ["copying"] * copied


@pytest.mark.parametrize(
    ("chance", "excess"),
    [(0.01, SURE * 0.01), (0.001, SURE * 0.001), (0.2, 0.9 * 0.2)],
    ids=["by chance", "by less chance", "by nearly all there is"],
)
def test_copying_needs_more_fakes_near_training_samples_than_chance_has(chance: float, excess: float) -> None:
    """With few held-out samples four of five are near training ones anyway: then nearly all must be."""
    for more, copied in ((A_LITTLE, True), (-A_LITTLE, False)):
        now = seen(**{**COPIED, "chance": chance, "nearer_train": 0.8 + excess + more})
        assert kinds(now) == ["copying"] * copied


def test_copying_lets_play_go_on() -> None:
    (alarm,) = raised(seen(**COPIED), [])
    assert alarm.ends is None
    assert alarm.reason == Reason("copied", {"closeness": 0.99})


def test_fakes_nearer_to_training_samples_only_because_there_are_more_are_no_copies() -> None:
    assert kinds(seen(**{**COPIED, "nearer_train": 0.8})) == []


def test_several_alarms_come_worst_first() -> None:
    everything = seen(**SWAPPED, **COPIED, score_range=1e9, score_deviation=0.0, identical=1.0)
    found = raised(everything, [seen(**SWAPPED)])
    assert [alarm.kind for alarm in found] == ["divergence", "dead D", "misled D", "collapse", "copying"]
    assert [alarm.ends for alarm in found] == ["diverged"] * 3 + ["collapsed", None]


def test_one_kind_is_raised_once_and_by_its_plainest_sign() -> None:
    now = seen(identical=0.9, coverage=0.01, spread=0.01)
    (alarm,) = raised(now, [HEALTHY])
    assert alarm.reason == Reason("identical", {"share": 0.9})


def test_the_spread_of_fakes_that_are_like_no_real_is_nothing_to_fall_from() -> None:
    untrained = seen(coverage=0.0, precision=0.0, spread=1.1)
    assert kinds(seen(coverage=0.0, precision=0.0, spread=0.07), untrained) == []
    assert kinds(seen(coverage=0.0, precision=0.0, spread=0.07), seen(coverage=0.1, spread=1.0)) == [
        "collapse"
    ]


def test_few_kinds_are_no_collapse_while_they_come_nearer() -> None:
    few = {"coverage": 0.1, "precision": 0.95}
    before = [seen(**few, distance=0.5), seen(**few, distance=0.4)]
    assert kinds(seen(**few, distance=0.3), *before) == []
    assert kinds(seen(**few, distance=0.4), *before) == ["collapse"]
    assert kinds(seen(**few, distance=0.3, identical=1.0), *before) == ["collapse"]


def test_the_largest_lost_group_is_named_with_its_shares() -> None:
    (alarm,) = raised(HEALTHY, [], [OFFLINE, SINGLES])
    facts = {"column": "internet", "level": "no", "real": 0.2155, "fake": 0.013, "groups": 2}
    assert alarm == Alarm(LOST_GROUP, Reason("lost_level", facts), None)
    (alarm,) = raised(HEALTHY, [], [SINGLES])
    assert alarm.reason.code == "lost_range"
    assert alarm.to_json()["low"] == "1"


@pytest.mark.parametrize(("coverage", "young"), [(SETTLED, True), (SETTLED + A_LITTLE, False)])
def test_of_a_young_generator_no_lost_group_is_said(coverage: float, young: bool) -> None:
    assert bool(raised(seen(coverage=coverage), [], [OFFLINE])) is not young


def test_a_lost_group_is_said_last_and_lets_play_go_on() -> None:
    alarms = raised(seen(**COPIED), [], [OFFLINE])
    assert [alarm.kind for alarm in alarms] == ["copying", LOST_GROUP]
    assert [alarm.ends for alarm in alarms] == [None, None]
