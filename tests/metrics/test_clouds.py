"""Scores of clouds against the reference implementations on the same features, against loops, and where the answer is
known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from torch import nn
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import poly_mmd

from evenodds.metrics import distribution
from evenodds.metrics.distribution import (
    DIFFERENCES,
    Cloud,
    density_coverage,
    distance_blocks,
    frechet,
    inception_score,
    kernel_distance,
    precision_recall,
)
from tests.metrics.test_distribution import cloud, mean_distance

PAIRS = [
    (cloud(0, 120, 5), cloud(1, 120, 5)),
    (cloud(2, 90, 12), cloud(3, 150, 12, 0.4, 1.3)),
    (cloud(4, 200, 2), cloud(5, 60, 2, 0.0, 0.3)),
    (cloud(6, 50, 40), cloud(7, 50, 40, 3.0)),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_frechet_is_torchmetrics(pair: tuple[Cloud, Cloud]) -> None:
    real, fake = (torch.from_numpy(side).double() for side in pair)
    expected = _compute_fid(real.mean(0), real.T.cov(), fake.mean(0), fake.T.cov())
    assert frechet(*pair) == pytest.approx(float(expected), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("pair", [(a, b) for a, b in PAIRS if len(a) == len(b)])
def test_kernel_distance_is_torchmetrics(pair: tuple[Cloud, Cloud]) -> None:
    real, fake = (torch.from_numpy(side).double() for side in pair)
    assert kernel_distance(*pair).value == pytest.approx(float(poly_mmd(real, fake)), rel=1e-9)


def test_kernel_distance_of_unequal_counts_is_what_loops_sum() -> None:
    a, b = cloud(0, 9, 3).astype(float), cloud(1, 13, 3, 0.5).astype(float)

    def mean(x: Cloud, y: Cloud, *, own: bool) -> float:
        values = [
            (float(p @ q) / 3 + 1) ** 3
            for i, p in enumerate(x)
            for j, q in enumerate(y)
            if not (own and i == j)
        ]
        return sum(values) / len(values)

    expected = mean(a, a, own=True) + mean(b, b, own=True) - 2 * mean(a, b, own=False)
    assert kernel_distance(a, b).value == pytest.approx(expected, rel=1e-9)
    assert kernel_distance(b, a) == pytest.approx(kernel_distance(a, b), rel=1e-9)


def test_left_out_parts_are_as_if_they_had_never_been_there() -> None:
    """The jackknife's terms against the estimate on what is left, computed anew."""
    a, b = cloud(0, 40, 3), cloud(1, 60, 3, 0.5)
    rows, columns = np.array_split(np.arange(40), 20), np.array_split(np.arange(60), 20)
    without = [
        kernel_distance(np.delete(a, x, 0), np.delete(b, y, 0)).value
        for x, y in zip(rows, columns, strict=True)
    ]
    found = kernel_distance(a, b)
    error = math.sqrt(19 / 20 * np.square(np.array(without) - np.mean(without)).sum())
    assert found.high - found.value == pytest.approx(2.093 * error, rel=1e-3)
    assert found.value - found.low == pytest.approx(2.093 * error, rel=1e-3)


def test_kernel_distance_s_interval_holds_the_truth_as_often_as_it_says() -> None:
    """N(0, 1) against N(1, 1) on a line under (xy + 1)^3: the moments of both give the truth. Of 200 draws 95 % hold
    it; fewer than 176 or none that do not would come about once in 10,000 times."""
    one, other = (1.0, 0.0, 1.0, 0.0), (1.0, 1.0, 2.0, 4.0)  # moments 0 to 3
    # E (xy + 1)^3 = 1 + 3 m1 m1' + 3 m2 m2' + m3 m3'
    truth = sum(
        weight * (one[power] - other[power]) ** 2 for power, weight in enumerate((1.0, 3.0, 3.0, 1.0))
    )
    held = 0
    for seed in range(200):
        found = kernel_distance(cloud(seed, 200, 1), cloud(seed + 1000, 150, 1, 1.0))
        held += found.low <= truth <= found.high
    assert 176 <= held < 200


