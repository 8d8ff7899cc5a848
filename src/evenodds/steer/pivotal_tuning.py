"""Tunes a copy of G to inverted pictures, so that edits start from the pictures themselves (pivotal tuning).

Roich 2021, Pivotal Tuning for Latent-based Editing of Real Images, 2106.05744.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from evenodds.networks.optimizers import Adam

VISITS, RATE, BATCH = 1500, 4e-3, 32
"""How often each picture is trained on, about; the learning rate; pictures of a batch."""
LOCAL, NEAR = 0.3, 8.0
"""Weight of the loss that keeps G unchanged around the pictures' latents, and the distance there (section 3.3)."""

Make = Callable[[nn.Module, Tensor], Tensor]
"""(G, latents (n, latent)) -> samples (n, *shape), differentiable."""
Dissimilarity = Callable[[Tensor, Tensor], Tensor]
"""Two batches of samples (n, *shape) -> their dissimilarity, (n,)."""


def tune_generator(
    generator: nn.Module,
    generate: Make,
    draw_latents: Callable[[int], Tensor],
    z: Tensor,
    x: Tensor,
    dissimilarity: Dissimilarity,
) -> nn.Module:
    """Tune a copy of G to make pictures x (n, *shape) of their latents z (n, latent), and elsewhere what G makes.

    ``draw_latents`` draws n latents; random numbers come from torch's state.
    """
    network = copy.deepcopy(generator).requires_grad_(True)
    optimizer = Adam(network.parameters(), RATE)
    steps = VISITS * -(-len(z) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.randperm(len(z), device=z.device)[:BATCH]
        pivots = z[chosen]
        away = draw_latents(len(pivots)) - pivots
        near = pivots + NEAR * away / away.norm(dim=1, keepdim=True)
        with torch.no_grad():
            before = generate(generator, near)
        loss = dissimilarity(generate(network, pivots), x[chosen]).mean() + LOCAL * mse_loss(
            generate(network, near), before
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.requires_grad_(False)
