"""The game's settings. No torch here: the command line reads this file for its flags."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

AHEAD = 0.9
"""Above these odds D answers with certainty, and G learns slowly."""


class GameSettings(BaseModel):
    """How the players move."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: int = Field(default=64, ge=2, le=65536)
    """Real samples, and as many fakes, in one turn."""

    rate_d: float = Field(default=1e-3, gt=0, le=10)
    """D's learning rate (Adam)."""

    rate_g: float = Field(default=1e-3, gt=0, le=10)
    """G's learning rate (Adam)."""

    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's memory of gradients, both players."""

    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's memory of squared gradients, both players."""

    turns_d: int = Field(default=1, ge=1, le=100)
    """D turns in a round, before G's."""

    turns_g: int = Field(default=1, ge=1, le=100)
    """G turns in a round."""

    head_start: float = Field(default=0.8, ge=0, lt=1)
    """Odds that D is to reach alone before G's first turn; 0 for none."""

    head_turns: int = Field(default=200, ge=1, le=100_000)
    """D turns of the head start at most."""

    tempo: Literal["fixed", "turns", "penalty"] = "fixed"
    """What moves when D's odds leave their band: nothing, the turns of both, or the penalty's weight."""

    anneal: Literal["on", "off"] = "on"
    """When nothing has become better for a while: a firmer penalty, then lower rates, raised again if in vain."""

    margin: float = Field(default=0.55, gt=0.5, lt=1)
    """`even` needs the upper end of the referee's interval at or below this."""

    patience: int = Field(default=20, ge=1)
    """Early checks without anything better after which a game stands still; late in it two fifths of its rounds."""

    half_life: int = Field(default=20_000, ge=1)
    """Half-life of G's moving average, in samples seen; late in a game a fiftieth of all that were."""

    augment: Literal["auto", "on", "off"] = "auto"
    """Differentiable augmentation of what D sees; auto: of as many pictures as D's memorising calls for."""
