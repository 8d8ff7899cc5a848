"""A style-based generator, written from the papers (Karras 2018, 1812.04948; Karras 2019, 1912.04958).

A mapping network turns z into w, which scales the channels of every layer of a network that begins with a learnt
constant; each layer adds noise; the picture is the sum of what each level draws. One layer a level, for CPUs. Mixing
of styles while learning and the penalty on path lengths are left out.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.config.sizes import start_of
from evenodds.core.spec import PictureSpec
from evenodds.networks.dcgan import WIDEST
from evenodds.networks.layers import SLOPE, channels_last, fill_normal
from evenodds.networks.r3gan import init_msr

STYLES = 128
"""Numbers of w, whatever the width and the labels, so that another game's mapping can be taken over."""
MAPPED = 3
"""Layers of the mapping network; the papers' 8 are for games of weeks."""
GAIN = math.sqrt(2.0)
"""What a leaky ReLU takes of the mean square of its input, given back."""
START = 0.02
"""Standard deviation of the first weights, as dcgan's; demodulation makes up for it."""
EPS = 1e-8


class StyleGenerator(nn.Module):
    """G(z): (n, latent) -> (n, C, H, W) in [-1, 1]; ``synthesize`` the same from w.

    Noise is drawn anew for each sample while G learns, and is one fixed pattern a layer in eval mode: so a sample is a
    function of z or w alone, the same in batches of any size and in every export, and an edit leaves its grain alone.
    """

    def __init__(self, spec: PictureSpec, settings: NetworkSettings) -> None:
        super().__init__()
        h, w, k = start_of(*spec.size)
        halves = [settings.width * min(WIDEST, 2**level) for level in reversed(range(k))]
        channels = [*halves, max(1, settings.width // 2)]
        widths = [settings.latent, *[STYLES] * MAPPED]
        self.mapping = nn.ModuleList(
            EqualizedLinear(before, after, GAIN) for before, after in pairwise(widths)
        )
        self.constant = nn.Parameter(torch.randn(channels[0], h, w))
        self.layers = nn.ModuleList([StyledLayer(channels[0], channels[0], (h, w), doubles=False)])
        for level, (before, after) in enumerate(pairwise(channels), 1):
            self.layers.append(StyledLayer(before, after, (h << level, w << level), doubles=True))
        self.pictures = nn.ModuleList(
            ToPicture(before, spec.channels, 1 / len(channels)) for before in channels
        )

    def map(self, z: Tensor) -> Tensor:
        """(n, latent) -> w, (n, STYLES). z counts by its direction alone."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPS)
        for layer in self.mapping:
            w = F.leaky_relu(layer(w), SLOPE)
        return w

    def synthesize(self, w: Tensor) -> Tensor:
        """Pictures (n, C, H, W) of w (n, STYLES), or of a w for each level, coarse to fine, (n, levels, STYLES)."""
        styles = w.unbind(1) if w.dim() == 3 else (w,) * len(self.layers)
        x: Tensor = self.constant
        picture: Tensor | None = None
        for layer, to_picture, style in zip(self.layers, self.pictures, styles, strict=True):
            x = layer(x, style)
            drawn = to_picture(x, style)
            if picture is not None:
                picture = F.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)
            picture = drawn if picture is None else picture + drawn
        return torch.tanh(cast(Tensor, picture))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.synthesize(self.map(z))


class EqualizedLinear(nn.Linear):
    """A linear layer whose weights are stored at the scale of one (Karras 2017, 1710.10196, section 4.1): Adam's steps
    move them a tenth as far as stored as they act, or w would run ahead of what reads it."""

    def __init__(self, before: int, after: int, gain: float, bias: float = 0.0) -> None:
        super().__init__(before, after)
        self.scale = gain / math.sqrt(before)
        fill_normal(self.weight)
        nn.init.constant_(self.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class StyledLayer(nn.Module):
    """(n, before, h, w), (n, STYLES) -> (n, after, h, w), or twice the height and width if it ``doubles``: a modulated
    and demodulated convolution, noise of a learnt strength, leaky ReLU."""

    noise: Tensor

    def __init__(self, before: int, after: int, places: tuple[int, int], doubles: bool) -> None:
        """``places`` are height and width of what comes out."""
        super().__init__()
        self.style = EqualizedLinear(STYLES, before, 1.0, bias=1.0)
        self.conv = (
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            if doubles
            else nn.Conv2d(before, after, 3, padding=1, bias=False)
        )
        fill_normal(self.conv.weight, 0.0, START)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(after))
        self.register_buffer("noise", torch.randn(1, *places))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.style(w)
        x = modulated(x, style, self.conv) * demodulation(style, self.conv)[:, :, None, None]
        noise = torch.randn_like(x[:, :1]) if self.training else self.noise
        return GAIN * F.leaky_relu(x + self.strength * noise + self.bias[:, None, None], SLOPE)


class ToPicture(nn.Module):
    """(n, before, h, w), (n, STYLES) -> (n, C, h, w): a modulated 1 x 1 convolution."""

    def __init__(self, before: int, channels: int, gain: float) -> None:
        super().__init__()
        self.style = EqualizedLinear(STYLES, before, 1.0, bias=1.0)
        self.conv = nn.Conv2d(before, channels, 1)
        init_msr(self.conv, gain)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return modulated(x, self.style(w), self.conv)


def modulated(x: Tensor, style: Tensor, conv: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """``conv`` of x (n or 1, before, h, w) with the weights that read channel i scaled by style (n, before) at i.

    The input is scaled in their place, which is the same sum, and all samples share one convolution.
    """
    out: Tensor = conv(channels_last(x * style[:, :, None, None]))
    return out


def demodulation(style: Tensor, conv: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """Factors (n, after) that give ``modulated`` of inputs of unit variance unit variance (Karras 2019, equation 3)."""
    power = conv.weight.square().sum(
        (2, 3)
    )  # of a doubling convolution each pixel sees one in stride^2 weights
    power = power / (conv.stride[0] * conv.stride[1]) if isinstance(conv, nn.ConvTranspose2d) else power.T
    return torch.rsqrt(style.square() @ power + EPS)
