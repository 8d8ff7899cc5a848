"""Fits the maps from scores to probabilities, and measures how well they are calibrated."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from evenodds.judge.scoring import Floats, Scale, Weights, log_tails, p_value

BINS = 10
"""Bins of equal weight of the calibration error."""
FOLDS = 5
BATCH = 1024
"""Scores that are compared with all held-out ones at a time."""


def fit_logistic(inputs: Floats, real: NDArray[np.bool_], weight: Floats) -> Weights:
    """The logistic regression of ``real`` (n,) on ``inputs`` (n, k), each sample by its ``weight`` (n,).

    Minimises the cross-entropy with Platt's targets (1999, section 2.2): (m + 1) / (m + 2) for m reals and 1 / (n + 2)
    for n fakes, which keeps slopes finite where an input separates both. No slope is negative: each input must be
    higher for reals, and chance may not turn it.
    """
    share = weight / weight.sum()
    m, n = int(real.sum()), int((~real).sum())
    target = np.where(real, (m + 1) / (m + 2), 1 / (n + 2))

    def loss(x: Floats) -> tuple[float, Floats]:
        logit = inputs @ x[:-1] + x[-1]
        value = -(share * (target * log_expit(logit) + (1 - target) * log_expit(-logit))).sum()
        gradient = share * (expit(logit) - target)
        return float(value), np.append(inputs.T @ gradient, gradient.sum())

    width = inputs.shape[1]
    bounds = [(0.0, None)] * width + [(None, None)]
    start = np.append(np.ones(width), 0.0)
    fitted = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    return Weights(np.asarray(fitted.x[:-1], np.float64), float(fitted.x[-1]))


def calibrate(score: Floats, real: NDArray[np.bool_], weight: Floats) -> Scale:
    """Platt scaling (Platt 1999) on samples that the score was not fitted to: ``score``, ``real``, ``weight`` (n,).

    With m reals and n fakes the probability stays within 1 / (m + 2) and 1 - 1 / (n + 2), Laplace's rule of succession:
    a score below all of m reals is no proof that one real in m + 2 does not score so low. What lies outside of all that
    the training reals show is known from more rows than m, and from the law that tails follow: it alone may lower a
    probability further (``Scale.probability``, ``support``).
    """
    inputs = log_tails(torch.from_numpy(score)).numpy()[:, None]
    fitted = fit_logistic(inputs, real, weight)
    m, n = int(real.sum()), int((~real).sum())
    return Scale(float(fitted.slopes[0]), fitted.offset, 1 / (m + 2), 1 - 1 / (n + 2))


def calibration_error(probability: Floats, real: NDArray[np.bool_], weight: Floats) -> float:
    """The expected calibration error (Naeini 2015, AAAI) over BINS bins of equal weight, in [0, 1].

    The mean over bins of |mean probability - share of reals|; 0 where 30 % real means 30 % of such samples.
    """
    order = np.argsort(probability, kind="stable")
    share = weight[order] / weight.sum()
    bins = np.minimum((np.cumsum(share) - share / 2) * BINS, BINS - 1e-9).astype(np.intp)
    gap = np.bincount(bins, share * (probability[order] - real[order]), BINS)
    return float(np.abs(gap).sum())


def cross_validated_error(
    score: Floats,
    real: NDArray[np.bool_],
    weight: Floats,
    rng: np.random.Generator,
    lowers: Floats | None = None,
) -> float:
    """The calibration error of ``calibrate`` on samples it was not fitted to: FOLDS-fold cross-validation.

    ``lowers`` (n,) is what lowers their probabilities, as ``Scale.probability`` takes it.
    """
    lowers = np.zeros(len(score)) if lowers is None else lowers
    fold = np.empty(len(score), np.intp)
    for kind in (real, ~real):
        fold[kind] = rng.permutation(int(kind.sum())) % FOLDS
    probability = np.empty(len(score))
    for index in range(FOLDS):
        test = fold == index
        scale = calibrate(score[~test], real[~test], weight[~test])
        probability[test] = scale.probability(score[test], lowers[test])
    return calibration_error(probability, real, weight)


def p_values(score: ArrayLike, heldout: Floats) -> Floats:
    """The p-values (n,) of scores (n,) among held-out ones (m,), as ``scoring.p_value`` defines them; in (0, 1].

    >>> p_values([0.0, 1.0, 9.0], np.array([1.0, 2.0, 3.0]))
    array([0.25, 0.5 , 1.  ])
    """
    reals = torch.from_numpy(heldout)
    parts = torch.split(torch.from_numpy(np.asarray(score, np.float64)), BATCH)
    return np.asarray(torch.cat([p_value(part, reals) for part in parts]).numpy())