def test_kernel_distance_of_equal_laws_is_nought_on_average_and_its_interval_holds_it() -> None:
    found = [kernel_distance(cloud(seed, 60, 4), cloud(seed + 500, 80, 4)) for seed in range(100)]
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 3.5 * values.std() / 10
    assert (values < 0).any(), "an unbiased estimate is below 0 at times"
    assert np.mean([one.low <= 0 <= one.high for one in found]) > 0.9


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbours_are_prdc_s(pair: tuple[Cloud, Cloud], k: int) -> None:
    expected = compute_prdc(pair[0].astype(float), pair[1].astype(float), nearest_k=k)
    precision, recall = precision_recall(*pair, k)
    density, coverage = density_coverage(*pair, k)
    found = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
    assert found == pytest.approx({name: float(value) for name, value in expected.items()}, abs=1e-9)


def test_a_generator_of_one_mode_in_four_is_precise_and_recalls_a_quarter() -> None:
    centres = np.array([[0, 0], [20, 0], [0, 20], [20, 20]], np.float32)
    real = np.concatenate([cloud(i, 100, 2) + centre for i, centre in enumerate(centres)])
    fake = cloud(9, 400, 2)
    precision, recall = precision_recall(real, fake)
    assert precision > 0.9
    assert recall == pytest.approx(0.25, abs=0.02)
    assert density_coverage(real, fake)[1] == pytest.approx(0.25, abs=0.02)
    assert precision_recall(fake, real) == (recall, precision)


def test_density_of_the_reals_law_is_one_and_far_fakes_have_none() -> None:
    same = [density_coverage(cloud(seed, 400, 2), cloud(seed + 50, 400, 2))[0] for seed in range(10)]
    assert np.mean(same) == pytest.approx(1, abs=0.05)
    near, far = cloud(1, 400, 2), cloud(2, 400, 2, 50.0)
    both = density_coverage(cloud(0, 400, 2), np.concatenate([near, far]))
    assert both[0] == density_coverage(cloud(0, 400, 2), near)[0] / 2
    assert both[1] == density_coverage(cloud(0, 400, 2), near)[1]


def test_rows_of_choices_lie_in_the_balls_of_their_equals_that_have_no_radius() -> None:
    levels = np.eye(40, dtype=np.float32) * np.float32(0.1) + np.float32(7.3)
    real, fake = levels[np.arange(400) % 40], levels[np.arange(300) % 20]
    assert precision_recall(real, fake) == (1, 0.5)
    assert density_coverage(real, fake)[1] == 0.5


@pytest.mark.parametrize("differences", [0, DIFFERENCES], ids=["by a product", "by differences"])
@pytest.mark.parametrize("width", [1, 7, 300])
def test_distances_are_differences_in_order_and_in_any_portions(
    width: int, differences: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = cloud(0, 23, width, 100.0), cloud(1, 17, width, 100.0)
    b[3] = a[5]
    whole = next(distance_blocks(a, b, differences))[1]
    np.testing.assert_allclose(whole, [[mean_distance(x, y) for y in b] for x in a], rtol=1e-6)
    assert whole[5, 3] == 0
    before = precision_recall(a, b), density_coverage(a, b)
    monkeypatch.setattr(distribution, "ROWS", 4)
    parts = list(distance_blocks(a, b, differences))
    assert [start for start, _ in parts] == [0, 4, 8, 12, 16, 20]
    # The last digits of a product hang on its size.
    np.testing.assert_allclose(np.concatenate([part for _, part in parts]), whole, rtol=1e-9)
    assert (precision_recall(a, b), density_coverage(a, b)) == before


class Same(nn.Module):
    """Pictures are logits already."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).float()


def test_inception_score_is_torchmetrics(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.from_numpy(cloud(0, 100, 6, 0.0, 2.0))
    with pytest.warns(UserWarning, match="buffer"):
        reference = InceptionScore(feature=Same(), splits=5)
    # It shuffles what it splits; here the order is kept.
    monkeypatch.setattr(torch, "randperm", torch.arange)
    reference.update(logits.reshape(100, 6, 1, 1))
    mean, deviation = reference.compute()
    found = inception_score(logits.double().softmax(1).numpy(), 5)
    assert found.value == pytest.approx(float(mean), rel=1e-5)
    # Its deviation is that of five parts as a sample; Student's t for four degrees is 2.776.
    assert found.high - found.value == pytest.approx(2.776 * float(deviation) / math.sqrt(5), rel=1e-3)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_inception_score_is_the_number_of_classes_at_best_and_one_at_worst() -> None:
    certain = np.eye(8)[np.arange(160) % 8]
    assert inception_score(certain) == pytest.approx((8, 8, 8))
    assert inception_score(np.repeat(certain[:1], 50, 0)) == pytest.approx((1, 1, 1))
    assert inception_score(np.full((50, 8), 1 / 8)) == pytest.approx((1, 1, 1))
