"""Games made by hand on a table, with the real check behind them: for toy games and planted faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import GameSettings, NetworkSettings, ObjectiveSettings, Recipe
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.game.step import Players
from evenodds.networks.ema import Average
from evenodds.objectives.objective import Objective
from evenodds.training.supervisor import Decision, Measurement, Supervisor
from evenodds.training.trainer import Trainer

CPU = torch.device("cpu")
EVERY = 20


def grid(rows: int = 6_000) -> pd.DataFrame:
    """25 Gaussians: centres -4, -2, 0, 2, 4 in both axes, standard deviation 0.05."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        rng.integers(-2, 3, (rows, 2)) * 2 + rng.normal(0, 0.05, (rows, 2)), columns=["x", "y"]
    )


def training_on(
    frame: pd.DataFrame,
    folder: Path,
    objective: dict[str, Any],
    others: tuple[Players, Objective] | None = None,
    **game: Any,
) -> Trainer:
    """A game on a table, not yet begun, of the recipe's players and objective or others."""
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    recipe = Recipe(
        network=NetworkSettings(width=64, latent=16),
        objective=ObjectiveSettings(**objective),
        game=GameSettings(**game),
    )
    store = prepare(find(str(path)), DataSettings())
    players, other_objective = others or (None, None)
    return Trainer(
        resolve(recipe, store.spec, store.n_train, "x"),
        store,
        CPU,
        players=players,
        objective=other_objective,
    )


def replace_generator(training: Trainer, make: Callable[[Tensor], Tensor]) -> None:
    """G, and its average, become the function ``make`` of latents (n, 16)."""
    training.players.generator = Function(make)
    training.players.average.network = Function(make).eval()


class Function(nn.Module):
    """A G that learns nothing."""

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.make = make
        self.idle = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.make(z) + 0 * self.idle


def play(
    training: Trainer, supervisor: Supervisor, checks: int, rounds: int = EVERY
) -> list[tuple[Measurement, Decision]]:
    """Rounds and checks in turn; ends with the first verdict."""
    played = []
    for _ in range(checks):
        for _ in range(rounds):
            training.round()
        played.append(supervisor.check(seconds=1e6, every=rounds))
        if played[-1][1].verdict:
            break
    return played


def follow_at_once(training: Trainer) -> None:
    """The average is G itself: toy games are about G."""
    training.players.average = Average(training.players.generator, 1e-3)
