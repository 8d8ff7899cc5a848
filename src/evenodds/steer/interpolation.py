"""Paths through latent space: along a direction, between latents, and sums of latents."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def along(z: Tensor, direction: Tensor, reach: float, steps: int) -> Tensor:
    """Move z (d,) along a unit direction (d,) by -reach to reach in even steps: (steps, d)."""
    return z + torch.linspace(-reach, reach, steps, device=z.device)[:, None] * direction


def spherical(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Interpolate from a (d,) to b (d,) at shares (n,) of the way: (n, d).

    On the great circle between their directions, with lengths interpolated linearly (White 2016, 1609.04468, section
    2.1). A straight line would leave the shell of N(0, 1).

    >>> halfway = spherical(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.5]))
    >>> round(halfway.norm().item(), 4)
    1.0
    """
    first, second = a / a.norm(), b / b.norm()
    angle = torch.arccos((first @ second).clamp(-1, 1))
    lengths = torch.lerp(a.norm(), b.norm(), share)[:, None]
    if math.sin(float(angle)) < 1e-4:
        straight = torch.lerp(first.expand(len(share), -1), second.expand(len(share), -1), share[:, None])
        return lengths * straight
    weighted = torch.sin((1 - share)[:, None] * angle) * first + torch.sin(share[:, None] * angle) * second
    way: Tensor = lengths * weighted / torch.sin(angle)
    return way


def rescaled(z: Tensor) -> Tensor:
    """Rescale latents (n, d) to the length of a sample of N(0, 1), the square root of d.

    >>> rescaled(torch.tensor([[3.0, 0.0, 0.0, 0.0]])).tolist()
    [[2.0, 0.0, 0.0, 0.0]]
    """
    scaled: Tensor = z / z.norm(dim=-1, keepdim=True) * math.sqrt(z.shape[-1])
    return scaled


def combine(terms: list[tuple[int, Tensor]]) -> Tensor:
    """Add the signed means of exemplars, (sign, latents (m, d)) each, and rescale the sum: (d,).

    Radford 2015, 1511.06434, section 6.3.2.
    """
    total = torch.stack([sign * exemplars.mean(0) for sign, exemplars in terms]).sum(0)
    return rescaled(total[None])[0]


def eased(share: Tensor) -> Tensor:
    """Shares of a way (0 to 1) at which one slows down at both ends: 3 t^2 - 2 t^3, the cubic that stands still there.

    >>> eased(torch.tensor([0.0, 0.25, 0.5, 1.0])).tolist()
    [0.0, 0.15625, 0.5, 1.0]
    """
    return share * share * (3 - 2 * share)


def frames_of_ways(steps: int, ways: int) -> list[int]:
    """How many of ``steps`` frames each of so many ways gets, as evenly as can be: the first ones one more.

    >>> frames_of_ways(20, 3)
    [7, 7, 6]
    """
    return [steps // ways + (index < steps % ways) for index in range(ways)]


def even_steps(moved: Tensor, targets: Tensor) -> Tensor:
    """Shares (n,) of a path at which samples have changed by ``targets`` (n,), 0 to 1, of the whole change.

    ``moved`` (m,) is how much they change between m + 1 even shares. With even targets a walk looks as fast everywhere.
    """
    so_far = torch.cat([torch.zeros(1), moved.double().cumsum(0).float()])
    so_far = so_far / so_far[-1].clamp_min(1e-12)
    after = torch.searchsorted(so_far, targets).clamp(1, len(so_far) - 1)
    low, high = so_far[after - 1], so_far[after]
    inside = ((targets - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    return (after - 1 + inside) / (len(so_far) - 1)
