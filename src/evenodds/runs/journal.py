"""A run's journal: its checks as a type, and lines read so that only what a training writes comes through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evenodds.core import checksums
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.odds import Odds

MOST_ROUNDS, LARGEST = 2**53, 1e300
"""What a journal's round and numbers stay below."""
NUMBERS = ("round", "seen", "seconds", *CheckMetrics._fields)
"""What every check of a journal holds."""
RULING = ("referee", "referee_low", "referee_high")
OTHERS = ("loss_d", "loss_g", "speed", "selection", "selection_error")


@dataclass(frozen=True)
class Check:
    """A check of a game: one line of the journal."""

    round: int
    seen: int
    """Samples seen."""
    seconds: float
    metrics: CheckMetrics
    referee: Odds | None = None
    """How often the referee tells held-out reals from fakes, with its interval, where it ruled at this check."""
    alarms: tuple[Any, ...] = ()
    """Alarms as ``messages.alarm_sentence`` takes them."""
    loss_d: float | None = None
    loss_g: float | None = None
    speed: float | None = None
    """Samples seen a second."""
    selection: float | None = None
    """What the best state is chosen by, as ``metrics.selection`` has it."""
    selection_error: float | None = None
    """Its standard error, for rows."""

    @property
    def odds(self) -> Odds:
        """D's odds on held-out reals."""
        return Odds(self.metrics.odds, self.metrics.odds_low, self.metrics.odds_high)

    def to_json(self) -> dict[str, Any]:
        """As a flat line of the journal."""
        referee = self.referee
        return {
            "round": self.round,
            "seen": self.seen,
            "seconds": self.seconds,
            **self.metrics._asdict(),
            "referee": None if referee is None else referee.value,
            "referee_low": None if referee is None else referee.low,
            "referee_high": None if referee is None else referee.high,
            "alarms": list(self.alarms),
            **{name: getattr(self, name) for name in OTHERS},
        }

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Check:
        """A line for which ``is_check`` holds."""
        ruling = [line[name] for name in RULING if is_number(line.get(name))]
        others = {name: line[name] for name in OTHERS if is_number(line.get(name))}
        return cls(
            line["round"],
            line["seen"],
            line["seconds"],
            CheckMetrics(**{name: line[name] for name in CheckMetrics._fields}),
            Odds(*ruling) if len(ruling) == len(RULING) else None,
            tuple(line["alarms"]),
            **others,
        )


def read(path: Path) -> list[dict[str, Any]]:
    """Reads all whole lines of a journal; none where there is no such file."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        lines = file.read(checksums.LARGEST).splitlines()
    return [line for line in map(whole, lines) if line is not None]


def whole(line: bytes) -> dict[str, Any] | None:
    """A line of the journal, None where it is torn, damaged, or not one that a training writes."""
    try:
        facts = checksums.parse(line)
    except ValueError:
        return None
    rounds = facts.get("round", 0)
    if type(rounds) is not int or not 0 <= rounds < MOST_ROUNDS or ("odds" in facts and not is_check(facts)):
        return None
    return facts


def is_check(line: dict[str, Any]) -> bool:
    """Whether a line of the journal has the numbers of a check."""
    numbers = [line.get(name) for name in NUMBERS]
    rulings = [line.get(name) for name in RULING]
    alarms = line.get("alarms")
    return (
        all(is_number(value) for value in (*numbers, *(value for value in rulings if value is not None)))
        and isinstance(alarms, list)
        and all(is_alarm(alarm) for alarm in alarms)
    )


def is_alarm(alarm: Any) -> bool:
    """Whether a JSON value is an alarm of a check: kind, code, and facts that are numbers or texts, or a
    sentence of a version before 0.2."""
    if isinstance(alarm, str):
        return True
    if not isinstance(alarm, dict) or not isinstance(alarm.get("kind"), str):
        return False
    facts = (value for name, value in alarm.items() if name not in ("kind", "code"))
    return isinstance(alarm.get("code"), str) and all(
        isinstance(fact, str) or is_number(fact) for fact in facts
    )


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return type(value) in (int, float) and -LARGEST < value < LARGEST
