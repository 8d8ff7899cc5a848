"""Differentiable augmentation (Zhao 2020, 2006.10738): D sees reals and fakes through the same random changes.

All functions take pictures (n, C, H, W) in [-1, 1], draw one change a picture from torch's current random state, and
let the gradient through, so that few pictures are not learnt by heart and no change leaks into the fakes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT = 1 / 8
"""Largest translation, as a share of the side."""
JITTER = 15 / 256
"""Largest translation of pairs, as a share of the side: what the paper's cut of 256 px out of 286 allows."""
HOLE = 1 / 2
"""Side of the square that is cut out, as a share of the side."""


def augment(x: Tensor, share: float = 1.0) -> Tensor:
    """Colour, translation and cutout, in this order (section 4: the strongest of the paper's policies).

    Each picture is changed with probability ``share`` (Karras 2020, 2006.06676, section 2.2): at less than 1 the
    changes can be told from the data and do not leak into the fakes.
    """
    if share <= 0:
        return x
    changed = cutout(translate(color_jitter(x)))
    if share >= 1:
        return changed
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < share, changed, x)


def jitter(x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures (n, C, H, W) and those they were made from (n, c, H, W), moved alike: mirrored half of the time, and
    shifted by up to JITTER of the side, edges drawn out (Isola 2016, 1611.07004, section 6.2, which enlarges and cuts
    instead: that blurs what D takes for real)."""
    n, split = len(x), x.shape[1]
    both = torch.cat([x, c], dim=1)
    places = []
    for side in both.shape[2:]:
        reach = int(side * JITTER + 0.5)
        moved = torch.randint(-reach, reach + 1, (n, 1), device=x.device) + torch.arange(
            side, device=x.device
        )
        places.append(moved.clamp(0, side - 1))
    rows, columns = places
    mirrored = torch.rand(n, 1, device=x.device) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    picture = torch.arange(n, device=x.device)[:, None, None, None]
    channel = torch.arange(both.shape[1], device=x.device)[None, :, None, None]
    out = both[picture, channel, rows[:, None, :, None], columns[:, None, None, :]]
    return out[:, :split], out[:, split:]


def mirror(x: Tensor) -> Tensor:
    """Pictures (n, C, H, W), each mirrored left to right with probability 1/2."""
    mirrored = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def color_jitter(x: Tensor) -> Tensor:
    """Brightness by +-0.5, then saturation by 0 to 2 fold, then contrast by 0.5 to 1.5 fold."""
    brightness, saturation, contrast = torch.rand(3, len(x), 1, 1, 1, device=x.device, dtype=x.dtype)
    contrast = contrast + 0.5
    # All are linear in x, and together one pass over it: saturation leaves grey, contrast the mean as it is.
    moved = brightness - 0.5 + (1 - contrast) * x.mean(dim=(1, 2, 3), keepdim=True)
    if x.shape[1] > 1:
        saturation = 2 * saturation
        gray = x.mean(dim=1, keepdim=True)
        moved = contrast * (1 - saturation) * gray + moved
        contrast = contrast * saturation
    out: Tensor = contrast * x + moved
    return out


def translate(x: Tensor) -> Tensor:
    """Shifted by up to SHIFT of the side, zeros coming in."""
    n, channels, height, width = x.shape
    down, up = int(height * SHIFT + 0.5), int(width * SHIFT + 0.5)
    rows = torch.randint(-down, down + 1, (n, 1), device=x.device) + torch.arange(height, device=x.device)
    columns = torch.randint(-up, up + 1, (n, 1), device=x.device) + torch.arange(width, device=x.device)
    # A frame of zeros, from which all comes that lay outside; gathered side by side, which costs less than by pairs.
    padded = F.pad(x, (1, 1, 1, 1))
    rows = (rows + 1).clamp(0, height + 1)[:, None, :, None].expand(-1, channels, -1, width + 2)
    columns = (columns + 1).clamp(0, width + 1)[:, None, None, :].expand(-1, channels, height, -1)
    return padded.gather(2, rows).gather(3, columns)


def cutout(x: Tensor) -> Tensor:
    """A square of side HOLE set to zero, its centre anywhere."""
    n, _, height, width = x.shape
    tall, wide = int(height * HOLE + 0.5), int(width * HOLE + 0.5)
    y = torch.randint(0, height, (n, 1), device=x.device)
    z = torch.randint(0, width, (n, 1), device=x.device)
    rows = torch.arange(height, device=x.device)
    columns = torch.arange(width, device=x.device)
    in_rows = (rows >= y - tall // 2) & (rows < y - tall // 2 + tall)
    in_columns = (columns >= z - wide // 2) & (columns < z - wide // 2 + wide)
    hole = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return x.masked_fill(hole, 0.0)
