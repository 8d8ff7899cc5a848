"""Directions in latent space from what fakes show: linear separation, and others' features held still (Shen 2020,
1907.10786)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from evenodds.core.errors import UserError

SURE = 0.25
"""Of the fakes those are learnt from that show the feature most, and least: this share each."""
FEWEST = 20
"""Fakes a side, at least."""
LEFT = 0.1
"""A direction is lost where less than this share of it is left once others are held still."""

Vectors = NDArray[np.float64]
Seen = NDArray[np.float32]


def unit(vector: Vectors) -> Vectors:
    """A vector (d,) of length 1. Raises ValueError for zeros."""
    length = float(np.linalg.norm(vector))
    if length == 0:
        raise ValueError("zeros have no direction")
    return vector / length


def separate(z: Vectors, shown: Vectors) -> Vectors:
    """The unit normal (d,) of the plane between latents (n, d) whose fakes show a feature, ``shown`` (n,) in [0, 1],
    and those whose do not: by the surest of both (section 3.2).

    Raises UserError where too few fakes show it, or too few do not.
    """
    for side, what in ((shown > 0.5, "show it"), (shown <= 0.5, "do not")):
        if side.sum() < FEWEST:
            raise UserError(
                f"only {side.sum()} of {len(z)} fakes {what}, and at least {FEWEST} are needed: train longer, or take "
                "another feature"
            )
    order = np.argsort(shown)
    count = int(SURE * len(z))
    low = order[:count][shown[order[:count]] <= 0.5]
    high = order[-count:][shown[order[-count:]] > 0.5]
    chosen = np.concatenate([low, high])
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)
    model.fit(z[chosen], shown[chosen] > 0.5)
    return unit(model.coef_[0])


def incline(z: Vectors, amount: Vectors) -> Vectors:
    """The unit direction (d,) along which an amount (n,) rises most, by linear regression on latents (n, d)."""
    return unit(Ridge(1.0).fit(z, amount).coef_)


def taught(with_it: Seen, without: Seen, seen: Seen) -> Vectors:
    """How far each of many (n, k) looks like examples with a feature (m, k) and not like those without (l, k): log-odds
    (n,) of a logistic regression, which 40 examples teach more than they say of latents themselves."""
    scale = seen.std() or 1.0
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
    model.fit(
        np.concatenate([with_it, without]) / scale, np.arange(len(with_it) + len(without)) < len(with_it)
    )
    return np.asarray(model.decision_function(seen / scale), np.float64)


def hold(direction: Vectors, others: Vectors) -> Vectors:
    """The direction (d,) without what it shares with ``others`` (k, d), as a unit vector: moving along it leaves them
    alone (section 3.3, conditional manipulation). As it was, where hardly anything would be left."""
    if not len(others):
        return direction
    basis, _ = np.linalg.qr(others.T)
    left = direction - basis @ (basis.T @ direction)
    return unit(left) if np.linalg.norm(left) > LEFT else direction
