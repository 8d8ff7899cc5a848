"""Likelihood first: a G that knows the likelihood of real rows learns them directly, before D is played against."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from evenodds.core.bundle import Tensors
from evenodds.networks.autoregressive import AutoregressiveGenerator
from evenodds.runs.checkpoints import Snapshot
from evenodds.training.bins import calibrate
from evenodds.training.probes import Probes
from evenodds.training.trainer import Trainer

MEASURE_AFTER, SPARSER = 50, 0.05
"""Steps between measurements on held-out rows: so many, or later this share of all."""
PATIENCE = 10
"""Measurements without a better one after which the likelihood brings no more."""
MEASURED = 2_000
"""Held-out rows that are measured, at most."""
NAME = "likelihood"
"""What a checkpoint calls its state."""


class Likelihood:
    """The averaged G that held-out rows are most likely to, and when to stop looking for a better one.

    Steps that raise the likelihood of training rows come before the game, as in TAEGAN (Li 2024, 2410.01933); the game
    goes on from the best. Its state is part of a checkpoint while it lasts.

    Attributes
    ----------
    first, best:
        Nats a held-out row at the beginning, and the fewest since; NaN before the first measurement.
    over:
        Whether the game may begin.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        knows = isinstance(trainer.players.generator, AutoregressiveGenerator)
        self.over = not (knows and trainer.recipe.game.likelihood)
        self.stale, self.next = 0, MEASURE_AFTER
        self.first = self.best = math.nan
        self.weights: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Measures where it begins, which a resumed one has done."""
        if not self.weights:
            self.first = self.best = self.measure()
            self.keep()

    def after_step(self) -> None:
        """Measures now and then, and has it be over where nothing has become better for long."""
        steps = self.trainer.likelihood_steps
        if steps < self.next:
            return
        self.next = steps + max(MEASURE_AFTER, int(SPARSER * steps))
        value = self.measure()
        if value < self.best:
            self.best, self.stale = value, 0
            self.keep()
        else:  # or not a number
            self.stale += 1
        self.over = self.stale >= PATIENCE

    @torch.no_grad()
    def measure(self) -> float:
        """Nats a held-out row by the averaged G."""
        average = cast(AutoregressiveGenerator, self.trainer.players.average.network)
        count = min(MEASURED, self.trainer.store.n_heldout)
        rows = torch.cat([average.log_likelihood(x) for x in Probes(self.trainer).reals("heldout", count)])
        return -float(rows.double().mean())

    def keep(self) -> None:
        """Holds on to the averaged G."""
        average = self.trainer.players.average.network
        self.weights = {name: tensor.detach().clone() for name, tensor in average.state_dict().items()}

    def end(self) -> dict[str, float]:
        """Has both G and its average be the best one, at the frequencies of training rows, and the game begin. Returns
        what the journal is to say of it."""
        self.next = 0
        self.after_step()
        players = self.trainer.players
        average = cast(AutoregressiveGenerator, players.average.network)
        average.load_state_dict(self.weights)
        calibrate(average, self.trainer.store)
        players.generator.load_state_dict(average.state_dict())
        self.over, self.weights = True, {}
        self.trainer.apply_schedule()
        return {"steps": self.trainer.likelihood_steps, "first": self.first, "best": self.best}

    def state(self) -> tuple[Tensors, dict[str, Any]]:
        """Tensors and facts from which ``restore`` goes on exactly; none before it begins and once it is over."""
        if not self.weights:
            return {}, {}
        facts = {name: getattr(self, name) for name in ("stale", "next", "first", "best")}
        return {NAME: self.weights}, {NAME: facts}

    def restore(self, last: Snapshot) -> None:
        """Takes over what ``state`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        tensors, facts = last
        self.over = not before_game(last)
        if self.over:
            return
        state = facts[NAME]
        self.stale, self.next = int(state["stale"]), int(state["next"])
        self.first, self.best = float(state["first"]), float(state["best"])
        self.weights = {name: tensor.clone() for name, tensor in tensors[NAME].items()}


def before_game(last: Snapshot) -> bool:
    """Whether a checkpoint is of a time when G learnt by likelihood, and no round was played."""
    return NAME in last.facts
