"""Networks for rows: dense, with a head for each column span in G and Fourier features in D."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evenodds.networks.layers import SLOPE, FourierFeatures, SpanHeads, dense
from evenodds.networks.settings import NetworkSettings
from evenodds.spec import RowSpec

FREQUENCIES = 32
"""Random projections in D; 32 lifted high-quality samples on the 25-grid from 63 % to 91 %."""
SCALE = 1.0
"""Standard deviation of the frequencies, in radians a normal score."""


class RowGenerator(nn.Module):
    """G(z): (n, latent) -> (n, spec.width).

    Every hidden layer also sees what came before it, as CTGAN's generator does (Xu 2019, 1907.00503, section
    4.4), but without batch normalisation.
    """

    def __init__(self, spec: RowSpec, settings: NetworkSettings) -> None:
        super().__init__()
        w = settings.width
        self.first = nn.Linear(settings.latent, w)
        self.second = nn.Linear(settings.latent + w, w)
        self.third = nn.Linear(settings.latent + 2 * w, w)
        self.last = nn.Linear(settings.latent + 3 * w, spec.width)
        self.head = SpanHeads(spec)

    def forward(self, z: Tensor) -> Tensor:
        x = z
        for layer in (self.first, self.second, self.third):
            x = torch.cat([x, nn.functional.leaky_relu(layer(x), SLOPE)], dim=1)
        row: Tensor = self.head(self.last(x))
        return row


class RowDiscriminator(nn.Module):
    """D(x): (n, spec.width) -> (n,), one unbounded score a sample, higher for real."""

    def __init__(self, spec: RowSpec, settings: NetworkSettings) -> None:
        super().__init__()
        w = settings.width
        features = FourierFeatures(spec.width, FREQUENCIES, SCALE)
        self.body = nn.Sequential(features, *dense([spec.width + 2 * FREQUENCIES, w, w, w]), nn.Linear(w, 1))

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.body(x)
        return score.squeeze(1)
