"""Which states of a game stay: the newest, and the best to sample from."""

from __future__ import annotations

import copy
import time

from evenodds.checkpoints import Checkpoints, Kept

SAVE_AFTER = 20.0
"""Seconds between checkpoints, at least; what a hard stop can lose."""


class Keeper:
    """The best state so far, in memory and on disk, and when the game was saved last."""

    def __init__(self, checkpoints: Checkpoints, first: Kept) -> None:
        self.checkpoints = checkpoints
        self.best = apart(first)
        self.unsaved = True  # whether the best state is not on disk yet
        self.saved = time.monotonic()

    def resume(self, last: Kept) -> list[str]:
        """Takes up the best state that the last one names. Returns what is wrong with it."""
        self.best, damaged = self.checkpoints.best_whole(last)
        self.unsaved = False
        return damaged

    def keep(self, state: Kept) -> None:
        """This state is the best one."""
        self.best, self.unsaved = apart(state), True

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self.saved > SAVE_AFTER

    def save(self, state: Kept) -> None:
        """A checkpoint of a state, and of the best one if it is not on disk yet."""
        if state.rounds == self.best.rounds:  # one folder for both; in a head start it is begun anew
            state = self.best
        else:
            # The best one first: which it is stands in the last one, and changes with it in one step.
            self.write_best()
        self.checkpoints.save(self.naming_best(state))
        self.checkpoints.point_best(self.best.rounds)
        self.unsaved = False
        self.checkpoints.sweep()
        self.saved = time.monotonic()

    def save_best(self) -> None:
        """The best state alone, for a game that ends at fault."""
        self.write_best()
        self.checkpoints.point_best(self.best.rounds)

    def write_best(self) -> None:
        """The best state, if it is not on disk yet."""
        if self.unsaved:
            self.checkpoints.write(self.naming_best(self.best))
            self.unsaved = False

    def naming_best(self, state: Kept) -> Kept:
        """A state that says which one was best at its time."""
        return state._replace(facts={**state.facts, "best": self.best.rounds})


def apart(state: Kept) -> Kept:
    """A copy, apart from the players who go on with their state."""
    groups = {
        name: {key: value.cpu().clone() for key, value in group.items()}
        for name, group in state.tensors.items()
    }
    return Kept(groups, copy.deepcopy(state.facts))
