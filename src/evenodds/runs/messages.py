"""English sentences for the codes and numbers of a run, and how a line of the journal becomes one in any language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

MESSAGES = {
    "event alarm": "alarm, {kind}: {reason}",
    "event back": "back to the state of round {to:,}, try {attempt}: {reason}",
    "event damaged": "checkpoint {checkpoint} is damaged and was not used",
    "event head start": "D played {turns} turns alone and came to {reached:.0%} (asked for: {asked:.0%})",
    "event init": "initial networks: {reason}",
    "event likelihood": "likelihood first: {first:.2f} → {best:.2f} nats a row in {seconds:.0f} s",
    "event likelihood cut": "likelihood first, for its share of the budget: {first:.2f} → {best:.2f} nats a row in "
    "{seconds:.0f} s",
    "likelihood left": "likelihood ended with its share of a smaller budget, and the game goes on without more of it: "
    "for that, take another --out",
    "event ranks": "goes on with {now} ranks in place of {was}",
    "event resume": "resumed",
    "event split": "the device's memory is full: a batch is played in {parts} parts",
    "event stage": "now pictures of {side} px are learnt",
    "event tempo": "{what} set to {to:.4g}: {reason}",
    "alarm": "{kind}: {reason}",
    "kind collapse": "collapse",
    "kind copying": "copying",
    "kind dead D": "dead D",
    "kind divergence": "divergence",
    "kind lost group": "lost group",
    "kind misled D": "misled D",
    "referee found": "The referee tells fakes from real samples that no player saw: it is right about {auc:.0%} of "
    "pairs ({low:.0%} to {high:.0%}), where a coin is about 50%.",
    "referee level": "The referee cannot tell fakes from {reals:,} real samples that no player saw "
    "({auc:.0%} of pairs, {low:.0%} to {high:.0%}); it would have found {power:.0%}.",
    "referee abstains": "The referee abstains: with {reals:,} real samples that no player saw it cannot tell below "
    "{power:.0%}.",
    "referee former": "The referee is right about {auc:.0%} of pairs of a fake and a real sample ({low:.0%} to "
    "{high:.0%}).",
    "referee unheard": "The referee was not heard.",
    "wrong": "Wrong: {alarms}.",
    "wrong nothing": "No alarm stands.",
    "what augment": "share of augmented pictures",
    "what d_steps": "D steps for one G step",
    "what lr": "factor on the learning rates",
    "what penalty": "factor on the penalty",
    "reason constant_score": "D gives every sample the same score",
    "reason copied": "a fake is nearer to a training sample than a held-out real is {closeness:.0%} of the time",
    "reason coverage_fell": "the fakes' coverage fell from {best:.0%} to {now:.0%}",
    "reason exploded": "D's scores range over {range:.1e}",
    "reason few_kinds": "{precision:.0%} of the fakes are plausible, but they cover {coverage:.0%} of the reals",
    "reason gap": "D's odds on trained reals are {gap:+.1%} from those on held-out ones",
    "reason identical": "{share:.0%} of the fakes are near-identical to another",
    "reason init_alone": "D begins anew, since {source} holds G alone",
    "reason init_channels": "pictures with other channels, taken over as their mean or in copies: {layers}",
    "reason init_labels": "other labels, begins anew: {layers}",
    "reason init_partly": "of another width, taken over as far as it goes: {layers}",
    "reason init_shape": "of another shape, begins anew: {layers}",
    "reason init_size": "pictures of another size, begins anew: {layers}",
    "reason init_taken": "from {source}, {taken_g} of {of_g} tensors of G and {taken_d} of {of_d} of D",
    "reason lost_level": "`{column} = {level}`: {real:.1%} of rows, {fake:.1%} of fakes; groups lost: {groups}",
    "reason lost_missing": "`{column}` missing: {real:.1%} of rows, {fake:.1%} of fakes; groups lost: {groups}",
    "reason lost_pair": (
        "`{column} = {level}` and `{other} = {other_level}`: {real:.1%} of rows, {fake:.1%} of fakes; "
        "groups lost: {groups}"
    ),
    "reason lost_range": (
        "`{column}` from {low} to {high}: {real:.1%} of rows, {fake:.1%} of fakes; groups lost: {groups}"
    ),
    "reason no_nearer": "lower rates brought nothing nearer",
    "reason not_finite": "a score or a fake is not a number",
    "reason odds": "D's odds are {odds:.0%}",
    "reason spread_fell": "the fakes' spread fell from {best:.0%} to {now:.0%}",
    "reason stalled": "nothing became better for a while",
    "reason stuck": "D's odds stayed above {odds:.1%} for {checks:.0f} checks, and the fakes became no better",
    "reason swapped": "D takes fakes for real (odds {odds:.0%}), as if labels were swapped",
}
"""By key: ``event`` and the event, ``referee`` and what it found, ``kind`` and an alarm's kind, ``what`` and
what moved, ``reason`` and a code."""


class Speaker(Protocol):
    """Says the message of a key in one language, with its facts put in. Raises KeyError for an unknown key."""

    def __call__(self, key: str, /, **facts: Any) -> str: ...


Translate = Callable[[str], str]
"""From a sentence in English, as journals of versions before 0.2 hold them, to one in a speaker's language."""


