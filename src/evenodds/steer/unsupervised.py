"""Unnamed directions: those that change a generator's output most."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evenodds.networks.conditional import ValueGenerator
from evenodds.networks.style import StyleGenerator

Vectors = NDArray[np.float64]


def from_weights(first: Tensor, count: int) -> Vectors:
    """The unit directions (count, d) that change G's first layer most: eigenvectors of A A^T, strongest first, for its
    weights A (d, m) (SeFa: Shen and Zhou 2021, 2007.06600, equation 5)."""
    left, _, _ = torch.linalg.svd(first.double(), full_matrices=False)
    return np.asarray(left.T[:count].cpu().numpy())


def from_features(z: Vectors, features: Vectors, count: int) -> Vectors:
    """The unit directions (count, d) along which features (n, f) of fakes vary most: latents (n, d) regressed on the
    features' principal components (GANSpace: Haerkoenen 2020, 2004.02546, section 2.2, equation 1)."""
    centred = features - features.mean(0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    amounts = centred @ components[:count].T
    coefficients, *_ = np.linalg.lstsq(amounts, z - z.mean(0), rcond=None)
    return np.asarray(coefficients / np.linalg.norm(coefficients, axis=1, keepdims=True))


def first_weights(generator: nn.Module, latent: int) -> Tensor:
    """The weights (latent, m) of the layer that takes the latent vector in, for every G; of a style-based one those of
    all layers that take w in. Raises TypeError for none."""
    inner = generator.inner if isinstance(generator, ValueGenerator) else generator
    if isinstance(inner, StyleGenerator):
        parts = [part.style.weight.detach() for part in (*inner.layers, *inner.pictures)]
        return torch.cat([part.T for part in parts], dim=1)
    for module in inner.modules():
        if isinstance(module, nn.Linear) and module.in_features >= latent:
            return module.weight.detach().T[:latent]
        if isinstance(module, nn.ConvTranspose2d) and module.in_channels >= latent:
            return module.weight.detach().flatten(1)[:latent]
    raise TypeError(f"{type(generator).__name__} has no layer that takes {latent} numbers in")
