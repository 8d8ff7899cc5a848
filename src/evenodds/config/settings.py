"""Every setting of a run, by group. No torch here: the command line reads this file for its flags."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from evenodds.config.budget import Budget
from evenodds.config.data_settings import DataSettings
from evenodds.config.group import Group

NetworkName = Literal[
    "auto",
    "gan",
    "dcgan",
    "r3gan",
    "style",
    "fast",
    "tabular",
    "autoregressive",
    "pix2pix",
    "resunet",
]
ScaleName = Literal["auto", "tiny", "small", "base", "large"]
LossName = Literal["nonsaturating", "saturating", "hinge", "leastsquares", "wasserstein", "relativistic"]


class NetworkSettings(Group):
    """The networks and their size."""

    network: NetworkName = "auto"
    """Pictures: gan (dense), dcgan, r3gan, style or fast (few, large); pix2pix or resunet under a picture condition,
    resunet under an unpaired one. Tables: autoregressive (a column after another), tabular or gan. auto takes what
    measured best."""

    scale: ScaleName = "auto"
    """Size of the networks for pictures: tiny, small, base or large have a half, one, two and four times the width, and
    base and large two and four times the batch. auto takes tiny for pictures of 64 px and more by dcgan if the budget
    shows D fewer than 40,000 of them at small on this machine, and small otherwise."""

    width: int = Field(default=64, ge=4, le=4096)
    """Units of a dense layer, or channels of a convolution at the finest resolution."""

    width_d: int = Field(default=0, ge=0, le=4096)
    """Width of D, if it differs from G's; 0 takes --width."""

    layers: int = Field(default=0, ge=0, le=8)
    """Hidden layers of a dense G (tabular, gan); 0 takes the network's own, 3. Those of other networks follow from
    --size."""

    layers_d: int = Field(default=0, ge=0, le=8)
    """Hidden layers of a dense D (tabular, autoregressive, gan), if they differ from G's; 0 takes --layers."""

    latent: int = Field(default=128, ge=1, le=4096)
    """Dimension of the latent vector z, drawn from N(0, 1)."""

    stages: str = "off"
    """Sides in pixels at which pictures are learnt one after the other, coarse to fine, the last being --size, or its
    shorter side: 32,64. off: at once."""

    conditioning: Literal["projection", "concat"] = "projection"
    """How D receives labels: as a projection on its features, or as additional channels of the picture."""

    norm_d: Literal["batch", "none"] = "none"
    """Normalization in dcgan's discriminator. Batch normalization excludes penalties, which it would falsify."""

    padding: Literal["zeros", "reflect"] = "zeros"
    """What resunet's G sees beyond the edges of its maps: zeros, or the map mirrored there, which shows fewer edges."""

    @field_validator("stages")
    @classmethod
    def read_stages(cls, stages: str) -> str:
        if stages != "off":
            sides = [side.strip() for side in stages.split(",")]
            if not all(side.isdecimal() for side in sides):
                raise ValueError(f"{stages!r} are no sides in pixels, give such as 32,64, or off")
            for small, large in pairwise(map(int, sides)):
                if small < 8 or large not in (2 * small, 4 * small, 8 * small):
                    raise ValueError(
                        f"{stages!r}: each side is 2, 4 or 8 times the one before, from 8 px on, such as 32,64"
                    )
            stages = ",".join(str(int(side)) for side in sides)
        return stages

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides of ``stages``, coarse to fine; none where pictures are learnt at once."""
        return () if self.stages == "off" else tuple(map(int, self.stages.split(",")))


class ObjectiveSettings(Group):
    """The adversarial loss, and the penalty that keeps D smooth."""

    loss: LossName = "relativistic"
    """Adversarial loss of D and G."""

    penalty: Literal["none", "r1", "r1r2", "interpolated"] = "r1r2"
    """Gradient penalty on D: r1 (on real samples), r1r2 (on real and fake), interpolated (between them, as WGAN-GP)."""

    penalty_weight: float = Field(default=1.0, ge=0, le=1e4)
    """Weight of the penalty: gamma of R1 and R2, lambda of WGAN-GP."""

    penalty_every: int = Field(default=1, ge=1, le=64)
    """Apply the penalty in every k-th D step, with k times its weight (lazy regularization)."""

    l1: float = Field(default=0.0, ge=0, le=1e6)
    """Weight of the mean absolute error, under a picture condition (pix2pix's paper: 100); 1e6 leaves nothing else."""

    ssim: float = Field(default=0.0, ge=0, le=1e6)
    """Weight of 1 - SSIM to the real picture, under a picture condition."""

    contrast: float = Field(default=0.0, ge=0, le=1e4)
    """Weight of the patch contrast that keeps content, with --condition unpaired (CUT's paper: 1)."""

    identity: float = Field(default=0.0, ge=0, le=1e4)
    """Weight of the mean absolute error of G on real pictures of its own set, with --condition unpaired."""

    penalty_estimator: Literal["exact", "difference"] = "exact"
    """Estimate the gradient norm by double backward (exact) or by a finite difference along a random direction."""


AHEAD = 0.9
"""Above these odds D answers with certainty, and G learns slowly."""


class GameSettings(Group):
    """How the players are updated, and when training counts as finished."""

    batch: int = Field(default=64, ge=2, le=65536)
    """Real samples in one step, and as many fakes; all processes together."""

    lr_d: float = Field(default=1e-3, gt=0, le=10)
    """Learning rate of D (Adam)."""

    lr_g: float = Field(default=1e-3, gt=0, le=10)
    """Learning rate of G (Adam)."""

    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's decay rate of the gradient mean, for both players."""

    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's decay rate of the squared gradient mean, for both players."""

    d_steps: int = Field(default=1, ge=1, le=100)
    """D steps in a round, before G's."""

    g_steps: int = Field(default=1, ge=1, le=100)
    """G steps in a round."""

    likelihood: float = Field(default=0.0, ge=0, lt=1)
    """Largest share of the budget in which autoregressive's G learns real rows by their likelihood, before the game."""

    head_start: float = Field(default=0.8, ge=0, lt=1)
    """Odds that D must reach before G's first step; 0 for no head start."""

    head_turns: int = Field(default=200, ge=1, le=100_000)
    """Most D steps of the head start."""

    tempo: Literal["fixed", "turns", "penalty"] = "fixed"
    """What to adjust when D's odds leave their band: nothing (fixed), steps a round (turns), or the penalty weight."""

    anneal: Literal["on", "off"] = "on"
    """On a plateau, raise the penalty's weight, then lower the learning rates; restore them if that does not help."""

    margin: float = Field(default=0.55, gt=0.5, lt=1)
    """Largest upper end of the referee's 95 % interval at which the verdict `even` is possible."""

    patience: int = Field(default=20, ge=1)
    """Checks without improvement that count as a plateau, early in training; later two fifths of all rounds count."""

    ema_half_life: int = Field(default=20_000, ge=1)
    """Half-life of G's moving average, in samples seen; late in training a fiftieth of all samples seen."""

    freeze_d: int = Field(default=0, ge=0, le=100)
    """Layers of D that stay as --init gave them, counted from the picture (FreezeD)."""

    pool: int = Field(default=0, ge=0, le=10_000)
    """Past fakes that are held, of which D sees some beside new ones, with --condition unpaired (CycleGAN's paper:
    50)."""

    augment: Literal["auto", "on", "off"] = "auto"
    """Differentiable augmentation of D's input, for pictures; auto augments the more of them, the more D memorizes."""

    mirror: Literal["auto", "on", "off"] = "auto"
    """Mirror real pictures left to right half of the time; auto does so where a classifier cannot tell pictures from
    their mirror images, under no label either."""


class PlanSettings(Group):
    """How long to train, from which seed, and how often to check."""

    budget: str = "auto"
    """Longest training: 90s, 10m, 2h, 20000rounds or 2Mseen (samples); auto: 90s to 20m. A larger budget resumes."""

    stop: Literal["early", "budget"] = "early"
    """Stop early, at an even game or a plateau, or only when the budget is spent."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Random seed: the same seed gives the same run."""

    init: str | None = None
    """Begin with the networks of another run instead of untrained ones: a run folder, a folder that export --format hub
    wrote, hf:user/name, or gallery:NAME. Size, colors, labels and latent may differ."""

    check_every: int = Field(default=0, ge=0)
    """Rounds between checks; 0 takes what suits the samples. Late in training, 3 % of all rounds if that is more."""

    @field_validator("init", mode="before")
    @classmethod
    def plain(cls, init: Any) -> Any:
        return str(init).rstrip("/") if isinstance(init, str | Path) else init

    @field_validator("budget")
    @classmethod
    def sensible(cls, budget: str) -> str:
        if budget != "auto":
            Budget.parse(budget)
        return budget


class Recipe(Group):
    """Everything that decides how a run is trained: every group of settings."""

    plan: PlanSettings = PlanSettings()
    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    game: GameSettings = GameSettings()
