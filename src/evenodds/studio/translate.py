"""Korean for English sentences that come without codes: problems, notes on data, and journals of versions before
0.2."""

from __future__ import annotations

import re
import string
from functools import cache

from evenodds.studio.i18n import Words, texts

FORMER = {
    "alarm": "{kind}: {reason}",
    "kind collapse": "collapse",
    "kind copying": "copying",
    "kind dead D": "dead D",
    "kind divergence": "divergence",
    "kind misled D": "misled D",
    "what augment": "share augmented",
    "what d_steps": "turns of D for one of G",
    "what lr": "factor on the rates",
    "what penalty": "factor on the penalty",
    "reason constant_score": "D gives every sample the same score",
    "reason copied": "a fake is nearer to a training sample than a held-out real is {closeness:.0%} of the time",
    "reason coverage_fell": "the fakes' coverage fell from {best:.0%} to {now:.0%}",
    "reason exploded": "D's scores range over {range:e}",
    "reason few_kinds": "{precision:.0%} of the fakes are plausible, but they cover {coverage:.0%} of the reals",
    "reason gap": "D's odds on trained reals are {gap:.1%} from those on held-out",
    "reason identical": "{share:.0%} of the fakes are near-identical to another",
    "reason no_nearer": "lower ones brought nothing nearer",
    "reason not_finite": "a score or a fake is not a number",
    "reason odds": "D's odds are {odds:.0%}",
    "reason spread_fell": "the fakes' spread fell from {best:.0%} to {now:.0%}",
    "reason stalled": "nothing became better for a while",
    "reason stuck": "D's odds stayed above {odds:.1%} for {checks:d} checks, and the fakes became no better",
    "reason swapped": "D takes fakes for real (odds {odds:.0%}), as if labels were swapped",
}
"""By the key of the message that says the same now, the sentence as it was written. A fact without a format is a
sentence itself."""


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """For each key a pattern that matches its former sentence, those with the most fixed letters first."""
    return {key: pattern(FORMER[key]) for key in sorted(FORMER, key=lambda key: -fixed(FORMER[key]))}


def fixed(text: str) -> int:
    """The number of letters in a text that are no facts."""
    return sum(len(plain) for plain, *_ in string.Formatter().parse(text))


def pattern(text: str) -> re.Pattern[str]:
    """A pattern that matches a text whatever its facts are; a number is one word."""
    matching = ""
    for plain, name, form, _ in string.Formatter().parse(text):
        fact = r"\S+" if form else ".+?"
        matching += re.escape(plain) + (f"(?P<{name}>{fact})" if name else "")
    return re.compile(matching)


def number(text: str) -> float:
    """A number as a sentence has it, such as 90%, +6.0% or 3.0e+06."""
    return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


def translate(say: Words, sentence: str) -> str:
    """A sentence that a run holds in English, a note on its data or one of versions before, in the language of ``say``;
    one that is not known, such as a system's message, as it is."""
    note = note_sentence(say, sentence)
    if note != sentence:
        return note
    for key, pattern_of_key in patterns().items():
        match = pattern_of_key.fullmatch(sentence)
        if match:
            facts = match.groupdict()
            if key == "alarm":
                return say(key, **{name: translate(say, part) for name, part in facts.items()})
            try:
                return say(key, **{name: number(text) for name, text in facts.items()})
            except ValueError:
                continue
    return sentence


PROBLEM, NOTE = "problem ", "note "
"""The keys of what goes wrong, and of what is said of data, begin so; their English is what is raised or stored."""


@cache
def english_patterns(prefix: str) -> dict[str, re.Pattern[str]]:
    """For each key with a prefix a pattern that matches its English, those with the most fixed letters first."""
    english = {key: text["en"] for key, text in texts().items() if key.startswith(prefix)}
    return {key: pattern(english[key]) for key in sorted(english, key=lambda key: -fixed(english[key]))}


def problem_sentence(say: Words, problem: Exception | str) -> str:
    """What went wrong, in one line in the language of ``say``; as it was raised where it is not known."""
    return sentence_of(say, PROBLEM, " ".join(str(problem).split()))


def note_sentence(say: Words, note: str) -> str:
    """A note on data, or why a file was skipped, in the language of ``say``; as it was stored where it is not known.

    >>> from evenodds.studio.i18n import speaker
    >>> note_sentence(speaker("ko"), "column 'id' left out: as asked; fakes have new ids like C07")
    "'id' 열은 뺐습니다: 요청하신 대로입니다; 가짜에는 C07 같은 새 번호가 들어갑니다"
    """
    return sentence_of(say, NOTE, note)


def sentence_of(say: Words, prefix: str, sentence: str) -> str:
    """A sentence whose English has a key with a prefix, in the language of ``say``; another as it is. Reasons are such
    sentences themselves, of notes several with semicolons between."""
    for key, pattern_of_key in english_patterns(prefix).items():
        if match := pattern_of_key.fullmatch(sentence):
            facts = match.groupdict()
            if "reason" in facts:
                parts = facts["reason"].split("; ") if prefix == NOTE else [facts["reason"]]
                facts["reason"] = "; ".join(sentence_of(say, prefix, part) for part in parts)
            return say(key, **facts) if facts else say(key)
    return sentence
