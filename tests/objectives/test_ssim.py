"""The loss by structural similarity, against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from evenodds.config.settings import ObjectiveSettings
from evenodds.game.step import Batch, Players, loss_g
from evenodds.networks.ema import Average
from evenodds.objectives.objective import make_objective
from evenodds.objectives.ssim import dissimilarity


def pair(*shape: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two alike, in [-1, 1]."""
    chance = torch.Generator().manual_seed(seed)
    real = torch.rand(*shape, generator=chance, dtype=torch.float64) * 2 - 1
    noise = torch.randn(*shape, generator=chance, dtype=torch.float64)
    return (real + 0.3 * noise).clamp(-1, 1), real


@pytest.mark.parametrize("shape", [(3, 3, 16, 16), (2, 1, 7, 7), (1, 3, 9, 31), (2, 1, 5, 9)])
def test_it_is_one_less_what_scikit_image_says(shape: tuple[int, ...]) -> None:
    """Pictures smaller than its window are compared whole."""
    fake, real = pair(*shape)
    known = [
        structural_similarity(a, b, channel_axis=0, data_range=1.0, win_size=min(7, *shape[2:]))
        for a, b in zip((fake.numpy() + 1) / 2, (real.numpy() + 1) / 2, strict=True)
    ]
    assert dissimilarity(fake, real).item() == pytest.approx(1 - np.mean(known), abs=1e-9)


def test_equal_pictures_of_any_size_cost_nothing() -> None:
    for shape in [(1, 1, 1, 1), (2, 3, 2, 8), (2, 3, 64, 64)]:
        _, real = pair(*shape)
        assert dissimilarity(real, real).item() == pytest.approx(0, abs=1e-12)


def test_its_gradient_is_exact_and_finite_on_flat_ground() -> None:
    fake, real = pair(1, 1, 8, 8)
    assert torch.autograd.gradcheck(dissimilarity, (fake.requires_grad_(), real))
    flat = torch.zeros(1, 1, 8, 8, requires_grad=True)
    dissimilarity(flat, torch.zeros(1, 1, 8, 8)).backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_grain_on_flat_ground_costs_more_than_in_a_texture_where_the_mean_distance_sees_no_difference() -> (
    None
):
    texture = pair(1, 3, 32, 32)[1]
    grain = 0.02 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    flat = torch.zeros_like(texture)
    assert dissimilarity(flat + grain, flat) > 20 * dissimilarity(texture + grain, texture)


def test_g_is_to_lower_it_beside_the_rest() -> None:
    fake, real = pair(2, 3, 8, 8)
    made, judged = torch.nn.Module(), torch.nn.Module()
    made.forward = lambda z, c: fake  # type: ignore[assignment]
    judged.forward = lambda x, c: x.flatten(1).mean(1)  # type: ignore[assignment]
    players = Players(made, judged, Average(made, 1), None, None)  # type: ignore[arg-type]
    losses = {
        weights: loss_g(
            players,
            make_objective(ObjectiveSettings(loss="nonsaturating", l1=weights[0], ssim=weights[1])),
            lambda x: x,
            Batch(real, real, real),
        ).item()
        for weights in [(0.0, 0.0), (10.0, 0.0), (0.0, 4.0), (10.0, 4.0)]
    }
    alone = losses[0.0, 0.0]
    assert losses[0.0, 4.0] - alone == pytest.approx(4 * dissimilarity(fake, real).item())
    assert losses[10.0, 4.0] - alone == pytest.approx(losses[10.0, 0.0] + losses[0.0, 4.0] - 2 * alone)
