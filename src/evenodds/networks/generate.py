"""Drawing z, and running G over as many as asked with flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evenodds.core.rng import seed_of, seeded, set_random
from evenodds.networks.truncation import truncated

ConditionSource = Callable[[int, int], Tensor | None]
"""(place of the first sample, how many) -> their conditions (m, ...) as G takes them, None for a G without any."""


def nothing(start: int, count: int) -> Tensor | None:
    """No condition."""
    return None


def draw(n: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """n latent vectors from N(0, 1), shape (n, width), from torch's current random state."""
    return torch.randn(n, width, device=device)


def latents_of(seeds: Sequence[int], width: int, device: torch.device | str = "cpu") -> Tensor:
    """The latent vectors of seeds, (n, width) from N(0, 1): always the same, on any device.

    Fake 0 is what G makes of the first of them, in sheets and reports, in the studio and in exports.
    """
    parts = []
    for seed in seeds:
        with seeded(seed_of(seed, "steer"), torch.device("cpu")):
            parts.append(draw(1, width))
    return torch.cat(parts).to(device)


def fixed_noise(device: torch.device) -> AbstractContextManager[None]:
    """Within it G's own noise (Gumbel draws, dropout) is the same every time, so that a latent has one fake."""
    return seeded(seed_of(0, "steer", "make"), device)


@torch.inference_mode()
def generate(
    generator: nn.Module, latents: Tensor, conditions: Tensor | None = None, batch: int = 256
) -> Iterator[Tensor]:
    """G's samples for ``latents`` (n, width) under as many ``conditions`` (n, ...), in order, at most ``batch`` at a
    time: tensors (m, *shape)."""
    for start in range(0, len(latents), batch):
        here = slice(start, start + batch)
        yield generator(latents[here], None if conditions is None else conditions[here])


@dataclass(frozen=True)
class Share:
    """What one of several processes makes of n samples: whole batches in a row, so that together they make what one
    process would."""

    rank: int = 0
    size: int = 1

    def starts(self, n: int, batch: int) -> range:
        """The places at which its batches begin."""
        batches = -(-n // batch)
        first, last = (batches * rank // self.size for rank in (self.rank, self.rank + 1))
        return range(first * batch, min(n, last * batch), batch)

    def count(self, n: int, batch: int) -> int:
        """How many samples it makes."""
        return sum(min(batch, n - start) for start in self.starts(n, batch))


WHOLE = Share()


@torch.inference_mode()
def stream(
    generator: nn.Module,
    n: int,
    width: int,
    seed: int,
    batch: int = 256,
    conditions_for: ConditionSource = nothing,
    share: Share = WHOLE,
    truncation: float = 1.0,
) -> Iterator[Tensor]:
    """n fresh samples, or a share of them, at most ``batch`` at a time, the same for the same n and seed: tensors
    (m, *shape).

    ``conditions_for`` says under which conditions. ``truncation`` below 1 scales latents towards their mean, so that
    samples vary less (after Brock 2018, 1809.11096, section 3.1, where large values are drawn anew). G's own noise
    (Gumbel draws, dropout) is seeded too.
    """
    device = next(generator.parameters()).device
    for start in share.starts(n, batch):
        count = min(batch, n - start)
        conditions = conditions_for(start, count)
        set_random(seed_of(seed, "sample", start), device)
        latents = draw(count, width, device)
        yield truncated(generator, latents, None if conditions is None else conditions.to(device), truncation)
