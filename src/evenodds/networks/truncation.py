"""Samples nearer to the mean, and less varied: latents z of most generators, w of a style-based one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evenodds.networks.conditional import ValueGenerator
from evenodds.networks.roles import inner
from evenodds.networks.style import StyleGenerator

AVERAGED = 256
"""Latents of which each sample's mean w is taken, under its own condition."""


def truncated(generator: nn.Module, z: Tensor, c: Tensor | None, truncation: float) -> Tensor:
    """G's samples of z (n, latent) under conditions c (n, ...), with latents scaled towards their mean by
    ``truncation`` (0 to 1): of z, which is 0, or of w (Karras 2018, 1812.04948, appendix B), each condition's own."""
    core = inner(generator)[1]
    if truncation == 1 or not isinstance(core, StyleGenerator):
        sample: Tensor = generator(truncation * z, c)
        return sample
    w = core.map(joined(generator, z, c))
    others = torch.randn(AVERAGED * (1 if c is None else len(z)), z.shape[1], device=z.device)
    beside = None if c is None else c.repeat_interleave(AVERAGED, 0)
    mean = core.map(joined(generator, others, beside)).view(-1, AVERAGED, w.shape[1]).mean(1)
    return core.synthesize(mean + truncation * (w - mean))


def joined(generator: nn.Module, z: Tensor, c: Tensor | None) -> Tensor:
    """What the mapping takes of z (n, latent) and conditions (n, ...)."""
    return generator.joined(z, c) if isinstance(generator, ValueGenerator) and c is not None else z
