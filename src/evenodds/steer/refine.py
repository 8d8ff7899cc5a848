"""After a step along a direction: the nearest latent whose fake shows what is wanted and keeps what is to be kept.

A direction is one vector for every latent, and G is not linear: a step long enough to flip a feature changes others on
the way. Here each latent is moved on by itself, down the slope of what reads the features, through G: conditional
manipulation (Shen 2020, 1907.10786, section 3.3) with local directions instead of global ones. A slope may end short of
what is wanted; then the nearest known latent that shows it is begun from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from evenodds.networks.optimizers import Adam

GOES, STEPS, RATE = 15, 10, 0.1
TRIES = 3
"""Known latents, at most, that are begun from."""
SURE = 8.0
"""Log-odds that are aimed at for what is to be there, 99.97 %: with less, somebody else does not see it."""
ENOUGH = 0.6
"""The share of what is aimed at that will do."""
NEAR, LIKE = 0.02, 50.0
"""Weights of a latent's squared distance from where it came, and of the mean squared difference of what is made."""
CELLS = 8
"""Pictures are compared by the means of so many cells a side: what is finer may change with what is wanted."""
BATCH = 64

Tell = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LatentRefiner:
    """Where latents settle. ``make`` gives samples of latents (n, latent), ``tell`` the log-odds (n, k) that samples
    show each feature, both differentiable; ``known`` are latents (m, latent), and ``shown`` (m, k) what they show."""

    make: Tell
    tell: Tell
    known: Tensor
    shown: Tensor

    def refine(self, start: Tensor, anchor: Tensor, wanted: Tensor) -> Tensor:
        """Latents (n, latent) from ``start``, and near ``home`` (n, latent), whose samples show what is ``wanted`` (n,
        k): log-odds that a feature is to have at least, or where negative at most; 0 does not matter."""
        parts = zip(start.split(BATCH), anchor.split(BATCH), wanted.split(BATCH), strict=True)
        return torch.cat([self.some(*part) for part in parts])

    def some(self, start: Tensor, anchor: Tensor, wanted: Tensor) -> Tensor:
        """As ``settle``, at once: what does not yet show enough of what is wanted is moved on, in a few goes."""
        z, left = start.detach().clone(), torch.arange(len(start), device=start.device)
        with torch.no_grad():
            like = coarse(self.make(anchor))
        for attempt in range(1 + TRIES):
            if attempt:
                z[left] = self.nearest(anchor[left], wanted[left], attempt)
            for _ in range(GOES):
                z[left] = self.descend(z[left], anchor[left], like[left], wanted[left])
                with torch.no_grad():
                    short = shortfall(self.tell(self.make(z[left])), ENOUGH * wanted[left])
                left = left[short > 0]
                if not len(left):
                    return z
        return z

    def nearest(self, anchor: Tensor, wanted: Tensor, rank: int) -> Tensor:
        """The known latents that are nearest to what is wanted and to ``home``, first, second ... by ``rank``."""
        short = torch.stack([shortfall(self.shown, ENOUGH * one[None]) for one in wanted])
        cost = short + NEAR * torch.cdist(anchor, self.known).square()
        return self.known[cost.topk(min(rank, len(self.known)), largest=False).indices[:, -1]]

    def descend(self, start: Tensor, anchor: Tensor, like: Tensor, wanted: Tensor) -> Tensor:
        """One go: Adam on what is lacking."""
        z = start.clone().requires_grad_(True)
        optimizer = Adam([z], RATE)
        for _ in range(STEPS):
            made = self.make(z)
            moved = NEAR * (z - anchor).square().sum(1) + LIKE * (coarse(made) - like).square().mean(1)
            loss = (shortfall(self.tell(made), wanted) + moved).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        return z.detach()


def coarse(x: Tensor) -> Tensor:
    """Pictures (n, C, H, W) as the means of their cells, (n, k); other samples (n, k) as they are."""
    return adaptive_avg_pool2d(x, CELLS).flatten(1) if x.dim() == 4 else x


def shortfall(shown: Tensor, wanted: Tensor) -> Tensor:
    """How far log-odds (n, k) fall short of those wanted, (n,)."""
    return (wanted.abs() - wanted.sign() * shown).relu().sum(1)
