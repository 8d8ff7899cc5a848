"""The judge's arithmetic in torch against the same formulas in NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit

from evenodds.judge import scoring
from evenodds.judge.calibration import p_values
from evenodds.judge.scoring import LINEAR, Scale, Units, Weights

N = 2_000
RELATIVE = 1e-12
"""What stored judges may differ by from what they gave when this was NumPy's."""


def reference_log_tails(x: np.ndarray) -> np.ndarray:
    excess = np.maximum(np.abs(x) - LINEAR, 0)
    return np.sign(x) * (np.minimum(np.abs(x), LINEAR) + np.log1p(excess))


@pytest.mark.parametrize("spread", [0.01, 1.0, 1e4])
def test_scores_and_percents_are_those_of_numpy(spread: float) -> None:
    rng = np.random.default_rng(0)
    logit, distance = spread * rng.normal(size=N), spread * rng.random(N)
    units = Units(cap=2.0, median=0.3, far=0.8, spread=0.07)
    weights, scale = Weights(np.array([0.4, 1.3, 0.2]), -0.7), Scale(1.7, 0.2, 1 / 502, 1 - 1 / 1_002)

    near, beyond = (units.median - distance) / units.spread, (units.far - distance) / units.spread
    columns = [np.minimum(logit, units.cap), near, np.minimum(beyond, 0)]
    inputs = reference_log_tails(np.stack(columns, axis=1))
    score = inputs @ weights.slopes + weights.offset
    percent = np.clip(expit(scale.slope * reference_log_tails(score) + scale.offset), scale.low, scale.high)

    measured = scoring.score_inputs(torch.from_numpy(logit), torch.from_numpy(distance), units)
    np.testing.assert_allclose(measured.numpy(), inputs, rtol=RELATIVE, atol=0)
    # A sum may cancel: what its terms are off by is compared with their size.
    size = np.abs(inputs) @ weights.slopes + abs(weights.offset)
    assert (np.abs(weights.logit(measured.numpy()) - score) <= RELATIVE * size).all()
    np.testing.assert_allclose(scale.probability(score), percent, rtol=RELATIVE, atol=0)


def test_p_values_are_those_of_a_sorted_search_at_ties_too() -> None:
    rng = np.random.default_rng(1)
    heldout = np.sort(rng.integers(0, 50, 300)).astype(float)
    score = np.concatenate([rng.normal(25, 20, 5_000), heldout])
    expected = (1.0 + np.searchsorted(heldout, score, "right")) / (1.0 + len(heldout))
    np.testing.assert_array_equal(p_values(score, heldout), expected)
