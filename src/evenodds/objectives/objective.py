"""A loss and a penalty together: the made thing that a round is handed."""

from __future__ import annotations

from dataclasses import dataclass

from evenodds.config.settings import ObjectiveSettings
from evenodds.objectives.losses import LOSSES, Loss
from evenodds.objectives.penalties import SLOPES, Penalty, interpolated, r1, r1r2


@dataclass(frozen=True)
class Objective:
    """What both players want. ``weight`` already holds the k of a lazy penalty, played every k-th D turn."""

    loss: Loss
    penalty: Penalty | None
    weight: float
    every: int
    pixels: float = 0.0
    """Weight of the mean absolute distance of a fake from the real that its condition was taken from."""
    structure: float = 0.0
    """Weight of 1 - SSIM to that real."""
    contrast: float = 0.0
    """Weight of the patch contrast between a fake and the unpaired picture it was made from."""
    identity: float = 0.0
    """Weight of the mean absolute distance of G(z, x) from a real x (Zhu 2017, 1703.10593, section 5.2)."""


def make_objective(settings: ObjectiveSettings) -> Objective:
    """The objective that the settings describe. Lazy regularisation: Karras 2019, 1912.04958, section 3.1."""
    penalties: dict[str, Penalty | None] = {
        "none": None,
        "r1": r1(SLOPES[settings.penalty_estimator]),
        "r1r2": r1r2(SLOPES[settings.penalty_estimator]),
        "interpolated": interpolated,
    }
    penalty = penalties[settings.penalty] if settings.penalty_weight > 0 else None
    every = settings.penalty_every
    weight = settings.penalty_weight * every
    near = settings.l1, settings.ssim, settings.contrast, settings.identity
    return Objective(LOSSES[settings.loss], penalty, weight, every, *near)
