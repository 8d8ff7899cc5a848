"""Numbers about clouds against loops, closed forms and integrals, and the answers that are known beforehand."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import sqrtm
from scipy.spatial.distance import pdist

from evenodds.metrics.distribution import (
    IDENTICAL,
    LARGEST,
    NEIGHBOURS,
    Cloud,
    copying,
    coverage_metrics,
    energy,
    frechet,
    mean_self_distance,
    nearest,
    nearest_k,
)


def cloud(seed: int, n: int = 60, k: int = 3, shift: float = 0.0, scale: float = 1.0) -> Cloud:
    """Normal samples."""
    return (np.random.default_rng(seed).normal(size=(n, k)) * scale + shift).astype(np.float32)


def mean_distance(a: Cloud, b: Cloud) -> float:
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("width", [1, 3, 40])
def test_nearest_and_fellows_are_what_sorting_says(k: int, width: int) -> None:
    a, b = cloud(0, 12, width), cloud(1, 15, width)
    kth = [sorted(mean_distance(row, other) for other in b)[k - 1] for row in a]
    np.testing.assert_allclose(nearest(a, b, k), kth, rtol=1e-4)
    others = [
        sorted(mean_distance(row, o) for j, o in enumerate(a) if j != i)[k - 1] for i, row in enumerate(a)
    ]
    np.testing.assert_allclose(nearest_k(a, k), others, rtol=1e-4)


def test_a_cloud_of_fewer_than_k_has_its_furthest() -> None:
    a, b = cloud(0, 3), cloud(1, 4)
    np.testing.assert_allclose(nearest(a, b, 9), [max(mean_distance(x, y) for y in b) for x in a], rtol=1e-5)
    furthest = [max(mean_distance(x, y) for y in a) for x in a]
    np.testing.assert_allclose(nearest_k(a, 9), furthest, rtol=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.5, 0.5), (0.0, 4.0)])
def test_coverage_and_precision_are_what_loops_count(seed: int, shift: float, scale: float) -> None:
    real, fake = cloud(seed, 40), cloud(seed + 10, 50, shift=shift, scale=scale)
    radii = []
    for i, row in enumerate(real):
        radii.append(
            sorted(mean_distance(row, other) for j, other in enumerate(real) if j != i)[NEIGHBOURS - 1]
        )
    largest = LARGEST * median(radii)
    met = sum(any(mean_distance(row, f) < r for f in fake) for row, r in zip(real, radii, strict=True))
    balls = [min(r, largest) for r in radii]
    plausible = sum(any(mean_distance(row, f) < r for row, r in zip(real, balls, strict=True)) for f in fake)
    found = coverage_metrics(real, fake)
    assert found.coverage == pytest.approx(met / len(real))
    assert found.capped_precision == pytest.approx(plausible / len(fake))


@pytest.mark.parametrize("width", [1, 2, 8])
def test_fakes_of_the_datas_law_cover_as_much_as_theory_says(width: int) -> None:
    """Each of 2n samples is as likely to be next: no fake among the nearest 5 has probability 2^-5."""
    found = [coverage_metrics(cloud(seed, 400, width), cloud(seed + 50, 400, width)) for seed in range(8)]
    assert np.mean([one.coverage for one in found]) == pytest.approx(1 - 2**-NEIGHBOURS, abs=0.012)
    assert np.mean([one.spread for one in found]) == pytest.approx(1, abs=0.05)
    assert all(one.identical < 0.05 for one in found)


def test_a_table_of_choices_alone_is_covered_by_fakes_of_its_law() -> None:
    """Four different rows, again and again: each real has a fake that is the same."""
    levels = np.eye(4, dtype=np.float32)
    real, fake = (levels[np.random.default_rng(seed).integers(0, 4, 200)] for seed in (0, 1))
    found = coverage_metrics(real, fake)
    assert (found.coverage, found.capped_precision, found.identical) == (1, 1, 0)
    assert coverage_metrics(real, np.repeat(levels[:1], 200, 0)).coverage == (real[:, 0] == 1).mean()


def test_a_generator_of_one_mode_in_four_covers_a_quarter_and_is_precise() -> None:
    centres = np.array([[0, 0], [20, 0], [0, 20], [20, 20]], np.float32)
    real = np.concatenate([cloud(i, 100, 2) + centre for i, centre in enumerate(centres)])
    found = coverage_metrics(real, cloud(9, 400, 2))
    assert found.coverage == pytest.approx(0.25, abs=0.01)
    assert found.capped_precision > 0.95
    assert found.spread < 0.05


def test_fakes_far_away_meet_nothing() -> None:
    found = coverage_metrics(cloud(0), cloud(1, shift=50))
    assert (found.coverage, found.capped_precision) == (0, 0)


def test_an_outliers_ball_makes_nothing_plausible() -> None:
    """One real a long way off: its 5th fellow is as far, and that ball takes in all between."""
    real = np.concatenate([cloud(0, 200, 2), np.array([[100, 0]], np.float32)])
    between = cloud(1, 100, 2) + np.array([50, 0], np.float32)
    ball = nearest_k(real, NEIGHBOURS)[-1]
    assert (nearest(between, real[-1:]) < ball).all(), "the ball as it is would take them all"
    assert coverage_metrics(real, between).capped_precision == 0


@pytest.mark.parametrize("copies", [0, 10, 30])
def test_planted_duplicates_are_the_near_identical(copies: int) -> None:
    """``copies`` fakes have a twin a thousandth of the reals' median distance away: two of them each time."""
    real, fake = cloud(0, 100), cloud(1, 100)
    fake = fake[np.argsort(-nearest_k(fake))]  # the loneliest first: none has a fellow of its own by chance
    tiny = np.float32(0.1 * IDENTICAL * np.median(nearest_k(real)))
    fake[50 : 50 + copies] = fake[:copies] + tiny / 2
    assert coverage_metrics(real, fake).identical == pytest.approx(2 * copies / 100)


