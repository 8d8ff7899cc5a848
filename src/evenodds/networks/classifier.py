"""The small networks behind the referee, the judge and steering: reals apart from fakes, and labels from pictures. They
are no players and meet no G."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from evenodds.networks.fourier import row_features
from evenodds.networks.layers import SLOPE, dense
from evenodds.spec import PictureSpec, SampleSpec

COARSE = 4
"""Pictures are halved until their shorter side is at most this many pixels."""
WIDEST = 4
"""No convolution has more than this many times the first one's channels."""


class Classifier(nn.Module):
    """x (n, *spec.shape) -> (n,): the logit of being real, for rows or pictures of any size.

    ``width`` is hidden units of a dense layer, or channels of the first convolution.
    """

    def __init__(self, spec: SampleSpec, width: int) -> None:
        super().__init__()
        if isinstance(spec, PictureSpec):
            self.body: nn.Module = sight(spec, width)
            self.last = nn.Linear(2 * width, 1)
        else:
            features = row_features(spec)
            self.body = nn.Sequential(features, *dense([features.width, width, width, width]))
            self.last = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.last(self.body(x))
        return logit.squeeze(1)


class Labeller(nn.Module):
    """x (n, *spec.shape) -> logits (n, levels) for each label, by its name."""

    def __init__(self, spec: PictureSpec, width: int, levels: Mapping[str, int]) -> None:
        super().__init__()
        self.names = tuple(levels)
        self.body = sight(spec, width)
        # A label's name may hold what no module's name may.
        self.heads = nn.ModuleList(nn.Linear(2 * width, count) for count in levels.values())

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        known = self.body(x)
        return {name: head(known) for name, head in zip(self.names, self.heads, strict=True)}


class Readers(nn.Module):
    """x (n, *spec.shape) -> log-probabilities (n, levels) for each label: the mean over several Labellers, up to a
    constant for each sample. Where one is wrong about what none has learnt, such as fakes, others seldom are in the
    same way (Lakshminarayanan 2017, 1612.01474)."""

    def __init__(self, count: int, spec: PictureSpec, width: int, levels: Mapping[str, int]) -> None:
        super().__init__()
        self.each = nn.ModuleList(Labeller(spec, width, levels) for _ in range(count))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        said = [reader(x) for reader in self.each]
        return {name: torch.stack([one[name].log_softmax(1) for one in said]).mean(0) for name in said[0]}


def sight(spec: PictureSpec, width: int) -> nn.Sequential:
    """Pictures (n, *spec.shape) -> (n, 2 width), for any size: strided convolutions, then a dense layer."""
    halvings = max(1, math.ceil(math.log2(min(spec.height, spec.width) / COARSE)))
    channels = [spec.channels, *(width * min(WIDEST, 2**level) for level in range(halvings))]
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after)]
        layers.append(nn.LeakyReLU(SLOPE))
    body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(COARSE), nn.Flatten())
    return nn.Sequential(body, *dense([channels[-1] * COARSE**2, 2 * width]))
