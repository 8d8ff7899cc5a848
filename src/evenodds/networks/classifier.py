"""The small network behind the referee and the judge: reals apart from fakes. It is no player and meets no G."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

from evenodds.networks.layers import SLOPE, FourierFeatures, dense
from evenodds.networks.tabular import FREQUENCIES, SCALE
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
            halvings = max(1, math.ceil(math.log2(min(spec.height, spec.width) / COARSE)))
            channels = [spec.channels, *(width * min(WIDEST, 2**level) for level in range(halvings))]
            layers: list[nn.Module] = []
            for before, after in pairwise(channels):
                layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after)]
                layers.append(nn.LeakyReLU(SLOPE))
            body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(COARSE), nn.Flatten())
            numbers = channels[-1] * COARSE**2
            self.body: nn.Module = nn.Sequential(body, *dense([numbers, 2 * width]))
            self.last = nn.Linear(2 * width, 1)
        else:
            fourier = FourierFeatures(spec.width, FREQUENCIES, SCALE)
            self.body = nn.Sequential(fourier, *dense([spec.width + 2 * FREQUENCIES, width, width, width]))
            self.last = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.last(self.body(x))
        return logit.squeeze(1)
