"""Numbers about two clouds of feature vectors: how far apart, how much is covered, what is copied.

All take float arrays (n, k) of features, one row a sample, and know neither networks nor pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu
from sklearn.metrics import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from evenodds.game.odds import Odds, odds

Cloud = NDArray[np.float32]

NEIGHBOURS = 5
"""The k of balls around reals."""
LARGEST = 2.0
"""Largest ball of a real that makes a fake plausible, in medians."""
IDENTICAL = 0.01
"""Two samples are near-identical at less than this share of the reals' median distance to their nearest fellow."""


def nearest(of: Cloud, among: Cloud, k: int = 1) -> NDArray[np.float64]:
    """Distances (n,) of each row of ``of`` to its k-th nearest row of ``among``, another cloud."""
    found, _ = NearestNeighbors(n_neighbors=min(k, len(among))).fit(among).kneighbors(of)
    return np.asarray(found[:, -1], np.float64)


def fellows(cloud: Cloud, k: int = 1) -> NDArray[np.float64]:
    """Distances (n,) of each row to its k-th nearest other row."""
    found, _ = NearestNeighbors(n_neighbors=min(k, len(cloud) - 1)).fit(cloud).kneighbors()
    return np.asarray(found[:, -1], np.float64)


@dataclass(frozen=True)
class Coverage:
    """What of the data is met, all shares in [0, 1] but ``spread``, which is 1 for the data's own."""

    coverage: float
    """Share of reals in whose ball lies a fake; the ball reaches to the real's 5th nearest fellow (Naeem 2020,
    2002.09797, equation 9). About 0.97 for fakes drawn like as many reals."""
    precision: float
    """Share of fakes that lie in some real's ball (Kynkäänniemi 2019, 1904.06991, equation 2), no ball being larger
    than LARGEST median ones: an outlier's would take in everything."""
    identical: float
    """Share of fakes with a near-identical fellow, beyond the share of reals that have one."""
    spread: float
    """Total variance of the fakes over that of the reals."""


def cover(real: Cloud, fake: Cloud) -> Coverage:
    """How the fakes meet the reals; best with as many of both."""
    radii = fellows(real, NEIGHBOURS)
    between = cdist(real, fake)
    near = np.minimum(radii, LARGEST * np.median(radii))
    own, theirs = fellows(real), fellows(fake)
    tiny = IDENTICAL * float(np.median(own))
    return Coverage(
        float((between <= radii[:, None]).any(1).mean()),
        float((between <= near[:, None]).any(0).mean()),
        max(0.0, float((theirs <= tiny).mean() - (own <= tiny).mean())),
        float(fake.var(0).sum() / max(real.var(0).sum(), 1e-12)),
    )


@dataclass(frozen=True)
class Copying:
    """Whether fakes repeat what was trained on."""

    closeness: Odds
    """P(a held-out real is farther from its nearest training sample than a fake is from its own); 0.5 where fakes
    are as new as reals (Meehan 2020, 2004.05675, section 4)."""
    side: float
    """Share of fakes that are nearer to the training samples than to the held-out ones."""
    expected: float
    """The same share for samples that know neither: training samples over all."""
    p_value: float
    """That of fakes lying so near to training samples, held-out reals lying as near (the U test, one-sided, of the same
    section)."""


def copying(train: Cloud, heldout: Cloud, fake: Cloud, own: NDArray[np.float64] | None = None) -> Copying:
    """Compares what is new in fakes with what is new in held-out reals. ``own``: the distances of ``heldout`` to the
    nearest of ``train``, where they are known."""
    own = nearest(heldout, train) if own is None else own
    theirs, other = nearest(fake, train), nearest(fake, heldout)
    expected = len(train) / (len(train) + len(heldout))
    closer = (theirs < other).mean() + expected * (theirs == other).mean()
    p_value = float(mannwhitneyu(theirs, own, alternative="less", method="asymptotic").pvalue)
    return Copying(odds(own, theirs), float(closer), expected, p_value)


def within(a: Cloud) -> float:
    """E|A - A'|, the mean distance between rows of one cloud (n, k)."""
    return apart(a, a)


def apart(a: Cloud, b: Cloud) -> float:
    """E|A - B|, the mean distance between rows of two clouds, by one matrix product."""
    first = a.astype(np.float64)
    return float(euclidean_distances(first, first if b is a else b.astype(np.float64)).mean())


def energy(a: Cloud, b: Cloud, within_a: float | None = None) -> float:
    """The root of the energy distance 2 E|A - B| - E|A - A'| - E|B - B'| (Székely and Rizzo 2013, J. Stat. Plan.
    Inference 143, equation 1.1); 0 for equal clouds. ``within_a`` is the second term where it is known."""
    own = within(a) if within_a is None else within_a
    return float(np.sqrt(max(2 * apart(a, b) - own - within(b), 0.0)))


def frechet(a: Cloud, b: Cloud) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of the two clouds' normal laws (Heusel 2017, 1706.08500, equation 6).

    No FID: that name belongs to one network's features.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    mean = x.mean(0) - y.mean(0)
    first, second = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    # The trace of a root is the sum of its eigenvalues' roots, also where C is singular.
    root = np.sqrt(np.linalg.eigvals(first @ second).real.clip(0)).sum()
    return float(max(mean @ mean + np.trace(first + second) - 2 * root, 0.0))
