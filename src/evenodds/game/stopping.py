"""When a game is over: even with proof, or at a plateau. Pure: the same checks give the same ending."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median_high, median_low
from typing import Any

from evenodds.metrics.odds import Odds
from evenodds.metrics.referee import Ruling

LEVEL_FOR = 3
"""Checks in a row whose interval holds 0.5."""
BETTER = 0.02
"""A distance is better when it is at least this share lower, a coverage when it is as much higher."""
PATIENCE = 0.4
"""Nothing has become better for this share of the rounds, and for the recipe's patience: the game stands still. A
distance that falls by BETTER in as long, as a power of the rounds, is 4 % lower after three times as many; with a share
of 0.25 it were 7 %."""
SOON = 0.15
"""The same share after a change of pace, until something becomes better: what it does, it does at once."""

FORMER = {"led": "warmed_up", "tried": "probing"}
"""Names in checkpoints that versions before 0.2 wrote."""


@dataclass
class StoppingRule:
    """Keeps what the ending hangs on; ``state`` and ``restore`` carry it through a checkpoint."""

    margin: float
    patience: int
    """Early checks; later ones are further apart."""
    warmed_up: bool = False
    """Whether D won its head start."""
    level: int = 0
    """Checks in a row that were level."""
    best: float | None = None
    """Lowest distance so far, by the median of three checks."""
    best_coverage: float = 0.0
    """Highest so far, by the median of three checks."""
    best_round: int = 0
    best_auc: float = 1.0
    nearer: bool = False
    """Whether distance or ruling became better since the last try."""
    probing: bool = False
    """Whether the pace was last changed to see what it brings, and it has yet to bring something."""
    recent: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)

    def note(self, rounds: int, odds: Odds, distance: float, coverage: float, alarmed: bool) -> None:
        """Takes in a check. A coverage that grows is progress too, while the distance stands."""
        self.level = 0 if alarmed or not odds.low <= 0.5 <= odds.high else self.level + 1
        self.recent, self.covered = [*self.recent[-2:], distance], [*self.covered[-2:], coverage]
        # One check may be lucky: the middle one of three is not.
        middle, share = median_high(self.recent), median_low(self.covered)
        if share > self.best_coverage * (1 + BETTER):
            self.better(rounds)
            self.best_coverage = share
        if self.best is None or middle < self.best * (1 - BETTER):
            self.better(rounds)
            self.best, self.nearer = middle, True

    def add_referee(self, rounds: int, ruling: Ruling) -> None:
        """Takes in a ruling; surely a better one than before counts as progress."""
        if ruling.high < self.best_auc:
            self.better(rounds)
            self.best_auc, self.nearer = ruling.auc, True

    def better(self, rounds: int) -> None:
        """Something has become better: patience begins anew."""
        self.best_round, self.probing = rounds, False

    def changed(self, rounds: int, probing: bool) -> None:
        """Patience begins anew; ``tried``: whether the change brings anything nearer is to be seen, and soon."""
        self.best_round, self.probing = rounds, probing
        self.nearer = self.nearer and not probing

    def begin_anew(self, rounds: int) -> None:
        """Distances and coverages are measured otherwise from here on: none before counts."""
        self.changed(rounds, probing=False)
        self.level, self.best, self.best_coverage = 0, None, 0.0
        self.recent, self.covered = [], []

    @property
    def wants_referee(self) -> bool:
        """Whether the referee's word is all that is missing."""
        return self.warmed_up and self.level >= LEVEL_FOR

    def even(self, ruling: Ruling | None) -> bool:
        """D had won its head start, the odds are level, and the referee surely finds less than the margin, which it
        would have found."""
        if not self.wants_referee or ruling is None:
            return False
        return ruling.high <= self.margin and ruling.power <= self.margin

    def has_stalled(self, rounds: int, every: int) -> bool:
        """Whether nothing has become better for too long; ``every`` are the rounds between early checks."""
        share = SOON if self.probing else PATIENCE
        return rounds - self.best_round >= max(share * rounds, self.patience * every)

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {key: value for key, value in asdict(self).items() if key not in ("margin", "patience")}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what ``state`` gave, or what a version before 0.2 did."""
        for key, value in state.items():
            setattr(self, FORMER.get(key, key), value)
