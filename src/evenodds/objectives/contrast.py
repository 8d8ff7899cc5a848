"""Patch contrast: what is made keeps, patch by patch, what it was made from (Park 2020, 2007.15651)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.07
"""Of similarities (section 3: tau)."""


def patch_contrast(levels: Sequence[tuple[Tensor, ...]], temperature: float = TEMPERATURE) -> Tensor:
    """The mean over levels, pictures and places of -log(exp(q.k / t) / sum over places j of exp(q.k_j / t)), a scalar
    (equations 2 and 3): each place of a fake is to be told, among all places of the picture it was made from, as its
    own.

    ``levels`` hold unit vectors (n, s, k) of the fake's places and of the other picture's.

    >>> bool(patch_contrast([(torch.eye(4)[None], torch.eye(4)[None])]) < 1e-5)
    True
    """
    losses = []
    for made, source in levels:
        likeness = made @ source.transpose(1, 2) / temperature
        own = torch.arange(made.shape[1], device=made.device).expand(len(made), -1)
        losses.append(F.cross_entropy(likeness.flatten(0, 1), own.flatten()))
    return torch.stack(losses).mean()
