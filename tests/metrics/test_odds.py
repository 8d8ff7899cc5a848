"""The odds against scikit-learn's area under the curve, and the interval against simulation."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from evenodds.metrics.odds import interval, odds

Scores = NDArray[np.float64]
FEW = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


def scores(seed: int, m: int = 40, n: int = 60) -> tuple[Scores, Scores]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, 1, m), rng.normal(0, 2, n)


def area(real: Scores, fake: Scores) -> float:
    return float(roc_auc_score([1] * len(real) + [0] * len(fake), np.concatenate([real, fake])))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("places", [6, 0])
def test_odds_are_the_area_under_the_curve(seed: int, places: int) -> None:
    """Rounded to whole numbers, most scores are ties."""
    real, fake = (side.round(places) for side in scores(seed))
    assert odds(real, fake).value == pytest.approx(area(real, fake), abs=1e-12)


@given(FEW, FEW)
def test_odds_count_the_pairs_that_reals_win_and_half_of_the_ties(real: list[int], fake: list[int]) -> None:
    wins = sum((r > f) + (r == f) / 2 for r in real for f in fake)
    assert odds(real, fake).value == pytest.approx(wins / (len(real) * len(fake)), abs=1e-12)


@pytest.mark.parametrize("level", [-1e9, 0.0, 3.5])
def test_a_d_that_scores_all_alike_has_even_odds(level: float) -> None:
    assert odds(np.full(10, level), np.full(30, level)).value == 0.5


@pytest.mark.parametrize("squash", [np.exp, np.arcsinh, np.cbrt, lambda s: 3 * s + 7])
def test_only_the_order_of_scores_matters(squash: Callable[[Scores], Scores]) -> None:
    real, fake = scores(6)
    assert odds(squash(real), squash(fake)) == odds(real, fake)


def test_swapped_sides_mirror_the_odds_and_their_interval() -> None:
    real, fake = scores(7, 50, 50)
    one, other = odds(real, fake), odds(fake, real)
    assert other == pytest.approx((1 - one.value, 1 - one.high, 1 - one.low))


@given(FEW, FEW)
def test_the_interval_holds_the_odds_and_lies_in_zero_to_one(real: list[int], fake: list[int]) -> None:
    value, low, high = odds(real, fake)
    assert 0 <= low <= value <= high <= 1
    assert low < high


@pytest.mark.parametrize("n", [1, 5, 100, 1000])
def test_a_d_that_always_wins_still_has_an_interval(n: int) -> None:
    value, low, high = odds(np.ones(n), np.zeros(n))
    assert (value, high) == (1, 1)
    assert low < 1 - 1 / (2 * n)


@pytest.mark.parametrize("n", [1, 5, 100, 1000])
def test_a_d_that_always_loses_still_has_an_interval(n: int) -> None:
    value, low, high = odds(np.zeros(n), np.ones(n))
    assert (value, low) == (0, 0)
    assert high > 1 / (2 * n)


@pytest.mark.parametrize("value", [0.02, 0.5, 0.76, 0.99])
@pytest.mark.parametrize("n", [8, 300])
def test_the_ends_lie_where_hanley_and_mcneils_error_reaches(value: float, n: int) -> None:
    """1982, equation 2: V = (A (1 - A) + (m - 1) (Q1 - A^2) + (n - 1) (Q2 - A^2)) / (m n), here with m = n."""
    for end in interval(value, n, n):
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)
        variance = (end * (1 - end) + (n - 1) * (q1 - end**2) + (n - 1) * (q2 - end**2)) / n**2
        assert abs(end - value) == pytest.approx(norm.ppf(0.975) * sqrt(variance), rel=1e-6)


def test_more_scores_narrow_the_interval_by_their_root() -> None:
    (low, high), (nearer_low, nearer_high) = interval(0.6, 100, 100), interval(0.6, 10_000, 10_000)
    assert (high - low) / (nearer_high - nearer_low) == pytest.approx(10, rel=0.03)


def test_a_stricter_level_widens_the_interval() -> None:
    (low, high), (lower, higher) = interval(0.6, 50, 70, 0.9), interval(0.6, 50, 70, 0.99)
    assert lower < low < high < higher


@pytest.mark.parametrize("true", [0.5, 0.76, 0.95])
@pytest.mark.parametrize(("m", "n", "most"), [(100, 100, 0.98), (50, 200, 0.99)])
def test_the_interval_covers_the_truth_as_often_as_it_says(true: float, m: int, n: int, most: float) -> None:
    """Two normals whose means are sqrt 2 Phi^-1(A) apart have odds A. It may cover a little more, not less."""
    rng = np.random.default_rng(8)
    apart = sqrt(2) * norm.ppf(true)
    games = [odds(rng.normal(apart, 1, m), rng.normal(0, 1, n)) for _ in range(1000)]
    covered = sum(low <= true <= high for _, low, high in games) / len(games)
    assert 0.925 <= covered <= most


@pytest.mark.parametrize(
    ("real", "fake"), [([], [1.0]), ([1.0], []), ([1.0, nan], [0.0]), ([1.0], [inf]), ([-inf], [0.0])]
)
def test_odds_of_nothing_or_of_no_number_are_refused(real: list[float], fake: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one score a side, and all of them finite"):
        odds(real, fake)
