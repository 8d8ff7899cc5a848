"""What the values of a number column look like: lattices, repeats, spikes and gaps; and their normal scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

LIMIT = 3.5
"""Normal scores of values seen in training lie in [-LIMIT, LIMIT]."""
KNOTS = 1001
SHARE, FEWEST = 0.02, 30
"""What must lie on both sides of a gap: this share of a column's rows, and so many distinct values."""
EVEN = np.linspace(-LIMIT, LIMIT, KNOTS)
_MAX_SPIKES = 8
_TAIL = float(ndtr(-LIMIT))
_EXACT = 2.0**53  # whole numbers below it are exact in float64

Floats = NDArray[np.float64]


def lattice_of(levels: Floats, single: bool) -> tuple[int | None, float]:
    """How many decimals the sorted distinct values have (None for 8 or more) and the step of their lattice.

    The step is the greatest common divisor of their differences; 0 where there is none to speak of.
    ``single`` says that they were float32, whose decimals only show after rounding back.
    """
    kind = np.float32 if single else np.float64
    for decimals in range(8):
        if (np.round(levels, decimals).astype(kind) == levels.astype(kind)).all():
            break
    else:
        return None, 0.0
    scaled = levels * 10.0**decimals
    if len(levels) < 2 or np.abs(scaled).max() >= _EXACT:
        return decimals, 0.0
    return decimals, float(np.gcd.reduce(np.diff(np.rint(scaled).astype(np.int64)))) / 10.0**decimals


def repeats(counts: NDArray[np.intp]) -> bool:
    """Whether values repeat so much that they are the column's only values: each gets its own stretch."""
    return len(counts) <= KNOTS // 2 and bool(counts.sum() >= 10 * len(counts))


def spikes_of(counts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of the sorted distinct values stand out, at most 8.

    One holds over 2 % of the rows (over 20 % where values repeat, since there each has its stretch anyway)
    and over 5 times the mean of its ten nearest neighbours: a tall value of a smooth histogram is no spike.
    """
    total = np.concatenate([[0], np.cumsum(counts)])
    index = np.arange(len(counts))
    low, high = np.maximum(index - 5, 0), np.minimum(index + 6, len(counts))
    around = (total[high] - total[low] - counts) / np.maximum(high - low - 1, 1)
    floor = (0.2 if repeats(counts) else 0.02) * counts.sum()
    spiky = (counts > floor) & (counts > 5 * around) & (len(counts) > 1)
    spiky[np.argsort(np.where(spiky, -counts, 0), kind="stable")[_MAX_SPIKES:]] = False
    return np.asarray(spiky, np.bool_)


def gaps_of(levels: Floats, counts: NDArray[np.intp]) -> Floats:
    """The middles of the wide gaps between sorted distinct values (n): nothing within, much on both sides.

    Much is FEWEST values that hold a SHARE of the rows, no farther from the gap than it is wide. Spread evenly, as
    many would leave it empty once in e^FEWEST times: no smooth law is cut, and tails hold too few to count.
    """
    total = np.concatenate([[0], np.cumsum(counts)])
    left, right = levels[:-1], levels[1:]
    index, wide = np.arange(1, len(levels)), np.diff(levels)
    first = np.searchsorted(levels, left - wide, "left")
    last = np.searchsorted(levels, right + wide, "right")
    many = np.minimum(index - first, last - index) >= FEWEST
    heavy = np.minimum(total[index] - total[first], total[last] - total[index]) >= SHARE * total[-1]
    chosen = many & heavy
    return np.asarray((left[chosen] + right[chosen]) / 2, np.float64)


def knots_of(x: Floats, levels: Floats, step: float) -> Floats:
    """The quantiles of values x at even scores, from the least of their ``levels`` to the greatest."""
    knots = np.quantile(x, uniform(EVEN))
    knots[[0, -1]] = levels[0] - 0.49 * step, levels[-1] + 0.49 * step
    return knots


def spread(x: Floats, step: float, rng: np.random.Generator) -> Floats:
    return x + step * rng.uniform(-0.49, 0.49, len(x)) if step else x


def uniform(z: Floats) -> Floats:
    """Scores in [-3.5, 3.5] as shares in [0, 1] of the normal distribution cut at +-3.5."""
    return np.asarray(np.clip((ndtr(z) - _TAIL) / (1 - 2 * _TAIL), 0, 1), np.float64)


def normal(share: Floats) -> Floats:
    """The inverse of ``uniform``."""
    return np.asarray(np.clip(ndtri(_TAIL + share * (1 - 2 * _TAIL)), -LIMIT, LIMIT), np.float64)


def bins_of(scores: tuple[float, ...], count: int) -> Floats:
    """The edges (count + 1) of at most so many bins of a number, as shares in [0, 1]: even ones, or where values have
    stretches of their own, whose ``scores`` are given, ends of those, each bin whole stretches; empty bins come last.

    >>> bins_of((), 4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    even = np.linspace(0, 1, count + 1)
    if not scores:
        return even
    ends = np.unique(np.concatenate([[0.0], uniform(np.array(scores)), [1.0]]))
    if len(ends) > count + 1:
        ends = np.unique(ends[np.abs(ends[:, None] - even).argmin(0)])
    return np.concatenate([ends, np.ones(count + 1 - len(ends))])
