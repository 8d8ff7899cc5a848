"""Two-number games with a known equilibrium, played by the real turns and seen by the real check.

Reals are N(0, 1), what a column's normal scores are. *Mean game*: G(z) = theta + z, D(x) = psi x, equilibrium at
theta = psi = 0 (Mescheder 2018, 1801.04406, section 2, with noise): odds are Phi(-sign(psi) theta / sqrt 2). With the
Wasserstein loss its gradients are (psi, -theta), a pure rotation; the logarithmic loss is itself a damping here.
*Spread game*: G(z) = s z, D(x) = psi x^2, equilibrium at s = 1: odds are 1 - 2/pi atan(s) for psi > 0.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from evenodds.config.settings import ObjectiveSettings
from evenodds.game.step import Players
from evenodds.metrics.check import CheckMetrics
from evenodds.networks.ema import Average
from evenodds.objectives.objective import make_objective
from evenodds.training.supervisor import Supervisor
from evenodds.training.trainer import Trainer
from tests.games import play, training_on

pytestmark = pytest.mark.medium

RATE = 0.05
CHECKS = 40


class Shifted(nn.Module):
    """G(z) = theta + z."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.tensor(start))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.number + z[:, :1]


class Scaled(Shifted):
    """G(z) = s z."""

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.number * z[:, :1]


class Power(nn.Module):
    """D(x) = psi x^power."""

    def __init__(self, power: int) -> None:
        super().__init__()
        self.number, self.power = nn.Parameter(torch.tensor(0.5)), power

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return (self.number * x**self.power).flatten()


def game(folder: Path, generator: Shifted, discriminator: Power, objective: dict[str, Any]) -> Trainer:
    """The toy players on a column of normal numbers, by gradient descent as in the theory."""
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=20_000)})
    descents = [torch.optim.SGD(player.parameters(), lr=RATE) for player in (generator, discriminator)]
    # The average is G itself: the theory is about G.
    players = Players(generator, discriminator, Average(generator, 1e-3), *descents)
    others = players, make_objective(ObjectiveSettings(**{"loss": "wasserstein", **objective}))
    return training_on(frame, folder, {}, others, batch=1024, lr_d=RATE, lr_g=RATE)


def supervisor_of(training: Trainer) -> Supervisor:
    supervisor = Supervisor(training)
    supervisor.stopping.warmed_up = True
    return supervisor


def measured(training: Trainer) -> CheckMetrics:
    """The numbers of a check."""
    answer = supervisor_of(training).checker.measure()
    assert answer is not None
    return answer[0]


@pytest.mark.parametrize("theta", [-1.0, -0.3, 0.0, 0.4, 1.5])
def test_odds_and_referee_of_a_shifted_generator_are_the_theorys(theta: float, tmp_path: Path) -> None:
    training = game(tmp_path, Shifted(theta), Power(1), {"penalty": "none"})
    training.players.average.network = Shifted(theta)
    found = measured(training)
    assert found.odds_low - 0.01 <= norm.cdf(-theta / math.sqrt(2)) <= found.odds_high + 0.01
    ruling = supervisor_of(training).rule()
    # Trees see at most what the likelihood ratio sees, and lose a little by learning.
    ideal = norm.cdf(abs(theta) / math.sqrt(2))
    assert ideal - 0.05 <= ruling.auc <= ideal + 0.03


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_odds_of_a_scaled_generator_are_the_theorys(scale: float, tmp_path: Path) -> None:
    training = game(tmp_path, Scaled(scale), Power(2), {"penalty": "none"})
    found = measured(training)
    ideal = 1 - 2 / math.pi * math.atan(scale)
    assert found.odds_low - 0.01 <= ideal <= found.odds_high + 0.01


def test_with_r1_the_mean_game_ends_even_at_its_equilibrium(tmp_path: Path) -> None:
    training = game(tmp_path, Shifted(1.5), Power(1), {"penalty": "r1", "penalty_weight": 1.0})
    found = play(training, supervisor_of(training), CHECKS, 25)
    assert found[-1][1].verdict == "even"
    assert abs(training.players.generator.number.item()) < 0.1


def test_without_a_penalty_the_mean_game_circles_and_is_never_even(tmp_path: Path) -> None:
    training = game(tmp_path, Shifted(1.5), Power(1), {"penalty": "none"})
    supervisor = supervisor_of(training)
    places = []
    for _ in range(CHECKS):
        found = play(training, supervisor, 1, 25)
        places.append(training.players.generator.number.item())
        assert found[0][1].verdict != "even"
    signs = np.sign(places)
    assert (signs[1:] != signs[:-1]).sum() >= 2, "it circles"
    assert max(abs(place) for place in places[-10:]) > 0.5, "and comes no nearer"


def test_with_r1_the_spread_game_ends_even_at_its_equilibrium(tmp_path: Path) -> None:
    training = game(tmp_path, Scaled(0.3), Power(2), {"loss": "nonsaturating", "penalty": "r1"})
    found = play(training, supervisor_of(training), CHECKS, 25)
    assert found[-1][1].verdict == "even"
    assert abs(training.players.generator.number.item()) == pytest.approx(1, abs=0.1)


def test_a_discriminator_that_never_had_its_head_start_is_never_even(tmp_path: Path) -> None:
    training = game(tmp_path, Shifted(0.0), Power(1), {"penalty": "r1", "penalty_weight": 1.0})
    supervisor = Supervisor(training)
    assert all(decision.verdict != "even" for _, decision in play(training, supervisor, 10, 5))
