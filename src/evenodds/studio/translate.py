"""What a journal says happened, said in the studio's language: its English sentences are known, and found again."""

from __future__ import annotations

import re
import string
from functools import cache

from evenodds.studio.i18n import Words, texts

TOLD = "told "
"""What the keys of a journal's sentences begin with; the English text is the sentence as the journal has it."""
PARTS = ("kind", "what", "reason")
"""Facts that are sentences or names themselves."""


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """For each key how its sentence is recognised, those that say most by themselves first."""
    english = {key: said["en"] for key, said in texts().items() if key.startswith(TOLD)}
    return {key: pattern(english[key]) for key in sorted(english, key=lambda key: -fixed(english[key]))}


def fixed(text: str) -> int:
    """How many letters of a text are no facts."""
    return sum(len(plain) for plain, *_ in string.Formatter().parse(text))


def pattern(text: str) -> re.Pattern[str]:
    """Matches a text whatever its facts are: sentences and names, else a number, which is one word."""
    found = ""
    for plain, name, _, _ in string.Formatter().parse(text):
        fact = ".+?" if name in PARTS else r"\S+"
        found += re.escape(plain) + (f"(?P<{name}>{fact})" if name else "")
    return re.compile(found)


def retold(say: Words, sentence: str) -> str:
    """The sentence in the language of ``say``; as it is where nobody knows it, such as the system's own words."""
    for key, known in patterns().items():
        found = known.fullmatch(sentence)
        if found:
            facts = found.groupdict()
            return say(key, **{n: retold(say, fact) if n in PARTS else fact for n, fact in facts.items()})
    return sentence
