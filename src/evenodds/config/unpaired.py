"""Settings of games on two sets of pictures without partners. No torch here."""

from __future__ import annotations

from typing import Any

from evenodds.config.settings import Recipe
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition

OBJECTIVE: dict[str, Any] = {"l1": 0.0, "contrast": 1.0, "identity": 1.0}
"""What differs from the network's preset: there is no real that a fake is to come near
(docs/experiments/unpaired.md, 2026-11-29)."""
GAME: dict[str, Any] = {"batch": 4}


def refuse_without_partner(recipe: Recipe, condition: Condition | None) -> None:
    """Raises UserError for a distance to a real that fakes do not have, and for what keeps content where they have
    one."""
    unpaired = condition is not None and not condition.paired
    partnered = condition is not None and condition.pictures and not unpaired
    objective = recipe.objective
    near = {"--l1": objective.l1, "--ssim": objective.ssim}
    apart = {"--contrast": objective.contrast, "--identity": objective.identity, "--pool": recipe.game.pool}
    for flag in (flag for flag, weight in near.items() if weight and not partnered):
        raise UserError(
            f"{flag} is for pictures made from a picture of their own (--condition pairs, outlines ...), leave it out"
        )
    for flag in (flag for flag, weight in apart.items() if weight and not unpaired):
        raise UserError(f"{flag} is for pictures without partners (--condition unpaired), leave it out")
