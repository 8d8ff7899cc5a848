"""Structural similarity as a loss: flat stays flat, and an edge is where it was.

The mean absolute distance hardly minds a faint grain on a flat ground, which eyes see; Zhao 2017 (Loss Functions for
Image Restoration With Neural Networks, 1511.08861) puts structural similarity beside it.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

WINDOW = 7
"""Pixels a side of the square that is compared, where the picture has that many."""
LUMINANCE, CONTRAST = 0.01**2, 0.03**2
"""C1 and C2 for values from 0 to 1."""


def dissimilarity(fake: Tensor, real: Tensor) -> Tensor:
    """1 - SSIM of pictures (n, C, H, W) in [-1, 1], the mean over all of them: 0 where they are equal, at most 2.

    Wang 2004, Image Quality Assessment (IEEE TIP 13), equation 13, over uniform windows with unbiased variances.
    """
    a, b = (fake + 1) / 2, (real + 1) / 2
    side = min(WINDOW, *a.shape[2:])
    unbiased = side**2 / max(1, side**2 - 1)
    mean_a, mean_b = windows(a, side), windows(b, side)
    variances = unbiased * (windows(a * a + b * b, side) - mean_a**2 - mean_b**2)
    covariance = unbiased * (windows(a * b, side) - mean_a * mean_b)
    luminance = (2 * mean_a * mean_b + LUMINANCE) / (mean_a**2 + mean_b**2 + LUMINANCE)
    similarity = luminance * (2 * covariance + CONTRAST) / (variances + CONTRAST)
    loss: Tensor = 1 - similarity.mean()
    return loss


def windows(x: Tensor, side: int) -> Tensor:
    """Means over all windows that lie in the picture."""
    return F.avg_pool2d(x, side, stride=1)
