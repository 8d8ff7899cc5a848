"""Sentences that journals of versions before 0.2 hold are said in Korean, numbers and all."""

from __future__ import annotations

import re

import pytest

from evenodds.runs.messages import MESSAGES
from evenodds.studio.i18n import speaker
from evenodds.studio.translate import FORMER, translate

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
SENTENCES = [
    "D's odds are 93%",
    "D's odds on trained reals are +6.0% from those on held-out",
    "D's odds on trained reals are -0.3% from those on held-out",
    "nothing became better for a while",
    "lower ones brought nothing nearer",
    "turns of D for one of G",
    "factor on the penalty",
    "factor on the rates",
    "share augmented",
    "dead D",
    "divergence: D's scores range over 3.0e+06",
    "divergence: D's odds stayed above 99.5% for 12 checks, and the fakes became no better",
    "divergence: a score or a fake is not a number",
    "dead D: D gives every sample the same score",
    "misled D: D takes fakes for real (odds 10%), as if labels were swapped",
    "collapse: 90% of the fakes are near-identical to another",
    "collapse: 95% of the fakes are plausible, but they cover 12% of the reals",
    "collapse: the fakes' coverage fell from 90% to 30%",
    "collapse: the fakes' spread fell from 95% to 30%",
    "copying: a fake is nearer to a training sample than a held-out real is 99% of the time",
]
"""As version 0.1 wrote them."""


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_former_sentence_is_said_in_korean_with_its_numbers(sentence: str) -> None:
    korean = translate(speaker("ko"), sentence)
    assert not re.search("[A-Za-z]", korean.replace("e+06", "")), korean
    assert sorted(NUMBER.findall(korean)) == sorted(NUMBER.findall(sentence))


def test_every_former_sentence_is_among_them_and_has_a_message_of_now() -> None:
    said = set()

    def note(key: str, /, **facts: float) -> str:
        said.add(key)
        return ""

    for sentence in SENTENCES:
        translate(note, sentence)
    assert said | {"kind copying"} == set(FORMER)
    assert set(FORMER) < set(MESSAGES)


@pytest.mark.parametrize("sentence", ["checkpoint 12 is damaged", "D's odds are high%", ""])
def test_what_nobody_knows_stays_as_it_is(sentence: str) -> None:
    assert translate(speaker("ko"), sentence) == sentence
