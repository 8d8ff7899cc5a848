"""D's own answer in percent: its scores as the probability that a sample is real."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evenodds.config.settings import LossName

STEPS = 60
"""Halvings of the interval in which the level of the scores lies, and steps of Newton's method."""


def probability(loss: LossName, scores: ArrayLike, real: ArrayLike, fake: ArrayLike) -> NDArray[np.float64]:
    """P(real) of D's ``scores`` (any shape), beside the scores of reals (m,) and of fakes (n,), for one as likely as
    the other before D looks.

    ``nonsaturating`` and ``saturating``: the sigmoid, which is what D learns. ``leastsquares``: the score itself, held
    in [0, 1]. ``relativistic``: D learns differences alone, so the sigmoid about the level at which reals and fakes
    together are called real half of the time. ``hinge`` and ``wasserstein``: scores that are no probability, brought
    to one by Platt's scaling (1999) on these reals and fakes. Raises ValueError where either side is empty.
    """
    values, reals, fakes = (np.asarray(one, np.float64) for one in (scores, real, fake))
    if loss == "leastsquares":
        return values.clip(0, 1)
    if loss in ("nonsaturating", "saturating"):
        return sigmoid(values)
    if not reals.size or not fakes.size:
        raise ValueError("D's level is found from reals and fakes, at least one of each")
    if loss == "relativistic":
        return sigmoid(values - level(reals, fakes))
    slope, offset = platt(reals, fakes)
    return sigmoid(slope * values + offset)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(x / 2)), np.float64)


def level(real: NDArray[np.float64], fake: NDArray[np.float64]) -> float:
    """The c at which the sigmoid of score - c is a half on average, reals and fakes counting alike."""
    low, high = min(real.min(), fake.min()) - 1.0, max(real.max(), fake.max()) + 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if sigmoid(real - middle).mean() + sigmoid(fake - middle).mean() > 1:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)


def platt(real: NDArray[np.float64], fake: NDArray[np.float64]) -> tuple[float, float]:
    """The slope, 0 or more, and the offset of the logistic regression of real on the score, with Platt's targets, which
    keep the slope finite where the two do not overlap."""
    scores = np.concatenate([real, fake])
    center, width = float(scores.mean()), float(scores.std()) or 1.0
    x = np.stack([(scores - center) / width, np.ones_like(scores)], 1)
    hit, miss = (len(real) + 1) / (len(real) + 2), 1 / (len(fake) + 2)
    target = np.repeat([hit, miss], [len(real), len(fake)])
    weight = np.repeat([0.5 / len(real), 0.5 / len(fake)], [len(real), len(fake)])
    beta = np.zeros(2)
    for _ in range(STEPS):
        p = sigmoid(x @ beta)
        curvature = x.T @ (x * (weight * p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        beta += np.linalg.solve(curvature, x.T @ (weight * (target - p))).clip(-1, 1)
    slope = max(beta[0], 0.0) / width
    return float(slope), float(beta[1] - slope * center)
