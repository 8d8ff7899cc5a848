"""How long a game may last."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evenodds.core.errors import UserError

SECONDS = {"s": 1, "m": 60, "h": 3600}
COUNTS = {"": 1, "k": 1_000, "M": 1_000_000}


@dataclass(frozen=True)
class Budget:
    """An amount of one unit: seconds, rounds, or samples seen."""

    amount: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> Budget:
        """From `90s`, `10m`, `2h`, `20000rounds` or `2Mseen`. Raises UserError for anything else, and for nothing."""
        time = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text)
        count = re.fullmatch(r"(\d+(?:\.\d+)?)(k|M|)(rounds|seen)", text)
        if time:
            budget = cls(float(time[1]) * SECONDS[time[2]], "seconds")
        elif count:
            budget = cls(float(count[1]) * COUNTS[count[2]], count[3])
        else:
            raise UserError(f"--budget {text!r} is not a budget, write 90s, 10m, 2h, 20000rounds or 2Mseen")
        if budget.amount <= 0:
            raise UserError(f"--budget {text!r} leaves no time to play, give more than zero")
        return budget

    def share(self, *, seconds: float, rounds: int, seen: int) -> float:
        """How much of it is spent, from 0; at 1 the game is over."""
        spent = {"seconds": seconds, "rounds": float(rounds), "seen": float(seen)}
        return spent[self.unit] / self.amount
