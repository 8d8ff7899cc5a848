"""A verdict and its evidence, as verdict.json holds them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from evenodds.metrics.odds import LEVEL
from evenodds.runs.journal import is_alarm, is_number

if TYPE_CHECKING:
    from evenodds.metrics.referee import Ruling


@dataclass(frozen=True)
class RefereeRuling:
    """The referee's last finding: how often it told held-out reals from fakes, with a 95 % interval."""

    round: int
    auc: float
    low: float
    high: float
    by: str
    """What it judged by."""
    p_value: float | None = None
    seconds: float = 0.0
    """How long it took."""
    power: float | None = None
    """The smallest AUC that it would have found in 19 of 20 games; None before version 0.2."""
    reals: int | None = None
    """Held-out reals that it looked at."""

    @classmethod
    def of(cls, ruling: Ruling, rounds: int, reals: int, seconds: float) -> RefereeRuling:
        """A ruling on so many held-out reals after so many rounds."""
        auc, low, high, p_value, by = ruling[:5]
        return cls(rounds, auc, low, high, by, p_value, seconds, ruling.power, reals)

    @property
    def significant(self) -> bool:
        """Whether it told reals from fakes, beyond chance."""
        return self.low > 0.5 if self.p_value is None else self.p_value < LEVEL

    def finding(self, margin: float) -> dict[str, Any]:
        """What it found, as a code and numbers: ``found``, ``level``, or ``abstains`` where it found nothing, and would
        not have found an AUC of ``margin`` either."""
        power = self.high if self.power is None else self.power
        code = "found" if self.significant else "abstains" if power > margin else "level"
        if self.reals is None and code != "found":  # of a version before 0.2, which stated no power
            code = "former"
        facts = {"auc": self.auc, "low": self.low, "high": self.high, "power": power, "reals": self.reals}
        return {"code": code, **{name: value for name, value in facts.items() if value is not None}}

    @classmethod
    def from_json(cls, facts: Any) -> RefereeRuling:
        """What ``asdict`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        ruling = cls(**{name: facts[name] for name in known_fields(cls) if name in facts})
        numbers: tuple[Any, ...] = (ruling.round, ruling.auc, ruling.low, ruling.high, ruling.seconds)
        optional = (ruling.p_value, ruling.power, ruling.reals)
        numbers = (*numbers, *(value for value in optional if value is not None))
        if not all(map(is_number, numbers)) or not isinstance(ruling.by, str):
            raise ValueError("the referee's ruling has no numbers")
        return ruling


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on. Figures are those of the last check, None where there was none."""

    budget: str | None = None
    spent: float | None = None
    """Share of the budget, 0 to 1."""
    round: int | None = None
    odds: float | None = None
    odds_low: float | None = None
    odds_high: float | None = None
    gap: float | None = None
    coverage: float | None = None
    distance: float | None = None
    alarms: list[Any] | None = None
    """Alarms as ``messages.alarm_sentence`` takes them."""
    head_start_won: bool | None = None
    level_checks: int | None = None
    """Checks in a row whose odds were level."""
    referee: RefereeRuling | None = None
    margin: float | None = None
    """What the upper end of the referee's interval may be at most for `even`."""
    tries: int | None = None
    """New tries after a fault."""
    best_round: int | None = None
    best_distance: float | None = None

    @classmethod
    def from_json(cls, facts: Any) -> Evidence:
        """What ``asdict`` gave, or less. Raises KeyError, TypeError or ValueError for anything else."""
        values = {name: facts[name] for name in known_fields(cls) if facts.get(name) is not None}
        alarms, referee = values.get("alarms", []), values.pop("referee", None)
        if not isinstance(alarms, list) or not all(map(is_alarm, alarms)):
            raise ValueError("its alarms are none")
        plain = ("budget", "alarms", "head_start_won")
        if not all(is_number(value) for name, value in values.items() if name not in plain):
            raise ValueError("its evidence has no numbers")
        return cls(**values, referee=None if referee is None else RefereeRuling.from_json(referee))


@dataclass(frozen=True)
class Verdict:
    """Why a game ended, and after how much play."""

    verdict: str
    evidence: Evidence = field(default_factory=Evidence)
    rounds: int = 0
    seen: int = 0
    """Samples seen."""
    seconds: float = 0.0

    @property
    def summary(self) -> dict[str, Any]:
        """The verdict in three parts, as codes and numbers: what ended the game, what the referee found, and what is
        wrong."""
        ruling, margin = self.evidence.referee, self.evidence.margin or 0.5
        return {
            "ended": self.verdict,
            "referee": {"code": "unheard"} if ruling is None else ruling.finding(margin),
            "wrong": list(self.evidence.alarms or []),
        }

    def to_json(self) -> dict[str, Any]:
        """As verdict.json holds it."""
        return {**asdict(self), "summary": self.summary}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Verdict:
        """What ``to_json`` gave, of any version. Raises KeyError, TypeError, AttributeError or ValueError for anything
        else."""
        evidence = Evidence.from_json(facts.get("evidence", {}))
        numbers = {name: facts[name] for name in ("rounds", "seen", "seconds") if name in facts}
        if not isinstance(facts["verdict"], str) or not all(map(is_number, numbers.values())):
            raise ValueError("it names no verdict")
        return cls(facts["verdict"], evidence, **numbers)


def known_fields(cls: Any) -> list[str]:
    """The names of a dataclass's fields: whatever else a file of another version holds is left alone."""
    return [one.name for one in fields(cls)]
