"""When a game is over: even with proof, or at a plateau. Pure: the same checks give the same ending."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from evenodds.game.odds import Odds
from evenodds.game.referee import Ruling

LEVEL_FOR = 3
"""Checks in a row whose interval holds 0.5."""
BETTER = 0.02
"""A distance is better when it is at least this share lower."""
PATIENCE = 0.25
"""Nothing has become better for this share of the rounds, and for the recipe's patience: the game stands still."""


@dataclass
class Finish:
    """Keeps what the ending hangs on; ``state`` and ``restore`` carry it through a checkpoint."""

    margin: float
    patience: int
    """Early checks; later ones are further apart."""
    led: bool = False
    """Whether D won its head start."""
    level: int = 0
    """Checks in a row that were level."""
    best: float | None = None
    """Lowest distance so far, by the median of three checks."""
    best_round: int = 0
    best_auc: float = 1.0
    recent: list[float] = field(default_factory=list)

    def note(self, rounds: int, odds: Odds, distance: float, alarmed: bool) -> None:
        """Takes in a check."""
        self.level = 0 if alarmed or not odds.low <= 0.5 <= odds.high else self.level + 1
        self.recent = [*self.recent[-2:], distance]
        # One check's distance may be lucky: the middle one of three is not.
        middle = sorted(self.recent)[len(self.recent) // 2]
        if self.best is None or middle < self.best * (1 - BETTER):
            self.better(rounds)
            self.best = middle

    def heard(self, rounds: int, ruling: Ruling) -> None:
        """Takes in a ruling; surely a better one than before counts as progress."""
        if ruling.high < self.best_auc:
            self.better(rounds)
            self.best_auc = ruling.auc

    def better(self, rounds: int) -> None:
        """Something has become better, or was changed: patience begins anew."""
        self.best_round = rounds

    @property
    def asks(self) -> bool:
        """Whether the referee's word is all that is missing."""
        return self.led and self.level >= LEVEL_FOR

    def even(self, ruling: Ruling | None) -> bool:
        """D had won its head start, the odds are level, and the referee surely finds less than the margin."""
        return self.asks and ruling is not None and ruling.high <= self.margin

    def stands(self, rounds: int, every: int) -> bool:
        """Whether nothing has become better for too long; ``every`` are the rounds between early checks."""
        return rounds - self.best_round >= max(PATIENCE * rounds, self.patience * every)

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {key: value for key, value in asdict(self).items() if key not in ("margin", "patience")}

    def restore(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            setattr(self, key, value)
