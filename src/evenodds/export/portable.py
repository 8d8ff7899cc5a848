"""The networks and the judge as pure functions of tensors, which ONNX can represent."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.core.spec import PictureSpec
from evenodds.export.noise import ExplicitNoise
from evenodds.judge.features import MAX_SIDE, NEAREST, THUMBNAIL_SIDE
from evenodds.judge.judge import Judge
from evenodds.judge.scoring import p_value, probability, score_inputs, weighted_sum
from evenodds.steer.styles import style_core, style_of


class PortableGenerator(nn.Module):
    """(z, [c], [noise]) -> samples, for any G.

    ``conditional`` says whether a condition comes second; noise (n, k) in (0, 1) comes last if G draws any (see
    ``noise.ExplicitNoise``).
    """

    def __init__(self, generator: nn.Module, conditional: bool) -> None:
        super().__init__()
        self.generator, self.conditional = generator, conditional

    def forward(self, *inputs: Tensor) -> Tensor:
        z, *rest = inputs
        c = rest.pop(0) if self.conditional else None
        with ExplicitNoise(rest[0] if rest else None):
            made: Tensor = self.generator(z, c)
        return made


class ShiftedGenerator(nn.Module):
    """(z, [c], shift) -> samples, for a style-based G: shift (n, STYLES) is added to w."""

    def __init__(self, generator: nn.Module, conditional: bool) -> None:
        super().__init__()
        self.generator, self.conditional = generator, conditional

    def forward(self, *inputs: Tensor) -> Tensor:
        c = inputs[1] if self.conditional else None
        core = style_core(self.generator)
        made: Tensor = core.synthesize(style_of(self.generator, inputs[0], c) + inputs[-1])
        return made


class PortableDiscriminator(nn.Module):
    """(x, [c]) -> scores (n,), or (n, p) of patches; higher for real."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, *inputs: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(inputs[0], inputs[1] if len(inputs) > 1 else None)
        return scores


class PortableJudge(nn.Module):
    """(x,), samples (n, *spec.shape) as G makes them -> (percent_real, p_value, score), each float32 (n,).

    ``Judge`` in one network, with the same arithmetic (``judge.scoring``). An encoded row lies inside of what real rows
    show, or at its edge: what ``Judge.look`` adds from decoded values (``judge.support``) is not in it.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.networks = nn.ModuleList(judge.networks)
        self.spec, self.units, self.scale = judge.spec, judge.units, judge.scale
        self.offset = judge.weights.offset
        self.register_buffer("reals", judge.reals)
        self.register_buffer("slopes", torch.from_numpy(judge.weights.slopes))
        self.register_buffer("heldout", torch.from_numpy(judge.heldout))

    reals: Tensor
    slopes: Tensor
    heldout: Tensor

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        small, point = self.look(inputs[0])
        logit = torch.stack([network(small) for network in self.networks]).mean(0).double()
        features = score_inputs(logit, self.distance(point), self.units)
        score = weighted_sum(features, self.slopes, self.offset)
        percent = 100 * probability(score, self.scale)
        return percent.float(), p_value(score, self.heldout).float(), score.float()

    def look(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the networks see, and the points between which distances are taken, as ``judge.eye`` has them."""
        if not isinstance(self.spec, PictureSpec):
            return x, x
        levels = x.add(1).mul(127.5).round().clamp(0, 255)
        small = shrink(levels, MAX_SIDE).round()
        return small.div(127.5).sub(1), shrink(small, THUMBNAIL_SIDE).flatten(1).div(255)

    def distance(self, point: Tensor) -> Tensor:
        """The mean distance to the nearest reals, float64 (n,).

        From squares and products in float64, where ``judge.features`` has torch.cdist, which ONNX lacks.
        """
        a, b = point.double(), self.reals.double()
        squares = a.square().sum(1, keepdim=True) + b.square().sum(1)[None] - 2 * a @ b.T
        near = (-squares).topk(min(NEAREST, len(b)), dim=1).values
        return (-near).clamp(min=0).sqrt().mean(1)


def shrink(x: Tensor, most: int) -> Tensor:
    """Pictures (n, C, H, W) with at most ``most`` pixels a side, by the mean of those that become one: adaptive pooling
    as two matrix products, which every runtime knows for every size."""
    for axis in (2, 3):
        size = x.shape[axis]
        if size > most:
            means = F.adaptive_avg_pool1d(torch.eye(size)[None], most)[0]
            x = means.T @ x if axis == 2 else x @ means
    return x
