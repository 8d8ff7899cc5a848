"""The judge."""

from __future__ import annotations

from collections.abc import Callable

from claims.claim import Claim, Facts, Goal, at_least, at_most
from claims.readers import SHARE, cell

_IMPOSSIBLE = ("170 cm, 150 kg", "200 cm, 40 kg", "150 cm, 110 kg")
_MARGIN = Goal(low=0.03, high=0.07)


def _medians(*texts: str) -> Callable[[Facts], float]:
    """The highest median that the judge gives to these kinds of samples, in % real."""
    return lambda facts: max(facts.value("% real, median", what=text) for text in texts)


JUDGE = [
    Claim(
        "People: 170 cm, 63 kg, in % real", "judge-people", _medians("170 cm, 63 kg"), at_least(40), "{:.1f}"
    ),
    Claim(
        "People: three impossible people, in % real, highest",
        "judge-people",
        _medians(*_IMPOSSIBLE),
        at_most(1),
        "{:.2f}",
    ),
    Claim(
        "People: AUC against shuffled columns below the best possible by",
        "judge-people",
        lambda facts: (
            facts.value("best AUC", what="columns shuffled") - facts.value("AUC", what="columns shuffled")
        ),
        at_most(0.03),
        "{:.3f}",
    ),
    *[
        Claim(f"{text}: held-out samples flagged", f"judge-{name}", cell("flagged", what=row), _MARGIN, SHARE)
        for name, text, row in (
            ("people", "People", "held-out rows"),
            ("digits", "Digits", "held-out pictures"),
            ("faces", "Faces", "held-out pictures"),
        )
    ],
    Claim(
        "Digits: noise, faces and upside-down letters, median in % real, highest",
        "judge-digits",
        _medians("noise", "faces", "upside-down letters"),
        at_most(1),
        "{:.2f}",
    ),
    Claim(
        "Digits: upside-down letters that look like digits, put at 1 % or less",
        "judge-digits",
        cell("at most 1 %", what="upside-down look-alike letters"),
        form=SHARE,
    ),
    Claim(
        "Faces: noise, digits and upside-down faces, median in % real, highest",
        "judge-faces",
        _medians("noise", "digits", "upside down"),
        at_most(1),
        "{:.2f}",
    ),
]
