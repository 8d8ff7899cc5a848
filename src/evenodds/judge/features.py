"""What a judge computes from samples: smaller pictures, and the distance to the nearest reals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from evenodds.core.spec import PictureSpec, SampleSpec
from evenodds.data.store import Block

MAX_SIDE = 64
"""Larger pictures are shrunk to this many pixels a side, so that time and memory stay small."""
THUMBNAIL_SIDE = 16
"""Distances are measured between thumbnails of at most this many pixels a side."""
NEAREST = 3
MAX_REFERENCES = 4_000
"""Most reals that a judge stores to compare with."""
_BATCH = 512


def input_spec(spec: SampleSpec) -> SampleSpec:
    """The spec of samples after ``preprocess``."""
    if isinstance(spec, PictureSpec):
        return replace(spec, height=min(MAX_SIDE, spec.height), width=min(MAX_SIDE, spec.width))
    return spec


def preprocess(spec: SampleSpec, block: Block) -> Block:
    """Shrink stored samples (n, *spec.shape), uint8 pictures or float32 rows, to (n, *input_spec(spec).shape)."""
    target = input_spec(spec)
    if not isinstance(target, PictureSpec) or target == spec:
        return block
    parts = [np.empty((0, *target.shape), np.uint8)]
    for start in range(0, len(block), _BATCH):
        small = shrink(block[start : start + _BATCH], (target.height, target.width))
        parts.append(small.round().to(torch.uint8).numpy())
    return np.concatenate(parts)


def to_points(block: Block) -> Tensor:
    """Samples as points for distances, float32 (n, k): thumbnails in [0, 1], rows unchanged."""
    if block.ndim == 2:
        return torch.from_numpy(block.astype(np.float32))
    size = (min(THUMBNAIL_SIDE, block.shape[2]), min(THUMBNAIL_SIDE, block.shape[3]))
    parts = [shrink(block[start : start + _BATCH], size) for start in range(0, len(block), _BATCH)]
    return torch.cat(parts or [torch.empty(0, block.shape[1], *size)]).flatten(1).div_(255)


def nearest_distance(block: Block, reals: Tensor) -> NDArray[np.float64]:
    """The mean distance of samples (n, ...) to their NEAREST ``reals``, points (m, k); shape (n,)."""
    count = min(NEAREST, len(reals))
    nearest = [
        torch.cdist(part, reals).topk(count, largest=False).values.mean(1)
        for part in torch.split(to_points(block), _BATCH)
    ]
    return torch.cat(nearest).double().numpy()


def to_samples(x: Tensor) -> Tensor:
    """Stored samples as networks take them: pictures in [-1, 1] and channels-last, rows unchanged."""
    if x.ndim == 4:
        return x.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
    return x.float()


def shrink(pictures: Block, size: tuple[int, int]) -> Tensor:
    """Pictures (n, C, H, W) as float32 (n, C, *size), by the mean of the pixels."""
    small: Tensor = adaptive_avg_pool2d(torch.from_numpy(pictures.astype(np.float32)), size)
    return small
