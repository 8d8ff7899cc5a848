"""Both languages say everything, with the same facts."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest

import evenodds.studio
from evenodds.config.settings import Recipe
from evenodds.judge.oddities import SENTENCES as ODDITIES
from evenodds.judge.oddities import sentence
from evenodds.judge.support import Oddity
from evenodds.runs.messages import MESSAGES
from evenodds.runs.status import MEANINGS, SENTENCES
from evenodds.studio.i18n import LANGUAGES, preferred, speaker, texts

SOURCE = Path(evenodds.studio.__file__).parent


def fields(text: str) -> set[str]:
    """The facts that a text takes."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_there_in_both_and_takes_the_same_facts() -> None:
    for key, said in texts().items():
        assert set(said) == set(LANGUAGES), key
        assert fields(said["en"]) == fields(said["ko"]), key
        assert re.findall(r"</?\w+", said["en"]) == re.findall(r"</?\w+", said["ko"]), key


def test_no_key_stands_twice() -> None:
    text = (SOURCE / "words.json").read_text("utf-8")
    keys = [key for key, _ in json.loads(text, object_pairs_hook=list)]
    assert sorted(keys) == sorted(set(keys))


def test_korean_is_korean() -> None:
    same = {key for key, said in texts().items() if said["en"] == said["ko"]}
    assert same <= {"slot A", "slot B", "slot C", "sum slots", "ended"}
    korean = "".join(said["ko"] for said in texts().values())
    assert all(
        term in korean for term in ("생성자", "구분자", "가짜", "진짜", "반반", "전치 합성곱", "조건부 GAN")
    )


def test_every_key_that_is_said_is_known() -> None:
    said = set()
    for path in SOURCE.rglob("*.py"):
        said |= set(re.findall(r"""\bsay\(\s*["']([^"'{]+)["']\s*[,)]""", path.read_text()))
    assert said <= set(texts())
    assert len(said) > 60


def test_what_verdicts_and_standings_mean_is_said() -> None:
    for name in MEANINGS:
        assert {f"meaning {name}", f"verdict {name}"} <= set(texts())
    for key, text in SENTENCES.items():
        assert fields(texts()[f"standing {key}"]["en"]) == fields(text)


def test_every_setting_has_a_name_that_a_reader_knows() -> None:
    names = {name for group in Recipe().model_dump().values() for name in group} - {"network", "condition"}
    assert {key.removeprefix("setting ") for key in texts() if key.startswith("setting ")} == names
    for language in LANGUAGES:
        said = [speaker(language)(f"setting {name}") for name in names]
        assert len(set(said)) == len(said)
        assert not any("_" in text or "." in text for text in said)


def test_what_lies_outside_is_said_in_both_languages_with_its_facts() -> None:
    facts = {
        "column": "a",
        "value": "1",
        "by": "2",
        "edge": "3",
        "rows": 4,
        "other": "b",
        "beside": "5",
        "expected": 6.0,
    }
    for code in (key.removeprefix("outside ") for key in ODDITIES):
        oddity = Oddity(code, facts, 9.0)
        assert sentence(oddity) == sentence(oddity, speaker("en"))
        korean = sentence(oddity, speaker("ko"))
        assert sorted(re.findall(r"\d", korean)) == sorted(re.findall(r"\d", sentence(oddity)))


def test_no_text_is_there_for_nothing() -> None:
    code = "".join(path.read_text() for path in SOURCE.rglob("*.py"))
    made = (
        "verdict ",
        "meaning ",
        "standing ",
        "short ",
        "loss ",
        "setting ",
        "problem ",
        "note ",
        "game ",
        "phase ",
        "slot ",
        "canvas ",
        "page ",
        "p ",
        "live ",
        "held ",
        "beat ",
        "axis ",
        "card ",
        "guide ",
        "drawn ",
        "report ",
        "metric ",
        "chapter ",
        "stage ",
        "loss ",
        "game ",
        *MESSAGES,
        *ODDITIES,
    )
    spoken = [key for key in texts() if f'"{key}"' not in code and f"'{key}'" not in code]
    assert [key for key in spoken if not key.startswith(made)] == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"), ("", "en"), ("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("en-US,ko;q=0.5", "en"), ("de,fr;q=0.5", "en"),
        ("de, ko;q=0.3", "ko"), ("en;q=0.2,ko;q=0.9", "ko"), ("*;q=x", "en"),
    ],
)  # fmt: skip
def test_the_browser_chooses_the_language(accepted: str | None, language: str) -> None:
    assert preferred(accepted) == language


def test_a_text_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        speaker("en")("no such text")
