"""DCGAN (Radford 2015, 1511.06434): transposed convolutions up, strided convolutions down, no pooling.

The paper's rules (section 3): strides in place of pooling, batch normalisation but for G's last and D's first
layer, ReLU in G with tanh at the end, leaky ReLU in D, no hidden dense layers, weights from N(0, 0.02^2).
Any size that doubling reaches (``config.sizes``); `norm_d="none"` leaves D's normalisation out, for penalties.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from evenodds.config.settings import NetworkSettings
from evenodds.config.sizes import start_of
from evenodds.core.spec import PictureSpec
from evenodds.networks.layers import SLOPE, FromPlace, ToPlace, fill_normal

WIDEST = 8
"""No layer has more than this many times the finest layer's channels (the paper's 1024 against 128)."""


class ConvGenerator(nn.Module):
    """G(z): (n, latent) -> (n, C, H, W) in [-1, 1]."""

    def __init__(self, spec: PictureSpec, settings: NetworkSettings) -> None:
        super().__init__()
        *_, k = start = start_of(*spec.size)
        channels = [settings.width * min(WIDEST, 2**level) for level in reversed(range(k))]
        layers: list[nn.Module] = [
            FromPlace(settings.latent, channels[0], start.places, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(inplace=True),
        ]
        for before, after in pairwise(channels):
            layers += [
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        layers += [nn.ConvTranspose2d(channels[-1], spec.channels, 4, stride=2, padding=1), nn.Tanh()]
        self.body = nn.Sequential(*layers)
        self.apply(init_normal)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor = self.body(z[:, :, None, None])
        return x


class ConvDiscriminator(nn.Module):
    """D(x): (n, C, H, W) -> (n,), one unbounded score a sample, higher for real."""

    def __init__(self, spec: PictureSpec, settings: NetworkSettings) -> None:
        super().__init__()
        *_, k = start = start_of(*spec.size)
        norm = settings.norm_d == "batch"
        channels = [spec.channels, *(settings.width * min(WIDEST, 2**level) for level in range(k))]
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(pairwise(channels)):
            normed = norm and level > 0
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not normed))
            if normed:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(SLOPE))
        layers.append(ToPlace(channels[-1], 1, start.places))
        self.body = nn.Sequential(*layers)
        self.n_features = channels[-1] * start.height * start.width
        if norm:
            self.apply(init_normal)

    def features(self, x: Tensor) -> Tensor:
        """(n, k, h, w), known numbers a sample: what the score is a linear function of."""
        features_of_x: Tensor = self.body[:-1](x)
        return features_of_x

    def score(self, features_of_x: Tensor) -> Tensor:
        """(n, k, h, w) -> (n,)."""
        score: Tensor = self.body[-1](features_of_x)
        return score.flatten()

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.score(self.features(x))


def init_normal(module: nn.Module) -> None:
    """Weights from N(0, 0.02^2), scales from N(1, 0.02^2), biases zero (section 4)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        fill_normal(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        fill_normal(module.weight, 1.0, 0.02)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d) and module.bias is not None:
        nn.init.zeros_(module.bias)
