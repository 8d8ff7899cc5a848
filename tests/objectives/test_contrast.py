"""Patch contrast against the paper's sum, written out place by place."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from evenodds.objectives.contrast import patch_contrast


def unit(n: int, s: int, k: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, s, k, generator=generator, dtype=torch.float64), dim=2)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_it_is_the_papers_sum(temperature: float) -> None:
    levels = [(unit(2, 5, 4, 0), unit(2, 5, 4, 1)), (unit(2, 3, 6, 2), unit(2, 3, 6, 3))]
    means = []
    for made, source in levels:
        terms = []
        for picture in range(2):
            for place in range(made.shape[1]):
                likeness = [
                    math.exp(float(made[picture, place] @ source[picture, other]) / temperature)
                    for other in range(made.shape[1])
                ]
                terms.append(-math.log(likeness[place] / sum(likeness)))
        means.append(sum(terms) / len(terms))
    assert float(patch_contrast(levels, temperature)) == pytest.approx(sum(means) / 2)


def test_patches_that_all_stand_elsewhere_cost_and_equal_ones_do_not() -> None:
    places = torch.eye(6)[None]
    assert float(patch_contrast([(places, places)])) < 1e-4
    assert float(patch_contrast([(places.roll(1, 1), places)])) > 10
    alike = torch.ones(1, 6, 1)
    assert float(patch_contrast([(alike, alike)])) == pytest.approx(math.log(6))
