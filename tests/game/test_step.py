"""Turns on the two-number game with a known equilibrium: Dirac-GAN (Mescheder 2018, 1801.04406, section 2).

The one real sample is 0, G gives theta whatever z is, D(x) = psi x, and the equilibrium is theta = psi = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evenodds.config.settings import ObjectiveSettings
from evenodds.game.step import Players, d_step, g_step
from evenodds.networks.ema import Average
from evenodds.objectives.losses import LOSSES
from evenodds.objectives.objective import Objective, make_objective

RATE = 0.1
REAL, Z = torch.zeros(4, 1, dtype=torch.float64), torch.zeros(4, 1)


class Point(nn.Module):
    """G(z) = theta: (n, 1) -> (n, 1)."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.theta.expand(len(z), 1)


class Line(nn.Module):
    """D(x) = psi x: (n, 1) -> (n,)."""

    def __init__(self, psi: float) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return (self.psi * x).flatten()


class Dirac:
    """The two players, and where they stand."""

    def __init__(self, theta: float = 1.0, psi: float = 1.0) -> None:
        self.g, self.d = Point(theta), Line(psi)
        sgd = torch.optim.SGD
        optimizers = sgd(self.g.parameters(), lr=RATE), sgd(self.d.parameters(), lr=RATE)
        self.players = Players(self.g, self.d, Average(self.g, 100), *optimizers)

    @property
    def theta(self) -> float:
        return self.g.theta.item()

    @property
    def psi(self) -> float:
        return self.d.psi.item()

    def distances(self, game: Objective, rounds: int) -> list[float]:
        """The distance from equilibrium after each round."""
        found = []
        for _ in range(rounds):
            d_step(self.players, game, same, REAL, Z, with_penalty=True)
            g_step(self.players, game, same, REAL, Z)
            found.append(float(np.hypot(self.theta, self.psi)))
        return found


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def same(x: Tensor) -> Tensor:
    return x


def objective(loss: str, penalty: str = "none", **facts: Any) -> Objective:
    return make_objective(ObjectiveSettings.model_validate({"loss": loss, "penalty": penalty, **facts}))


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def softplus(x: float) -> float:
    return float(np.log1p(np.exp(x)))


# Where the game leads


@pytest.mark.parametrize("loss", ["nonsaturating", "relativistic", "hinge"])
@pytest.mark.parametrize("penalty", ["r1", "r1r2"])
@pytest.mark.parametrize("by", ["exact", "difference"])
def test_with_a_penalty_the_players_come_to_rest(loss: str, penalty: str, by: str) -> None:
    distances = Dirac().distances(objective(loss, penalty, penalty_estimator=by), 300)
    assert distances[-1] < 0.05
    assert distances[-1] < distances[200] / 2 < distances[100] / 4


@pytest.mark.parametrize("loss", ["hinge", "wasserstein"])
def test_without_a_penalty_the_players_circle_for_ever(loss: str) -> None:
    distances = Dirac().distances(objective(loss), 300)
    assert min(distances[-100:]) > 0.9 * np.sqrt(2)


@pytest.mark.parametrize("loss", ["nonsaturating", "relativistic"])
def test_near_the_equilibrium_a_logistic_game_without_a_penalty_comes_no_nearer(loss: str) -> None:
    """From afar its curvature brakes it a little, but its pull to the middle dies before it gets there."""
    near = Dirac(0.05, 0.05).distances(objective(loss), 300)
    assert min(near[-100:]) > 0.9 * np.hypot(0.05, 0.05)
    assert Dirac(0.05, 0.05).distances(objective(loss, "r1"), 300)[-1] < 1e-3


def test_a_lazy_penalty_brings_the_players_to_rest_too() -> None:
    dirac, game = Dirac(), objective("relativistic", "r1", penalty_every=4)
    for turn in range(600):
        d_step(dirac.players, game, same, REAL, Z, with_penalty=turn % game.every == 0)
        g_step(dirac.players, game, same, REAL, Z)
    assert np.hypot(dirac.theta, dirac.psi) < 1e-3


def test_wgan_gp_does_not_come_to_rest_on_a_point() -> None:
    """Mescheder 2018, section 3.1: its penalty holds the slope at one, also where the equilibrium's is zero."""
    distances = Dirac().distances(objective("wasserstein", "interpolated", penalty_weight=10), 300)
    assert min(distances[-100:]) > 0.5


# One turn, by hand


def test_a_d_turn_is_one_gradient_step_of_ds_loss() -> None:
    """L = ln 2 + softplus(psi theta), so dL/dpsi = theta s(psi theta)."""
    dirac = Dirac(0.8, -0.5)
    loss = d_step(dirac.players, objective("nonsaturating"), same, REAL, Z, with_penalty=True)
    assert loss.item() == pytest.approx(np.log(2) + softplus(-0.4))
    assert dirac.psi == pytest.approx(-0.5 - RATE * 0.8 * sigmoid(-0.4))


def test_a_g_turn_is_one_gradient_step_of_gs_loss() -> None:
    """L = softplus(-psi theta), so dL/dtheta = -psi s(-psi theta)."""
    dirac = Dirac(0.8, -0.5)
    loss = g_step(dirac.players, objective("nonsaturating"), same, REAL, Z)
    assert loss.item() == pytest.approx(softplus(0.4))
    assert dirac.theta == pytest.approx(0.8 + RATE * -0.5 * sigmoid(0.4))


