"""The objectives' settings. No torch here: the command line reads this file for its flags."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ObjectiveSettings(BaseModel):
    """The loss both players share, and the penalty that keeps D smooth."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: Literal["nonsaturating", "hinge", "leastsquares", "wasserstein", "relativistic"] = "relativistic"
    """Adversarial loss."""

    penalty: Literal["none", "r1", "r1r2", "interpolated"] = "r1r2"
    """Gradient penalty on D: r1 (real), r1r2 (real and fake), interpolated (WGAN-GP's)."""

    penalty_weight: float = Field(default=1.0, ge=0, le=1e4)
    """Gamma of R1 and R2, lambda of WGAN-GP."""

    penalty_every: int = Field(default=1, ge=1, le=64)
    """Play the penalty every k-th D turn with k-fold weight."""

    l1: float = Field(default=0.0, ge=0, le=1e6)
    """Weight of the pixels' mean distance, where a picture is given (pix2pix took 100); 1e6 leaves nothing else."""

    ssim: float = Field(default=0.0, ge=0, le=1e6)
    """Weight of 1 - structural similarity to the real, where a picture is given."""

    penalty_by: Literal["exact", "difference"] = "exact"
    """Exact double backward, or a finite difference along a random direction."""
