"""Penalties where their value is known: on lines, on parabolas, and one sample at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from evenodds.config.settings import NetworkSettings, ObjectiveSettings
from evenodds.core.spec import PictureSpec
from evenodds.networks.build import build
from evenodds.objectives.losses import LOSSES
from evenodds.objectives.objective import make_objective
from evenodds.objectives.penalties import (
    SLOPES,
    STEP,
    Critic,
    Penalty,
    interpolated,
    r1,
    r1r2,
    squared_difference,
    squared_slope,
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def line(w: Tensor) -> Critic:
    """D(x) = w . x + 3."""
    return lambda x: (x * w).flatten(1).sum(1) + 3


def parabola(a: Tensor) -> Critic:
    """D(x) = x^T A x."""
    return lambda x: torch.einsum("ni,ij,nj->n", x, a, x)


def mixer() -> nn.Module:
    """A smooth dense D without normalisation."""
    body = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 16), nn.Softplus(), nn.Linear(16, 1))
    return nn.Sequential(body, nn.Flatten(0)).double()


@pytest.mark.parametrize("shape", [(5,), (3, 4, 4)])
def test_the_slope_of_a_line_is_its_weights(shape: tuple[int, ...]) -> None:
    w = doubles(*shape)
    torch.testing.assert_close(squared_slope(line(w), doubles(7, *shape)), w.square().sum())


def test_r1_on_a_line_is_half_its_squared_weights() -> None:
    w, real, fake = doubles(5), doubles(7, 5), doubles(7, 5)
    torch.testing.assert_close(r1(squared_slope)(line(w), real, fake), w.square().sum() / 2)


def test_r1_and_r2_on_a_line_are_its_squared_weights() -> None:
    w, real, fake = doubles(5), doubles(7, 5), doubles(7, 5)
    torch.testing.assert_close(r1r2(squared_slope)(line(w), real, fake), w.square().sum())


def test_the_slope_of_a_parabola_is_twice_a_x() -> None:
    half, x = doubles(5, 5), doubles(9, 5)
    a = half + half.T
    expected = (2 * x @ a).square().sum(1).mean()
    torch.testing.assert_close(squared_slope(parabola(a), x), expected)


def test_r1_looks_at_reals_alone() -> None:
    a, real = doubles(5, 5), doubles(9, 5)
    penalty = r1(squared_slope)
    one, other = (penalty(parabola(a), real, doubles(9, 5)) for _ in range(2))
    assert torch.equal(one, other)
    torch.testing.assert_close(one, squared_slope(parabola(a), real) / 2)


def test_r1r2_is_r1_on_reals_and_r1_on_fakes() -> None:
    a, real, fake = doubles(5, 5), doubles(9, 5), 3 * doubles(9, 5)
    half = r1(squared_slope)
    expected = half(parabola(a), real, fake) + half(parabola(a), fake, real)
    torch.testing.assert_close(r1r2(squared_slope)(parabola(a), real, fake), expected)


def test_the_penalty_on_a_line_pulls_along_its_weights() -> None:
    w, x = doubles(5).requires_grad_(), doubles(7, 5)
    (pull,) = torch.autograd.grad(squared_slope(line(w), x), w)
    torch.testing.assert_close(pull, 2 * w.detach())


def test_the_penalty_on_a_parabola_pulls_as_derived_by_hand() -> None:
    """P = mean |M x|^2 with M = A + A^T, so dP/dM = 2 M S with S = mean x x^T, and dP/dA = that and its transpose."""
    a, x = doubles(4, 4).requires_grad_(), doubles(9, 4)
    (pull,) = torch.autograd.grad(squared_slope(parabola(a), x), a)
    m = (a + a.T).detach()
    by_m = 2 * m @ (x.T @ x / len(x))
    torch.testing.assert_close(pull, by_m + by_m.T)


@pytest.mark.parametrize("penalty", [r1(squared_slope), r1r2(squared_slope), interpolated])
def test_double_backward_agrees_with_finite_differences(penalty: Penalty) -> None:
    real, fake = doubles(3, 3), doubles(3, 3)

    def weighed(w: Tensor, v: Tensor) -> Tensor:
        torch.manual_seed(1)
        return penalty(lambda x: torch.tanh(x @ w) @ v, real, fake)

    assert torch.autograd.gradcheck(weighed, (doubles(3, 4).requires_grad_(), doubles(4).requires_grad_()))


@pytest.mark.parametrize("penalty", [*(r1r2(slope) for slope in SLOPES.values()), interpolated])
def test_no_gradient_reaches_the_fakes(penalty: Penalty) -> None:
    w, fake = doubles(5).requires_grad_(), doubles(7, 5).requires_grad_()
    penalty(line(w), doubles(7, 5), fake).backward()  # type: ignore[no-untyped-call]
    assert fake.grad is None
    assert w.grad is not None


def test_the_difference_on_a_line_has_no_error_of_its_step() -> None:
    """It is the mean of (w . v)^2 for the very v that it drew."""
    w, x = doubles(5), doubles(40, 5)
    torch.manual_seed(2)
    found = squared_difference(line(w), x)
    torch.manual_seed(2)
    torch.testing.assert_close(found, (torch.randn_like(x) @ w).square().mean(), rtol=1e-9, atol=0)


def test_the_difference_on_a_line_expects_the_squared_weights() -> None:
    """(w . v)^2 has mean |w|^2 and standard deviation sqrt 2 |w|^2."""
    w, n = doubles(5), 40_000
    expected = w.square().sum()
    error = (squared_difference(line(w), doubles(n, 5)) / expected - 1).abs()
    assert error < 4 * (2 / n) ** 0.5


def test_the_difference_expects_the_exact_slope_of_a_network() -> None:
    critic, x = mixer(), doubles(20, 5)
    exact = squared_slope(critic, x).item()
    with torch.no_grad():
        draws = torch.stack([squared_difference(critic, x.repeat(50, 1)) for _ in range(100)])
    standard_error = draws.std().item() / 10
    assert standard_error < 0.02 * exact
    assert abs(draws.mean().item() - exact) < 4 * standard_error + STEP**2 * exact


def test_the_pull_of_the_difference_expects_the_exact_pull() -> None:
    w, n = doubles(5).requires_grad_(), 40_000
    (pull,) = torch.autograd.grad(squared_difference(line(w), doubles(n, 5)), w)
    assert (pull - 2 * w.detach()).norm() < 0.05 * 2 * w.detach().norm()


class OnceOnly(torch.autograd.Function):
    """The square, differentiable once: as much as a compiled graph can do."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope: Tensor = 2 * x * gradients[0]
        return slope


