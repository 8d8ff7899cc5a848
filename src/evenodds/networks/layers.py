"""The pieces that more than one network is made of."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.core.spec import RowSpec

SLOPE = 0.2
"""Negative slope of every leaky ReLU, as in DCGAN (1511.06434, section 3)."""
BOUND = 4.0
"""Numbers of a row lie within +-BOUND."""
LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue (ITU-R BT.601)."""
TEMPERATURE = 0.5
"""Of the softmax whose gradient a drawn category has."""


def channels_last(x: Tensor) -> Tensor:
    """x (n, C, H, W), laid out as ``build`` lays out weights, or every convolution after it turns its input over."""
    return x.contiguous(memory_format=torch.channels_last)


class FromPlace(nn.ConvTranspose2d):
    """A transposed convolution of one place, (n, before, 1, 1) -> (n, after, *places), as the matrix product that it
    is: at 16 px, with ``ToPlace``, a tenth of a round less."""

    def __init__(self, before: int, after: int, places: tuple[int, int], *, bias: bool = True) -> None:
        super().__init__(before, after, places, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight.permute(0, 2, 3, 1)  # as it lies
        out = (x.flatten(1) @ weight.flatten(1)).view(-1, *weight.shape[1:])
        if self.bias is not None:
            out = out + self.bias
        return out.permute(0, 3, 1, 2)


class ToPlace(nn.Conv2d):
    """A convolution to one place, (n, before, *places) -> (n, after, 1, 1), as the matrix product that it is."""

    def __init__(self, before: int, after: int, places: tuple[int, int]) -> None:
        super().__init__(before, after, places)

    def forward(self, x: Tensor) -> Tensor:
        weight, x = (tensor.permute(0, 2, 3, 1).flatten(1) for tensor in (self.weight, x))
        return F.linear(x, weight, self.bias)[:, :, None, None]


class SpanHeads(nn.Module):
    """The last layer of a generator of rows: a head for each column span, all at once.

    (n, spec.width) -> (n, spec.width), as ``bounded`` makes numbers and ``drawn`` categories.
    """

    def __init__(self, spec: RowSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, x: Tensor) -> Tensor:
        if all(span.kind == "number" for span in self.spec.spans):
            return bounded(x)
        parts = [(span.kind, x[:, span.start : span.stop]) for span in self.spec.spans]
        return torch.cat(
            [bounded(part) if kind == "number" else sample_categories(part) for kind, part in parts], dim=1
        )


def bounded(x: Tensor) -> Tensor:
    """Numbers of any shape, kept smoothly within +-BOUND."""
    return BOUND * torch.tanh(x / BOUND)


def sample_categories(logits: Tensor) -> Tensor:
    """(n, k) -> (n, k): one-hot draws whose gradient is the softmax's (straight-through Gumbel-softmax, Jang 2016,
    1611.01144, section 2.2), so that a discriminator cannot tell a fake by its softness."""
    return F.gumbel_softmax(logits, tau=TEMPERATURE, hard=True)


LAYERS = 3
"""Hidden layers of a dense network whose settings leave their number open."""


def dense(widths: list[int]) -> list[nn.Module]:
    """Linear layers from widths[0] to widths[-1], each followed by a leaky ReLU."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return layers


def fill_normal(weight: Tensor, mean: float = 0.0, std: float = 1.0) -> None:
    """Fills a weight with normal numbers, unless it has no memory: there torch would load its compiler, in seconds."""
    if not weight.is_meta:
        nn.init.normal_(weight, mean, std)


def with_channels(x: Tensor, channels: int) -> Tensor:
    """Pictures (n, C, H, W) as gray ones (n, 1, H, W) or in color (n, 3, H, W), where they are not so already."""
    if x.shape[1] == channels:
        return x
    if channels == 1:
        weights = torch.tensor(LUMA, device=x.device)[:, None, None]
        return (x[:, :3] * weights).sum(1, keepdim=True)
    return x[:, :1].expand(-1, channels, -1, -1)
