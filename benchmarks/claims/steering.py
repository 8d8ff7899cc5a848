"""Steering."""

from __future__ import annotations

import re
from collections.abc import Callable

from claims.claim import Claim, Facts, NotMeasuredError, Row, above, at_least, at_most
from claims.readers import SHARE, TIMES

_SUM = "glasses short - no glasses short + no glasses long"
_KNOWN, _TOLD, _BLIND = "labels, settled", "a side, told by", "labels unknown"


def _kept(row: Row) -> float:
    """The share that keeps the other attribute which changed most, of a row of steering."""
    found = re.search(r"others kept ([\d.]+)", row["beside"])
    if found is None:
        raise NotMeasuredError
    return float(found[1])


def _steps(facts: Facts, *ends: str) -> list[Row]:
    """Rows of steering whose text has one of these parts."""
    return facts.that(lambda row: row["point"] == 1 and any(end in row["what"] for end in ends))


def _flipped(*ends: str) -> Callable[[Facts], float]:
    return lambda facts: min(row["measured"] for row in _steps(facts, *ends))


def _least_kept(*ends: str) -> Callable[[Facts], float]:
    return lambda facts: min(map(_kept, _steps(facts, *ends)))


def _steered(what: str, beside: str = "") -> Callable[[Facts], float]:
    """The measured value of the row of steering that begins so."""
    return lambda facts: float(
        facts.that(lambda row: row["what"].startswith(what) and beside in row["beside"])[0]["measured"]
    )


def _lead(exemplars: int) -> Callable[[Facts], float]:
    """By how much sums in latent space are ahead of those in pixels."""
    beside = f" {exemplars} exemplars"
    settled, pixels = f"{_SUM}, latent space, settled", f"{_SUM}, pixel space"
    return lambda facts: _steered(settled, beside)(facts) - _steered(pixels, beside)(facts)


STEERING = [
    Claim(
        "Direction by labels, settled: least flipped",
        "steering-faces",
        _flipped(_KNOWN),
        at_least(0.9),
        SHARE,
    ),
    Claim(
        "Direction by labels, settled: least kept",
        "steering-faces",
        _least_kept(_KNOWN),
        at_least(0.85),
        SHARE,
    ),
    Claim(
        "20 examples a side that a label separates: least flipped",
        "steering-faces",
        _flipped(_TOLD),
        at_least(0.75),
        SHARE,
    ),
    Claim(
        "20 examples a side that a label separates: least kept",
        "steering-faces",
        _least_kept(_TOLD),
        at_least(0.8),
        SHARE,
    ),
    Claim(
        "20 examples a side without labels: least flipped",
        "steering-faces",
        _flipped(_BLIND),
        at_least(0.75),
        SHARE,
    ),
    Claim(
        "20 examples a side without labels: least kept",
        "steering-faces",
        _least_kept(_BLIND),
        at_least(0.8),
        SHARE,
    ),
    Claim(
        "Sums of exemplars, settled: least of three numbers of exemplars",
        "steering-faces",
        lambda facts: min(
            row["measured"] for row in facts.that(lambda row: row["what"] == f"{_SUM}, latent space, settled")
        ),
        at_least(0.8),
        SHARE,
    ),
    *[
        Claim(
            f"Sums of {count} exemplars a term: ahead of sums in pixels by",
            "steering-faces",
            _lead(count),
            above(0),
            "{:.3f}",
        )
        for count in (3, 30)
    ],
    Claim(
        "Directions of ten with a correlation above 0.5, by features or weights, least",
        "steering-faces",
        lambda facts: min(_steered(f"10 directions by {how}")(facts) for how in ("features", "weights")),
        at_least(3),
        "{:.0f}",
    ),
    Claim(
        "Inversion, G tuned: feature distance over the nearest training picture's",
        "steering-faces",
        _steered("feature distance over the nearest training picture's, G tuned"),
        at_most(0.5),
        TIMES,
    ),
    Claim(
        "Inversion: glasses put on faces without",
        "steering-faces",
        _steered("glasses put on an inverted face"),
        at_least(0.7),
        SHARE,
    ),
    Claim(
        "Walks: largest step over the mean step", "steering-faces", _steered("10 walks"), at_most(3), TIMES
    ),
]