def test_twins_further_than_the_limit_are_no_twins() -> None:
    real, fake = cloud(0, 100), cloud(1, 50) * 100
    step = np.zeros(3, np.float32)
    for share, expected in ((0.5, 1.0), (2.0, 0.0)):
        step[0] = share * IDENTICAL * np.median(nearest_k(real))
        assert coverage_metrics(real, np.concatenate([fake, fake + step])).identical == expected


def test_duplicates_that_the_data_have_too_are_not_held_against_the_fakes() -> None:
    real, fake = cloud(0, 100), cloud(1, 100)
    real[80:], fake[80:] = real[:20], fake[:20]
    assert coverage_metrics(real, fake).identical == 0
    assert coverage_metrics(real, np.repeat(fake[:1], 100, 0)).identical == pytest.approx(0.6)


@pytest.mark.parametrize("factor", [0.0, 0.1, 3.0])
def test_spread_is_the_squared_factor_of_a_scaled_cloud(factor: float) -> None:
    real = cloud(0, 50)
    assert coverage_metrics(real, real * np.float32(factor) + 7).spread == pytest.approx(factor**2, rel=1e-4)


def test_fresh_draws_are_no_copies() -> None:
    """Closeness is even, and each side is as near as its number of samples says."""
    train, heldout = cloud(0, 1500), cloud(1, 500)
    found = copying(train, heldout, cloud(2, 1000))
    assert found.expected == 0.75
    assert found.closeness.low <= 0.5 <= found.closeness.high
    assert found.side == pytest.approx(0.75, abs=3.5 * math.sqrt(0.75 * 0.25 / 1000))


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_replays_are_copies(noise: float) -> None:
    train, heldout = cloud(0, 900), cloud(1, 100)
    found = copying(train, heldout, train[::9] + noise * cloud(2, 100))
    assert found.closeness.value == pytest.approx(1, abs=1e-3)
    assert found.closeness.low > 0.95
    assert found.side == 1


def test_replays_of_heldout_samples_are_on_the_other_side() -> None:
    train, heldout = cloud(0, 300), cloud(1, 300)
    assert copying(train, heldout, heldout + 1e-4 * cloud(2, 300)).side == 0


def test_a_share_of_replays_moves_closeness_halfway_to_one() -> None:
    """P = 1/2 (1 - share) + share, for fakes of which a share are replays."""
    train, heldout = cloud(0, 2000), cloud(1, 1000)
    for share in (0.2, 0.6):
        replays = int(1000 * share)
        fake = np.concatenate([train[:replays], cloud(2, 1000 - replays)])
        found = copying(train, heldout, fake)
        assert found.closeness.value == pytest.approx(0.5 + share / 2, abs=0.03)


def test_within_is_the_mean_over_all_pairs() -> None:
    a = cloud(0, 20)
    assert mean_self_distance(a) == pytest.approx(2 * pdist(a.astype(np.float64)).sum() / 20**2)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.7, 1.0), (0.0, 3.0), (5.0, 0.2)])
