"""D's percent is a probability: where the law is known, it is the law's."""

from __future__ import annotations

import numpy as np
import pytest

from evenodds.config.settings import LossName
from evenodds.metrics.probability import probability

RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(1, 1, 4_000), RNG.normal(-1, 1, 4_000)
PLACES = np.linspace(-3, 3, 13)
LAW = 1 / (1 + np.exp(-2 * PLACES))
"""P(real) at a place: the log of the ratio of both densities is 2 x."""


def test_the_sigmoid_is_the_answer_of_the_classic_losses() -> None:
    assert probability("nonsaturating", 2 * PLACES, [], []) == pytest.approx(LAW)
    assert probability("leastsquares", [-1, 0.3, 4], [], []).tolist() == [0, 0.3, 1]


@pytest.mark.parametrize("shift", [-40.0, 0.0, 7.0])
def test_a_relativistic_d_says_the_same_at_any_level(shift: float) -> None:
    found = probability("relativistic", 2 * PLACES + shift, 2 * REAL + shift, 2 * FAKE + shift)
    assert found == pytest.approx(LAW, abs=0.02)


@pytest.mark.parametrize("loss", ["hinge", "wasserstein"])
@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.01, 5.0), (300.0, -2.0)])
def test_scores_without_a_unit_are_brought_to_one(loss: LossName, slope: float, shift: float) -> None:
    found = probability(loss, slope * PLACES + shift, slope * REAL + shift, slope * FAKE + shift)
    assert found == pytest.approx(LAW, abs=0.03)


@pytest.mark.parametrize("loss", ["relativistic", "hinge", "wasserstein"])
def test_an_undecided_d_is_not_made_to_look_sure(loss: LossName) -> None:
    """By rank the least of these differences would have looked as sure as the greatest."""
    flat = probability(loss, 1e-3 * PLACES, 1e-3 * RNG.normal(size=500), 1e-3 * RNG.normal(size=500))
    assert abs(flat - 0.5).max() < 0.35
    assert abs(probability("relativistic", 1e-3 * PLACES, [0.0], [0.0]) - 0.5).max() < 0.001


def test_sides_that_do_not_overlap_are_told_for_sure_and_nothing_overflows() -> None:
    for loss in ("relativistic", "hinge", "wasserstein"):
        found = probability(loss, [-5e4, 5e4], np.full(50, 5e4), np.full(50, -5e4))  # type: ignore[arg-type]
        assert found[0] < 0.05
        assert found[1] > 0.95
    assert np.isfinite(probability("hinge", [0.0], [1.0, 1.0], [1.0])).all()


def test_without_a_side_there_is_no_level() -> None:
    with pytest.raises(ValueError, match="at least one of each"):
        probability("relativistic", [0.0], [], [1.0])
