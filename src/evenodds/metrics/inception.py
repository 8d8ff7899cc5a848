"""The Inception network of the FID (Heusel 2017, 1706.08500), where torch-fidelity and its weights are installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evenodds.core.errors import UserError
from evenodds.data.images.arrays import to_pictures

NAME = "Inception of torch-fidelity"
RESIZER = "bilinear to 299 px, as TensorFlow 1 has it"
WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
"""The file as torch-fidelity calls it, in the checkpoints folder of torch.hub."""
BATCH = 32


def extractor(device: torch.device) -> Callable[[Tensor], NDArray[Any]]:
    """Pictures (n, C, H, W) in [-1, 1] -> (n, 2048). Raises UserError where the package or its weights are not here."""
    weights = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    try:
        from torch_fidelity import FeatureExtractorInceptionV3
    except ImportError as problem:
        raise UserError(
            f"--extractor inception needs the package torch-fidelity ({problem}), install it or leave this out"
        ) from None
    if not weights.is_file():
        raise UserError(
            f"--extractor inception needs its weights in {weights}, put them there or leave this out"
        )
    # torch-fidelity unpickles whatever the file holds: here it is made sure that it holds nothing but tensors.
    try:
        torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as problem:  # whatever a damaged or foreign file makes of it
        raise UserError(
            f"{weights} holds no weights that can be read safely, put the right ones there"
        ) from problem
    network = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
    ).to(device)

    @torch.inference_mode()
    def features(x: Tensor) -> NDArray[np.float32]:
        module = []
        for part in torch.split(x, BATCH):
            levels = torch.from_numpy(to_pictures(part, bands=True)).permute(0, 3, 1, 2)
            color = levels.expand(-1, 3, -1, -1) if levels.shape[1] == 1 else levels[:, :3]
            module.append(network(color.contiguous().to(device))[0].float().cpu())
        return np.asarray(torch.cat(module).numpy())

    return features
