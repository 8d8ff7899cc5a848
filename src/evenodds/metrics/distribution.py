"""Numbers about two clouds of feature vectors: how far apart, how much is covered, what is copied.

All take float arrays (n, k) of features, one row a sample, and know neither networks nor pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu, t
from sklearn.metrics import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from evenodds.metrics.odds import Odds, odds

Cloud = NDArray[np.float32]
Floats = NDArray[np.float64]

NEIGHBOURS = 5
"""The k of balls around reals."""
LARGEST = 2.0
"""Largest ball of a real that makes a fake plausible, in medians."""
IDENTICAL = 0.01
"""Two samples are near-identical at less than this share of the reals' median distance to their nearest fellow."""


def nearest(of: Cloud, among: Cloud, k: int = 1) -> NDArray[np.float64]:
    """Distances (n,) of each row of ``of`` to its k-th nearest row of ``among``, another cloud."""
    distances_found, _ = NearestNeighbors(n_neighbors=min(k, len(among))).fit(among).kneighbors(of)
    return np.asarray(distances_found[:, -1], np.float64)


def nearest_k(cloud: Cloud, k: int = 1) -> NDArray[np.float64]:
    """Distances (n,) of each row to its k-th nearest other row."""
    distances_found, _ = NearestNeighbors(n_neighbors=min(k, len(cloud) - 1)).fit(cloud).kneighbors()
    return np.asarray(distances_found[:, -1], np.float64)


@dataclass(frozen=True)
class Coverage:
    """What of the data the fakes reach. Shares in [0, 1], but ``spread``, which is 1 where it equals the data's own."""

    coverage: float
    """``density_coverage``'s, with balls that reach to the 5th nearest other real. About 0.97 for as many fakes of the
    reals' own law."""
    capped_precision: float
    """``precision`` with the same balls, none larger than LARGEST median ones: an outlier's would take in everything.
    Scores give the published, uncapped one, with the 3rd nearest."""
    identical: float
    """Share of fakes with a near-identical other fake, beyond the share of reals that have one."""
    spread: float
    """Total variance of the fakes over that of the reals."""


