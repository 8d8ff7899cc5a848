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
from evenodds.networks.contrast import PatchHeads
from evenodds.networks.layers import channels_last, with_channels
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
    G takes up noise only where that helps it. Under unpaired pictures it adds to c, from a start at which it gives c
    back, and it has ``heads``, by which patches of c and of what it makes are compared; nothing else uses them.
    """

    def __init__(self, spec: PictureSpec, settings: NetworkSettings, condition: Condition) -> None:
        super().__init__()
        halvings = min(DEEPEST, max(0, math.ceil(math.log2(min(spec.height, spec.width) / COARSE))))
        widths = [settings.width * min(WIDEST, 2**level) for level in range(halvings + 1)]
        depth = BLOCKS * (2 * halvings + 1)
        self.from_picture = nn.Conv2d(condition.spec.shape[0], widths[0], 1)
        init_msr(self.from_picture, 1.0)
        mirrored = settings.padding == "reflect"
        self.encoder = nn.ModuleList(stage(width, depth, mirrored) for width in widths[:-1])
        self.changes = nn.ModuleList(change(a, b) for a, b in pairwise(widths))
        self.modulate = nn.Linear(settings.latent, widths[-1], bias=False)
        nn.init.zeros_(self.modulate.weight)
        self.bottleneck = stage(widths[-1], depth, mirrored)
        self.merges = nn.ModuleList(Merge(a, b) for a, b in pairwise(reversed(widths)))
        self.decoder = nn.ModuleList(stage(width, depth, mirrored) for width in reversed(widths[:-1]))
        self.to_picture = nn.Conv2d(widths[0], spec.channels, 1)
        init_msr(self.to_picture, 1.0)
        self.paired = condition.paired
        if not self.paired:
            self.heads = PatchHeads(widths)
            init_msr(self.to_picture, 0.0)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        return self.with_maps(z, c)[0]

    def with_maps(self, z: Tensor, c: Tensor) -> tuple[Tensor, list[Tensor]]:
        """G(z, c), and the encoder's maps of c."""
        wide, window = padded(c, 2 ** len(self.changes))
        maps = self.encode(wide)
        x = self.bottleneck(maps[-1] * (1 + self.modulate(z)[:, :, None, None]))
        for merge, block, skip in zip(self.merges, self.decoder, reversed(maps[:-1]), strict=True):
            x = block(merge(x, skip))
        out: Tensor = self.to_picture(x)[window]
        return out if self.paired else out + with_channels(c, out.shape[1]), maps

    def encode(self, c: Tensor) -> list[Tensor]:
        """Pictures (n, channels of c, H, W) with sides that can be halved -> a map of each resolution, fine to coarse:
        (n, width, H, W), (n, 2 width, H / 2, W / 2) and so on."""
        x = channels_last(self.from_picture(c))
        maps = []
        for block, turn in zip(self.encoder, self.changes, strict=True):
            maps.append(block(x))
            x = turn(halved(maps[-1]))
        return [*maps, x]

    def compare(self, maps: list[Tensor], fake: Tensor) -> list[tuple[Tensor, ...]]:
        """The encoder's maps of c, and pictures like c (n, channels of c, H, W) -> unit vectors of the same places of
        both at each level, the fake's first: (n, s, k)."""
        again = self.encode(padded(fake, 2 ** len(self.changes))[0])
        levels: list[tuple[Tensor, ...]] = self.heads(again, maps)
        return levels


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
    """D(x, c): (n, C, H, W) and (n, channels of c, H, W) -> (n, p), one unbounded score a patch, higher for real. Of
    unpaired pictures c is none of its business.

    A patch is 68 x 68 px, much like pix2pix's, and the more weighty the nearer its middle 8 x 8; smaller in pictures
    under 32 px.
    """

    def __init__(self, spec: PictureSpec, settings: NetworkSettings, condition: Condition) -> None:
        super().__init__()
        room = min(spec.height, spec.width) // FEWEST
        halvings = min(HALVINGS, room.bit_length() - 1)
        widths = [settings.width * min(WIDEST, 2**level) for level in range(halvings + 1)]
        self.paired = condition.paired
        beside = condition.spec.shape[0] if self.paired else 0
        self.from_picture = nn.Conv2d(spec.channels + beside, widths[0], 1)
        init_msr(self.from_picture, 1.0)
        self.stages = nn.ModuleList(stage(width, BLOCKS * len(widths)) for width in widths)
        self.changes = nn.ModuleList(change(a, b) for a, b in pairwise(widths))
        self.score = nn.Conv2d(widths[-1], 1, 1, bias=False)
        init_msr(self.score, 1.0)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = self.from_picture(torch.cat([c, x], dim=1) if self.paired and c is not None else x)
        for block, turn in zip(self.stages, self.changes, strict=False):
            x = turn(halved(block(x)))
        scores: Tensor = self.score(self.stages[-1](x))
        return scores.flatten(1)


def halved(x: Tensor) -> Tensor:
    """(n, C, H, W) -> (n, C, H / 2, W / 2), rounded up: bilinear, which at this scale is the mean of 2 x 2 pixels."""
    return F.avg_pool2d(x, 2, ceil_mode=True)