def test_energy_on_a_line_is_the_integral_of_the_squared_difference_of_the_laws(
    shift: float, scale: float
) -> None:
    """2 E|A - B| - E|A - A'| - E|B - B'| = 2 int (F - G)^2 dx (Székely and Rizzo 2013, section 2), F and G being
    the samples' own step functions."""
    a, b = cloud(0, 70, 1), cloud(1, 90, 1, shift, scale)
    x = np.sort(np.concatenate([a, b]).ravel()).astype(np.float64)
    first, second = ((side.ravel()[None] <= x[:-1, None]).mean(1) for side in (a, b))
    integral = (2 * (first - second) ** 2 * np.diff(x)).sum()
    assert energy(a, b) == pytest.approx(math.sqrt(integral), rel=1e-5)


def test_energy_of_shifted_normals_is_near_its_closed_form() -> None:
    """E|N(m, s^2)| = s sqrt(2/pi) exp(-m^2/2s^2) + m erf(m / s sqrt 2); differences have s^2 = 2."""

    def folded(m: float) -> float:
        s = math.sqrt(2)
        return s * math.sqrt(2 / math.pi) * math.exp(-(m**2) / 4) + m * math.erf(m / 2)

    law = math.sqrt(2 * folded(1.0) - 2 * folded(0.0))
    assert energy(cloud(0, 2000, 1), cloud(1, 2000, 1, 1.0)) == pytest.approx(law, rel=0.06)


CLOUDS = arrays(np.float32, (7, 2), elements=st.floats(-10, 10, width=32))


@settings(deadline=None)
@given(CLOUDS, CLOUDS)
def test_distances_are_symmetric_never_negative_and_zero_to_oneself(a: Cloud, b: Cloud) -> None:
    assert energy(a, b) == pytest.approx(energy(b, a), abs=1e-5)
    assert energy(a, a) == pytest.approx(0, abs=1e-6)
    scale = 1 + max(float(np.square(a).sum()), float(np.square(b).sum()))
    assert frechet(a, b) == pytest.approx(frechet(b, a), abs=1e-5 * scale)
    assert frechet(a, a) == pytest.approx(0, abs=1e-5 * scale)
    assert min(energy(a, b), frechet(a, b)) >= 0


def exact(mean: list[float], deviation: list[float]) -> Cloud:
    """The corners of a box: mean and standard deviations are these to the last digit, the covariance is diagonal."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(mean))).reshape(len(mean), -1).T
    n = len(signs)
    return np.asarray(np.array(mean) + signs * np.array(deviation) * math.sqrt((n - 1) / n), np.float32)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (([0.0, 0.0], [1.0, 1.0]), ([3.0, 4.0], [1.0, 1.0])),
        (([0.0, 1.0, 2.0], [1.0, 2.0, 0.5]), ([1.0, 1.0, -1.0], [3.0, 0.0, 0.5])),
        (([5.0, 5.0], [0.0, 0.0]), ([5.0, 5.0], [2.0, 1.0])),
    ],
)
def test_frechet_of_diagonal_laws_is_the_closed_form(
    one: tuple[list[float], list[float]], other: tuple[list[float], list[float]]
) -> None:
    """sum (m1 - m2)^2 + (s1 - s2)^2, also where some s is 0."""
    means, deviations = (np.subtract(*pair) for pair in zip(one, other, strict=True))
    expected = np.square(means).sum() + np.square(deviations).sum()
    assert frechet(exact(*one), exact(*other)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_frechet_is_that_of_the_matrix_root(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = (cloud(seed, 40, 6) @ rng.normal(size=(6, 6)) + 1).astype(np.float32)
    b = (cloud(seed + 9, 50, 6) @ rng.normal(size=(6, 6))).astype(np.float32)
    x, y = a.astype(np.float64), b.astype(np.float64)
    first, second = np.cov(x.T), np.cov(y.T)
    root = np.trace(sqrtm(first @ second)).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * root
    assert frechet(a, b) == pytest.approx(expected, rel=1e-6)


def test_frechet_on_a_line_is_the_difference_of_means_and_deviations() -> None:
    a, b = cloud(0, 30, 1), cloud(1, 40, 1, 2.0, 3.0)
    gap, wider = a.mean() - b.mean(), a.std(ddof=1) - b.std(ddof=1)
    assert frechet(a, b) == pytest.approx(gap**2 + wider**2, rel=1e-4)


def test_frechet_with_fewer_samples_than_numbers_is_still_a_distance() -> None:
    """Singular covariances: turned about the origin, both clouds are as far apart as before."""
    a, b = cloud(0, 8, 20), cloud(1, 8, 20, 1.0)
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(20, 20)))
    turned = frechet((a @ turn).astype(np.float32), (b @ turn).astype(np.float32))
    assert frechet(a, b) == pytest.approx(turned, rel=1e-3)
    assert frechet(a, a + 1) == pytest.approx(20, rel=1e-3)
