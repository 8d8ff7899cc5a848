"""Few and large pictures, written from the paper (Liu 2021, 2101.04775, FastGAN).

G has one gated convolution a level, and coarse maps that gate the channels of maps four doublings higher (skip-layer
excitation). D also learns to reconstruct the reals from its maps, so that few pictures are not told by a few marks.
G has batch normalization, as in the paper; D has none, since gradient penalties need scores that no other sample
changes. D gives one score a picture in place of one a patch, and its loss is the recipe's in place of the hinge.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.config.sizes import start_of
from evenodds.core.spec import PictureSpec
from evenodds.networks.dcgan import WIDEST, init_normal
from evenodds.networks.layers import SLOPE, FromPlace, ToPlace, channels_last, fill_normal
from evenodds.networks.r3gan import init_msr

SKIPPED = 4
"""Doublings from a map to the one that it excites: 8 to 128 px, 16 to 256 and 32 to 512 in the paper, here also 4 to
64; smaller pictures have none."""
EXCITED_SLOPE = 0.1
"""Negative slope of the leaky ReLU in an excitation (section 3.1)."""
DECODED = 3
"""Most doublings of a decoder, from 8 to 64 px; the paper's have 4."""
NARROWER = 8
"""A decoder begins with so many times fewer channels than it reads."""
GAIN = nn.init.calculate_gain("leaky_relu", SLOPE)


