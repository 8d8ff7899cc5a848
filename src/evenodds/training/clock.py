"""The game's clock: time played, the budget's share, the speed, and when to check and to report."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from evenodds.config.budget import Budget
from evenodds.runs.journal import Check
from evenodds.training.trainer import Trainer

REPORT_AFTER = 0.5
"""Seconds between reports in between checks."""
APART = 0.03
"""Checks are at least this share of the rounds so far apart: a film's frames follow the game, not the clock."""


@dataclass(frozen=True)
class Moment:
    """Where the game is. ``spent`` is the budget's share; ``check`` is the last one, if there was one."""

    rounds: int
    seen: int
    seconds: float
    spent: float
    speed: float
    check: Check | None
    sample: Path | None

    @property
    def left(self) -> float:
        """Seconds left, if the game goes on as it went."""
        return seconds_left(self.seconds, self.spent)


def seconds_left(seconds: float, spent: float) -> float:
    """Seconds left after so many, which spent that share of the budget; NaN where nothing of it is spent."""
    return seconds * (1 - spent) / spent if spent > 0 else math.nan


class Clock:
    """Runs from when it is made; ``resumed_at`` are the seconds played before."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.resumed_at = 0.0
        self.started = self.reported = self.since = time.monotonic()
        self.seen = 0  # samples at the last check
        self.speed: float | None = None  # at the last check

    def seconds(self) -> float:
        """Seconds played, those before a resume counted in."""
        return self.resumed_at + time.monotonic() - self.started

    def spent(self, trainer: Trainer) -> float:
        """The budget's share that is spent; at 1 the game is over."""
        return self.budget.share(seconds=self.seconds(), rounds=trainer.rounds, seen=trainer.seen)

    def spent_on_likelihood(self, trainer: Trainer) -> float:
        """The share that the steps before the game have spent; each is one of as many rounds that a budget may have."""
        steps = trainer.likelihood_steps
        seen = steps * trainer.recipe.game.batch
        return self.budget.share(seconds=self.seconds(), rounds=steps, seen=seen)

    def checked(self, seen: int, speed: float | None = None) -> None:
        """Notes that a check was made at so many samples seen, and measured this speed."""
        self.seen, self.since, self.speed = seen, time.monotonic(), speed

    def rate(self, seen: int) -> float:
        """Samples seen a second since the last check."""
        return (seen - self.seen) / max(time.monotonic() - self.since, 1e-9)

    def due(self) -> bool:
        """Whether it is time to report."""
        return time.monotonic() - self.reported > REPORT_AFTER

    def moment(self, trainer: Trainer, check: Check | None, sample: Path | None) -> Moment:
        """What is reported. Just after a check the speed is the one it measured: too little was played since."""
        self.reported = time.monotonic()
        fresh = self.reported - self.since < REPORT_AFTER
        speed = self.speed if fresh and self.speed is not None else self.rate(trainer.seen)
        spent = self.spent(trainer)
        return Moment(trainer.rounds, trainer.seen, self.seconds(), spent, speed, check, sample)


def after(rounds: int, every: int) -> int:
    """The round of the check after one at ``rounds``: no clock in it, so that a resumed game checks where others do."""
    return max(rounds + every, math.ceil(rounds * (1 + APART)))
