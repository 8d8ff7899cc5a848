"""Gradient penalties on D, per sample. D is any callable from samples (n, ...) to scores (n,).

A penalty is wrong for a D with batch normalisation: there a score's gradient leaks between samples.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
Penalty = Callable[[Critic, Tensor, Tensor], Tensor]
"""(D, reals, fakes) -> scalar, to be weighed and added to D's loss."""

Slope = Callable[[Critic, Tensor], Tensor]
"""(D, samples) -> mean over samples of the squared slope, a scalar."""

STEP = 1e-2
"""Length of a finite difference's step along each coordinate, in units of the sample."""


def squared_slope(critic: Critic, x: Tensor) -> Tensor:
    """Mean over samples of ||grad D(x)||^2, exact: differentiated twice when D's loss is. x: (n, ...) -> scalar."""
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(1).mean()


def squared_difference(critic: Critic, x: Tensor) -> Tensor:
    """An unbiased estimate of ``squared_slope`` up to O(STEP^2): ((D(x + s v) - D(x)) / s)^2 with v ~ N(0, 1).

    E[(v . grad)^2] = ||grad||^2. Only first derivatives, so it compiles (2501.08316, section 3.2). One direction says
    little about the others: of pictures dcgan learns less by it than by the exact slope (docs/experiments/penalty.md).
    """
    x = x.detach()
    near, far = critic(torch.cat([x, x + STEP * torch.randn_like(x)])).chunk(2)
    return ((far - near) / STEP).square().mean()


def r1(slope: Slope) -> Penalty:
    """R1: half the squared slope on reals (Mescheder 2018, 1801.04406, equation 9)."""
    return lambda critic, real, fake: slope(critic, real) / 2


def r1r2(slope: Slope) -> Penalty:
    """R1 + R2: half the squared slope on reals and on fakes (1801.04406, equations 9, 10; 2501.05441, section 2.2)."""

    def both(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        # One pass over both: the mean over 2n samples is half of the sum of the two means.
        return slope(critic, torch.cat([real, fake]))

    return both


def interpolated(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """(||grad D(x)|| - 1)^2 at random points between pairs (WGAN-GP, Gulrajani 2017, 1704.00028, equation 3)."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device, dtype=real.dtype)
    x = torch.lerp(real.detach(), fake.detach(), share).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty


SLOPES: dict[str, Slope] = {"exact": squared_slope, "difference": squared_difference}
