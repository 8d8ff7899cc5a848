"""Each loss against its paper's formula, written once more in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from evenodds.objectives.losses import LOSSES

Scores = NDArray[np.float64]


def sigmoid(score: Scores) -> Scores:
    return 1 / (1 + np.exp(-score))


def mean(values: Scores) -> float:
    return float(values.mean())


FORMULAS_D: dict[str, Callable[[Scores, Scores], float]] = {
    "nonsaturating": lambda r, f: -mean(np.log(sigmoid(r))) - mean(np.log(1 - sigmoid(f))),
    "saturating": lambda r, f: -mean(np.log(sigmoid(r))) - mean(np.log(1 - sigmoid(f))),
    "hinge": lambda r, f: mean(np.maximum(0, 1 - r)) + mean(np.maximum(0, 1 + f)),
    "leastsquares": lambda r, f: mean((r - 1) ** 2) / 2 + mean(f**2) / 2,
    "wasserstein": lambda r, f: mean(f) - mean(r),
    "relativistic": lambda r, f: -mean(np.log(sigmoid(r - f))),
}
FORMULAS_G: dict[str, Callable[[Scores, Scores], float]] = {
    "nonsaturating": lambda r, f: -mean(np.log(sigmoid(f))),
    "saturating": lambda r, f: mean(np.log(1 - sigmoid(f))),
    "hinge": lambda r, f: -mean(f),
    "leastsquares": lambda r, f: mean((f - 1) ** 2) / 2,
    "wasserstein": lambda r, f: -mean(f),
    "relativistic": lambda r, f: -mean(np.log(sigmoid(f - r))),
}
NAMES = sorted(LOSSES)


def scores(seed: int, n: int = 50, spread: float = 3.0) -> tuple[Scores, Scores]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, spread, n), rng.normal(-0.5, spread, n)


def tensors(seed: int, n: int = 50) -> tuple[Tensor, Tensor]:
    real, fake = scores(seed, n)
    return torch.from_numpy(real), torch.from_numpy(fake)


def slopes(loss: Callable[[Tensor, Tensor], Tensor], real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
    loss(real, fake).backward()  # type: ignore[no-untyped-call]
    gone = torch.zeros(())
    return real.grad if real.grad is not None else gone, fake.grad if fake.grad is not None else gone


def test_every_loss_has_a_formula_here() -> None:
    assert set(LOSSES) == set(FORMULAS_D) == set(FORMULAS_G)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_d_loss_is_the_papers(name: str, seed: int) -> None:
    expected = FORMULAS_D[name](*scores(seed))
    assert LOSSES[name].d(*tensors(seed)).item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_g_loss_is_the_papers(name: str, seed: int) -> None:
    expected = FORMULAS_G[name](*scores(seed))
    assert LOSSES[name].g(*tensors(seed)).item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_nonsaturating_is_cross_entropy_with_real_as_one() -> None:
    real, fake = tensors(4)
    one, zero = torch.ones_like(real), torch.zeros_like(fake)
    entropy = binary_cross_entropy_with_logits
    d, g, _ = LOSSES["nonsaturating"]
    torch.testing.assert_close(d(real, fake), entropy(real, one) + entropy(fake, zero))
    torch.testing.assert_close(g(real, fake), entropy(fake, one))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spread", [0.4, 0.04])
def test_d_gains_where_reals_rise_and_fakes_fall(name: str, spread: float) -> None:
    """Between the two targets 0 and 1, where every loss pulls."""
    near = 0.5 + spread * torch.linspace(-1, 1, 20, dtype=torch.float64)
    real, fake = slopes(LOSSES[name].d, near, near.flip(0))
    assert (real < 0).all()
    assert (fake > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_g_gains_where_fakes_rise(name: str) -> None:
    near = torch.linspace(0.1, 0.9, 20, dtype=torch.float64)
    _, fake = slopes(LOSSES[name].g, near.flip(0), near)
    assert (fake < 0).all()


@pytest.mark.parametrize("name", ["nonsaturating", "relativistic"])
def test_the_logistic_losses_pull_from_anywhere(name: str) -> None:
    real, fake = tensors(5)
    d_real, d_fake = slopes(LOSSES[name].d, real, fake)
    _, g_fake = slopes(LOSSES[name].g, real, fake)
    assert (d_real < 0).all()
    assert (d_fake > 0).all()
    assert (g_fake < 0).all()


def test_hinge_stops_pulling_beyond_the_margin() -> None:
    real, fake = slopes(LOSSES["hinge"].d, torch.tensor([0.9, 1.1]), torch.tensor([-0.9, -1.1]))
    assert real.tolist() == [-0.5, 0.0]
    assert fake.tolist() == [0.5, 0.0]


@pytest.mark.parametrize("name", NAMES)
def test_g_needs_reals_exactly_where_its_loss_depends_on_them(name: str) -> None:
    real, _ = slopes(LOSSES[name].g, *tensors(6))
    assert bool((real != 0).any()) == LOSSES[name].g_needs_real


@pytest.mark.parametrize("shift", [-40.0, 0.3, 1e3])
@pytest.mark.parametrize("name", ["relativistic", "wasserstein"])
def test_a_constant_on_all_scores_changes_nothing_for_d(name: str, shift: float) -> None:
    real, fake = tensors(7)
    torch.testing.assert_close(LOSSES[name].d(real + shift, fake + shift), LOSSES[name].d(real, fake))


@pytest.mark.parametrize("shift", [-40.0, 0.3, 1e3])
def test_a_constant_on_all_scores_changes_nothing_for_a_relativistic_g(shift: float) -> None:
    real, fake = tensors(7)
    g = LOSSES["relativistic"].g
    torch.testing.assert_close(g(real + shift, fake + shift), g(real, fake))


def test_the_relativistic_players_play_one_game_from_two_sides() -> None:
    real, fake = tensors(8)
    d, g, _ = LOSSES["relativistic"]
    assert torch.equal(d(real, fake), g(fake, real))


def test_the_relativistic_loss_compares_pairs_and_not_means() -> None:
    real, fake = tensors(9)
    d = LOSSES["relativistic"].d
    assert d(real, fake).item() != pytest.approx(d(real, fake.flip(0)).item(), rel=1e-3)


@pytest.mark.parametrize("level", [-5.0, 0.0, 2.0])
def test_equal_scores_cost_both_relativistic_players_ln_2(level: float) -> None:
    same = torch.full((9,), level, dtype=torch.float64)
    d, g, _ = LOSSES["relativistic"]
    assert d(same, same).item() == pytest.approx(math.log(2), rel=1e-14)
    assert g(same, same).item() == pytest.approx(math.log(2), rel=1e-14)


def test_undecided_scores_cost_a_nonsaturating_d_2_ln_2_and_g_ln_2() -> None:
    none = torch.zeros(9, dtype=torch.float64)
    d, g, _ = LOSSES["nonsaturating"]
    assert d(none, none).item() == pytest.approx(2 * math.log(2), rel=1e-14)
    assert g(none, none).item() == pytest.approx(math.log(2), rel=1e-14)


@pytest.mark.parametrize("name", ["nonsaturating", "relativistic"])
def test_scores_of_ten_thousand_do_not_overflow(name: str) -> None:
    low, high = torch.full((4,), -1e4), torch.full((4,), 1e4)
    d, g, _ = LOSSES[name]
    assert math.isfinite(d(low, high).item())
    assert math.isfinite(g(high, low).item())
    assert d(high, low).item() == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_is_a_mean_over_samples(name: str) -> None:
    real, fake = tensors(10, n=12)
    for loss in (LOSSES[name].d, LOSSES[name].g):
        halves = (loss(real[:6], fake[:6]) + loss(real[6:], fake[6:])) / 2
        torch.testing.assert_close(loss(real, fake), halves)
