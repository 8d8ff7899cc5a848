"""By what the best state is chosen: unbiased whatever the counts, with the noise that it has, compared in pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from evenodds.metrics.distribution import EnergyEstimate, distances_to_others, energy, energy_estimate
from evenodds.metrics.selection import HYSTERESIS, Selection

Rows = NDArray[Any]


def drawn(seed: int, count: int, shift: float = 0.0) -> Rows:
    return np.random.default_rng(seed).normal(shift, 1, (count, 2)).astype(np.float32)


def estimate(real: Rows, fake: Rows) -> EnergyEstimate:
    return energy_estimate(real, fake, distances_to_others(real))


def test_the_estimates_are_the_definitions() -> None:
    real, fake = drawn(0, 30), drawn(1, 20, 0.5)
    measured = estimate(real, fake)
    across, first, second = cdist(real, fake), cdist(real, real), cdist(fake, fake)
    others = first.sum() / (30 * 29), second.sum() / (20 * 19)
    assert measured.squared == pytest.approx(2 * across.mean() - sum(others))
    assert measured.distance == pytest.approx(energy(real, fake))
    assert measured.influence.shape == (50,)


@pytest.mark.parametrize("count", [20, 100, 500])
def test_equal_laws_are_at_zero_on_average_whatever_the_counts(count: int) -> None:
    """The plug-in estimate is far above it for few rows, so that states over few rows all looked alike."""
    real = drawn(0, 400)
    values = [estimate(drawn(1000 + seed, 400), drawn(seed, count)).squared for seed in range(60)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)
    assert estimate(real, drawn(1, 20)).distance ** 2 > 0.05


def test_the_stated_error_is_that_of_fresh_draws() -> None:
    values = [estimate(drawn(500 + seed, 300), drawn(seed, 300, 0.6)) for seed in range(150)]
    spread = np.std([one.squared for one in values])
    assert np.median([one.error for one in values]) == pytest.approx(spread, rel=0.2)


def test_a_state_is_better_only_beyond_the_noise_of_the_paired_difference() -> None:
    real = drawn(0, 500)

    def state(shift: float) -> Selection:
        fake = drawn(1, 500, shift)  # the same latents at each check
        measured = estimate(real, fake)
        return Selection(measured.squared, measured.influence, measured.fakes)

    far, near = state(0.5), state(0.3)
    assert near.better_than(far)
    assert not far.better_than(near)
    assert not near.better_than(near)
    barely = near._replace(value=near.value - 1e-9)
    assert barely.better_than(near), "no noise between equal fakes"
    other = estimate(real, drawn(2, 500, 0.3))
    lucky = Selection(near.value - 0.1 * HYSTERESIS * other.error, other.influence, other.fakes)
    assert not lucky.better_than(near), "other latents: a tenth of the noise is no gain"


def test_pictures_are_compared_by_their_distance_alone() -> None:
    assert Selection(0.2).better_than(Selection(0.3))
    assert not Selection(0.3).better_than(Selection(0.3))
    assert Selection(0.2).error is None
