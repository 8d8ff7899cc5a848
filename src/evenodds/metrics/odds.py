"""The odds: how often D scores a held-out real above a fresh fake."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.05
"""Chance of a finding where there is nothing to find."""
EDGE = 1e-12
"""Nearer to 0 and 1 than any end of an interval."""


class Odds(NamedTuple):
    """A probability with its 95 % interval, all three in [0, 1]; 0.5 is even."""

    value: float
    low: float
    high: float


def odds(real: ArrayLike, fake: ArrayLike) -> Odds:
    """P(score of a real > score of a fake), ties half: the area under the ROC curve (Mann and Whitney 1947).

    ``real`` (m,) and ``fake`` (n,) are D's scores. Raises ValueError if either is empty or not finite.
    """
    from scipy.stats import rankdata  # here, as in interval: who reads odds from a journal waits for neither

    reals, fakes = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if not len(reals) or not len(fakes) or not (np.isfinite(reals).all() and np.isfinite(fakes).all()):
        raise ValueError("odds need at least one score a side, and all of them finite")
    ranks = rankdata(np.concatenate([reals, fakes]))
    wins = ranks[: len(reals)].sum() - len(reals) * (len(reals) + 1) / 2
    value = float(wins / (len(reals) * len(fakes)))
    return Odds(value, *interval(value, len(reals), len(fakes)))


def interval(value: float, m: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The score interval of an area under the curve from m reals and n fakes (Newcombe 2006, method 5).

    All t with |t - value| <= z sqrt(V(t)), V being Hanley and McNeil's variance (1982) with m and n in it replaced by
    their mean. It never leaves [0, 1] and does not shrink to nothing at 0 and 1.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z = norm.ppf(0.5 + level / 2)
    mean = (m + n) / 2

    def excess(t: float) -> float:
        variance = t * (1 - t) * (1 + (mean - 1) * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n)
        return float((t - value) ** 2 - z * z * variance)

    # At 0 and 1 the variance is zero, which is a root too, and not the one that is sought.
    low = 0.0 if value <= 0 else brentq(excess, 0.0, min(value, 1 - EDGE))
    high = 1.0 if value >= 1 else brentq(excess, max(value, EDGE), 1.0)
    return float(low), float(high)
