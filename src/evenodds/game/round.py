"""One round of the game: D turns, then a G turn. Imports torch and what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evenodds.networks.ema import Average
from evenodds.objectives.objective import Objective

Augment = Callable[[Tensor], Tensor]


@dataclass
class Players:
    """G and D with their optimisers, and G's moving average."""

    generator: nn.Module
    discriminator: nn.Module
    average: Average
    optimizer_g: torch.optim.Optimizer
    optimizer_d: torch.optim.Optimizer


def turn_d(
    players: Players, objective: Objective, augment: Augment, real: Tensor, z: Tensor, *, lazy: bool
) -> Tensor:
    """D learns to score reals (n, *shape) above G(z). Returns D's adversarial loss, a scalar without a graph.

    ``lazy`` is true in the turns in which the penalty is played.
    """
    discriminator = players.discriminator
    with torch.no_grad():
        fake = augment(players.generator(z))
    real = augment(real)
    loss = objective.loss.d(discriminator(real), discriminator(fake))
    total = loss
    if lazy and objective.penalty is not None:
        total = total + objective.weight * objective.penalty(discriminator, real, fake)
    players.optimizer_d.zero_grad(set_to_none=True)
    total.backward()
    players.optimizer_d.step()
    return loss.detach()


def turn_g(players: Players, objective: Objective, augment: Augment, real: Tensor, z: Tensor) -> Tensor:
    """G learns to raise D's score of G(z). Returns G's loss, a scalar without a graph.

    D's weights are frozen meanwhile: their gradients would be thrown away.
    """
    discriminator = players.discriminator
    discriminator.requires_grad_(False)
    fake_scores = discriminator(augment(players.generator(z)))
    real_scores = fake_scores
    if objective.loss.g_needs_real:
        with torch.no_grad():
            real_scores = discriminator(augment(real))
    loss = objective.loss.g(real_scores, fake_scores)
    players.optimizer_g.zero_grad(set_to_none=True)
    loss.backward()
    players.optimizer_g.step()
    discriminator.requires_grad_(True)
    return loss.detach()
