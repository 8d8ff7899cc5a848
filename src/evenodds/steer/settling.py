"""After a step along a direction: the nearest latent whose fake shows what is wanted and keeps what is to be kept.

A direction is one vector for every latent, and G is not linear: a step long enough to flip a feature changes others on
the way. Here each latent is moved on by itself, down the slope of what reads the features, through G: conditional
manipulation (Shen 2020, 1907.10786, section 3.3) with local directions instead of global ones.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

GOES, STEPS, RATE = 15, 10, 0.1
SURE = 8.0
"""Log-odds that are aimed at for what is to be there, 99.97 %: with less, somebody else does not see it."""
ENOUGH = 0.6
"""The share of what is aimed at that will do."""
NEAR = 0.02
"""Weight of a latent's squared distance from where it came."""
BATCH = 64

Tell = Callable[[Tensor], Tensor]


def settle(start: Tensor, home: Tensor, make: Tell, tell: Tell, wanted: Tensor) -> Tensor:
    """Latents (n, latent) near ``start`` and ``home`` (n, latent) whose samples show what is ``wanted``.

    ``make`` gives samples of latents, ``tell`` the log-odds (n, k) that they show each feature, both differentiable;
    ``wanted`` (n, k) are log-odds that a feature is to have at least, or where negative at most; 0 does not matter.
    """
    parts = zip(start.split(BATCH), home.split(BATCH), wanted.split(BATCH), strict=True)
    return torch.cat([settle_some(*part, make, tell) for part in parts])


def settle_some(start: Tensor, home: Tensor, wanted: Tensor, make: Tell, tell: Tell) -> Tensor:
    """As ``settle``, at once: what does not yet show enough of what is wanted is moved on, in a few goes."""
    z, left = start.detach().clone(), torch.arange(len(start), device=start.device)
    for _ in range(GOES):
        z[left] = descend(z[left], home[left], wanted[left], make, tell)
        with torch.no_grad():
            short = lacking(tell(make(z[left])), ENOUGH * wanted[left])
        left = left[short > 0]
        if not len(left):
            break
    return z


def descend(start: Tensor, home: Tensor, wanted: Tensor, make: Tell, tell: Tell) -> Tensor:
    """One go: Adam on what is lacking."""
    z = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([z], RATE)
    for _ in range(STEPS):
        loss = (lacking(tell(make(z)), wanted) + NEAR * (z - home).square().sum(1)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return z.detach()


def lacking(shown: Tensor, wanted: Tensor) -> Tensor:
    """How far log-odds (n, k) fall short of those wanted, (n,)."""
    return (wanted.abs() - wanted.sign() * shown).relu().sum(1)
