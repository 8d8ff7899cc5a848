"""The exponential moving average of G: what is sampled, steered and exported."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

Lists = tuple[list[Tensor], list[Tensor]]

RAMP = 0.05
"""The half-life is never longer than this share of the samples seen so far (Karras 2020, 2006.06676, EMA ramp-up)."""
LATE = 0.02
"""Nor ever shorter than this share: late in a long game G circles what it has learnt to make, and the mean of more of
its way is nearer to it."""


class Average:
    """A copy of G whose weights follow G's with a half-life counted in samples seen (Karras 2018, 1710.10196).

    ``ema_half_life`` is in samples. At the start, when little was seen, the half-life is shorter, so that the untrained
    weights are soon forgotten; late it grows with the game.
    """

    def __init__(self, generator: nn.Module, ema_half_life: float) -> None:
        self.network = copy.deepcopy(generator).eval().requires_grad_(False)
        self.ema_half_life = ema_half_life
        self.paired: tuple[nn.Module, nn.Module, Lists, Lists] | None = None
        """Both networks' tensors, listed once: to walk through them takes longer than to move them."""

    @torch.no_grad()
    def follow(self, generator: nn.Module, batch: int, seen: int) -> None:
        """Moves towards G after a turn of ``batch`` samples, ``seen`` samples into the game."""
        ema_half_life = max(min(self.ema_half_life, RAMP * seen), LATE * seen, 1e-8)
        weight = 1.0 - 0.5 ** (batch / ema_half_life)
        if self.paired is None or self.paired[:2] != (self.network, generator):
            self.paired = self.network, generator, *pairs(self.network, generator)
        _, _, moved, copied = self.paired
        torch._foreach_lerp_(*moved, weight)
        if copied[0]:
            torch._foreach_copy_(*copied)


def pairs(mine: nn.Module, theirs: nn.Module) -> tuple[Lists, Lists]:
    """Weights and numbers beside them of two equal networks, side by side; then what they count."""
    moved: Lists = list(mine.parameters()), list(theirs.parameters())
    copied: Lists = [], []
    for side, network in enumerate((mine, theirs)):
        for buffer in network.buffers():
            (moved if buffer.is_floating_point() else copied)[side].append(buffer)
    return moved, copied
