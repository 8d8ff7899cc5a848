"""The latents that steering moves: z of most generators, w of a style-based one, in which features are less entangled.

Karras 2018, 1812.04948, section 4. Latents w are measured from their mean, in units in which they vary as z does: so
lengths of steps, descents and penalties mean the same in both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of, seeded
from evenodds.networks.generate import draw
from evenodds.networks.roles import inner
from evenodds.networks.style import STYLES, StyleGenerator
from evenodds.networks.truncation import joined

AVERAGED = 10_000
"""Latents z of which the mean w is taken, and how much they vary."""


class Latents:
    """The latent vector z, (n, width), as G takes it."""

    def __init__(self, width: int, device: torch.device) -> None:
        self.width, self.latent, self.device = width, width, device

    def draw(self, n: int) -> Tensor:
        """n latents (n, width) of fresh z, from torch's random state."""
        return self.of(draw(n, self.latent, self.device))

    def of(self, z: Tensor) -> Tensor:
        """Latents (n, width) of z (n, latent)."""
        return z

    def generate(self, generator: nn.Module, latents: Tensor, c: Tensor | None) -> Tensor:
        """Samples (n, *shape) of latents under conditions (n, ...) by a generator of the run; differentiable."""
        made: Tensor = generator(latents, c)
        return made


class StyleLatents(Latents):
    """w of a style-based generator, (n, STYLES), from its mean and over how much it varies; the mapping under one
    condition (1, ...) for all."""

    def __init__(
        self, generator: nn.Module, latent: int, condition: Tensor | None, device: torch.device
    ) -> None:
        super().__init__(STYLES, device)
        self.latent, self.generator, self.condition = latent, generator, condition
        with seeded(seed_of(0, "steer", "styles"), device):
            w = self.map(draw(AVERAGED, latent, device))
        self.mean = w.mean(0)
        self.scale = float((w - self.mean).square().mean().sqrt().clamp_min(1e-8))

    @torch.no_grad()
    def map(self, z: Tensor) -> Tensor:
        """w (n, STYLES) of z (n, latent)."""
        c = None if self.condition is None else self.condition.expand(len(z), -1)
        return style_of(self.generator, z, c)

    def of(self, z: Tensor) -> Tensor:
        return (self.map(z) - self.mean) / self.scale

    def to_w(self, latents: Tensor) -> Tensor:
        """w (..., STYLES) of latents (..., STYLES), the inverse of the measure."""
        return self.mean + self.scale * latents

    def generate(self, generator: nn.Module, latents: Tensor, c: Tensor | None) -> Tensor:
        return style_core(generator).synthesize(self.to_w(latents))


def latents_for(generator: nn.Module, latent: int, condition: Tensor | None, device: torch.device) -> Latents:
    """The latents that steering moves of a generator that takes z (n, latent)."""
    if isinstance(inner(generator)[1], StyleGenerator):
        return StyleLatents(generator, latent, condition, device)
    return Latents(latent, device)


def style_core(generator: nn.Module) -> StyleGenerator:
    """The style-based generator that knows no labels."""
    core = inner(generator)[1]
    if not isinstance(core, StyleGenerator):
        raise UserError("styles are mixed by --network style alone, train such a run")
    return core


def style_of(generator: nn.Module, z: Tensor, c: Tensor | None) -> Tensor:
    """w (n, STYLES) of z (n, latent) under conditions (n, ...)."""
    return style_core(generator).map(joined(generator, z, c))


def mixed(coarse: Tensor, fine: Tensor, level: int, levels: int) -> Tensor:
    """Latents for each level (n, levels, STYLES): those of ``coarse`` (n, STYLES) below ``level``, then of ``fine``
    (Karras 2018, 1812.04948, figure 3). Raises UserError for a level that is not there.

    >>> mixed(torch.zeros(1, 2), torch.ones(1, 2), 1, 3)[0, :, 0].tolist()
    [0.0, 1.0, 1.0]
    """
    if not 0 <= level <= levels:
        raise UserError(f"level {level} is not there, give 0 to {levels}")
    from_fine = torch.arange(levels, device=coarse.device)[None, :, None] >= level
    return torch.where(from_fine, fine[:, None], coarse[:, None])