def once_only(w: Tensor) -> Critic:
    def critic(x: Tensor) -> Tensor:
        squares: Tensor = OnceOnly.apply(x * w)  # type: ignore[no-untyped-call]
        scores: Tensor = squares @ w
        return scores

    return critic


def test_the_difference_needs_first_derivatives_alone() -> None:
    w, x = doubles(5).requires_grad_(), doubles(7, 5)
    torch.manual_seed(3)
    (pull,) = torch.autograd.grad(squared_difference(once_only(w), x), w)
    torch.manual_seed(3)
    (plain,) = torch.autograd.grad(squared_difference(lambda x: (x * w).square() @ w, x), w)
    torch.testing.assert_close(pull, plain)


def test_the_exact_slope_needs_second_derivatives() -> None:
    w = doubles(5).requires_grad_()
    penalty = squared_slope(once_only(w), doubles(7, 5))
    with pytest.raises(RuntimeError, match="once_differentiable"):
        penalty.backward()  # type: ignore[no-untyped-call]


def test_wgan_gp_is_nothing_at_slope_one() -> None:
    w = doubles(3, 4, 4)
    penalty = interpolated(line(w / w.norm()), doubles(7, 3, 4, 4), doubles(7, 3, 4, 4))
    assert penalty.item() == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize("slope", [0.0, 0.25, 3.0])
def test_wgan_gp_is_the_squared_distance_to_slope_one(slope: float) -> None:
    w = doubles(5)
    penalty = interpolated(line(slope * w / w.norm()), doubles(7, 5), doubles(7, 5))
    assert penalty.item() == pytest.approx((slope - 1) ** 2, rel=1e-12)


