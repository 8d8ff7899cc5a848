"""Patches of two pictures as vectors to be compared, written from the paper (Park 2020, 2007.15651, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCHES = 256
"""Places of a feature map that are looked at, at most (section 3, "multilayer, patchwise")."""
UNITS = 64
"""Of each layer of a head; the paper has 256 for maps that are eight times as wide."""


class PatchHeads(nn.Module):
    """A head for each of an encoder's feature maps: two layers, and a unit vector a place."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, UNITS), nn.ReLU(), nn.Linear(UNITS, UNITS)) for width in widths
        )

    def forward(self, *pictures: list[Tensor]) -> list[tuple[Tensor, ...]]:
        """Each picture's maps (n, width, H, W) -> for each level, of each picture, (n, s, UNITS): the same s places of
        all of them, drawn from torch's current random state."""
        levels = []
        for head, *maps in zip(self.heads, *pictures, strict=True):
            _, _, height, width = maps[0].shape
            chances = torch.rand(height * width, device=maps[0].device)
            places = chances.topk(min(PATCHES, height * width)).indices
            levels.append(
                tuple(F.normalize(head(one.flatten(2)[:, :, places].transpose(1, 2)), dim=2) for one in maps)
            )
        return levels
