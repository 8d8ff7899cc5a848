"""A run's journal as it is read: lines that a training writes, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evenodds.core import checksums
from evenodds.metrics.check import CheckMetrics

MOST_ROUNDS, LARGEST = 2**53, 1e300
"""What a journal's round and numbers stay below."""
NUMBERS = ("round", "seen", "seconds", *CheckMetrics._fields)
"""What every check of a journal holds."""


def read(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a journal; none where there is no such file."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        lines = file.read(checksums.LARGEST).splitlines()
    return [line for line in map(whole, lines) if line is not None]


def whole(line: bytes) -> dict[str, Any] | None:
    """A line of the journal, None where it is torn, damaged, or not one that a training writes."""
    try:
        found = checksums.parse(line)
    except ValueError:
        return None
    place = found.get("round", 0)
    if type(place) is not int or not 0 <= place < MOST_ROUNDS or ("odds" in found and not is_check(found)):
        return None
    return found


def is_check(line: dict[str, Any]) -> bool:
    """Whether a line of the journal has the numbers of a check."""
    numbers = [line.get(name) for name in NUMBERS]
    rulings = [line.get(name) for name in ("referee", "referee_low", "referee_high")]
    alarms = line.get("alarms")
    return (
        all(is_number(value) for value in (*numbers, *(value for value in rulings if value is not None)))
        and isinstance(alarms, list)
        and all(is_alarm(alarm) for alarm in alarms)
    )


def is_alarm(alarm: Any) -> bool:
    """Whether a JSON value is an alarm of a check: kind, code and numbers, or a sentence of a version before 0.2."""
    if isinstance(alarm, str):
        return True
    if not isinstance(alarm, dict) or not isinstance(alarm.get("kind"), str):
        return False
    facts = (value for name, value in alarm.items() if name not in ("kind", "code"))
    return isinstance(alarm.get("code"), str) and all(map(is_number, facts))


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return type(value) in (int, float) and -LARGEST < value < LARGEST