def test_wgan_gp_looks_between_each_real_and_its_fake() -> None:
    """D(x) = |x|^2 / 2 has the slope |x|: with reals at 2 and fakes at 4, all slopes lie between."""
    real, fake = torch.full((4000, 1), 2.0), torch.full((4000, 1), 4.0)
    penalty = interpolated(lambda x: x.square().sum(1) / 2, real, fake)
    expected = (3**3 - 1**3) / 3 / 2  # the mean of (t - 1)^2 over 2 < t < 4
    assert penalty.item() == pytest.approx(expected, rel=0.05)


def test_wgan_gp_can_be_minimised_where_d_is_flat() -> None:
    w = torch.zeros(5, requires_grad=True)
    interpolated(line(w), torch.randn(7, 5), torch.randn(7, 5)).backward()  # type: ignore[no-untyped-call]
    assert w.grad is not None
    assert torch.isfinite(w.grad).all()


@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan"])
def test_without_batch_norm_a_batchs_penalty_is_its_samples_mean(network: str) -> None:
    settings = NetworkSettings.model_validate({"network": network, "width": 4, "latent": 4})
    discriminator = build(PictureSpec(1, 8, 8), settings)[1].double()
    real, fake = doubles(6, 1, 8, 8), doubles(6, 1, 8, 8)
    penalty = r1r2(squared_slope)
    with_condition_channels = penalty(discriminator, real, fake)
    alone = torch.stack([penalty(discriminator, real[[i]], fake[[i]]) for i in range(6)])
    assert with_condition_channels.item() > 0
    torch.testing.assert_close(with_condition_channels, alone.mean())


def own_slopes(critic: Critic, x: Tensor) -> Tensor:
    """Mean of ||d D(x)_i / d x_i||^2: what a penalty per sample means, one score at a time."""
    x = x.clone().requires_grad_()
    scores = critic(x)
    own = [torch.autograd.grad(score, x, retain_graph=True)[0][i] for i, score in enumerate(scores)]
    return torch.stack(own).square().sum(1).mean()


def test_the_exact_slope_is_each_samples_own() -> None:
    critic, x = mixer(), doubles(8, 5)
    torch.testing.assert_close(squared_slope(critic, x), own_slopes(critic, x))


def test_batch_norm_hides_the_slope_from_the_penalty() -> None:
    """Why a recipe with both is refused: scores that are normalised over the batch sum to a constant, so the
    gradient of their sum is zero however steep D is.
    """
    critic = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 1), nn.Flatten(0)).double()
    x = doubles(8, 5)
    assert own_slopes(critic, x) > 0.1
    assert squared_slope(critic, x).item() == pytest.approx(0, abs=1e-20)


def test_a_lazy_penalty_carries_its_k_fold_weight() -> None:
    objective = make_objective(ObjectiveSettings(penalty_weight=0.5, penalty_every=8))
    assert (objective.weight, objective.every) == (4.0, 8)


@pytest.mark.parametrize("facts", [{"penalty": "none"}, {"penalty_weight": 0}])
def test_no_penalty_is_played_where_none_is_asked_or_weighs_nothing(facts: dict[str, Any]) -> None:
    assert make_objective(ObjectiveSettings(**facts)).penalty is None


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_the_objective_holds_the_named_loss(loss: str) -> None:
    assert make_objective(ObjectiveSettings.model_validate({"loss": loss})).loss is LOSSES[loss]


@pytest.mark.parametrize(("penalty", "share"), [("r1", 0.5), ("r1r2", 1.0)])
@pytest.mark.parametrize("by", sorted(SLOPES))
def test_the_objective_holds_the_named_penalty(penalty: str, share: float, by: str) -> None:
    settings = ObjectiveSettings.model_validate({"penalty": penalty, "penalty_estimator": by})
    made = make_objective(settings).penalty
    assert made is not None
    w = doubles(5)
    value = made(line(w), doubles(20_000, 5), doubles(20_000, 5)) / w.square().sum()
    assert value.item() == pytest.approx(share, rel=0.05 if by == "difference" else 1e-12)
