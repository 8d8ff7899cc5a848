"""A game that is held between its steps: whoever learns plays D and G by hand, and looks at what each step changes."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.data.store import Store
from evenodds.runs.run import Run
from evenodds.training.live import LiveView
from evenodds.training.trainer import Trainer

Start = Literal["trained", "untrained"]


def load_best(trainer: Trainer, run: Run) -> None:
    """Takes up a run's best state. A model of the gallery holds the average G and D alone: there the players begin with
    those, and their optimizers anew."""
    tensors, facts = bundle.read(run.checkpoints.best())
    if "generator" in tensors:
        trainer.restore(tensors, facts)
        return
    players = trainer.players
    players.generator.load_state_dict(tensors["average"])
    players.average.network.load_state_dict(tensors["average"])
    players.discriminator.load_state_dict(tensors["discriminator"])
    trainer.rounds, trainer.seen = facts["rounds"], facts["seen"]


class HeldGame:
    """Plays single steps of a run's game on the CPU by the trainer's own step functions; the run stays as it is.

    Raises UserError for anything but a table of two numbers, whose fakes and scores one canvas shows.
    """

    def __init__(self, run: Run, store: Store) -> None:
        self.run, self.store = run, store
        self.restart("trained")

    def restart(self, start: Start) -> None:
        """Goes back to the run's best state, or to players that have learnt nothing."""
        device = torch.device("cpu")
        self.extra_g_steps = 0
        self.trainer = Trainer(self.run.recipe, self.store, device)
        if start == "trained":
            load_best(self.trainer, self.run)
        self.view = LiveView(self.run.recipe.plan.seed, self.store, self.trainer, averaged=False)
        if self.view.grid is None:
            raise UserError(
                "single steps are shown of a table of two numbers: choose such a run, or train people"
            )
        self.reals = self.trainer.batches.at(self.trainer.seen, self.trainer.share, device)

    def d_steps(self, count: int) -> None:
        """D learns for ``count`` steps while G stands still."""
        for _ in range(count):
            self.reals, _ = self.trainer.d_step()
        self.extra_g_steps = 0

    def g_steps(self, count: int) -> None:
        """G learns for ``count`` steps while D stands still."""
        for _ in range(count):
            self.trainer.g_step(self.reals, self.extra_g_steps)
            self.extra_g_steps += 1

    def rounds(self, count: int) -> None:
        """Both learn, as in a game."""
        for _ in range(count):
            self.trainer.round()
        self.extra_g_steps = 0

    def scene(self) -> dict[str, Any]:
        """What stays as it is, with the ``noise`` that each fake is made of: two of its numbers."""
        noise: Tensor = self.view.latents[:, :2].cpu()
        shown = [[round(float(a), 3) for a in pair] for pair in noise]
        return {"source": self.run.facts["source"], **self.view.scene(), "noise": shown}

    def frame(self) -> dict[str, Any]:
        """The game as it stands, as ``LiveView.frame`` gives it. Raises UserError where D's scores are no numbers."""
        frame = self.view.frame()
        if frame is None:
            raise UserError("the discriminator's scores are no numbers any more: start again")
        return {"round": self.trainer.rounds, "left": None, **frame}