class FastGenerator(nn.Module):
    """G(z): (n, latent) -> (n, C, H, W) in [-1, 1]."""

    def __init__(self, spec: PictureSpec, settings: NetworkSettings) -> None:
        super().__init__()
        *_, k = start = start_of(*spec.size)
        halves = [settings.width * min(WIDEST, 2**level) for level in reversed(range(k))]
        channels = [*halves, max(1, settings.width // 2)]
        first = FromPlace(settings.latent, 2 * channels[0], start.places, bias=False)
        self.levels = nn.ModuleList([GatedLevel(first)])
        for before, after in pairwise(channels):
            self.levels.append(GatedLevel(Doubling(before, 2 * after, bias=False)))
        self.excitations = nn.ModuleList(
            Excitation(low, high, start.places, 1 << level)
            for level, (low, high) in enumerate(zip(channels, channels[SKIPPED:], strict=False))
        )
        self.to_picture = nn.Conv2d(channels[-1], spec.channels, 3, padding=1)
        self.apply(init_normal)
        for excitation in self.excitations:
            excitation.apply(init_gained)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x = z[:, :, None, None]
        maps: list[Tensor] = []
        for level, block in enumerate(self.levels):
            x = block(x)
            if level >= SKIPPED:
                x = self.excitations[level - SKIPPED](maps[level - SKIPPED], x)
            maps.append(x)
        return torch.tanh(self.to_picture(x))


class Doubling(nn.ConvTranspose2d):
    """(n, before, h, w) -> (n, after, 2 h, 2 w): each place becomes four (nearest neighbor), then a convolution of
    3 x 3. Both are one transposed convolution of 4 x 4 with summed weights, at four ninths of the cost."""

    def __init__(self, before: int, after: int, *, bias: bool = True) -> None:
        super().__init__(before, after, 3, padding=1, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = F.avg_pool2d(self.weight, 2, stride=1, padding=1, divisor_override=1)
        return F.conv_transpose2d(x, weight, self.bias, stride=2, padding=1)


class GatedLevel(nn.Module):
    """Convolution to twice the channels, batch normalization, and a gated linear unit (Dauphin 2016, 1612.08083)."""

    def __init__(self, conv: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return gated(self.norm(self.conv(x)))


class Excitation(nn.Module):
    """Gate of each channel of ``high`` (n, k, H, W) by ``low`` (n, before, h, w): equation 1.

    ``low`` is averaged to the coarsest map, 4 x 4 for powers of two; a convolution to one place, leaky ReLU, a 1 x 1
    convolution and a sigmoid make a factor for each channel.
    """

    def __init__(self, before: int, channels: int, places: tuple[int, int], pooled: int) -> None:
        """``places`` are those of the coarsest map, ``pooled`` the sides of the squares that are averaged."""
        super().__init__()
        self.pooled = pooled
        self.squeeze = ToPlace(before, channels, places)
        self.excite = nn.Conv2d(channels, channels, 1)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        small = F.avg_pool2d(low, self.pooled) if self.pooled > 1 else low
        factors = self.excite(F.leaky_relu(self.squeeze(small), EXCITED_SLOPE))
        return high * torch.sigmoid(factors)


class Reconstruction(NamedTuple):
    """A decoder's picture, and the part of the real that it should be, both (n, C, h, w)."""

    made: Tensor
    real: Tensor


class FastDiscriminator(nn.Module):
    """D(x): (n, C, H, W) -> (n,), one unbounded score a sample, higher for real.

    While D learns, decoders reconstruct the reals that it sees (section 3.2): the whole picture, made small, from the
    map of 8 x 8, and a random quarter of it in finer detail from that of 16 x 16 (the paper crops an eighth of each
    side). Pictures smaller than 32 px have the whole alone. The loss is the mean absolute difference; the paper's
    perceptual one needs a pretrained network.
    """

    reconstructs = True

    def __init__(self, spec: PictureSpec, settings: NetworkSettings, beside: int = 0) -> None:
        """``beside`` of the spec's channels are not the picture's, and are not reconstructed."""
        super().__init__()
        *_, k = start = start_of(*spec.size)
        channels = [settings.width * min(WIDEST, 2**level) for level in range(k)]
        self.first = nn.Conv2d(spec.channels, channels[0], 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(Halving(before, after) for before, after in pairwise(channels))
        self.last = ToPlace(channels[-1], 1, start.places)
        self.n_features = channels[-1] * start.height * start.width
        drawn = spec.channels - beside
        coarse = max(0, k - 2)  # of the map that the whole is decoded from
        self.whole = Decoder(channels[coarse], drawn, min(DECODED, coarse + 1))
        self.part = Decoder(channels[k - 3], drawn, min(DECODED, k - 2)) if k > 2 else None
        self.apply(init_gained)
        init_msr(self.last, 1.0)

    def maps(self, x: Tensor) -> list[Tensor]:
        """What each level sees, fine to coarse."""
        seen = [F.leaky_relu(self.first(x), SLOPE)]
        for block in self.blocks:
            seen.append(block(seen[-1]))
        return seen

    def features(self, x: Tensor) -> Tensor:
        """(n, k, h, w), known numbers a sample: what the score is a linear function of."""
        return self.maps(x)[-1]

    def score(self, features_of_x: Tensor) -> Tensor:
        """(n, k, h, w) -> (n,)."""
        score: Tensor = self.last(features_of_x)
        return score.flatten()

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.score(self.features(x))

    def features_and_loss(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The features of reals x, and how far decoders are from ``picture`` (n, C, H, W), what is theirs of x."""
        maps = self.maps(x)
        losses = [(made - real).abs().mean() for made, real in self.reconstructions(maps, picture)]
        return maps[-1], torch.stack(losses).sum()

    def score_and_reconstruct(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The scores (n,) of reals x, and the loss of their reconstructions, a scalar."""
        features_of_x, loss = self.features_and_loss(x, x)
        return self.score(features_of_x), loss

    def reconstructions(self, maps: list[Tensor], picture: Tensor) -> list[Reconstruction]:
        """What is made of D's maps, beside the real ones. The quarter is drawn from torch's current random state."""
        made = self.whole(maps[max(0, len(maps) - 2)])
        results = [Reconstruction(made, shrunk(picture, made))]
        if self.part is not None:
            fine = maps[-3]
            (height, width), times = fine.shape[-2:], picture.shape[-1] // fine.shape[-1]
            top, left = (
                torch.randint(side // 2 + 1, (len(picture),), device=picture.device)
                for side in (height, width)
            )
            made = self.part(channels_last(cropped(fine, top, left)))
            results.append(Reconstruction(made, shrunk(cropped(picture, times * top, times * left), made)))
        return results


class Halving(nn.Module):
    """(n, before, h, w) -> (n, after, h / 2, w / 2): strided and plain convolutions, beside the average of squares."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.stride = nn.Conv2d(before, after, 4, stride=2, padding=1)
        self.mix = nn.Conv2d(after, after, 3, padding=1)
        self.pass_on = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        branch = F.leaky_relu(self.mix(F.leaky_relu(self.stride(x), SLOPE)), SLOPE)
        passed = F.leaky_relu(self.pass_on(F.avg_pool2d(x, 2)), SLOPE)
        return (branch + passed) * math.sqrt(0.5)


class Decoder(nn.Module):
    """(n, before, h, w) -> pictures (n, C, h 2^times, w 2^times) in [-1, 1]: doublings and gated convolutions."""

    def __init__(self, before: int, channels: int, times: int) -> None:
        super().__init__()
        widths = [before, *(max(4, before // NARROWER >> level) for level in range(times))]
        self.levels = nn.ModuleList(Doubling(a, 2 * b) for a, b in pairwise(widths))
        self.to_picture = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        for level in self.levels:
            x = gated(level(x))
        return torch.tanh(self.to_picture(x))


def gated(x: Tensor) -> Tensor:
    """(n, 2 k, h, w) -> (n, k, h, w): each channel times the sigmoid of the one after it, so that a wider layer can
    hold a narrower one as its first channels."""
    # Channels stand last here, as they lie in memory: gradients that lie otherwise cost as much as the convolutions.
    value, gate = torch.unflatten(x.permute(0, 2, 3, 1), 3, (-1, 2)).unbind(4)
    out: Tensor = (value * torch.sigmoid(gate)).permute(0, 3, 1, 2)
    return out


def cropped(x: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Quarters (n, C, h / 2, w / 2) of maps (n, C, h, w), each from a ``top`` and a ``left`` (n,) of its own."""
    _, channels, height, width = x.shape
    rows = top[:, None] + torch.arange(height // 2, device=x.device)
    columns = left[:, None] + torch.arange(width // 2, device=x.device)
    x = x.gather(2, rows[:, None, :, None].expand(-1, channels, -1, width))
    return x.gather(3, columns[:, None, None, :].expand(-1, channels, height // 2, -1))


def shrunk(x: Tensor, like: Tensor) -> Tensor:
    """Pictures (n, C, H, W) by the means of what becomes one pixel, as large as ``like``."""
    return F.avg_pool2d(x, x.shape[-1] // like.shape[-1])


def init_gained(module: nn.Module) -> None:
    """Weights by the fan-in, so that maps keep the scale of one without normalization."""
    if isinstance(module, nn.Conv2d):
        init_msr(module, GAIN)
    elif isinstance(module, Doubling) and module.bias is not None:
        fill_normal(module.weight, 0.0, GAIN / math.sqrt(module.weight[:, 0].numel()))
        nn.init.zeros_(module.bias)
