"""The original dense GAN (Goodfellow 2014, 1406.2661): no convolution anywhere.

Differences from the paper: leaky ReLU in place of maxout, z from N(0, 1) in place of the uniform, and no dropout in
D, which a penalty by finite difference could not tell from a slope.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import PictureSpec, SampleSpec
from evenodds.networks.layers import LAYERS, SpanHeads, dense


def widening(settings: NetworkSettings) -> list[int]:
    """The widths of G's hidden layers: each of the first three is twice as wide as the one before. D has them from the
    widest on."""
    return [settings.width * 2 ** min(layer, 2) for layer in range(settings.layers or LAYERS)]


class DenseGenerator(nn.Module):
    """G(z): (n, latent) -> (n, *spec.shape), pictures in [-1, 1]."""

    def __init__(self, spec: SampleSpec, settings: NetworkSettings) -> None:
        super().__init__()
        widths = widening(settings)
        numbers = math.prod(spec.shape)
        self.spec = spec
        self.body = nn.Sequential(*dense([settings.latent, *widths]), nn.Linear(widths[-1], numbers))
        self.head: nn.Module = nn.Tanh() if isinstance(spec, PictureSpec) else SpanHeads(spec)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor = self.head(self.body(z))
        return x.view(-1, *self.spec.shape)


class DenseDiscriminator(nn.Module):
    """D(x): (n, *spec.shape) -> (n,), one unbounded score a sample, higher for real."""

    def __init__(self, spec: SampleSpec, settings: NetworkSettings) -> None:
        super().__init__()
        widths = widening(settings)[::-1]
        self.body = nn.Sequential(*dense([math.prod(spec.shape), *widths]), nn.Linear(widths[-1], 1))
        self.n_features = widths[-1]

    def features(self, x: Tensor) -> Tensor:
        """(n, known): what the score is a linear function of."""
        features_of_x: Tensor = self.body[:-1](x.flatten(1))
        return features_of_x

    def score(self, features_of_x: Tensor) -> Tensor:
        """(n, known) -> (n,)."""
        score: Tensor = self.body[-1](features_of_x)
        return score.squeeze(1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.score(self.features(x))
