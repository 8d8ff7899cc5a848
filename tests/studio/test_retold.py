"""What alarms and moves say in English is said in Korean, numbers and all."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from evenodds.config.settings import GameSettings
from evenodds.game.alarms import STUCK_FOR, Alarm, raised
from evenodds.game.schedule import BalanceSchedule, Move, ScheduleState
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.odds import Odds
from evenodds.runs.report import EVENTS
from evenodds.studio.i18n import speaker
from evenodds.studio.translate import retold
from evenodds.training.supervisor import NO_NUMBER

WELL = CheckMetrics(
    odds=0.72, odds_low=0.69, odds_high=0.75, gap=0.01, score_range=11.0, score_deviation=0.8, coverage=0.9,
    precision=0.85, identical=0.0, spread=0.95, closeness=0.5, closeness_low=0.47, nearer_train=0.81,
    nearer_by_chance=0.8, chance=0.013, distance=0.1,
)  # fmt: skip
AHEAD = Odds(0.97, 0.95, 0.99)
CERTAIN = WELL._replace(odds=1.0, odds_low=0.998, odds_high=1.0)
MISLED = WELL._replace(odds=0.1, odds_low=0.05, odds_high=0.15)
FAULTS = [
    (WELL._replace(score_range=3e6), []),
    (CERTAIN, [CERTAIN] * STUCK_FOR),
    (WELL._replace(score_deviation=0.0), []),
    (MISLED, [MISLED]),
    (WELL._replace(identical=0.9), []),
    (WELL._replace(precision=0.95, coverage=0.12), []),
    (WELL._replace(coverage=0.3), [WELL]),
    (WELL._replace(spread=0.3), [WELL]),
    (WELL._replace(closeness=0.99, closeness_low=0.98, nearer_train=1.0), []),
]
"""One of each way in which a game goes wrong."""


def alarms() -> Iterator[Alarm]:
    for now, before in FAULTS:
        (found,) = raised(now, before)
        yield found
    yield NO_NUMBER


def moves() -> Iterator[Move]:
    for settings in (
        GameSettings(tempo="turns", augment="auto"),
        GameSettings(tempo="penalty", augment="off"),
    ):
        tempo = BalanceSchedule(settings, ScheduleState())
        yield from tempo.level(AHEAD, 0.2)
        for _ in range(3):
            yield from tempo.on_plateau(AHEAD, False, "nothing became better for a while")
        yield from tempo.recover(2, NO_NUMBER.reason)


NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
SENTENCES = [
    *(f"alarm, {alarm.kind}: {alarm.reason}" for alarm in alarms()),
    *(f"{alarm.kind}: {alarm.reason}" for alarm in alarms()),
    *(EVENTS["tempo"].format(**move._asdict()) for move in moves()),
    *(EVENTS["back"].format(to=1200, attempt=2, reason=alarm.reason) for alarm in alarms()),
    EVENTS["head start"].format(turns=20, reached=0.83, asked=0.8),
    EVENTS["resume"],
    EVENTS["ranks"].format(now=1, was=2),
    EVENTS["split"].format(parts=2),
]


@pytest.mark.parametrize("sentence", sorted(set(SENTENCES)))
def test_every_sentence_is_said_in_korean_with_its_numbers(sentence: str) -> None:
    korean = retold(speaker("ko"), sentence)
    assert not re.search("[A-Za-z]", korean.replace("e+06", "")), korean
    assert sorted(NUMBER.findall(korean)) == sorted(NUMBER.findall(sentence))
    assert retold(speaker("en"), sentence) == sentence


def test_every_kind_of_fault_and_move_is_among_them() -> None:
    assert len({alarm.reason for alarm in alarms()}) == len(FAULTS) + 1
    assert {alarm.kind for alarm in alarms()} == {"divergence", "dead D", "misled D", "collapse", "copying"}
    assert len({move.what for move in moves()}) == 4


def test_what_nobody_knows_stays_as_it_is() -> None:
    assert retold(speaker("ko"), "checkpoint 12 is damaged") == "checkpoint 12 is damaged"
