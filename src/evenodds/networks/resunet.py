"""A residual U-Net and a patch D in the manner of R3GAN (Huang 2024, 2501.05441): one picture from another, and noise.

Section 4's residual stages, without normalisation, in the shape of a U-Net (Ronneberger 2015, 1505.04597). Meant for
the relativistic objective with R1 and R2.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, PictureSpec
from evenodds.networks.layers import channels_last
from evenodds.networks.pix2pix import padded
from evenodds.networks.r3gan import BLOCKS, WIDEST, change, init_msr, stage

COARSE = 7
"""G halves pictures until their shorter side is at most this many pixels."""
DEEPEST = 5
"""Halvings of G at most."""
HALVINGS = 3
"""Of D at most."""
FEWEST = 4
"""D's map is at least this many patches high and wide."""


class ResidualUNet(nn.Module):
    """G(z, c): (n, latent) and (n, channels of c, H, W) -> (n, C, H, W), for any H and W.

    Unbounded but trained towards [-1, 1]. z scales the bottleneck's channels, from a start at which it does nothing:
    G takes up noise only where that helps it.
    """

    def __init__(self, spec: PictureSpec, settings: NetworkSettings, condition: Condition) -> None:
        super().__init__()
        halvings = min(DEEPEST, max(0, math.ceil(math.log2(min(spec.height, spec.width) / COARSE))))
        widths = [settings.width * min(WIDEST, 2**level) for level in range(halvings + 1)]
        depth = BLOCKS * (2 * halvings + 1)
        self.from_picture = nn.Conv2d(condition.spec.shape[0], widths[0], 1)
        init_msr(self.from_picture, 1.0)
        self.encoder = nn.ModuleList(stage(width, depth) for width in widths[:-1])
        self.changes = nn.ModuleList(change(a, b) for a, b in pairwise(widths))
        self.modulate = nn.Linear(settings.latent, widths[-1], bias=False)
        nn.init.zeros_(self.modulate.weight)
        self.bottleneck = stage(widths[-1], depth)
        self.merges = nn.ModuleList(Merge(a, b) for a, b in pairwise(reversed(widths)))
        self.decoder = nn.ModuleList(stage(width, depth) for width in reversed(widths[:-1]))
        self.to_picture = nn.Conv2d(widths[0], spec.channels, 1)
        init_msr(self.to_picture, 1.0)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        x, window = padded(c, 2 ** len(self.changes))
        x = channels_last(self.from_picture(x))
        skips = []
        for block, turn in zip(self.encoder, self.changes, strict=True):
            skips.append(block(x))
            x = turn(halved(skips[-1]))
        x = self.bottleneck(x * (1 + self.modulate(z)[:, :, None, None]))
        for merge, block in zip(self.merges, self.decoder, strict=True):
            x = block(merge(x, skips.pop()))
        out: Tensor = self.to_picture(x)
        return out[window]


class Merge(nn.Module):
    """x (n, before, H, W) and a skip (n, after, 2 H, 2 W) -> (n, after, 2 H, 2 W): x doubled, beside the skip, 1 x 1.

    The 1 x 1 convolution over both is the sum of one over each, and that over x is four times cheaper before it
    is doubled, with which it commutes.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.below = nn.Conv2d(before, after, 1, bias=False)
        self.beside = nn.Conv2d(after, after, 1, bias=False)
        init_msr(self.below, math.sqrt(1 / 2))
        init_msr(self.beside, math.sqrt(1 / 2))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        below = F.interpolate(self.below(x), scale_factor=2, mode="bilinear", align_corners=False)
        out: Tensor = below + self.beside(skip)
        return out


class ResidualPatchDiscriminator(nn.Module):
    """D(x, c): (n, C, H, W) and (n, channels of c, H, W) -> (n, p), one unbounded score a patch, higher for real.

    A patch is 68 x 68 px, much like pix2pix's, and the more weighty the nearer its middle 8 x 8; smaller in pictures
    under 32 px.
    """

    def __init__(self, spec: PictureSpec, settings: NetworkSettings, condition: Condition) -> None:
        super().__init__()
        room = min(spec.height, spec.width) // FEWEST
        halvings = min(HALVINGS, room.bit_length() - 1)
        widths = [settings.width * min(WIDEST, 2**level) for level in range(halvings + 1)]
        self.from_picture = nn.Conv2d(spec.channels + condition.spec.shape[0], widths[0], 1)
        init_msr(self.from_picture, 1.0)
        self.stages = nn.ModuleList(stage(width, BLOCKS * len(widths)) for width in widths)
        self.changes = nn.ModuleList(change(a, b) for a, b in pairwise(widths))
        self.score = nn.Conv2d(widths[-1], 1, 1, bias=False)
        init_msr(self.score, 1.0)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        x = self.from_picture(torch.cat([c, x], dim=1))
        for block, turn in zip(self.stages, self.changes, strict=False):
            x = turn(halved(block(x)))
        scores: Tensor = self.score(self.stages[-1](x))
        return scores.flatten(1)


def halved(x: Tensor) -> Tensor:
    """(n, C, H, W) -> (n, C, H / 2, W / 2), rounded up: bilinear, which at this scale is the mean of 2 x 2 pixels."""
    return F.avg_pool2d(x, 2, ceil_mode=True)
