"""How much of a picture's content another one keeps, whatever its colors: patches compared by their structure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

SIDE, PATCH, STRIDE = 32, 8, 4
"""Pixels to which the shorter side is brought, of a patch's side, and between patches."""


class Content(NamedTuple):
    """Mean distances of patches at the same places, 0 to 1."""

    own: float
    """From each picture to the one that it was made from."""
    other: float
    """From each picture to that of another one: what it would be by chance."""

    @property
    def share(self) -> float:
        """1 where all structure is the same, 0 where it is no more so than by chance, less where it is less so."""
        return 1 - self.own / self.other if self.other else 0.0


def content(source: NDArray[np.uint8], fake: NDArray[np.uint8]) -> Content:
    """How far fakes (n, C, H, W) lie from the pictures (n, c, H, W) that they were made from, n being 2 or more.

    A patch's feature is its gray levels less their mean, at unit length; two are as far apart as the sine of the angle
    between them, so that neither brightness, contrast nor an inversion counts. A patch counts by how much there is in
    it of the picture that the fake was made from.
    """
    own, made = patches(source), patches(fake)
    weight = own.norm(dim=2)
    own, made = F.normalize(own, dim=2), F.normalize(made, dim=2)
    return Content(apart(own, made, weight), apart(own.roll(1, 0), made, weight))


def patches(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, C, H, W) -> the gray levels of patches less their mean, (n, places, PATCH^2)."""
    gray = torch.from_numpy(pictures.astype(np.float32)).mean(1, keepdim=True) / 255
    height, width = gray.shape[2:]
    scale = SIDE / min(height, width)
    small = F.adaptive_avg_pool2d(gray, (round(height * scale), round(width * scale)))
    cut = F.unfold(small, PATCH, stride=STRIDE).transpose(1, 2)
    return cut - cut.mean(2, keepdim=True)


def apart(first: Tensor, second: Tensor, weight: Tensor) -> float:
    """The weighted mean distance of unit vectors at the same places; a flat patch is as far from another as can be."""
    sine = (1 - (first * second).sum(2).square()).clamp_min(0).sqrt()
    return float((sine * weight).sum() / weight.sum().clamp_min(1e-12))
