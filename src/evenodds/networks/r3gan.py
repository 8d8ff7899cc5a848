"""The modern baseline, R3GAN (Huang 2024, 2501.05441), written from the paper's section 4.

Residual stages without normalisation; bilinear resampling; inverted bottlenecks with grouped 3 x 3 convolutions;
a residual branch ends in zeros at the start (Fix-up, Zhang 2019, 1901.09321). Meant for the relativistic
objective with R1 and R2.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.config.sizes import start_of
from evenodds.core.spec import PictureSpec
from evenodds.networks.layers import SLOPE, channels_last, fill_normal

BLOCKS = 2
"""Residual blocks a stage."""
EXPANSION = 2
"""Channels inside a block, as a multiple of those outside."""
GROUP = 16
"""Channels of one group of the 3 x 3 convolution."""
WIDEST = 8


class Residual(nn.Module):
    """x + branch(x) over (n, C, H, W): 1 x 1 wide, 3 x 3 grouped, 1 x 1 back.

    ``depth`` is the number of residual blocks of the whole network: Fix-up scales the branch's inner layers by
    depth^(-1 / (2m - 2)) with m = 3 layers, and starts its last one at zero. Beyond its edges a map is zero, or
    ``mirrored`` (Zhu 2017, 1703.10593, appendix).
    """

    def __init__(self, channels: int, depth: int, mirrored: bool = False) -> None:
        super().__init__()
        inner = EXPANSION * channels
        self.mirrored = mirrored
        self.widen = nn.Conv2d(channels, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=0 if mirrored else 1, groups=groups_of(inner))
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        gain = nn.init.calculate_gain("leaky_relu", SLOPE) * depth ** (-1 / 4)
        init_msr(self.widen, gain)
        init_msr(self.mix, gain)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self.widen(x), SLOPE)
        inner = mirrored_beyond(inner) if self.mirrored else inner
        inner = F.leaky_relu(self.mix(inner), SLOPE)
        out: Tensor = x + self.narrow(inner)
        return out


class ResidualGenerator(nn.Module):
    """G(z): (n, latent) -> (n, C, H, W), unbounded but trained towards [-1, 1]."""

    def __init__(self, spec: PictureSpec, settings: NetworkSettings) -> None:
        super().__init__()
        *_, k = start = start_of(*spec.size)
        channels = [settings.width * min(WIDEST, 2**level) for level in reversed(range(k + 1))]
        self.basis = nn.Parameter(torch.randn(channels[0], *start.places))
        self.modulate = nn.Linear(settings.latent, channels[0], bias=False)
        init_msr(self.modulate, 1.0)
        self.stages = nn.ModuleList(stage(width, BLOCKS * len(channels)) for width in channels)
        self.changes = nn.ModuleList(change(a, b) for a, b in pairwise(channels))
        self.to_picture = nn.Conv2d(channels[-1], spec.channels, 1)
        init_msr(self.to_picture, 1.0)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = channels_last(self.basis * self.modulate(z)[:, :, None, None])
        x = self.stages[0](x)
        for turn, block in zip(self.changes, self.stages[1:], strict=True):
            # The 1 x 1 convolution commutes with resampling, and is four times cheaper before it.
            x = F.interpolate(turn(x), scale_factor=2, mode="bilinear", align_corners=False)
            x = block(x)
        out: Tensor = self.to_picture(x)
        return out


class ResidualDiscriminator(nn.Module):
    """D(x): (n, C, H, W) -> (n,), one unbounded score a sample, higher for real."""

    def __init__(self, spec: PictureSpec, settings: NetworkSettings) -> None:
        super().__init__()
        *_, k = start = start_of(*spec.size)
        channels = [settings.width * min(WIDEST, 2**level) for level in range(k + 1)]
        self.from_picture = nn.Conv2d(spec.channels, channels[0], 1)
        init_msr(self.from_picture, 1.0)
        self.stages = nn.ModuleList(stage(width, BLOCKS * len(channels)) for width in channels)
        self.changes = nn.ModuleList(change(a, b) for a, b in pairwise(channels))
        # G's basis turned round: each channel is weighed over its places, then all are summed.
        self.basis = nn.Conv2d(channels[-1], channels[-1], start.places, groups=channels[-1], bias=False)
        self.last = nn.Linear(channels[-1], 1, bias=False)
        self.n_features = channels[-1]
        init_msr(self.basis, 1.0)
        init_msr(self.last, 1.0)

    def features(self, x: Tensor) -> Tensor:
        """(n, known): what the score is a linear function of."""
        x = channels_last(self.from_picture(x))
        for block, turn in zip(self.stages, self.changes, strict=False):
            x = turn(F.interpolate(block(x), scale_factor=0.5, mode="bilinear", align_corners=False))
        features_of_x: Tensor = self.basis(self.stages[-1](x)).flatten(1)
        return features_of_x

    def score(self, features_of_x: Tensor) -> Tensor:
        """(n, known) -> (n,)."""
        score: Tensor = self.last(features_of_x)
        return score.squeeze(1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.score(self.features(x))


def stage(channels: int, depth: int, mirrored: bool = False) -> nn.Sequential:
    """Residual blocks at one resolution."""
    return nn.Sequential(*(Residual(channels, depth, mirrored) for _ in range(BLOCKS)))


def mirrored_beyond(x: Tensor) -> Tensor:
    """(n, C, H, W) -> (n, C, H + 2, W + 2): the rows and columns next to the edge stand beyond it, too. A map of one
    row or column has none, and is repeated."""
    return F.pad(x, (1, 1, 1, 1), "reflect" if min(x.shape[-2:]) > 1 else "replicate")


def change(before: int, after: int) -> nn.Module:
    """1 x 1 convolution between stages, or nothing where the channels stay."""
    if before == after:
        return nn.Identity()
    layer = nn.Conv2d(before, after, 1, bias=False)
    init_msr(layer, 1.0)
    return layer


def groups_of(channels: int) -> int:
    """The most groups of at least GROUP channels that all have as many."""
    return next(groups for groups in range(max(1, channels // GROUP), 0, -1) if channels % groups == 0)


def init_msr(layer: nn.Conv2d | nn.Linear, gain: float) -> None:
    """Weights from N(0, gain^2 / fan-in) (He 2015, 1502.01852, equation 10); biases zero."""
    fill_normal(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
