"""Every setting of a run, by group. No torch here: the command line reads this file for its flags."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evenodds.config.budget import Budget

NetworkName = Literal["auto", "gan", "dcgan", "r3gan", "tabular", "pix2pix", "resunet"]


FORMER = {
    "rate_d": "lr_d",
    "rate_g": "lr_g",
    "turns_d": "d_steps",
    "turns_g": "g_steps",
    "half_life": "ema_half_life",
    "penalty_by": "penalty_estimator",
    "leave_out": "exclude",
    "join": "conditioning",
    "given": "condition",
    "end": "stop",
}
"""Names of settings in recipes that versions before 0.2 wrote."""
FORMER_VALUES: dict[tuple[Any, str], str] = {
    ("channels", "grey"): "gray",
    ("channels", "colour"): "color",
    ("condition", "grey"): "gray",
    ("stop", "proof"): "early",
}
"""Values that those versions spelled otherwise."""


class Group(BaseModel):
    """A group of settings: frozen, no unknown names, and the names of earlier versions read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def read_former_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        named = {FORMER.get(name, name): value for name, value in values.items()}
        return {
            name: FORMER_VALUES.get((name, value), value) if isinstance(value, str) else value
            for name, value in named.items()
        }


class NetworkSettings(Group):
    """Which networks play, and how large they are."""

    network: NetworkName = "auto"
    """gan (dense), dcgan, r3gan, tabular, and pix2pix, resunet where a picture is given; auto: what measured best."""

    width: int = Field(default=64, ge=4, le=4096)
    """Hidden units of a dense layer, or channels at the finest resolution."""

    width_d: int = Field(default=0, ge=0, le=4096)
    """The same for D alone; 0 takes that of G."""

    latent: int = Field(default=128, ge=1, le=4096)
    """Numbers in a latent vector z, drawn from N(0, 1)."""

    conditioning: Literal["projection", "concat"] = "projection"
    """How D is told labels: projected on its features, or as further channels of the picture."""

    norm_d: Literal["batch", "none"] = "none"
    """Batch normalisation in dcgan's discriminator; penalties need none."""


class DataSettings(Group):
    """How a source becomes samples."""

    size: int | None = Field(default=None, ge=8, le=1024)
    """Side of a square picture in pixels; what fits the source when left out (64 for a folder)."""

    fit: Literal["crop", "pad"] = "crop"
    """Pictures that are not square: crop the centre, or pad with the edge's mean colour."""

    channels: Literal["auto", "gray", "color"] = "auto"
    """Grey (1 channel) or colour (3); auto takes grey only where every picture is grey."""

    exclude: tuple[str, ...] = ()
    """Columns of a table that are not learnt."""

    columns: tuple[str, ...] = ()
    """Columns of a table that are learnt, or of a data set (the picture and its labels); all of them when left out."""

    split: str | None = None
    """Of a data set (hf:user/name): which split is learnt; train when left out."""

    condition: str | None = None
    """What G is handed beside noise. Pictures: labels (all of them, or some by name with commas between), pairs,
    outlines, grey, small or masked. Tables: columns by name with commas between."""

    direction: Literal["AtoB", "BtoA"] = "AtoB"
    """Of pairs: AtoB gives A (the left half) and makes B, BtoA the other way round."""


class ObjectiveSettings(Group):
    """The loss both players share, and the penalty that keeps D smooth."""

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

    penalty_estimator: Literal["exact", "difference"] = "exact"
    """Exact double backward, or a finite difference along a random direction."""


AHEAD = 0.9
"""Above these odds D answers with certainty, and G learns slowly."""


class GameSettings(Group):
    """How the players move."""

    batch: int = Field(default=64, ge=2, le=65536)
    """Real samples, and as many fakes, in one turn."""

    lr_d: float = Field(default=1e-3, gt=0, le=10)
    """D's learning rate (Adam)."""

    lr_g: float = Field(default=1e-3, gt=0, le=10)
    """G's learning rate (Adam)."""

    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's memory of gradients, both players."""

    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's memory of squared gradients, both players."""

    d_steps: int = Field(default=1, ge=1, le=100)
    """D turns in a round, before G's."""

    g_steps: int = Field(default=1, ge=1, le=100)
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

    ema_half_life: int = Field(default=20_000, ge=1)
    """Half-life of G's moving average, in samples seen; late in a game a fiftieth of all that were."""

    augment: Literal["auto", "on", "off"] = "auto"
    """Differentiable augmentation of what D sees; auto: of as many pictures as D's memorising calls for."""


class PlanSettings(Group):
    """How long to play, from which seed, and how often to look."""

    budget: str = "auto"
    """When to stop: 90s, 10m, 2h, 20000rounds or 2Mseen; auto: 15s to 20m by source. A larger one goes on."""

    stop: Literal["early", "budget"] = "early"
    """early: as soon as the game is even or stands still, at the budget otherwise; budget: not before it is spent."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """The same seed gives the same run."""

    check_every: int = Field(default=0, ge=0)
    """Rounds between checks; 0 takes what suits the samples. Late checks are 3 % of the rounds apart."""

    @field_validator("budget")
    @classmethod
    def sensible(cls, budget: str) -> str:
        if budget != "auto":
            Budget.parse(budget)
        return budget


class Recipe(Group):
    """Everything that decides how a game is played: every room's settings."""

    plan: PlanSettings = PlanSettings()
    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    game: GameSettings = GameSettings()
