"""One round of the game: D turns, then a G turn. Imports torch and what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evenodds.networks.ema import Average
from evenodds.objectives.objective import Objective
from evenodds.objectives.penalties import Critic

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
    players: Players,
    objective: Objective,
    augment: Augment,
    real: Tensor,
    z: Tensor,
    c: Tensor | None = None,
    *,
    lazy: bool,
) -> Tensor:
    """D learns to score reals (n, *shape) above G(z, c), c being the reals' own conditions (n, ...). Returns D's
    adversarial loss, a scalar without a graph.

    ``lazy`` is true in the turns in which the penalty is played.
    """
    discriminator = players.discriminator
    with torch.no_grad():
        fake = augment(players.generator(z, c))
    real = augment(real)
    loss = objective.loss.d(discriminator(real, c), discriminator(fake, c))
    total = loss
    if lazy and objective.penalty is not None:
        total = total + objective.weight * objective.penalty(critic(discriminator, c), real, fake)
    players.optimizer_d.zero_grad(set_to_none=True)
    total.backward()
    players.optimizer_d.step()
    return loss.detach()


def critic(discriminator: nn.Module, c: Tensor | None) -> Critic:
    """D as a penalty takes it: one score a sample, of samples that repeat the order of the conditions c."""

    def score(x: Tensor) -> Tensor:
        repeated = None if c is None else c.repeat(len(x) // len(c), *[1] * (c.dim() - 1))
        return per_sample(discriminator(x, repeated))

    return score


def per_sample(scores: Tensor) -> Tensor:
    """Scores (n,), or (n, p) of patches -> (n,): D's word on the whole sample."""
    return scores.flatten(1).mean(1) if scores.dim() > 1 else scores


def turn_g(
    players: Players,
    objective: Objective,
    augment: Augment,
    real: Tensor,
    z: Tensor,
    c: Tensor | None = None,
) -> Tensor:
    """G learns to raise D's score of G(z, c), and to come near the real that c was taken from where the objective asks
    for that (Isola 2016, 1611.07004, equations 3 and 4). Returns G's loss, a scalar without a graph.

    D's weights are frozen meanwhile: their gradients would be thrown away.
    """
    discriminator = players.discriminator
    discriminator.requires_grad_(False)
    fake = players.generator(z, c)
    fake_scores = discriminator(augment(fake), c)
    real_scores = fake_scores
    if objective.loss.g_needs_real:
        with torch.no_grad():
            real_scores = discriminator(augment(real), c)
    loss = objective.loss.g(real_scores, fake_scores)
    if objective.pixels:
        loss = loss + objective.pixels * (fake - real).abs().mean()
    players.optimizer_g.zero_grad(set_to_none=True)
    loss.backward()
    players.optimizer_g.step()
    discriminator.requires_grad_(True)
    return loss.detach()
