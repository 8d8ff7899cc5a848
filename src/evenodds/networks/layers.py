"""The pieces that more than one network is made of."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from evenodds.errors import UserError
from evenodds.spec import RowSpec

SLOPE = 0.2
"""Negative slope of every leaky ReLU, as in DCGAN (1511.06434, section 3)."""


def doublings(size: int) -> tuple[int, int]:
    """(side, k) with size = side x 2^k and 4 <= side < 8: where a picture starts and how often it doubles.

    Raises UserError for a size that no such pair gives, naming the nearest ones.
    """
    k = max(0, size.bit_length() - 3)
    side = size >> k
    if side << k != size or not 4 <= side < 8:
        step = 1 << k
        below = size // step * step
        nearest = "4" if size < 4 else f"{below} or {below + step}"
        raise UserError(f"--size {size}: pictures grow by doubling from 4 to 7 px, take {nearest} instead")
    return side, k


class FourierFeatures(nn.Module):
    """x beside sines and cosines of random projections of x, so that sharp modes can be told apart.

    (n, width) -> (n, width + 2 x count). Tancik 2020 (2006.10739), equation 5; the frequencies are drawn
    once from N(0, scale^2) and are not trained.
    """

    frequencies: Tensor

    def __init__(self, width: int, count: int, scale: float) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(width, count) * scale)

    def forward(self, x: Tensor) -> Tensor:
        angles = x @ self.frequencies
        return torch.cat([x, angles.sin(), angles.cos()], dim=1)


class SpanHeads(nn.Module):
    """The last layer of a generator of rows: a head for each column span.

    (n, spec.width) -> (n, spec.width). A number is bounded smoothly by +-4; a category is its largest logit's place,
    one-hot, so that the discriminator cannot tell a fake by its softness, with the gradient of a softmax (straight-
    through, Bengio 2013, 1308.3432, section 1). All chance is in z: Gumbel noise of each column's own (Jang 2016,
    1611.01144) would draw columns that belong together apart.
    """

    BOUND = 4.0
    TEMPERATURE = 5.0
    """Of the gradient's softmax: a soft one still reaches places far from being chosen."""

    def __init__(self, spec: RowSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, x: Tensor) -> Tensor:
        if all(span.kind == "number" for span in self.spec.spans):
            return self.bounded(x)
        parts = [
            self.bounded(x[:, span.start : span.stop])
            if span.kind == "number"
            else self.chosen(x[:, span.start : span.stop])
            for span in self.spec.spans
        ]
        return torch.cat(parts, dim=1)

    def chosen(self, logits: Tensor) -> Tensor:
        soft = (logits / self.TEMPERATURE).softmax(1)
        hard = torch.zeros_like(soft).scatter_(1, logits.argmax(1, keepdim=True), 1.0)
        return hard + soft - soft.detach()

    def bounded(self, x: Tensor) -> Tensor:
        return self.BOUND * torch.tanh(x / self.BOUND)


def dense(widths: list[int]) -> list[nn.Module]:
    """Linear layers from widths[0] to widths[-1], each followed by a leaky ReLU."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return layers
