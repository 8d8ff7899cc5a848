"""Directions in latent space by linear separation, with other features projected out (Shen 2020, 1907.10786)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from evenodds.core.errors import UserError

SURE = 0.25
"""Separation is fitted on the fakes that show the feature most, and least: this share of each."""
FEWEST = 20
"""Fewest fakes of either group."""
LEFT = 0.1
"""A direction stays as it is if less than this share of it is left after projection."""

Vectors = NDArray[np.float64]
Features = NDArray[np.float32]


def unit(vector: Vectors) -> Vectors:
    """A vector (d,) of length 1. Raises ValueError for zeros."""
    length = float(np.linalg.norm(vector))
    if length == 0:
        raise ValueError("zeros have no direction")
    return vector / length


def boundary_normal(z: Vectors, shares: Vectors) -> Vectors:
    """The unit normal (d,) of the plane between latents (n, d) whose fakes show a feature and those whose fakes do not.

    ``shares`` (n,) in [0, 1] say how strongly each fake shows it; the surest of both groups count (section 3.2). Raises
    UserError if too few fakes show it, or too few do not.
    """
    for side, what in ((shares > 0.5, "show it"), (shares <= 0.5, "do not")):
        if side.sum() < FEWEST:
            raise UserError(
                f"only {side.sum()} of {len(z)} fakes {what}, and at least {FEWEST} are needed: train longer, or take "
                "another feature"
            )
    order = np.argsort(shares)
    count = int(SURE * len(z))
    low = order[:count][shares[order[:count]] <= 0.5]
    high = order[-count:][shares[order[-count:]] > 0.5]
    chosen = np.concatenate([low, high])
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)
    model.fit(z[chosen], shares[chosen] > 0.5)
    return unit(model.coef_[0])


def regression_direction(z: Vectors, amount: Vectors) -> Vectors:
    """The unit direction (d,) along which an amount (n,) rises most, by linear regression on latents (n, d)."""
    return unit(Ridge(1.0).fit(z, amount).coef_)


def example_log_odds(with_it: Features, without: Features, features: Features) -> Vectors:
    """Log-odds (n,) that samples with ``features`` (n, k) belong with examples (m, k) and not with examples (l, k).

    A logistic regression on features: few examples say more of them than of latents.
    """
    scale = features.std() or 1.0
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
    model.fit(
        np.concatenate([with_it, without]) / scale, np.arange(len(with_it) + len(without)) < len(with_it)
    )
    return np.asarray(model.decision_function(features / scale), np.float64)


def project_out(direction: Vectors, others: Vectors) -> Vectors:
    """Project ``others`` (k, d) out of a direction (d,), and return a unit vector.

    A single global direction also changes other attributes; moving along the projected one leaves those of ``others``
    unchanged to first order (section 3.3, conditional manipulation). Returns the direction itself if hardly anything
    would be left.

    >>> project_out(np.array([0.6, 0.8]), np.array([[0.0, 1.0]]))
    array([1., 0.])
    """
    if not len(others):
        return direction
    basis, _ = np.linalg.qr(others.T)
    left = direction - basis @ (basis.T @ direction)
    return unit(left) if np.linalg.norm(left) > LEFT else direction
