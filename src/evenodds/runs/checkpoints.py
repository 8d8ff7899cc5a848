"""The checkpoints of a run: the newest, the one before it, and the best, as docs/design.md lays them out."""

from __future__ import annotations

import copy
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

from evenodds.core import atomic, bundle
from evenodds.core.errors import UserError

KEPT = 2
"""Checkpoints kept: the last, and the one before it should the last be damaged."""


class Snapshot(NamedTuple):
    """A state to go back to."""

    tensors: bundle.Tensors
    facts: dict[str, Any]

    @property
    def rounds(self) -> int:
        """The round of the state."""
        return int(self.facts["rounds"])


class Damaged(NamedTuple):
    """A checkpoint that is not whole: its folder's name, and what is wrong with it."""

    checkpoint: str
    reason: str


class Checkpoints:
    """A folder of checkpoints, each named by its round, and the links `last` and `best`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, state: Snapshot) -> None:
        """A whole checkpoint, to which `last` then points."""
        self.write(state)
        bundle.point(self.path / "last", self.of(state.rounds))

    def write(self, state: Snapshot) -> None:
        """A whole checkpoint, to which nothing points yet."""
        bundle.write(self.of(state.rounds), *state)

    def point_best(self, rounds: int) -> None:
        """Has `best` point to the checkpoint of a round: the state to sample from."""
        bundle.point(self.path / "best", self.of(rounds))

    def of(self, rounds: int) -> Path:
        """Where the checkpoint of a round lies, or would."""
        return self.path / f"{rounds:08d}"

    def all(self) -> list[Path]:
        """The checkpoint folders, oldest first."""
        return sorted(path for path in self.path.iterdir() if path.name.isdigit())

    def last(self) -> Path | None:
        """The newest checkpoint, if there is one."""
        folders = self.all()
        return folders[-1] if folders else None

    def best(self) -> Path:
        """The state to sample from. Raises UserError where nothing was saved yet."""
        link = self.path / "best"
        # Where the one it points to was deleted for its damage, the newest that is left serves.
        folder = link.resolve() if link.is_dir() else self.last()
        if folder is None:
            raise UserError(f"{self.path.parent} holds no checkpoint yet, train it first")
        return folder

    def last_whole(self) -> tuple[Snapshot | None, list[Damaged]]:
        """The newest checkpoint that is whole, and what is wrong with newer ones, which are set aside.

        Raises UserError where none of several is whole.
        """
        damaged: list[Damaged] = []
        for folder in reversed(self.all()):
            try:
                snapshot = Snapshot(*bundle.read(folder))
            except UserError as problem:
                damaged.append(Damaged(folder.name, str(problem)))
                continue
            for other in damaged:
                self.set_aside(self.path / other.checkpoint)
            return snapshot, damaged
        if damaged:
            raise UserError(
                f"no checkpoint of {self.path.parent} is whole ({damaged[0].reason}), train anew in another --out"
            )
        return None, []

    def best_whole(self, last: Snapshot) -> tuple[Snapshot, list[Damaged]]:
        """The best state at the time of the last one, or that one where it is damaged, and what is wrong with it."""
        folder = self.of(last.facts["best"])
        try:
            return Snapshot(*bundle.read(folder)), []
        except UserError as problem:
            if folder.exists():
                self.set_aside(folder)
            return last, [Damaged(folder.name, str(problem))]

    def set_aside(self, folder: Path) -> None:
        """Puts a damaged checkpoint where nobody takes it for one; one of the same name there goes."""
        with atomic.reporting_write_errors(self.path):
            damaged = folder.with_name(f"{folder.name}.damaged")
            shutil.rmtree(damaged, ignore_errors=True)
            folder.replace(damaged)

    def sweep(self) -> None:
        """Takes away checkpoints but the KEPT newest and the best ones, which those name in their state."""
        folders = self.all()
        needed = {
            self.best().name,
            *(self.of(bundle.best_of(folder)).name for folder in folders[-KEPT:]),
        }
        for old in folders[:-KEPT]:
            if old.name not in needed:
                shutil.rmtree(old)


SAVE_AFTER = 20.0
"""Seconds between checkpoints, at least; what a hard stop can lose."""


class CheckpointManager:
    """The best state so far, in memory and on disk, and when the game was saved last."""

    def __init__(self, checkpoints: Checkpoints, first: Snapshot) -> None:
        self.checkpoints = checkpoints
        self.best = apart(first)
        self.unsaved = True  # whether the best state is not on disk yet
        self.saved = time.monotonic()

    def resume(self, last: Snapshot) -> list[Damaged]:
        """Takes up the best state that the last one names. Returns what is wrong with it."""
        self.best, damaged = self.checkpoints.best_whole(last)
        self.unsaved = False
        return damaged

    def keep(self, state: Snapshot) -> None:
        """This state is the best one."""
        self.best, self.unsaved = apart(state), True

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self.saved > SAVE_AFTER

    def save(self, state: Snapshot) -> None:
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

    def naming_best(self, state: Snapshot) -> Snapshot:
        """A state that says which one was best at its time."""
        return state._replace(facts={**state.facts, "best": self.best.rounds})


def apart(state: Snapshot) -> Snapshot:
    """A copy, apart from the players who go on with their state."""
    groups = {
        name: {key: value.cpu().clone() for key, value in group.items()}
        for name, group in state.tensors.items()
    }
    return Snapshot(groups, copy.deepcopy(state.facts))
