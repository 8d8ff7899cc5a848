"""Checks made by hand, for what reads them."""

from __future__ import annotations

from typing import Any

from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.odds import Odds
from evenodds.runs.journal import Check

WELL = CheckMetrics(
    odds=0.72, odds_low=0.69, odds_high=0.75, gap=0.01, score_range=11.0, score_deviation=0.8, coverage=0.9,
    precision=0.85, identical=0.0, spread=0.95, closeness=0.5, closeness_low=0.47, nearer_train=0.81,
    nearer_by_chance=0.8, chance=0.013, distance=0.1,
)  # fmt: skip
"""Nothing is wrong."""


def check_of(odds: Odds, rounds: int = 0, **facts: Any) -> Check:
    """A check with these odds, and otherwise nothing to remark."""
    metrics = WELL._replace(odds=odds.value, odds_low=odds.low, odds_high=odds.high)
    return Check(rounds, 0, 0.0, metrics, **facts)
