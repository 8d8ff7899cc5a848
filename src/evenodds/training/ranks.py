"""Several processes that play one game: rank 0 announces each step, and the others follow it."""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor

from evenodds.core.bundle import Tensors
from evenodds.core.distributed import Team
from evenodds.training.players import optimizer_slots
from evenodds.training.trainer import Trainer


class Command(IntEnum):
    """What rank 0 has all ranks do next. The values go over the wire, 0 being nobody's."""

    ROUND = 1
    D_STEP = 2
    SYNC_STATE = 3
    END = 4
    LIKELIHOOD_STEP = 5


class Ranks:
    """Plays a trainer's game on every rank of its team.

    Rank 0 calls ``round``, ``d_step``, ``likelihood_step``, ``sync_state`` and ``end``; every other
    rank calls ``worker_loop``. A team of
    one announces nothing and costs nothing.
    """

    def __init__(self, trainer: Trainer, stop: threading.Event) -> None:
        """``stop`` is set on all ranks once it is set on any."""
        self.trainer, self.team, self.stop = trainer, trainer.team, stop

    def round(self) -> tuple[Tensor, Tensor]:
        """Plays a round on all ranks. Returns D's and G's last losses on this rank's share."""
        self.announce(Command.ROUND)
        return self.trainer.round()

    def d_step(self) -> None:
        """Plays one D step on all ranks, before G's first."""
        self.announce(Command.D_STEP)
        self.trainer.d_step()

    def likelihood_step(self) -> None:
        """Plays a step of G's own on all ranks, before the game."""
        self.announce(Command.LIKELIHOOD_STEP)
        self.trainer.likelihood_step()

    def sync_state(self) -> None:
        """Gives all ranks the state of rank 0: where the game begins, is resumed, or was changed."""
        if self.team.size > 1:
            self.announce(Command.SYNC_STATE)
            self.receive_state()

    def end(self, outcome: Any) -> None:
        """Ends the game on all ranks, whose ``worker_loop`` returns ``outcome``, a JSON value."""
        broadcast_end(self.team, outcome)

    def worker_loop(self) -> Any:
        """Does what rank 0 announces until it ends the game. Returns the outcome that it gives then."""
        while True:
            command = self.announce(None)
            if command == Command.ROUND:
                self.trainer.round()
            elif command == Command.D_STEP:
                self.trainer.d_step()
            elif command == Command.LIKELIHOOD_STEP:
                self.trainer.likelihood_step()
            elif command == Command.SYNC_STATE:
                self.receive_state()
            else:
                return self.team.share()

    def announce(self, command: Command | None) -> int:
        """Sends rank 0's command, or receives it where this rank has none."""
        if self.team.size == 1:
            return command or 0
        code, stop = self.team.word(command or 0, self.stop.is_set())
        if stop:
            self.stop.set()
        return code

    def receive_state(self) -> None:
        """Takes over the state of rank 0, on all ranks."""
        tensors, facts = self.trainer.state()
        shared = self.team.share({**facts, "slots": sorted(optimizer_slots(tensors))})
        slots = shared.pop("slots")
        if not self.team.leads:
            tensors = {**tensors, **self.empty_memory(slots)}
        self.team.share_tensors(
            [value for _, group in sorted(tensors.items()) for _, value in sorted(group.items())]
        )
        if not self.team.leads:
            self.trainer.restore(tensors, shared)

    def empty_memory(self, slots: list[list[str]]) -> Tensors:
        """Room for both optimisers' memory, of which this rank has none yet; ``slots`` are named as rank 0 has them."""
        room: Tensors = {"optimizer_g": {}, "optimizer_d": {}}
        players = self.trainer.players
        for group, name in slots:
            optimizer = players.optimizer_g if group == "optimizer_g" else players.optimizer_d
            weights = optimizer.param_groups[0]["params"]
            index, kind = name.split(".")
            room[group][name] = torch.zeros(()) if kind == "step" else torch.zeros_like(weights[int(index)])
        return room


def broadcast_end(team: Team, outcome: Any) -> None:
    """Ends the others' ``worker_loop`` with an outcome, a JSON value."""
    if team.size > 1:
        team.word(Command.END)
        team.share(outcome)
