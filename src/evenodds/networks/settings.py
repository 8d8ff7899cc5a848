"""The networks' settings. No torch here: the command line reads this file for its flags."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

NetworkName = Literal["auto", "gan", "dcgan", "r3gan", "tabular", "pix2pix", "resunet"]


class NetworkSettings(BaseModel):
    """Which networks play, and how large they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: NetworkName = "auto"
    """gan (dense), dcgan, r3gan, tabular, and pix2pix, resunet where a picture is given; auto: what measured best."""

    width: int = Field(default=64, ge=4, le=4096)
    """Hidden units of a dense layer, or channels at the finest resolution."""

    width_d: int = Field(default=0, ge=0, le=4096)
    """The same for D alone; 0 takes that of G."""

    latent: int = Field(default=128, ge=1, le=4096)
    """Numbers in a latent vector z, drawn from N(0, 1)."""

    join: Literal["projection", "concat"] = "projection"
    """How D is told labels: projected on its features, or as further channels of the picture."""

    norm_d: Literal["batch", "none"] = "none"
    """Batch normalisation in dcgan's discriminator; penalties need none."""
