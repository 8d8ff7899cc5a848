"""The judge."""

from __future__ import annotations

from collections.abc import Callable

from claims.claim import Claim, Count, Facts, Goal, at_least, at_most
from claims.readers import SHARE, cell

_IMPOSSIBLE = ("170 cm, 150 kg", "200 cm, 40 kg", "150 cm, 110 kg")
_MARGIN = Goal(low=0.03, high=0.07)
FLAG = 0.05


def _medians(*texts: str) -> Callable[[Facts], float]:
    """The highest median that the judge gives to these kinds of samples, in % real."""
    return lambda facts: max(facts.value("% real, median", what=text) for text in texts)


def _sure(what: str) -> Callable[[Facts], Count]:
    """Of the tables asked such rows, how many have at least 95 of 100 put at 1 % or less."""

    def read(facts: Facts) -> Count:
        shares = facts.values("at most 1 %", what=what)
        return Count(sum(share >= 0.95 for share in shares), len(shares))

    return read


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
    Claim(
        "People: 100 cm, 5 kg and 250 cm, 300 kg, in % real, highest",
        "outside",
        _medians("100 cm, 5 kg", "250 cm, 300 kg"),
        at_most(0.5),
        "{:.2f}",
    ),
    Claim(
        "Tables that put 95 of 100 rows with a value beyond the range at 1 % or less",
        "outside",
        _sure("a value beyond the range"),
        at_least(7),
        "{:.0f}",
    ),
    Claim(
        "Tables that put 95 of 100 rows with a level never seen beside another at 1 % or less",
        "outside",
        _sure("a level never beside another"),
        at_least(6),
        "{:.0f}",
    ),
    Claim(
        "Tables: rows of a half that nobody saw flagged, farthest from 5.0% by",
        "outside",
        lambda facts: max(
            abs(share - FLAG) for share in facts.values("flagged", what="rows of the other half")
        ),
        at_most(0.02),
        SHARE,
    ),
]
