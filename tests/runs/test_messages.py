"""Codes and numbers of a journal become sentences in either language; journals of before keep theirs."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, get_args

import pytest
import torch
from torch import nn

from evenodds.config.settings import GameSettings, NetworkSettings
from evenodds.core.bundle import Tensors
from evenodds.core.spec import Condition, PictureSpec, RowSpec, Span
from evenodds.game.alarms import NOT_FINITE, STUCK_FOR, Alarm, raised
from evenodds.game.schedule import BalanceSchedule, Move, Moved, ScheduleState
from evenodds.game.step import Players
from evenodds.metrics.groups import Group, Lost
from evenodds.metrics.odds import Odds
from evenodds.networks.build import build
from evenodds.networks.ema import Average
from evenodds.runs.initial_weights import InitialWeights
from evenodds.runs.journal import is_alarm
from evenodds.runs.messages import MESSAGES, alarm_sentence, english, event_sentence, referee_sentence
from evenodds.runs.status import verdict_sentences
from evenodds.runs.verdict import Evidence, RefereeRuling, Verdict
from evenodds.studio.i18n import LANGUAGES, speaker, texts
from evenodds.studio.translate import translate
from evenodds.training.initial_players import begin_with
from evenodds.training.likelihood import CUT, ENDED
from tests.checks import WELL

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
GROUPS = (
    Group("level", {"column": "internet", "level": "no"}),
    Group("missing", {"column": "weight"}),
    Group("range", {"column": "tenure", "low": "0", "high": "3.5"}),
    Group("pair", {"column": "internet", "level": "no", "other": "phone", "other_level": "yes"}),
)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def alarms() -> Iterator[Alarm]:
    for now, before in FAULTS:
        (alarm,) = raised(now, before)
        yield alarm
    for group in GROUPS:
        (alarm,) = raised(WELL, [], [Lost(group, 0.2155, 0.013)] * 3)
        yield alarm
    yield NOT_FINITE


def moves() -> Iterator[Move]:
    for settings in (
        GameSettings(tempo="turns", augment="auto"),
        GameSettings(tempo="penalty", augment="off"),
    ):
        schedule = BalanceSchedule(settings, ScheduleState())
        yield from schedule.level(AHEAD, 0.2)
        for _ in range(3):
            yield from schedule.on_plateau(AHEAD, False)
        yield from schedule.recover(2, NOT_FINITE.reason)


def beginnings() -> Iterator[dict[str, Any]]:
    """All that is said of networks with which a game begins."""
    old, new = PictureSpec(1, 8, 8), PictureSpec(3, 16, 16)
    settings = NetworkSettings(network="dcgan", width=8, latent=4)
    labels = (Condition("labels", RowSpec((Span(0, count, "category"),))) for count in (3, 5))
    first, second = (
        InitialWeights(
            "runs/cats",
            settings,
            old,
            condition,
            "",
            partial(weights_of, *build(old, settings, condition), d),
        )
        for condition, d in ((next(labels), True), (None, False))
    )
    few, many = RowSpec((Span(0, 2, "category"),)), RowSpec((Span(0, 3, "category"),))
    rows = NetworkSettings(network="tabular", width=8, latent=4)
    third = InitialWeights("runs/rows", rows, few, None, "", partial(weights_of, *build(few, rows), True))
    yield from begin_with(players_of(*build(new, settings, next(labels))), first)
    yield from begin_with(players_of(*build(old, settings)), second)
    yield from begin_with(players_of(*build(many, rows)), third)


def weights_of(generator: nn.Module, discriminator: nn.Module, both: bool) -> Tensors:
    tensors = {"average": generator.state_dict(), "discriminator": discriminator.state_dict()}
    return tensors if both else {"average": tensors["average"]}


def players_of(generator: nn.Module, discriminator: nn.Module) -> Players:
    optimizer = torch.optim.Adam(generator.parameters())
    return Players(generator, discriminator, Average(generator, 1e3), optimizer, optimizer)


def lines() -> Iterator[dict[str, Any]]:
    """A line of each event, as a training writes it."""
    for alarm in alarms():
        reason = alarm.reason.to_json()
        yield {"event": "alarm", "round": 7, "kind": alarm.kind, "reason": reason}
        yield {"event": "back", "round": 7, "to": 1200, "attempt": 2, "reason": reason}
    for move in moves():
        yield {
            "event": "tempo",
            "round": 7,
            "what": move.what,
            "to": move.to,
            "reason": move.reason.to_json(),
        }
    yield {"event": "head start", "round": 0, "turns": 20, "reached": 0.83, "asked": 0.8, "won": True}
    for event in (ENDED, CUT):
        yield {"event": event, "round": 0, "steps": 900, "first": 2.31, "best": 1.87, "seconds": 40.2}
    for reason in beginnings():
        yield {"event": "init", "round": 0, "reason": reason}
    yield {"event": "resume", "round": 7}
    yield {"event": "ranks", "round": 7, "now": 1, "was": 2}
    yield {"event": "split", "round": 7, "parts": 2}
    yield {"event": "stage", "round": 40, "side": 64}
    yield {"event": "damaged", "round": 7, "checkpoint": "00000009", "reason": "state.json does not read"}


def without_texts(sentence: str, facts: dict[str, Any]) -> str:
    """A sentence without the words of the data, which are in no language."""
    for text in sorted(
        (fact for name, fact in facts.items() if isinstance(fact, str) and name not in ("kind", "code")),
        key=len,
    ):
        sentence = re.sub(rf"(?<![A-Za-z]){re.escape(text)}(?![A-Za-z])", "", sentence)
    return sentence


def in_korean(line: dict[str, Any]) -> str:
    say = speaker("ko")
    return event_sentence(line, say, partial(translate, say))


@pytest.mark.parametrize("line", list(lines()), ids=str)
def test_every_event_is_said_in_both_languages_with_its_numbers(line: dict[str, Any]) -> None:
    korean, sentence = in_korean(line), event_sentence(line)
    reason = line.get("reason", {})
    told = without_texts(korean, reason if isinstance(reason, dict) else {})
    assert not re.search("[A-Za-z]", told.replace("e+06", "")), korean
    assert sorted(NUMBER.findall(korean)) == sorted(NUMBER.findall(sentence))
    assert event_sentence(line, speaker("en")) == sentence


@pytest.mark.parametrize("alarm", list(alarms()), ids=str)
def test_every_alarm_of_a_check_is_said_in_both_languages(alarm: Alarm) -> None:
    say = speaker("ko")
    korean = alarm_sentence(alarm.to_json(), say, partial(translate, say))
    assert not re.search("[A-Za-z]", without_texts(korean, alarm.to_json()).replace("e+06", "")), korean
    assert alarm_sentence(alarm.to_json()).startswith(f"{alarm.kind}: ")


def findings() -> Iterator[dict[str, Any]]:
    """What a referee can find, as verdicts say it."""
    ruling = RefereeRuling(600, 0.71, 0.68, 0.74, "trees", 1e-9, 1.0, 0.54, 1000)
    nothing = replace(ruling, auc=0.51, low=0.49, high=0.53, p_value=0.3)
    few = replace(nothing, low=0.3, high=0.7, power=0.71, reals=35)
    former = replace(nothing, p_value=None, power=None, reals=None)
    for one in (ruling, nothing, few, former):
        yield one.finding(0.55)
    yield Verdict("budget").summary["referee"]


def test_a_ruling_is_one_of_four_findings() -> None:
    codes = [finding["code"] for finding in findings()]
    assert codes == ["found", "level", "abstains", "former", "unheard"]


@pytest.mark.parametrize("finding", list(findings()), ids=lambda finding: str(finding["code"]))
def test_every_finding_is_said_in_both_languages_with_its_numbers(finding: dict[str, Any]) -> None:
    korean, sentence = referee_sentence(finding, speaker("ko")), referee_sentence(finding)
    assert not re.search("[A-Za-z]", korean), korean
    assert sorted(NUMBER.findall(korean)) == sorted(NUMBER.findall(sentence))


def test_a_verdict_of_a_coin_over_few_samples_is_never_called_level() -> None:
    """35 held-out reals and exactly a half: what trees that cannot split say."""
    ruling = RefereeRuling(600, 0.5, 0.36, 0.64, "trees", 0.5, 1.0, 0.71, 35)
    sentences = verdict_sentences(Verdict("budget", Evidence(referee=ruling, margin=0.55)))
    assert sentences[0] == "The budget is spent."
    assert "abstains" in sentences[1]
    assert "71%" in sentences[1]
    assert sentences[2] == "No alarm stands."


def test_a_standing_alarm_is_in_the_verdict() -> None:
    alarm = {"kind": "copying", "code": "copied", "closeness": 0.94}
    sentences = verdict_sentences(Verdict("plateau", Evidence(alarms=[alarm], margin=0.55)))
    assert sentences[1] == "The referee was not heard."
    assert sentences[2].startswith("Wrong: copying: a fake is nearer to a training sample")
    assert Verdict("plateau", Evidence(alarms=[alarm])).to_json()["summary"]["wrong"] == [alarm]


def test_every_code_has_a_message_and_every_message_a_code() -> None:
    reasons = {alarm.reason.code for alarm in alarms()} | {move.reason.code for move in moves()}
    reasons |= {reason["code"] for reason in beginnings()}
    keys = {
        "alarm",
        "wrong",
        "wrong nothing",
        "likelihood left",
        *(f"referee {finding['code']}" for finding in findings()),
        *(f"event {line['event']}" for line in lines()),
        *(f"kind {alarm.kind}" for alarm in alarms()),
        *(f"what {what}" for what in get_args(Moved)),
        *(f"reason {code}" for code in reasons),
    }
    assert keys == set(MESSAGES)
    assert {move.what for move in moves()} == set(get_args(Moved))


def test_every_message_takes_all_facts_of_its_code() -> None:
    for reason in [*(alarm.reason for alarm in alarms()), *(move.reason for move in moves())]:
        for language in LANGUAGES:
            text = texts()[f"reason {reason.code}"][language]
            assert {name for _, name, _, _ in string.Formatter().parse(text) if name} == set(reason.facts)


FORMER = [
    (
        {"event": "alarm", "round": 7, "kind": "dead D", "reason": "D gives every sample the same score"},
        "alarm, dead D: D gives every sample the same score",
    ),
    (
        {
            "event": "tempo",
            "round": 7,
            "what": "factor on the rates",
            "to": 0.3,
            "reason": "D's odds are 93%",
        },
        "factor on the rates set to 0.3: D's odds are 93%",
    ),
    (
        {
            "event": "back",
            "round": 7,
            "to": 1200,
            "attempt": 2,
            "reason": "a score or a fake is not a number",
        },
        "back to the state of round 1,200, try 2: a score or a fake is not a number",
    ),
]
"""Lines that version 0.1 wrote."""


@pytest.mark.parametrize(("line", "sentence"), FORMER)
def test_a_journal_of_before_keeps_its_sentences_and_is_said_in_korean(
    line: dict[str, Any], sentence: str
) -> None:
    assert event_sentence(line) == sentence
    assert not re.search("[A-Za-z]", in_korean(line))


def test_damage_that_a_version_before_found_is_said_as_it_was() -> None:
    line = {"event": "damaged", "round": 7, "reason": "the checkpoint x is damaged"}
    assert event_sentence(line) == in_korean(line) == "the checkpoint x is damaged"


def test_a_code_of_a_later_version_is_shown_as_it_is() -> None:
    assert alarm_sentence({"kind": "collapse", "code": "too_new", "share": 1}) == "collapse: too_new"
    assert alarm_sentence({"kind": "collapse", "code": "identical"}) == "collapse: identical"


def test_a_lost_group_is_named_as_the_table_has_it() -> None:
    facts = {"column": "internet", "level": "no", "real": 0.2155, "fake": 0.013, "groups": 1}
    said = "lost group: `internet = no`: 21.6% of rows, 1.3% of fakes; groups lost: 1"
    assert alarm_sentence({"kind": "lost group", "code": "lost_level", **facts}) == said
    hostile = {"kind": "lost group", "code": "lost_level", **facts, "level": "{column}", "real": "much"}
    assert alarm_sentence(hostile) == "lost group: lost_level"


@pytest.mark.parametrize(
    ("fact", "read"), [(0.5, True), ("no", True), (None, False), (["no"], False), (1e301, False)]
)
def test_facts_of_an_alarm_are_numbers_and_texts(fact: Any, read: bool) -> None:
    assert is_alarm({"kind": "lost group", "code": "lost_level", "level": fact}) is read


def test_a_message_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        english("no such message")
