"""The judge's arithmetic: from a network's logit and a distance to a score, a probability and a p-value.

It is written once, as functions of float64 tensors, so that ``judge.Judge`` runs it and ``export.portable`` exports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Floats = NDArray[np.float64]

LINEAR = 6.0
"""An input further from zero than this counts by its logarithm, so that what is strange beyond doubt does not set the
slopes."""


@dataclass(frozen=True)
class Units:
    """Of reals that the network did not see: the cap of its logit, and the distance's median, 95 % quantile and
    standard deviation."""

    cap: float
    median: float
    far: float
    spread: float


class Weights(NamedTuple):
    """A logistic model: P(real) = 1 / (1 + exp(-(offset + slopes · x)))."""

    slopes: Floats
    offset: float

    def logit(self, inputs: ArrayLike) -> Floats:
        """The logit of inputs (n, k), shape (n,).

        >>> Weights(np.array([2.0, 1.0]), -1.0).logit([[1.0, 0.5]])
        array([1.5])
        """
        x, slopes = torch.from_numpy(np.asarray(inputs, np.float64)), torch.from_numpy(self.slopes)
        return np.asarray(weighted_sum(x, slopes, self.offset).numpy())


class Scale(NamedTuple):
    """Platt's map from a score to a probability, within [low, high] for a sample inside of what reals show."""

    slope: float
    offset: float
    low: float
    high: float

    def probability(self, score: ArrayLike, lowers: ArrayLike = 0.0) -> Floats:
        """P(real) for scores (n,), shape (n,); rises with the score.

        ``lowers`` (n,) is -log P(a real sample lies so far outside of what reals show), and the probability is so many
        times smaller: as if real samples and others were equally frequent out there but for that. It may fall below
        ``low``, for that bound stands for what m held-out reals cannot show, and this evidence comes from elsewhere.

        >>> Scale(slope=1.0, offset=0.0, low=0.1, high=0.8).probability([-9.0, 0.0, 9.0])
        array([0.1, 0.5, 0.8])
        >>> Scale(slope=1.0, offset=0.0, low=0.1, high=0.8).probability([0.0], lowers=[np.log(100)]).round(4)
        array([0.005])
        """
        inside = probability(torch.from_numpy(np.asarray(score, np.float64)), self).numpy()
        return np.asarray(inside * np.exp(-np.asarray(lowers, np.float64)))


def log_tails(x: Tensor, limit: float = LINEAR) -> Tensor:
    """x itself within +-limit, and growing by its logarithm beyond: increasing, smooth, of any shape.

    >>> log_tails(torch.tensor([-1.0, 6.0, 1000.0], dtype=torch.float64)).round(decimals=3).tolist()
    [-1.0, 6.0, 12.903]
    """
    # ONNX has no log1p; beside the limit that is added, the difference is below float64's own rounding.
    excess = (x.abs() - limit).clamp(min=0)
    return x.sign() * (x.abs().clamp(max=limit) + torch.log(1 + excess))


def score_inputs(logit: Tensor, distance: Tensor, units: Units) -> Tensor:
    """The three inputs of the score, (n, 3): the capped logit, nearness, and how far beyond the reals' 95 % quantile.

    ``logit`` and ``distance`` are float64 (n,). The logit is capped where the reals' own are highest: beyond it the
    network only says that it was never there.
    """
    near = (units.median - distance) / units.spread
    beyond = (units.far - distance) / units.spread
    return log_tails(torch.stack([logit.clamp(max=units.cap), near, beyond.clamp(max=0)], dim=1))


def weighted_sum(inputs: Tensor, slopes: Tensor, offset: float) -> Tensor:
    """The score (n,) of inputs (n, k), float64."""
    return inputs @ slopes + offset


def probability(score: Tensor, scale: Scale) -> Tensor:
    """P(real) for scores (n,), float64, within [scale.low, scale.high]."""
    return torch.sigmoid(scale.slope * log_tails(score) + scale.offset).clamp(scale.low, scale.high)


def p_value(score: Tensor, heldout: Tensor) -> Tensor:
    """(1 + held-out scores no greater) / (1 + held-out scores), for scores (n,) and held-out ones (m,), float64.

    For a new real that is exchangeable with the held-out ones, P(p <= t) <= t for every t (Vovk, Gammerman and Shafer
    2005, proposition 2.8).

    >>> p_value(torch.tensor([0.0, 2.0]).double(), torch.tensor([1.0, 2.0, 3.0]).double()).tolist()
    [0.25, 0.75]
    """
    below = (heldout[None] <= score[:, None]).sum(1)
    return (1 + below.double()) / (1 + len(heldout))
