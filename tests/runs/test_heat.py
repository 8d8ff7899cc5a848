"""Orange is fake, blue is real, white is undecided, and nothing is said of where no sample lies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evenodds.runs.heat import FAKE_HEAT, REACH, REAL_HEAT, heat_color, heat_of, off_plane, presence

AXES = {"x": (0.0, 10.0), "y": (-1.0, 1.0)}


def test_the_color_leans_with_the_probability() -> None:
    assert heat_color(0.0, 1.0).tolist() == [*FAKE_HEAT, 255]
    assert heat_color(0.5, 1.0).tolist() == [255, 255, 255, 255]
    assert heat_color(1.0, 1.0).tolist() == [*REAL_HEAT, 255]
    half = heat_color(0.75, 1.0)[:3].astype(float)
    assert half == pytest.approx((255 + np.array(REAL_HEAT)) / 2, abs=0.51)
    assert heat_color([0.2, 0.9], [0.0, 0.5])[:, 3].tolist() == [0, 128]


def test_presence_is_near_one_among_samples_and_nothing_far_off() -> None:
    places = np.full((50, 2), 0.5)
    found = presence(places, (41, 81))
    assert found[20, 40] > 0.999
    assert found[0, 0] < 1e-6
    alone = presence(np.array([[0.5, 0.25]]), (41, 81))
    assert np.unravel_index(alone.argmax(), alone.shape) == (10, 40)
    assert presence(np.array([[0.5 + 3 * REACH, 0.5]]), (41, 81))[20, 40] < 0.02


def test_scores_are_read_between_the_points_of_the_plane() -> None:
    y, x = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 9), indexing="ij")
    places = np.random.default_rng(0).random((20, 2))
    assert off_plane(2 * x - 3 * y, places) == pytest.approx(2 * places[:, 0] - 3 * places[:, 1])


@pytest.mark.parametrize("loss", ["relativistic", "nonsaturating", "hinge", "wasserstein"])
def test_an_empty_corner_is_not_called_real_however_high_its_score(loss: str) -> None:
    """D's score has no limit far off: by rank that corner was the bluest of all."""
    rng = np.random.default_rng(0)
    _, x = np.meshgrid(np.linspace(-1, 1, 48), np.linspace(0, 10, 64), indexing="ij")
    real = pd.DataFrame({"x": rng.normal(5.5, 0.5, 300), "y": rng.normal(0, 0.1, 300)})
    fake = pd.DataFrame({"x": rng.normal(3.5, 0.5, 300), "y": rng.normal(0, 0.1, 300)})
    heat = heat_of(loss, (x - 4.5).astype(np.float16), AXES, real, fake)  # type: ignore[arg-type]
    colors = heat.rgba().astype(int)
    among_reals, among_fakes, corner = colors[24, 35], colors[24, 22], colors[47, 63]
    assert corner[3] < 3
    assert among_reals[3] > 250
    assert among_reals[2] > among_reals[0] + 20
    assert among_fakes[0] > among_fakes[2] + 20
