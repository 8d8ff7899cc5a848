"""Flags of versions before 0.2, translated for one more release."""

from __future__ import annotations

import sys
from collections.abc import Sequence

FORMER = {
    "--rate-d": "--lr-d",
    "--rate-g": "--lr-g",
    "--turns-d": "--d-steps",
    "--turns-g": "--g-steps",
    "--half-life": "--ema-half-life",
    "--penalty-by": "--penalty-estimator",
    "--leave-out": "--exclude",
    "--join": "--conditioning",
    "--end": "--stop",
    "--given": "--condition",
    "--licence": "--license",
    "--to": "--out",
}
EXPORT = {**FORMER, "--to": "--format"}
"""In `evenodds export`, --to named a format."""
VALUES = {
    ("--stop", "proof"): "early",
    ("--condition", "grey"): "gray",
    ("--channels", "grey"): "gray",
    ("--channels", "colour"): "color",
}


def translate(arguments: Sequence[str]) -> list[str]:
    """The command line in the flags of now. A former one is named on stderr, with what to write instead."""
    names = EXPORT if "export" in arguments[:1] else FORMER
    translated: list[str] = []
    for argument in arguments:
        flag, sign, value = argument.partition("=")
        if flag in names:
            print(f"evenodds: {flag} is now {names[flag]}", file=sys.stderr)
        flag = names.get(flag, flag)
        if sign:
            translated.append(f"{flag}={VALUES.get((flag, value), value)}")
        else:
            before = translated[-1] if translated else ""
            translated.append(VALUES.get((before, flag), flag))
    return translated
