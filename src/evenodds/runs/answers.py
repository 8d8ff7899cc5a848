"""What D answers on the samples that a run keeps: a file beside each sheet of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from evenodds.core import atomic

SUFFIX = ".json"
DIGITS = 6
"""Decimals of a probability."""


class Answers(NamedTuple):
    """D's answers at a check."""

    fakes: tuple[float, ...]
    """The probability by which D calls each sample of the sheet real, in its order."""
    reals: float
    """That of held-out reals, their mean."""
    signal: float
    """What reaches G: the mean norm of the gradient of G's adversarial loss at its fakes, of each fake's own term."""


def write_answers(sheet: Path, answers: Answers) -> None:
    """Keeps the answers beside a sheet of samples."""
    fakes = [round(share, DIGITS) for share in answers.fakes]
    content = {"fakes": fakes, "reals": round(answers.reals, DIGITS), "signal": answers.signal}
    atomic.write_bytes(sheet.with_suffix(SUFFIX), json.dumps(content).encode())


def read_answers(sheet: Path) -> Answers | None:
    """The answers beside a sheet; None where a version before 0.2 wrote it, or where it is damaged."""
    try:
        content = json.loads(sheet.with_suffix(SUFFIX).read_text("utf-8"))
        fakes: Sequence[float] = content["fakes"]
        return Answers(tuple(map(float, fakes)), float(content["reals"]), float(content["signal"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
