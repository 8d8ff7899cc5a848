"""Ways through latent space: along a direction, from one latent to another, and sums of latents."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def along(z: Tensor, direction: Tensor, reach: float, steps: int) -> Tensor:
    """z (d,) moved along a unit direction (d,) by -reach to reach in even steps: (steps, d)."""
    return z + torch.linspace(-reach, reach, steps, device=z.device)[:, None] * direction


def spherical(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """From a (d,) to b (d,) at shares (n,) of the way: (n, d), on the great circle between their directions, lengths
    interpolated beside (White 2016, 1609.04468, section 2.1). A straight line would leave the shell of N(0, 1)."""
    first, second = a / a.norm(), b / b.norm()
    angle = torch.arccos((first @ second).clamp(-1, 1))
    lengths = torch.lerp(a.norm(), b.norm(), share)[:, None]
    if math.sin(float(angle)) < 1e-4:
        straight = torch.lerp(first.expand(len(share), -1), second.expand(len(share), -1), share[:, None])
        return lengths * straight
    sides = torch.sin((1 - share)[:, None] * angle) * first + torch.sin(share[:, None] * angle) * second
    way: Tensor = lengths * sides / torch.sin(angle)
    return way


def shelled(z: Tensor) -> Tensor:
    """Latents (n, d) at the length that N(0, 1) has in so many dimensions, the root of d."""
    scaled: Tensor = z / z.norm(dim=-1, keepdim=True) * math.sqrt(z.shape[-1])
    return scaled


def combine(terms: list[tuple[int, Tensor]]) -> Tensor:
    """The signed sum of the means of exemplars, (sign, latents (m, d)) each, at a latent's own length: (d,) (Radford
    2015, 1511.06434, section 6.3.2)."""
    total = torch.stack([sign * exemplars.mean(0) for sign, exemplars in terms]).sum(0)
    return shelled(total[None])[0]


def even_steps(moved: Tensor, steps: int) -> Tensor:
    """Shares (steps,) of a way at which equal amounts were moved, given what was moved (m,) between m + 1 even shares:
    a walk that looks as fast everywhere."""
    so_far = torch.cat([torch.zeros(1), moved.double().cumsum(0).float()])
    so_far = so_far / so_far[-1].clamp_min(1e-12)
    wanted = torch.linspace(0, 1, steps)
    after = torch.searchsorted(so_far, wanted).clamp(1, len(so_far) - 1)
    low, high = so_far[after - 1], so_far[after]
    inside = ((wanted - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    return (after - 1 + inside) / (len(so_far) - 1)