def test_a_relativistic_g_turn_looks_at_the_reals() -> None:
    """L = softplus(psi x - psi theta), with x = 2."""
    dirac = Dirac(0.8, -0.5)
    loss = g_step(dirac.players, objective("relativistic"), same, REAL + 2, Z)
    assert loss.item() == pytest.approx(softplus(-0.5 * (2 - 0.8)))
    assert dirac.theta == pytest.approx(0.8 + RATE * -0.5 * sigmoid(-0.6))


@pytest.mark.parametrize("every", [1, 5])
def test_the_penalty_is_added_with_its_weight_and_not_reported(every: int) -> None:
    """R1 is psi^2 / 2, so its pull on psi is weight times psi."""
    game = objective("nonsaturating", "r1", penalty_weight=0.3, penalty_every=every)
    plain, pulled = Dirac(0.8, -0.5), Dirac(0.8, -0.5)
    loss = d_step(plain.players, game, same, REAL, Z, with_penalty=False)
    assert torch.equal(d_step(pulled.players, game, same, REAL, Z, with_penalty=True), loss)
    assert pulled.psi - plain.psi == pytest.approx(RATE * 0.3 * every * 0.5)


def test_no_penalty_is_played_in_a_turn_that_is_not_lazy() -> None:
    without, plain = Dirac(0.8, -0.5), Dirac(0.8, -0.5)
    d_step(without.players, objective("nonsaturating", "r1"), same, REAL, Z, with_penalty=False)
    d_step(plain.players, objective("nonsaturating"), same, REAL, Z, with_penalty=True)
    assert without.psi == plain.psi


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_only_d_moves_in_ds_turn(loss: str) -> None:
    dirac = Dirac(0.3, 0.5)
    d_step(dirac.players, objective(loss, "r1r2"), same, REAL, Z, with_penalty=True)
    assert dirac.theta == 0.3
    assert dirac.g.theta.grad is None
    assert dirac.psi != 0.5


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_only_g_moves_in_gs_turn(loss: str) -> None:
    dirac = Dirac(0.3, 0.5)
    g_step(dirac.players, objective(loss, "r1r2"), same, REAL, Z)
    assert dirac.psi == 0.5
    assert dirac.d.psi.grad is None
    assert dirac.theta != 0.3


def test_d_can_learn_again_after_gs_turn() -> None:
    dirac = Dirac()
    g_step(dirac.players, objective("relativistic"), same, REAL, Z)
    assert all(weight.requires_grad for weight in dirac.d.parameters())


def test_a_turn_forgets_the_gradients_of_the_one_before() -> None:
    """Played from the same place, a second turn steps as far as a first."""
    dirac, game = Dirac(0.8, -0.5), objective("wasserstein")
    for _ in range(2):
        d_step(dirac.players, game, same, REAL, Z, with_penalty=False)
    assert dirac.psi == pytest.approx(-0.5 - 2 * RATE * 0.8)


def test_the_losses_returned_hold_no_graph() -> None:
    dirac, game = Dirac(), objective("relativistic", "r1r2")
    losses = (
        d_step(dirac.players, game, same, REAL, Z, with_penalty=True),
        g_step(dirac.players, game, same, REAL, Z),
    )
    assert all(loss.shape == () and not loss.requires_grad for loss in losses)


@pytest.mark.parametrize("augment", [lambda x: x + 1, lambda x: -2 * x])
def test_d_sees_reals_and_fakes_through_the_same_augmentation(augment: Callable[[Tensor], Tensor]) -> None:
    dirac = Dirac(0.8, -0.5)
    real, fake = (augment(torch.tensor(x)).item() for x in (0.0, 0.8))
    loss = d_step(dirac.players, objective("nonsaturating"), augment, REAL, Z, with_penalty=True)
    assert loss.item() == pytest.approx(softplus(0.5 * real) + softplus(-0.5 * fake))


def test_g_learns_through_the_augmentation() -> None:
    """Seen in a mirror: L = softplus(psi theta), and its pull is turned round."""
    dirac = Dirac(0.8, -0.5)
    loss = g_step(dirac.players, objective("nonsaturating"), torch.neg, REAL, Z)
    assert loss.item() == pytest.approx(softplus(-0.4))
    assert dirac.theta == pytest.approx(0.8 - RATE * -0.5 * sigmoid(-0.4))


class Normed(nn.Module):
    """G(z, c) with batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.norm = nn.Linear(2, 1), nn.BatchNorm1d(1)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        out: Tensor = self.norm(self.line(z))
        return out


def test_gs_batch_norm_learns_its_statistics_from_fakes_and_ds_turn_needs_no_graph_of_g() -> None:
    generator = Normed().double()
    discriminator = Line(1.0)
    sgd = torch.optim.SGD
    optimizers = sgd(generator.parameters(), lr=RATE), sgd(discriminator.parameters(), lr=RATE)
    players = Players(generator, discriminator, Average(generator, 100), *optimizers)
    z = torch.randn(8, 2, dtype=torch.float64)
    d_step(players, objective("relativistic"), same, torch.zeros(8, 1).double(), z, with_penalty=False)
    assert all(weight.grad is None for weight in generator.parameters())
    assert generator.norm.running_mean is not None
    torch.testing.assert_close(generator.norm.running_mean, 0.1 * generator.line(z).mean(0).detach())
