"""The game's settings. No torch here: the command line reads this file for its flags."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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
    """D turns in a round, before G's one."""

    half_life: int = Field(default=20_000, ge=1)
    """Half-life of G's moving average, in samples seen."""

    augment: Literal["auto", "on", "off"] = "auto"
    """Differentiable augmentation of what D sees; auto: on for fewer than 1,000 pictures."""
