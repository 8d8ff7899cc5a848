"""Coarse to fine: at which sides pictures are learnt one after the other, and for how long. No torch here."""

from __future__ import annotations

from evenodds.config.settings import NetworkName, NetworkSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, SampleSpec

STAGED: tuple[NetworkName, ...] = ("dcgan", "r3gan")
"""Networks that can play coarse to fine."""
COARSE = 0.75
"""Share of the budget after which what was learnt of small pictures is enlarged, a stage
(docs/experiments/stages.md, 2026-11-29)."""


def stage_ends(count: int) -> list[float]:
    """The share of the budget at which each of ``count`` stages ends.

    >>> stage_ends(2)
    [0.75, 1.0]
    """
    return [round(COARSE**left, 4) for left in reversed(range(max(1, count)))]


def stages_of(
    stages: str, network: NetworkName, spec: SampleSpec, condition: Condition | None = None
) -> tuple[int, ...]:
    """The sides at which pictures are learnt one after the other, the last being their own; none for at once. Of a
    rectangle it is the shorter side, and the longer one keeps its aspect.

    Raises UserError for stages that cannot be played.
    """
    if stages == "off":
        return ()
    if not isinstance(spec, PictureSpec) or network not in STAGED or (condition and condition.pictures):
        raise UserError(
            f"--stages {stages} is for pictures made by {' or '.join(STAGED)} from noise or labels, leave it out"
        )
    sides = NetworkSettings(stages=stages).sides
    if sides[-1] != spec.shorter:
        what = "the pictures" if spec.height == spec.width else "the shorter side of the pictures"
        have = "have" if spec.height == spec.width else "has"
        raise UserError(
            f"--stages {stages} ends at {sides[-1]} px where {what} {have} {spec.shorter}, let the last be theirs"
        )
    broken = [side for side in sides if max(spec.size) * side % spec.shorter]
    if broken:
        raise UserError(
            f"--stages {stages}: pictures of {spec.width}x{spec.height} px made small to a shorter side of "
            f"{broken[0]} px have no whole number of pixels on the longer one, take other stages or leave them out"
        )
    return sides if len(sides) > 1 else ()


def written(sides: tuple[int, ...]) -> str:
    """Sides as the setting has them: the inverse of ``stages_of``.

    >>> written((32, 64))
    '32,64'
    """
    return ",".join(map(str, sides)) if len(sides) > 1 else "off"