def coverage_metrics(real: Cloud, fake: Cloud) -> Coverage:
    """How far fakes (n, k) reach the reals (m, k); best with as many of both."""
    real_nearest, fake_nearest = nearest_k(real), nearest_k(fake)
    tiny = IDENTICAL * float(np.median(real_nearest))
    return Coverage(
        density_coverage(real, fake, NEIGHBOURS)[1],
        precision(real, fake, NEIGHBOURS, LARGEST),
        max(0.0, float((fake_nearest <= tiny).mean() - (real_nearest <= tiny).mean())),
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


def copying(
    train: Cloud, heldout: Cloud, fake: Cloud, reals_own: NDArray[np.float64] | None = None
) -> Copying:
    """Compares what is new in fakes with what is new in held-out reals. ``own``: the distances of ``heldout`` to the
    nearest of ``train``, where they are known."""
    reals_own = nearest(heldout, train) if reals_own is None else reals_own
    theirs, other = nearest(fake, train), nearest(fake, heldout)
    expected = len(train) / (len(train) + len(heldout))
    closer = (theirs < other).mean() + expected * (theirs == other).mean()
    p_value = float(mannwhitneyu(theirs, reals_own, alternative="less", method="asymptotic").pvalue)
    return Copying(odds(reals_own, theirs), float(closer), expected, p_value)


def mean_self_distance(a: Cloud) -> float:
    """E|A - A'|, the mean distance between rows of one cloud (n, k)."""
    return mean_distance(a, a)


def mean_distance(a: Cloud, b: Cloud) -> float:
    """E|A - B|, the mean distance between rows of two clouds, by one matrix product."""
    first = a.astype(np.float64)
    return float(euclidean_distances(first, first if b is a else b.astype(np.float64)).mean())


def energy(a: Cloud, b: Cloud) -> float:
    """The root of the energy distance 2 E|A - B| - E|A - A'| - E|B - B'| (Székely and Rizzo 2013, J. Stat. Plan.
    Inference 143, equation 1.1); 0 for equal clouds."""
    within = mean_self_distance(a) + mean_self_distance(b)
    return float(np.sqrt(max(2 * mean_distance(a, b) - within, 0.0)))


class EnergyEstimate(NamedTuple):
    """The energy distance between reals (m, k) and fakes (n, k), with what chance does to it."""

    distance: float
    """The root of its plug-in estimate, as ``energy`` gives it: of equal laws it is the larger, the fewer the rows."""
    squared: float
    """Its unbiased estimate: 0 on average where the laws are equal, whatever the counts, and as often below."""
    influence: Floats
    """How much each fake and then each real moves ``squared``, (n + m,): what differs from state to state of one G, on
    the same latents and reals, is their paired difference."""
    fakes: int

    @property
    def error(self) -> float:
        """The standard error of ``squared``."""
        return deviation_of(self.influence, self.fakes)


def deviation_of(influence: Floats, fakes: int) -> float:
    """The standard deviation of a sum of two means: over the first so many, and over the rest."""
    first, rest = influence[:fakes], influence[fakes:]
    return float(np.sqrt(first.var() / len(first) + rest.var() / len(rest)))


def distances_to_others(a: Cloud) -> Floats:
    """The mean distance of each row to the others of its cloud (n, k), (n,)."""
    rows = a.astype(np.float64)
    return np.asarray(euclidean_distances(rows).sum(1) / (len(rows) - 1))


def energy_estimate(real: Cloud, fake: Cloud, among_reals: Floats) -> EnergyEstimate:
    """The energy distance (Székely and Rizzo 2013, J. Stat. Plan. Inference 143, equation 1.1) as V- and as
    U-statistic; ``among_reals`` are the reals' ``distances_to_others``."""
    m, n = len(real), len(fake)
    first, second = real.astype(np.float64), fake.astype(np.float64)
    across = euclidean_distances(second, first)
    cross, among_fakes = float(across.mean()), distances_to_others(fake)
    reals, fakes = float(among_reals.mean()), float(among_fakes.mean())
    # With each row's distance to itself, which is none, the means are lower by these factors.
    plug_in = 2 * cross - reals * (m - 1) / m - fakes * (n - 1) / n
    influence = 2 * np.concatenate([across.mean(1) - among_fakes, across.mean(0) - among_reals])
    return EnergyEstimate(float(np.sqrt(max(plug_in, 0.0))), 2 * cross - reals - fakes, influence, n)


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


PRECISE, COVERED = 3, 5
"""The k of balls for precision and recall, and for density and coverage, as their papers have it."""
PARTS = 10
"""Parts of the samples over which an inception score is taken."""
BLOCKS = 20
"""Parts, at most, that are left out in turn for the interval of a kernel distance."""
ROWS = 2048
"""Rows of a matrix of distances that are held at once."""
DIFFERENCES = 1_000_000_000
"""Subtractions, at most, which take about a second; beyond, distances come of a matrix product."""
NOTHING = 1e-12
"""Squared distances below this share of the squared lengths are rounding: the rows are equal."""


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def kernel_distance(a: Cloud, b: Cloud) -> Interval:
    """The squared maximum mean discrepancy under the kernel (x.y / k + 1)^3 (Bińkowski 2018, 1801.01401, section 4), as
    its unbiased estimate (Gretton 2012, JMLR 13, equation 3): about 0, and as often below, where the laws are equal.

    The interval is the jackknife's over parts of both clouds, left out in turn (Efron and Stein 1981), with Student's
    t; it is wide rather than narrow where the laws are equal. Clouds of 4 rows or more.
    """
    m, n = len(a), len(b)
    blocks = min(BLOCKS, m // 2, n // 2)
    rows, columns = (np.array_split(np.arange(count), blocks) for count in (m, n))
    xx, yy, xy = kernel_sums(a, a, rows), kernel_sums(b, b, columns), kernel_sums(a, b, rows, columns)
    whole = discrepancy(xx.sum(), yy.sum(), xy.sum(), m, n)
    without = [
        discrepancy(left(xx, out), left(yy, out), left(xy, out), m - len(rows[out]), n - len(columns[out]))
        for out in range(blocks)
    ]
    error = np.sqrt((blocks - 1) / blocks * np.square(np.array(without) - np.mean(without)).sum())
    reach = float(t.ppf(0.975, blocks - 1) * error)
    return Interval(whole, whole - reach, whole + reach)


def kernel_sums(
    a: Cloud, b: Cloud, rows: list[NDArray[Any]], columns: list[NDArray[Any]] | None = None
) -> Floats:
    """Sums of the kernel (blocks, blocks) over pairs of parts; of one cloud with itself, where no ``columns`` are
    given, without the pairs of a row with itself."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    width = x.shape[1]
    starts = [part[0] for part in (rows if columns is None else columns)]
    sums = np.array([np.add.reduceat(((x[some] @ y.T / width + 1) ** 3).sum(0), starts) for some in rows])
    if columns is None:
        reals_own = (np.square(x).sum(1) / width + 1) ** 3
        sums[np.diag_indices(len(rows))] -= np.add.reduceat(reals_own, starts)
    return sums


def left(sums: Floats, out: int) -> float:
    """The sum without a part on both sides."""
    return float(sums.sum() - sums[out].sum() - sums[:, out].sum() + sums[out, out])


def discrepancy(xx: float, yy: float, xy: float, m: int, n: int) -> float:
    """The unbiased estimate from sums over pairs, m and n rows."""
    return float(xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n))


def precision(real: Cloud, fake: Cloud, k: int = PRECISE, cap: float | None = None) -> float:
    """The share of fakes that lie in some real's ball, which reaches to its k-th nearest other real (Kynkäänniemi 2019,
    1904.06991, equations 1 and 2), in [0, 1].

    ``cap`` bounds every ball at so many median radii; None leaves them as published.

    >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], np.float32)
    >>> precision(square, np.array([[0.5, 0.5], [9.0, 9.0]], np.float32), k=1)
    0.5
    """
    radii = nearest_k(real, k)
    if cap is not None:
        radii = np.minimum(radii, cap * np.median(radii))
    return float((balls_met(real, radii, fake)[0] > 0).mean())


def precision_recall(real: Cloud, fake: Cloud, k: int = PRECISE) -> tuple[float, float]:
    """(share of fakes that lie among reals, share of reals that lie among fakes), both in [0, 1]: ``precision`` and
    recall, which is the same with reals and fakes exchanged (Kynkäänniemi 2019, 1904.06991, equations 1 to 3)."""
    return precision(real, fake, k), precision(fake, real, k)


def density_coverage(real: Cloud, fake: Cloud, k: int = COVERED) -> tuple[float, float]:
    """(mean number of reals' balls that a fake lies in, over k; share of reals in whose ball lies a fake), a ball
    reaching to its real's k-th nearest fellow (Naeem 2020, 2002.09797, equations 6 and 9). Density is about 1 for fakes
    of the reals' law and may be more; coverage lies in [0, 1]."""
    among, met = balls_met(real, nearest_k(real, k), fake)
    return float(among.mean() / k), float(met.mean())


def balls_met(centers: Cloud, radii: Floats, points: Cloud) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(in how many balls each point lies, in which balls a point lies): (len(points),) and (len(centers),)."""
    among = np.empty(len(points), np.int64)
    met = np.zeros(len(centers), bool)
    for start, distances in distance_blocks(points, centers):
        inside = distances <= radii
        among[start : start + len(distances)] = inside.sum(1)
        met |= inside.any(0)
    return among, met


def distance_blocks(of: Cloud, to: Cloud, differences: int = DIFFERENCES) -> Iterator[tuple[int, Floats]]:
    """Euclidean distances (rows, len(to)), ROWS rows of ``of`` at a time, with the index of the first one.

    By differences where they are few, which is exact: a point on a ball's edge lies in it. By one matrix product where
    they are many, which for wide features is many times faster; equal rows are at exactly 0.
    """
    if len(of) * len(to) * to.shape[1] <= differences:
        for start in range(0, len(of), ROWS):
            yield start, cdist(of[start : start + ROWS], to)
        return
    middle = to.mean(0, dtype=np.float64)
    y = to - middle
    lengths = np.square(y).sum(1)
    for start in range(0, len(of), ROWS):
        x = of[start : start + ROWS] - middle
        both = np.square(x).sum(1)[:, None] + lengths
        squares = both - 2 * (x @ y.T)
        yield start, np.sqrt(np.where(squares < NOTHING * both, 0.0, squares))


def inception_score(shares: Floats, parts: int = PARTS) -> Interval:
    """exp E KL(p(y | x) || p(y)) of a classifier's shares (n, classes), the mean over so many parts of the samples, two
    at least (Salimans 2016, 1606.03498, section 4): 1 where all fakes look alike or like nothing, the number of classes
    where each is certain and all are as frequent. The interval is Student's, from the parts' deviation."""
    distances_found = []
    for part in np.array_split(shares.astype(np.float64), parts):
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(part > 0, part * (np.log(part) - np.log(part.mean(0))), 0.0)
        distances_found.append(np.exp(terms.sum(1).mean()))
    mean = float(np.mean(distances_found))
    reach = float(t.ppf(0.975, parts - 1) * np.std(distances_found, ddof=1) / np.sqrt(parts))
    return Interval(mean, mean - reach, mean + reach)
