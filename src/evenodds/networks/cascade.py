"""Coarse to fine: a small G, and what enlarges its pictures; a D at each of both sizes.

A Laplacian pyramid of players (Denton 2015, 1506.05751, section 2.2) that play one after the other in one run, the
first at a fraction of the cost of a round. The networks are whole at any time: before the enlarger has learnt anything,
G gives the coarse picture interpolated, and D the word of the coarse one alone.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.core.spec import PictureSpec
from evenodds.networks.layers import SLOPE

BLOCKS, FINEST = 1, 16
"""Residual blocks of an enlarger, at the coarse resolution; its channels at the fine one."""
GRAIN = 0.1
"""Standard deviation of the noise on what an enlarger learns from, at most: it forgives a coarse G its noise, and does
not enlarge it."""
HALVINGS = 3
"""Before the patch scores, each of which sees 38 px."""


class CascadeGenerator(nn.Module):
    """G(z, c): (n, latent) -> (n, C, H, W): ``coarse`` makes a small picture, and ``enlarge`` enlarges it."""

    def __init__(self, coarse: nn.Module, enlarge: Enlarger) -> None:
        super().__init__()
        self.coarse, self.enlarge = coarse, enlarge

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor = self.enlarge(self.coarse(z, c))
        return x


class CascadeDiscriminator(nn.Module):
    """D(x, c): (n, C, H, W) -> (n, p), one score a patch: the fine patches' own, and that of ``coarse`` for the picture
    made small, on which conditions have their say."""

    def __init__(self, coarse: nn.Module, fine: PatchScore, side: int) -> None:
        """``side`` is the shorter one of the coarse pictures, in pixels."""
        super().__init__()
        self.coarse, self.fine, self.side = coarse, fine, side

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        small: Tensor = self.coarse(shrink(x, self.side), c)
        fine: Tensor = self.fine(x)
        return fine + (small[:, None] if small.dim() == 1 else small.mean(1, keepdim=True))


class Enlarger(nn.Module):
    """(n, C, h, w) -> (n, C, H, W): the picture interpolated (bicubic), and what it lacks.

    Residual blocks at the coarse resolution, then sub-pixel convolution to the fine one (Shi 2016, 1609.05158), which
    cost a fraction of the same at full size. It starts as the interpolation alone.
    """

    def __init__(self, spec: PictureSpec, width: int, times: int) -> None:
        """``times`` are H / h."""
        super().__init__()
        self.times = times
        self.first = nn.Conv2d(spec.channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(EnlargerBlock(width) for _ in range(BLOCKS)))
        self.up = nn.Conv2d(width, FINEST * times**2, 3, padding=1)
        self.last = nn.Conv2d(FINEST, spec.channels, 3, padding=1)
        for weight in self.last.parameters():
            nn.init.zeros_(weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.up(F.leaky_relu(self.blocks(self.first(x)), SLOPE))
        detail: Tensor = self.last(F.leaky_relu(F.pixel_shuffle(h, self.times), SLOPE))
        return F.interpolate(x, scale_factor=self.times, mode="bicubic", align_corners=False) + detail


class EnlargerBlock(nn.Module):
    """x + branch(x), (n, width, h, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.back = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.back(F.leaky_relu(self.mix(F.leaky_relu(x, SLOPE)), SLOPE))
        return out


class EnlargerPlayer(nn.Module):
    """An enlarger as the G of a game in which small pictures are the condition: (z, c) -> (n, C, H, W), z ignored."""

    def __init__(self, enlarge: Enlarger) -> None:
        super().__init__()
        self.enlarge = enlarge

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        x: Tensor = self.enlarge(c)
        return x


class PatchScore(nn.Module):
    """(n, C, H, W) -> (n, p): one score a patch of 38 px, all zero at the start (Isola 2016, 1611.07004, section 3.3).

    A patch is too small to tell what is shown, and tells how it is drawn: what an enlarger can mend.
    """

    def __init__(self, spec: PictureSpec, width: int) -> None:
        super().__init__()
        widths = [spec.channels, *(width * 2**level for level in range(HALVINGS))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv2d(widths[-1], 1, 3, padding=1)
        for weight in self.last.parameters():
            nn.init.zeros_(weight)

    def features(self, x: Tensor) -> Tensor:
        """(n, k, H / 8, W / 8): what the scores are a linear function of."""
        features_of_x: Tensor = self.body(x)
        return features_of_x

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        scores: Tensor = self.last(self.features(x))
        return scores.flatten(1)


def shrink(x: Tensor, side: int) -> Tensor:
    """Pictures (n, C, H, W) made small by the means of what becomes one pixel, until the shorter side is ``side``."""
    shorter = min(x.shape[-2:])
    return x if shorter == side else F.avg_pool2d(x, shorter // side)


def grained(x: Tensor) -> Tensor:
    """Pictures (n, C, h, w) with noise on each, of a strength up to GRAIN drawn from torch's current random state."""
    return x + GRAIN * torch.rand(len(x), 1, 1, 1, device=x.device) * torch.randn_like(x)


def at_stage(network: nn.Module, stages_left: int) -> nn.Module:
    """The part of a G or a D that plays where so many stages are yet to come."""
    for _ in range(stages_left):
        network = network.get_submodule("coarse")
    return network
