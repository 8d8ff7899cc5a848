"""Refines latents after a step along a direction, so that all other attributes keep their values.

A single global direction also changes other attributes, because G is not linear. Here each latent is optimised by
itself, by gradient descent through G and the attribute reader: conditional manipulation (Shen 2020, 1907.10786, section
3.3) with local directions instead of global ones. If descent ends short of its target, it starts again from the nearest
labelled latent that reaches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from evenodds.networks.optimizers import Adam

ROUNDS, STEPS, RATE = 15, 10, 0.1
TRIES = 3
"""Most labelled latents that descent starts again from."""
SURE = 8.0
"""Target log-odds of a feature that is to be present, 99.97 %: with less, other classifiers do not see it."""
ENOUGH = 0.6
"""The share of the target that suffices."""
NEAR, LIKE = 0.02, 50.0
"""Weights of a latent's squared distance from its anchor, and of the mean squared difference of their samples."""
CELLS = 8
"""Pictures are compared by the means of so many cells a side: finer detail may change with the feature."""
BATCH = 64

TensorFn = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LatentRefiner:
    """Moves latents until their samples have target attributes.

    ``generate`` maps latents (n, latent) to samples, and ``log_odds`` samples to the log-odds (n, k) of each feature;
    both are differentiable. ``latents`` (m, latent) are labelled ones, with log-odds ``latent_log_odds`` (m, k).
    """

    generate: TensorFn
    log_odds: TensorFn
    latents: Tensor
    latent_log_odds: Tensor

    def refine(self, start: Tensor, anchor: Tensor, goal: Tensor) -> Tensor:
        """Refine latents ``start`` (n, latent), near ``anchor`` (n, latent), until their samples reach ``goal`` (n, k).

        The goal is the least log-odds of each feature, or the greatest if it is negative; 0 sets none.
        """
        parts = zip(start.split(BATCH), anchor.split(BATCH), goal.split(BATCH), strict=True)
        return torch.cat([self.refine_batch(*part) for part in parts])

    def refine_batch(self, start: Tensor, anchor: Tensor, goal: Tensor) -> Tensor:
        """As ``refine``, for one batch: latents that fall short of their goal are moved on, in a few rounds."""
        z, remaining = start.detach().clone(), torch.arange(len(start), device=start.device)
        with torch.no_grad():
            like = coarse(self.generate(anchor))
        for attempt in range(1 + TRIES):
            if attempt:
                z[remaining] = self.nearest(anchor[remaining], goal[remaining], attempt)
            for _ in range(ROUNDS):
                z[remaining] = self.descend(z[remaining], anchor[remaining], like[remaining], goal[remaining])
                with torch.no_grad():
                    short = shortfall(self.log_odds(self.generate(z[remaining])), ENOUGH * goal[remaining])
                remaining = remaining[short > 0]
                if not len(remaining):
                    return z
        return z

    def nearest(self, anchor: Tensor, goal: Tensor, rank: int) -> Tensor:
        """The labelled latents (n, latent) nearest to goal and anchor: the first, second ... by ``rank``."""
        short = torch.stack([shortfall(self.latent_log_odds, ENOUGH * one[None]) for one in goal])
        cost = short + NEAR * torch.cdist(anchor, self.latents).square()
        return self.latents[cost.topk(min(rank, len(self.latents)), largest=False).indices[:, -1]]

    def descend(self, start: Tensor, anchor: Tensor, like: Tensor, goal: Tensor) -> Tensor:
        """One round of Adam on the shortfall."""
        z = start.clone().requires_grad_(True)
        optimizer = Adam([z], RATE)
        for _ in range(STEPS):
            made = self.generate(z)
            moved = NEAR * (z - anchor).square().sum(1) + LIKE * (coarse(made) - like).square().mean(1)
            loss = (shortfall(self.log_odds(made), goal) + moved).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        return z.detach()


def coarse(x: Tensor) -> Tensor:
    """Pictures (n, C, H, W) as the means of their cells, (n, k); rows (n, k) unchanged."""
    return adaptive_avg_pool2d(x, CELLS).flatten(1) if x.dim() == 4 else x


def shortfall(latent_log_odds: Tensor, goal: Tensor) -> Tensor:
    """How far log-odds (n, k) fall short of a goal (n, k), summed over features, (n,)."""
    return (goal.abs() - goal.sign() * latent_log_odds).relu().sum(1)
