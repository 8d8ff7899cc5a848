"""The exponential moving average of G: what is sampled, steered and exported."""

from __future__ import annotations

import copy

import torch
from torch import nn

RAMP = 0.05
"""The half-life is never longer than this share of the samples seen so far (Karras 2020, 2006.06676, EMA ramp-up)."""


class Average:
    """A copy of G whose weights follow G's with a half-life counted in samples seen (Karras 2018, 1710.10196).

    ``half_life`` is in samples. At the start, when little was seen, the half-life is short, so that the untrained
    weights are soon forgotten.
    """

    def __init__(self, generator: nn.Module, half_life: float) -> None:
        self.network = copy.deepcopy(generator).eval().requires_grad_(False)
        self.half_life = half_life

    @torch.no_grad()
    def follow(self, generator: nn.Module, batch: int, seen: int) -> None:
        """Moves towards G after a turn of ``batch`` samples, ``seen`` samples into the game."""
        half_life = max(min(self.half_life, RAMP * seen), 1e-8)
        weight = 1.0 - 0.5 ** (batch / half_life)
        torch._foreach_lerp_(list(self.network.parameters()), list(generator.parameters()), weight)
        for mine, theirs in zip(self.network.buffers(), generator.buffers(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, weight)
            else:
                mine.copy_(theirs)
