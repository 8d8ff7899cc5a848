"""The checkpoints of a run: the newest, the one before it, and the best, as docs/design.md lays them out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from evenodds import aside, checkpoint
from evenodds.errors import UserError

KEPT = 2
"""Checkpoints kept: the last, and the one before it should the last be damaged."""


class Kept(NamedTuple):
    """A state to go back to."""

    tensors: checkpoint.Tensors
    facts: dict[str, Any]

    @property
    def rounds(self) -> int:
        """The round of the state."""
        return int(self.facts["rounds"])


class Checkpoints:
    """A folder of checkpoints, each named by its round, and the links `last` and `best`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, state: Kept) -> None:
        """A whole checkpoint, to which `last` then points."""
        self.write(state)
        checkpoint.point(self.path / "last", self.of(state.rounds))

    def write(self, state: Kept) -> None:
        """A whole checkpoint, to which nothing points yet."""
        checkpoint.write(self.of(state.rounds), *state)

    def point_best(self, rounds: int) -> None:
        """Has `best` point to the checkpoint of a round: the state to sample from."""
        checkpoint.point(self.path / "best", self.of(rounds))

    def of(self, rounds: int) -> Path:
        """Where the checkpoint of a round lies, or would."""
        return self.path / f"{rounds:08d}"

    def all(self) -> list[Path]:
        """The checkpoint folders, oldest first."""
        return sorted(path for path in self.path.iterdir() if path.name.isdigit())

    def last(self) -> Path | None:
        """The newest checkpoint, if there is one."""
        found = self.all()
        return found[-1] if found else None

    def best(self) -> Path:
        """The state to sample from. Raises UserError where nothing was saved yet."""
        link = self.path / "best"
        # Where the one it points to was deleted for its damage, the newest that is left serves.
        found = link.resolve() if link.is_dir() else self.last()
        if found is None:
            raise UserError(f"{self.path.parent} holds no checkpoint yet, train it first")
        return found

    def last_whole(self) -> tuple[Kept | None, list[str]]:
        """The newest checkpoint that is whole, and what is wrong with newer ones, which are set aside.

        Raises UserError where none of several is whole.
        """
        damaged: dict[Path, str] = {}
        for folder in reversed(self.all()):
            try:
                found = Kept(*checkpoint.read(folder))
            except UserError as problem:
                damaged[folder] = str(problem)
                continue
            for other in damaged:
                self.set_aside(other)
            return found, list(damaged.values())
        for reason in damaged.values():
            raise UserError(
                f"no checkpoint of {self.path.parent} is whole ({reason}), train anew in another --out"
            )
        return None, []

    def best_whole(self, last: Kept) -> tuple[Kept, list[str]]:
        """The best state at the time of the last one, or that one where it is damaged, and what is wrong with it."""
        folder = self.of(last.facts["best"])
        try:
            return Kept(*checkpoint.read(folder)), []
        except UserError as problem:
            if folder.exists():
                self.set_aside(folder)
            return last, [str(problem)]

    def set_aside(self, folder: Path) -> None:
        """Puts a damaged checkpoint where nobody takes it for one; one of the same name there goes."""
        with aside.telling(self.path):
            damaged = folder.with_name(f"{folder.name}.damaged")
            shutil.rmtree(damaged, ignore_errors=True)
            folder.replace(damaged)

    def sweep(self) -> None:
        """Takes away checkpoints but the KEPT newest and the best ones, which those name in their state."""
        found = self.all()
        needed = {
            self.best().name,
            *(self.of(checkpoint.best_of(folder)).name for folder in found[-KEPT:]),
        }
        for old in found[:-KEPT]:
            if old.name not in needed:
                shutil.rmtree(old)
