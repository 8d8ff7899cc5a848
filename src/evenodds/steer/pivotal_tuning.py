"""A G of one's own: tuned until it makes the pictures that were inverted, so that edits start from the pictures
themselves and not from the nearest that G had (Roich 2021, Pivotal Tuning for Latent-based Editing of Real Images,
2106.05744)."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from evenodds.networks.optimizers import Adam

VISITS, RATE, BATCH = 1500, 4e-3, 32
"""How often each picture is seen, about."""
LOCAL, NEAR = 0.3, 8.0
"""Weight of what G made before around the pictures' latents, and how far around (section 3.3)."""

Make = Callable[[nn.Module, Tensor], Tensor]
"""(G, latents (n, latent)) -> samples (n, *shape), differentiable."""
Unlike = Callable[[Tensor, Tensor], Tensor]
"""How unlike samples are, (n,)."""


def tuned(generator: nn.Module, make: Make, z: Tensor, x: Tensor, unlike: Unlike) -> nn.Module:
    """A copy of G that makes pictures x (n, *shape) of their latents z (n, latent), and elsewhere what it made before.
    Random numbers come from torch's state."""
    own = copy.deepcopy(generator).requires_grad_(True)
    optimizer = Adam(own.parameters(), RATE)
    steps = VISITS * -(-len(z) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.randperm(len(z), device=z.device)[:BATCH]
        pivots = z[chosen]
        away = torch.randn_like(pivots) - pivots
        near = pivots + NEAR * away / away.norm(dim=1, keepdim=True)
        with torch.no_grad():
            before = make(generator, near)
        loss = unlike(make(own, pivots), x[chosen]).mean() + LOCAL * mse_loss(make(own, near), before)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return own.requires_grad_(False)
