"""What is going on, in plain words. No torch here."""

from __future__ import annotations

from typing import Any

from evenodds.game.settings import AHEAD


def said(check: dict[str, Any] | None) -> str:
    """A sentence on a check, a line of the journal."""
    if check is None:
        return "D has its head start"
    if check["alarms"]:
        return f"alarm: {check['alarms'][0]}"
    odds = f"{check['odds']:.0%}"
    if check["odds_low"] > AHEAD:
        return f"D is far ahead: {odds}, G learns slowly"
    if check["odds_low"] > 0.5:
        return f"D is ahead: {odds}, G learns from it"
    if check["odds_high"] < 0.5:
        return f"G is ahead: D is right only {odds} of the time"
    if check.get("referee") is None:
        return f"the odds are even ({odds}); the referee has not spoken yet"
    return (
        f"the odds are even ({odds}); the referee tells fakes from reals {check['referee']:.0%} of the time"
    )
