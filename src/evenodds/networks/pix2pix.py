"""pix2pix (Isola 2016, 1611.07004): a U-Net that draws one picture from another, and a D that judges patches.

Written from sections 3.2 and 6.1. Normalisation is instance norm: what the paper's batch norm is at its batch of 1, and
at any other batch it keeps each sample to itself, without which gradient penalties would be wrong.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, PictureSpec
from evenodds.networks.dcgan import init_normal
from evenodds.networks.layers import SLOPE

WIDEST = 8
"""No layer has more than this many times the finest layer's channels (the paper's 512 against 64)."""
DEEPEST = 8
"""Halvings of the U-Net at most: 256 px to 1 px."""
DROPPED = 3
"""Decoder layers with dropout, from the innermost outwards."""
DROPOUT = 0.5
HALVINGS = 3
"""Of D at most: with these a patch is 70 x 70 px, with 2 of them 34 x 34 and with 1 of them 16 x 16."""
FEWEST = 4
"""D's map is at least this many patches high and wide."""


class UNetGenerator(nn.Module):
    """G(z, c): (n, latent) and (n, channels of c, H, W) -> (n, C, H, W) in [-1, 1], for any H and W.

    z is ignored: the only noise is the decoder's dropout (section 3.1), on in eval mode too and drawn from torch's
    current random state.
    """

    def __init__(self, spec: PictureSpec, settings: NetworkSettings, condition: Condition) -> None:
        super().__init__()
        depth = min(DEEPEST, min(spec.height, spec.width).bit_length() - 1)
        widths = [settings.width * min(WIDEST, 2**level) for level in range(depth)]
        innermost = depth - 2
        self.first = nn.Conv2d(condition.spec.shape[0], widths[0], 4, stride=2, padding=1)
        self.downs = nn.ModuleList(
            # At 1 x 1 px a normalised innermost layer would be all zeros.
            down(before, after, normed=depth < innermost)
            for depth, (before, after) in enumerate(pairwise(widths))
        )
        self.ups = nn.ModuleList(
            up(before if depth == 0 else 2 * before, after, dropped=depth < DROPPED)
            for depth, (before, after) in enumerate(pairwise(reversed(widths)))
        )
        self.last = nn.ConvTranspose2d(2 * widths[0], spec.channels, 4, stride=2, padding=1)
        self.apply(init_normal)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        x, window = padded(c, 2 ** (len(self.downs) + 1))
        x = self.first(x)
        skips = []
        for layer in self.downs:
            skips.append(x)
            x = layer(x)
        for layer in self.ups:
            x = torch.cat([layer(x), skips.pop()], dim=1)
        return torch.tanh(self.last(F.relu(x)))[window]


class PatchDiscriminator(nn.Module):
    """D(x, c): (n, C, H, W) and (n, channels of c, H, W) -> (n, p), one unbounded score a patch, higher for real.

    The 70 x 70 PatchGAN (section 6.1.2), or the paper's smaller ones where its map would be under FEWEST a side.
    """

    def __init__(self, spec: PictureSpec, settings: NetworkSettings, condition: Condition) -> None:
        super().__init__()
        # The two last layers, of stride 1, take a pixel of the map each.
        room = min(spec.height, spec.width) // (FEWEST + 2)
        halvings = min(HALVINGS, room.bit_length() - 1)
        strides = [*([2] * halvings or [1]), 1]
        widths = [settings.width * min(WIDEST, 2**level) for level in range(len(strides))]
        layers: list[nn.Module] = [
            nn.Conv2d(spec.channels + condition.spec.shape[0], widths[0], 4, stride=strides[0], padding=1),
            nn.LeakyReLU(SLOPE),
        ]
        for stride, (before, after) in zip(strides[1:], pairwise(widths), strict=True):
            layers += [
                nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=False),
                nn.InstanceNorm2d(after, affine=True),
                nn.LeakyReLU(SLOPE),
            ]
        self.body = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.apply(init_normal)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        scores: Tensor = self.body(torch.cat([c, x], dim=1))
        return scores.flatten(1)


class NoiseDropout(nn.Module):
    """Dropout that eval mode does not turn off."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, DROPOUT, training=True)


def down(before: int, after: int, normed: bool) -> nn.Sequential:
    """(n, before, H, W) -> (n, after, H / 2, W / 2); the activation comes first, so that skips carry none."""
    layers = [nn.LeakyReLU(SLOPE), nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not normed)]
    return nn.Sequential(*layers, *([nn.InstanceNorm2d(after, affine=True)] if normed else []))


def up(before: int, after: int, dropped: bool) -> nn.Sequential:
    """(n, before, H, W) -> (n, after, 2 H, 2 W)."""
    layers = [
        nn.ReLU(),
        nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
        nn.InstanceNorm2d(after, affine=True),
    ]
    return nn.Sequential(*layers, *([NoiseDropout()] if dropped else []))


def padded(x: Tensor, multiple: int) -> tuple[Tensor, tuple[slice, slice, slice, slice]]:
    """x (n, C, H, W) with its edges repeated, on both sides alike, until H and W are multiples of ``multiple``.

    Also where x lies in it: ``wide, window = padded(x, m)`` makes ``wide[window]`` x again.
    """
    height, width = x.shape[2:]
    more_rows, more_columns = -height % multiple, -width % multiple
    top, left = more_rows // 2, more_columns // 2
    wide = F.pad(x, (left, more_columns - left, top, more_rows - top), mode="replicate")
    return wide, (slice(None), slice(None), slice(top, top + height), slice(left, left + width))
