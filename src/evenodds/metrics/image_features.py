"""What samples are compared by while a game is played: rows as they are, pictures by layout and detail."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from evenodds.core.spec import PictureSpec, SampleSpec

LAYOUT = 8
"""Cells a side in which a picture's colours are averaged."""
DETAIL = 4
"""Cells a side in which the strength of its detail is averaged, once an octave."""
KEPT = 64
"""Principal components kept of a picture's numbers."""


def describe(x: Tensor) -> list[Tensor]:
    """Pictures (n, C, H, W) in [-1, 1] -> parts (n, k): colours in LAYOUT x LAYOUT cells, then in DETAIL x DETAIL cells
    the mean absolute value of each octave of the Laplacian pyramid (Burt and Adelson 1983) that is finer than them."""
    parts = [F.adaptive_avg_pool2d(x, LAYOUT).flatten(1)]
    while min(x.shape[-2:]) > LAYOUT:
        coarse = F.avg_pool2d(x, 2, ceil_mode=True)
        back = F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)
        parts.append(F.adaptive_avg_pool2d((x - back).abs(), DETAIL).flatten(1))
        x = coarse
    return parts


class Features:
    """Samples as vectors of at most KEPT numbers, fitted once to training reals.

    Rows stay as they are. Of pictures the principal components of ``describe`` are kept, after each of its parts was
    scaled to a total variance of 1 over the reals: layout and every octave count alike.
    """

    def __init__(self, spec: SampleSpec, reals: Iterable[Tensor]) -> None:
        """``reals`` come in batches (n, *shape); the attribute ``reals`` keeps them as vectors (n, k)."""
        self.pictures = isinstance(spec, PictureSpec)
        if not self.pictures:
            self.reals = np.concatenate([self(batch) for batch in reals])
            return
        described = [describe(batch.float().cpu()) for batch in reals]
        parts = [torch.cat(part) for part in zip(*described, strict=True)]
        self.scales = [part.var(0).sum().sqrt().clamp_min(1e-6) for part in parts]
        joined = self.join(parts)
        self.mean = joined.mean(0)
        _, _, directions = torch.linalg.svd(joined - self.mean, full_matrices=False)
        self.directions = directions[:KEPT].T.contiguous()
        self.reals = self.project(joined)

    def join(self, parts: list[Tensor]) -> Tensor:
        """Parts side by side, each by its own scale."""
        return torch.cat([part / scale for part, scale in zip(parts, self.scales, strict=True)], dim=1)

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> NDArray[np.float32]:
        """Samples (n, *shape) -> (n, k)."""
        x = x.float().cpu()
        if not self.pictures:
            return np.asarray(x.numpy())
        return self.project(self.join(describe(x)))

    def project(self, joined: Tensor) -> NDArray[np.float32]:
        """The principal components of joined parts (n, all) -> (n, k)."""
        return np.asarray(((joined - self.mean) @ self.directions).numpy())
