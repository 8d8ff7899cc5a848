"""Scores to probabilities and p-values, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit

from evenodds.judge.calibration import (
    calibrate,
    calibration_error,
    cross_validated_error,
    fit_logistic,
    p_values,
)
from evenodds.judge.scoring import LINEAR, log_tails

RNG_SEED = 0


def logistic(n: int, slope: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores and truths drawn from a known logistic law."""
    rng = np.random.default_rng(RNG_SEED)
    score = rng.normal(0, 1.5, n)
    return score, rng.random(n) < expit(slope * score + offset)


def test_a_known_logistic_law_is_found() -> None:
    score, real = logistic(40_000, 2.0, -0.5)
    scale = calibrate(score, real, np.ones(len(score)))
    assert scale.slope == pytest.approx(2.0, abs=0.06)
    assert scale.offset == pytest.approx(-0.5, abs=0.04)
    truth = expit(2.0 * score - 0.5)
    assert np.abs(scale.probability(score) - truth).max() < 0.02


def test_weights_set_the_mixture_that_a_probability_is_of() -> None:
    rng = np.random.default_rng(RNG_SEED)
    score = np.concatenate([rng.normal(1, 1, 1_000), rng.normal(-1, 1, 9_000)])
    real = np.arange(10_000) < 1_000
    halves = np.where(real, 0.5 / 1_000, 0.5 / 9_000)
    # Two normals of equal spread, half and half: P(real | s) = 1 / (1 + exp(-2 s)).
    assert calibrate(score, real, halves).probability([0.0])[0] == pytest.approx(0.5, abs=0.03)
    assert calibrate(score, real, np.ones(10_000)).probability([0.0])[0] == pytest.approx(0.1, abs=0.02)


def test_evidence_that_says_nothing_weighs_nothing_and_none_weighs_less() -> None:
    rng = np.random.default_rng(RNG_SEED + 1)
    telling, real = logistic(20_000, 1.0, 0.0)
    evidence = np.stack([telling, rng.normal(size=20_000), -telling + rng.normal(size=20_000)], axis=1)
    slopes = fit_logistic(evidence, real, np.ones(20_000)).slopes
    assert slopes[0] == pytest.approx(1.0, abs=0.1)
    assert slopes[1] < 0.05
    assert slopes[2] == 0


def test_separated_sides_give_no_certainty_that_few_samples_cannot() -> None:
    score = np.concatenate([np.full(18, 50.0), np.full(98, -50.0)])
    scale = calibrate(score, np.arange(116) < 18, np.ones(116))
    low, high = scale.probability([-1e9, 1e9])
    assert low == 1 / 20
    assert high == 1 - 1 / 100


def test_log_tails_rise_everywhere_and_leave_the_middle_alone() -> None:
    x = torch.linspace(-1e3, 1e3, 10_001, dtype=torch.float64)
    assert (log_tails(x).diff() > 0).all()
    inner = x.abs() <= LINEAR
    assert (log_tails(x)[inner] == x[inner]).all()
    assert log_tails(x).max() < 14


def test_the_error_of_a_true_and_of_a_false_probability() -> None:
    score, real = logistic(50_000, 1.0, 0.0)
    even = np.ones(len(score))
    assert calibration_error(expit(score), real, even) < 0.01
    assert calibration_error(np.full(len(score), 0.5), real, even) == pytest.approx(
        abs(real.mean() - 0.5), abs=0.01
    )
    assert calibration_error(np.full(len(score), 0.9), real, even) == pytest.approx(0.4, abs=0.02)
    assert cross_validated_error(score, real, even, np.random.default_rng(0)) < 0.015


def test_p_values_of_exchangeable_scores_are_uniform() -> None:
    rng = np.random.default_rng(RNG_SEED)
    m = 99
    p = np.concatenate([p_values(rng.normal(size=20), np.sort(rng.normal(size=m))) for _ in range(2_000)])
    # A sample and m others are exchangeable: p is even on 1 / (m + 1), ..., 1.
    for level in (0.01, 0.05, 0.2, 0.5, 0.9):
        assert (p <= level).mean() == pytest.approx(level, abs=0.006 + level * 0.02)
    assert p.min() == 1 / (m + 1)
    assert p.max() == 1


def test_p_values_count_the_real_ones_that_look_no_more_real() -> None:
    heldout = np.array([1.0, 2.0, 2.0, 3.0])
    assert p_values([0.0, 1.0, 2.0, 2.5, 9.0], heldout) == pytest.approx([0.2, 0.4, 0.8, 0.8, 1.0])
