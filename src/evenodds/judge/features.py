"""What a judge looks at: pictures no larger than it needs, and how far a sample lies from the nearest reals."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from evenodds.core.spec import PictureSpec, SampleSpec
from evenodds.data.store import Block

"""Samples as a store keeps them: uint8 (n, C, H, W), or float32 rows (n, width)."""

EYE = 64
"""Larger pictures are looked at with this many pixels a side, so that time and memory stay small."""
THUMB = 16
"""Distances are taken at no more than this many pixels a side."""
NEAREST = 3
KEPT = 4_000
"""Reals that are kept to compare with, at most."""
_BATCH = 512


def input_spec(spec: SampleSpec) -> SampleSpec:
    """What samples are once they were looked at."""
    if isinstance(spec, PictureSpec):
        return PictureSpec(spec.channels, min(EYE, spec.height), min(EYE, spec.width))
    return spec


def preprocess(spec: SampleSpec, block: Block) -> Block:
    """Stored samples (n, *spec.shape) as a judge looks at them, (n, *sight(spec).shape)."""
    seen = input_spec(spec)
    if not isinstance(seen, PictureSpec) or seen == spec:
        return block
    parts = [np.empty((0, *seen.shape), np.uint8)]
    for start in range(0, len(block), _BATCH):
        small = shrunk(block[start : start + _BATCH], (seen.height, seen.width))
        parts.append(small.round().to(torch.uint8).numpy())
    return np.concatenate(parts)


def points(block: Block) -> Tensor:
    """Samples as points between which there is a distance: thumbnails in [0, 1], rows as they are; float32 (n, k)."""
    if block.ndim == 2:
        return torch.from_numpy(block.astype(np.float32))
    size = (min(THUMB, block.shape[2]), min(THUMB, block.shape[3]))
    parts = [shrunk(block[start : start + _BATCH], size) for start in range(0, len(block), _BATCH)]
    return torch.cat(parts or [torch.empty(0, block.shape[1], *size)]).flatten(1).div_(255)


def distance(block: Block, reals: Tensor) -> NDArray[np.float64]:
    """The mean distance of samples (n, ...) to their NEAREST ``reals``, points (m, k); shape (n,)."""
    count = min(NEAREST, len(reals))
    parts = torch.split(points(block), _BATCH)
    found = [torch.cdist(part, reals).topk(count, largest=False).values.mean(1) for part in parts]
    return torch.cat(found).double().numpy()


def to_samples(x: Tensor) -> Tensor:
    """Stored samples as networks take them: pictures in [-1, 1] and channels-last, rows as they are."""
    if x.ndim == 4:
        return x.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
    return x.float()


def shrunk(pictures: Block, size: tuple[int, int]) -> Tensor:
    """Pictures (n, C, H, W) as float32 (n, C, *size), by the mean of the pixels."""
    small: Tensor = adaptive_avg_pool2d(torch.from_numpy(pictures.astype(np.float32)), size)
    return small
