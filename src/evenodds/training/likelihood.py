"""Likelihood first: a G that knows the likelihood of real rows learns them directly, before D is played against."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from evenodds.core.bundle import Tensors
from evenodds.networks.autoregressive import AutoregressiveGenerator
from evenodds.runs.checkpoints import Snapshot
from evenodds.runs.run import Run
from evenodds.training.bins import calibrate
from evenodds.training.probes import Probes
from evenodds.training.trainer import Trainer

MEASURE_AFTER, SPARSER = 50, 0.05
"""Steps between measurements on held-out rows: so many, or later this share of all."""
PATIENCE, MATTERS = 10, 1e-3
"""Measurements after which the likelihood brings no more, where none of them was better by this share."""
MEASURED = 2_000
"""Held-out rows that are measured, at most."""
NAME = "likelihood"
"""What a checkpoint calls its state."""
ENDED, CUT = "likelihood", "likelihood cut"
"""The journal's events where rows became no likelier, and where its share of the budget was spent before."""


class Likelihood:
    """The averaged G that held-out rows are most likely to, and when to stop looking for a better one.

    Steps that raise the likelihood of training rows come before the game, as in TAEGAN (Li 2024, 2410.01933); the game
    goes on from the best. Every column has units of its own, and so a best state of its own: one that says little of
    the others is known by heart while another is still being learnt. The state is part of a checkpoint while it lasts.

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
        self.first = self.least = math.nan
        self.each: list[float] = []
        """Of each span the fewest nats so far."""
        self.weights: dict[str, Tensor] = {}

    @property
    def best(self) -> float:
        return sum(self.each) if self.each else math.nan

    def begin(self) -> None:
        """Measures where it begins, which a resumed one has done."""
        if not self.weights:
            self.each = self.measure()
            self.first = self.least = self.best
            self.weights = {name: tensor.clone() for name, tensor in self.average.state_dict().items()}

    def after_step(self) -> None:
        """Measures now and then, and has it be over where nothing has become better for long."""
        steps = self.trainer.likelihood_steps
        if steps < self.next:
            return
        self.next = steps + max(MEASURE_AFTER, int(SPARSER * steps))
        values = self.measure()
        better = [value < least for value, least in zip(values, self.each, strict=True)]
        self.keep(torch.tensor(better))
        pairs = zip(values, self.each, strict=True)
        self.each = [value if value < least else least for value, least in pairs]  # not where no number
        self.stale += 1
        if self.best < self.least - MATTERS * abs(self.least):
            self.least, self.stale = self.best, 0
        self.over = self.stale >= PATIENCE

    @property
    def average(self) -> AutoregressiveGenerator:
        return cast(AutoregressiveGenerator, self.trainer.players.average.network)

    @torch.no_grad()
    def measure(self) -> list[float]:
        """Nats a held-out row by the averaged G, of each open span."""
        count = min(MEASURED, self.trainer.store.n_heldout)
        reals = Probes(self.trainer).reals("heldout", count)
        rows = torch.cat([self.average.log_likelihoods(x) for x in reals])
        values: list[float] = (-rows.double().mean(0)).tolist()
        fixed = len(self.average.fixed)
        return [0.0] * fixed + values[fixed:]

    def keep(self, better: Tensor) -> None:
        """Holds on to what the averaged G has for the spans (spans,) that are ``better``."""
        state, merged = self.average.state_dict(), dict(self.weights)  # a checkpoint may hold those of before
        for name, span in self.average.span_of_rows().items():
            rows = better[span].to(state[name].device)
            merged[name] = merged[name].clone()
            merged[name][rows] = state[name][rows]
        self.weights = merged

    def end(self) -> dict[str, float]:
        """Has both G and its average be the best one, at the frequencies of training rows, and the game begin. Returns
        what the journal is to say of it."""
        self.next = 0
        self.after_step()
        players = self.trainer.players
        average = self.average
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
        facts = {name: getattr(self, name) for name in ("stale", "next", "first", "least", "each")}
        return {NAME: self.weights}, {NAME: facts}

    def restore(self, last: Snapshot) -> None:
        """Takes over what ``state`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        tensors, facts = last
        self.over = not before_game(last)
        if self.over:
            return
        state = facts[NAME]
        self.stale, self.next = int(state["stale"]), int(state["next"])
        self.first, self.least = float(state["first"]), float(state["least"])
        self.each = [float(value) for value in state["each"]]
        self.weights = {name: tensor.clone() for name, tensor in tensors[NAME].items()}


def before_game(last: Snapshot) -> bool:
    """Whether a checkpoint is of a time when G learnt by likelihood, and no round was played."""
    return NAME in last.facts


def cut_before(run: Run, spent: float) -> bool:
    """Whether likelihood ended with its share of a budget, of which a resumed game, that has ``spent`` so much of its
    own, has more."""
    cut = any(line.get("event") == CUT for line in run.journal())
    return cut and spent < run.recipe.game.likelihood
