"""The built-in people follow the law that is stated."""

from __future__ import annotations

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from evenodds.data.builtin import people

RNG = np.random.default_rng


def test_people_are_the_same_in_every_run_and_have_the_stated_law() -> None:
    frame = people.draw()
    assert_frame_equal(frame, people.draw())
    assert len(frame) == people.ROWS
    assert frame["height"].mean() == pytest.approx(169, abs=0.3)
    assert frame["height"].std() == pytest.approx(9, abs=0.2)
    share = frame["weight"] / ((frame["height"] - 100) * 0.9)
    assert share.median() == pytest.approx(1, abs=0.005)
    assert share.std() == pytest.approx(0.1, abs=0.003)


def test_density_holds_all_probability_and_tells_shuffled_people() -> None:
    heights, weights = np.arange(115.0, 225.0, 0.5), np.arange(1.0, 170.0, 0.5)
    law = people.density(heights[:, None], weights[None, :])
    assert law.sum() * 0.25 == pytest.approx(1, abs=1e-4)
    frame = people.draw(8000, seed=1)
    shuffled = frame.assign(weight=RNG(0).permutation(frame["weight"]))
    # Columns apart have the product of the marginals; their ratio is the best judge there is.
    tall, heavy = law.sum(1) * 0.5, law.sum(0) * 0.5
    ratios = []
    for table in (frame, shuffled):
        h, w = table["height"].to_numpy(), table["weight"].to_numpy()
        apart = np.interp(h, heights, tall) * np.interp(w, weights, heavy)
        ratios.append(people.density(h, w) / apart)
    auc = roc_auc_score(np.repeat([1, 0], len(frame)), np.concatenate(ratios))
    assert auc == pytest.approx(0.76, abs=0.02)