def english(key: str, /, **facts: Any) -> str:
    """The message of a key in English. Raises KeyError for an unknown key.

    >>> english("reason identical", share=0.9)
    '90% of the fakes are near-identical to another'
    """
    return MESSAGES[key].format(**facts)


def event_sentence(
    line: Mapping[str, Any], say: Speaker = english, translate: Translate = lambda text: text
) -> str:
    """A sentence on a line of the journal that is no check.

    Raises LookupError, TypeError or ValueError for a line that no training writes.
    """
    if line["event"] == "damaged" and "checkpoint" not in line:  # of a version before 0.2
        return translate(str(line["reason"]))
    words = {part: named(part, line[part], say, translate) for part in ("kind", "what") if part in line}
    if "reason" in line:
        words["reason"] = reason_sentence(line["reason"], say, translate)
    return say(f"event {line['event']}", **{**line, **words})


def alarm_sentence(
    alarm: str | Mapping[str, Any], say: Speaker = english, translate: Translate = lambda text: text
) -> str:
    """A sentence on an alarm of a check. Raises as ``event_sentence`` does.

    >>> alarm_sentence({"kind": "dead D", "code": "constant_score"})
    'dead D: D gives every sample the same score'
    """
    if isinstance(alarm, str):  # of a version before 0.2
        return translate(alarm)
    kind = named("kind", alarm["kind"], say, translate)
    return say("alarm", kind=kind, reason=reason_sentence(alarm, say, translate))


def referee_sentence(finding: Mapping[str, Any], say: Speaker = english) -> str:
    """A sentence on what the referee found, as ``Verdict.summary`` has it.

    >>> referee_sentence({"code": "abstains", "reals": 35, "power": 0.71})
    'The referee abstains: with 35 real samples that no player saw it cannot tell below 71%.'
    """
    return say(f"referee {finding['code']}", **finding)


def wrong_sentence(
    alarms: Sequence[str | Mapping[str, Any]],
    say: Speaker = english,
    translate: Translate = lambda text: text,
) -> str:
    """A sentence on the alarms that stand. Raises as ``event_sentence`` does."""
    if not alarms:
        return say("wrong nothing")
    return say("wrong", alarms="; ".join(alarm_sentence(alarm, say, translate) for alarm in alarms))


def reason_sentence(reason: str | Mapping[str, Any], say: Speaker, translate: Translate) -> str:
    """A sentence on why: of a code with its numbers, or one that a version before 0.2 wrote itself."""
    if isinstance(reason, str):
        return translate(reason)
    try:
        return say(f"reason {reason['code']}", **reason)
    except (LookupError, ValueError):  # a code of a later version, or other facts
        return str(reason["code"])


def named(part: str, name: str, say: Speaker, translate: Translate) -> str:
    """The name of a kind of alarm, or of what moved."""
    key = f"{part} {name}"
    return say(key) if key in MESSAGES else translate(name)
