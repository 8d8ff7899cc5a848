"""The small networks behind the referee, the judge and steering: reals apart from fakes, and labels from pictures. They
are no players and meet no G."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from evenodds.core.spec import PictureSpec, SampleSpec
from evenodds.networks.fourier import row_features
from evenodds.networks.layers import SLOPE, dense
from evenodds.networks.optimizers import AdamW

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
            self.body: nn.Module = convolutional_body(spec, width)
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
        self.body = convolutional_body(spec, width)
        # A label's name may hold what no module's name may.
        self.heads = nn.ModuleList(nn.Linear(2 * width, count) for count in levels.values())

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        body_features = self.body(x)
        return {name: head(body_features) for name, head in zip(self.names, self.heads, strict=True)}


class LabelEnsemble(nn.Module):
    """x (n, *spec.shape) -> log-probabilities (n, levels) for each label: the mean over several Labellers, up to a
    constant for each sample. Where one is wrong about what none has learnt, such as fakes, others seldom are in the
    same way (Lakshminarayanan 2017, 1612.01474)."""

    def __init__(self, count: int, spec: PictureSpec, width: int, levels: Mapping[str, int]) -> None:
        super().__init__()
        self.each = nn.ModuleList(Labeller(spec, width, levels) for _ in range(count))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        outputs = [reader(x) for reader in self.each]
        return {
            name: torch.stack([one[name].log_softmax(1) for one in outputs]).mean(0) for name in outputs[0]
        }


def convolutional_body(spec: PictureSpec, width: int) -> nn.Sequential:
    """Pictures (n, *spec.shape) -> (n, 2 width), for any size: strided convolutions, then a dense layer."""
    halvings = max(1, math.ceil(math.log2(min(spec.height, spec.width) / COARSE)))
    channels = [spec.channels, *(width * min(WIDEST, 2**level) for level in range(halvings))]
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after)]
        layers.append(nn.LeakyReLU(SLOPE))
    body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(COARSE), nn.Flatten())
    return nn.Sequential(body, *dense([channels[-1] * COARSE**2, 2 * width]))


RATE = 3e-3
DECAY = 1e-2


def fit(
    network: nn.Module,
    x: Tensor,
    real: Tensor,
    *,
    steps: int,
    batch: int = 128,
    change: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """Fits logits of ``network`` to which of x (n, ...) are ``real`` (n,), 1.0 or 0.0, and leaves it in eval mode.

    Minimises the cross-entropy by AdamW (Loshchilov and Hutter 2017, 1711.05101) over one cycle of the rate (Smith
    and Topin 2017, 1708.07120); both sides of a batch are of the same expected size, whatever theirs in x.
    ``change`` is applied to each batch. Random numbers come from torch's state.
    """
    share = real.mean()
    weights = torch.where(real > 0.5, 0.5 / share, 0.5 / (1 - share))

    def loss() -> Tensor:
        chosen = torch.multinomial(weights, min(batch, len(x)), replacement=True)
        sample = x[chosen] if change is None else change(x[chosen])
        return binary_cross_entropy_with_logits(network(sample), real[chosen])

    descend(network, loss, steps)


def fit_labels(
    network: nn.Module,
    x: Callable[[Tensor], Tensor],
    codes: Mapping[str, Tensor],
    *,
    steps: int,
    batch: int = 64,
) -> None:
    """Fits ``network``'s logits to the labels of samples, ``codes`` (n,) by name with -1 for none, as ``fit`` does.

    ``x`` gives the samples at places (m,) as (m, ...): they need not all lie in memory.
    """
    count = len(next(iter(codes.values())))

    def loss() -> Tensor:
        chosen = torch.randint(count, (batch,))
        outputs = network(x(chosen))
        parts = [cross_entropy(outputs[name], code[chosen], ignore_index=-1) for name, code in codes.items()]
        return torch.stack(
            [part for part in parts if part.isfinite()]
        ).sum()  # a batch may lack a label altogether

    descend(network, loss, steps)


def descend(network: nn.Module, loss: Callable[[], Tensor], steps: int) -> None:
    """Minimises a loss in so many steps, and leaves the network in eval mode."""
    network.train()
    optimizer = AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, max(steps, 2))
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        schedule.step()
    network.eval()


@torch.inference_mode()
def logits(network: nn.Module, x: Tensor, batch: int = 512) -> Tensor:
    """The logits of x (n, ...): float32 (n,) on the CPU."""
    return torch.cat([network(part).float().cpu() for part in x.split(batch)])
