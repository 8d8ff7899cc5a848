"""From scores to probabilities and p-values, and how far the probabilities can be believed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

Floats = NDArray[np.float64]

STEADY = 6.0
"""Evidence further from zero than this counts by its logarithm: what is strange beyond doubt may not set the slopes."""
BINS = 10
FOLDS = 5


class Weights(NamedTuple):
    """A logistic model: P(real) = 1 / (1 + exp(-(offset + slopes · evidence)))."""

    slopes: Floats
    offset: float

    def logit(self, evidence: Floats) -> Floats:
        """The logit of evidence (n, k), shape (n,)."""
        return np.asarray(evidence @ self.slopes + self.offset, np.float64)


def steady(x: Floats, limit: float = STEADY) -> Floats:
    """x itself within +-limit, and growing by its logarithm beyond: rising everywhere, smooth, of any shape."""
    excess = np.maximum(np.abs(x) - limit, 0)
    return np.asarray(np.sign(x) * (np.minimum(np.abs(x), limit) + np.log1p(excess)), np.float64)


def weigh(evidence: Floats, real: NDArray[np.bool_], weight: Floats) -> Weights:
    """The logistic regression of ``real`` (n,) on ``evidence`` (n, k), each sample by its ``weight``.

    Minimises the cross-entropy with Platt's targets (1999, section 2.2): (m + 1) / (m + 2) for m reals and 1 / (n + 2)
    for n fakes, which keeps slopes finite where a score separates both. No slope is below zero: each column of
    evidence must be one that speaks for a real, and chance may not turn it.
    """
    share = weight / weight.sum()
    m, n = int(real.sum()), int((~real).sum())
    target = np.where(real, (m + 1) / (m + 2), 1 / (n + 2))

    def loss(x: Floats) -> tuple[float, Floats]:
        logit = evidence @ x[:-1] + x[-1]
        value = -(share * (target * log_expit(logit) + (1 - target) * log_expit(-logit))).sum()
        pull = share * (expit(logit) - target)
        return float(value), np.append(evidence.T @ pull, pull.sum())

    width = evidence.shape[1]
    bounds = [(0.0, None)] * width + [(None, None)]
    found = minimize(loss, np.append(np.ones(width), 0.0), jac=True, bounds=bounds, method="L-BFGS-B")
    return Weights(np.asarray(found.x[:-1], np.float64), float(found.x[-1]))


class Scale(NamedTuple):
    """Platt's map from a score to a probability, which never leaves [low, high]."""

    slope: float
    offset: float
    low: float
    high: float

    def probability(self, score: ArrayLike) -> Floats:
        """P(real) for scores (n,); rises with the score."""
        raw = expit(self.slope * steady(np.asarray(score, np.float64)) + self.offset)
        return np.asarray(np.clip(raw, self.low, self.high), np.float64)


def calibrate(score: Floats, real: NDArray[np.bool_], weight: Floats) -> Scale:
    """Platt scaling (Platt 1999) on samples that the score was not made from: ``score``, ``real``, ``weight`` (n,).

    With m reals and n fakes the probability stays within 1 / (m + 2) and 1 - 1 / (n + 2), Laplace's rule of succession:
    a score below all of m reals is no proof that one real in m + 2 does not score so low.
    """
    fitted = weigh(steady(score)[:, None], real, weight)
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


def honest_error(score: Floats, real: NDArray[np.bool_], weight: Floats, rng: np.random.Generator) -> float:
    """The calibration error of ``calibrate`` on samples it did not see: FOLDS-fold cross-validation."""
    fold = np.empty(len(score), np.intp)
    for side in (real, ~real):
        fold[side] = rng.permutation(int(side.sum())) % FOLDS
    probability = np.empty(len(score))
    for place in range(FOLDS):
        here = fold == place
        probability[here] = calibrate(score[~here], real[~here], weight[~here]).probability(score[here])
    return calibration_error(probability, real, weight)


def p_values(score: ArrayLike, heldout: Floats) -> Floats:
    """(1 + held-out scores no greater) / (1 + held-out scores), for scores (n,): small where a sample looks strange.

    For a new real that is exchangeable with the held-out ones, P(p <= t) <= t for every t (Vovk, Gammerman and Shafer
    2005, proposition 2.8). ``heldout`` (m,) is sorted.
    """
    below = np.searchsorted(heldout, np.asarray(score, np.float64), "right")
    return np.asarray((1.0 + below) / (1.0 + len(heldout)), np.float64)
