"""The run folder: everything of one training, and the only place that knows its file names."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from evenodds import aside, checkpoint
from evenodds.errors import UserError
from evenodds.recipe import Recipe
from evenodds.spec import Condition, SampleSpec, condition_from_json, spec_from_json

STARTED = {"checkpoints", "samples", "codec.json", "condition"}
"""What a run holds before its recipe is written: a start that broke off there may be made again."""

JUDGE = "judge"
"""Where the judge is kept, which is made when it is first asked."""

PLAYER = ".player"
"""Where the process is noted that last took the lock."""

KEPT = 2
"""Checkpoints kept: the last, and the one before it should the last be damaged."""


class Run:
    """A folder laid out as docs/design.md says; made by ``create``, found again by ``open``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, Any] = json.loads((path / "recipe.json").read_text())
        self.recipe = Recipe.model_validate(self.facts["settings"])
        self.spec: SampleSpec = spec_from_json(self.facts["data"]["spec"])
        self.condition: Condition | None = condition_from_json(self.facts["data"].get("condition"))

    @classmethod
    def create(
        cls,
        path: Path,
        facts: dict[str, Any],
        codec: dict[str, Any] | None = None,
        known: tuple[checkpoint.Tensors, dict[str, Any]] | None = None,
    ) -> Run:
        """Makes the folder and writes its recipe and, for a table, how rows are decoded; where a condition is given,
        some that are ``known``, and how they are encoded.

        Raises UserError where that cannot be.
        """
        if path.exists() and (not path.is_dir() or not {inner.name for inner in path.iterdir()} <= STARTED):
            raise UserError(f"{path} is there already and is no run of ours, choose another --out")
        with aside.telling(path):
            for folder in ("checkpoints", "samples"):
                (path / folder).mkdir(parents=True, exist_ok=True)
        if codec is not None:
            write_json(path / "codec.json", codec)
        if known is not None:
            checkpoint.write(path / "condition", *known)
        # Last: a folder with a recipe is a run.
        write_json(path / "recipe.json", facts)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run at ``path``. Raises UserError where there is none, or where its recipe does not read."""
        if not (path / "recipe.json").is_file():
            raise UserError(f"{path} is no run: it holds no recipe.json; give the folder that train printed")
        try:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            first = str(problem).splitlines()[0]
            raise UserError(
                f"{path / 'recipe.json'} does not read ({first}), restore it or train anew"
            ) from None

    def codec(self) -> dict[str, Any]:
        """How a table's rows are decoded, as TableCodec.to_json gave it. Raises UserError where it is damaged."""
        try:
            codec: dict[str, Any] = json.loads((self.path / "codec.json").read_text())
        except (OSError, ValueError) as problem:
            raise UserError(f"{self.path / 'codec.json'} does not read ({problem}), train anew") from None
        return codec

    def known(self) -> tuple[checkpoint.Tensors, dict[str, Any]]:
        """Some conditions from the data, and how values are encoded. Raises UserError where they are damaged."""
        return checkpoint.read(self.path / "condition")

    def lock(self) -> FileLock:
        """The lock that one training at a time holds. Raises UserError where another holds it."""
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"{self.path} is being trained by another process, wait for it to end") from None
        with aside.telling(self.path):
            (self.path / PLAYER).write_text(str(os.getpid()))
        return lock

    def differences(self, facts: dict[str, Any]) -> list[str]:
        """What another recipe changes, as lines `name: mine -> theirs`; when to end does not count."""
        mine, theirs = dict(flat(identity(self.facts))), dict(flat(identity(facts)))
        names = [*mine, *(name for name in theirs if name not in mine)]
        return [
            f"{name}: {mine.get(name)} -> {theirs.get(name)}"
            for name in names
            if mine.get(name) != theirs.get(name)
        ]

    def rewrite(self, facts: dict[str, Any]) -> None:
        """Takes over a recipe that differs in when to end or versions alone."""
        write_json(self.path / "recipe.json", facts)
        self.facts = facts
        self.recipe = Recipe.model_validate(facts["settings"])

    # The journal

    def note(self, line: dict[str, Any]) -> None:
        """Appends one line to the journal. Raises Unwritable where it cannot."""
        with aside.telling(self.path), (self.path / "journal.jsonl").open("a") as journal:
            journal.write(json.dumps(line) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def journal(self) -> list[dict[str, Any]]:
        """All whole lines of the journal."""
        path = self.path / "journal.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def checks(self) -> list[dict[str, Any]]:
        """The journal's checks, without its events."""
        return [line for line in self.journal() if "odds" in line]

    def go_back_to(self, rounds: int) -> None:
        """Forgets what was written after ``rounds``: a game that stopped hard is resumed from its last checkpoint."""
        kept = [line for line in self.journal() if line.get("round", 0) <= rounds]
        aside.write_bytes(
            self.path / "journal.jsonl", "".join(json.dumps(line) + "\n" for line in kept).encode()
        )
        for sample in self.samples():
            if int(sample.stem) > rounds:
                sample.unlink()

    # Checkpoints

    def save(self, rounds: int, tensors: checkpoint.Tensors, state: dict[str, Any]) -> None:
        """A whole checkpoint, to which `last` then points."""
        folder = self.write_checkpoint(rounds, tensors, state)
        checkpoint.point(self.path / "checkpoints" / "last", folder)

    def save_best(self, rounds: int, tensors: checkpoint.Tensors, state: dict[str, Any]) -> None:
        """The state to sample from, to which `best` then points."""
        checkpoint.point(self.path / "checkpoints" / "best", self.write_checkpoint(rounds, tensors, state))

    def write_checkpoint(self, rounds: int, tensors: checkpoint.Tensors, state: dict[str, Any]) -> Path:
        """Where the checkpoint of a round lies, once it is written."""
        folder = self.path / "checkpoints" / f"{rounds:08d}"
        checkpoint.write(folder, tensors, state)
        return folder

    def sweep(self) -> None:
        """Takes away checkpoints that nobody points to, but the KEPT newest."""
        best = self.best().name
        for old in self.checkpoints()[:-KEPT]:
            if old.name != best:
                shutil.rmtree(old)

    def checkpoints(self) -> list[Path]:
        """The checkpoint folders, oldest first."""
        return sorted(path for path in (self.path / "checkpoints").iterdir() if path.name.isdigit())

    def last(self) -> Path | None:
        """The newest checkpoint, if there is one."""
        found = self.checkpoints()
        return found[-1] if found else None

    def best(self) -> Path:
        """The state to sample from. Raises UserError where nothing was saved yet."""
        link = self.path / "checkpoints" / "best"
        # Where the one it points to was deleted for its damage, the newest that is left serves.
        found = link.resolve() if link.is_dir() else self.last()
        if found is None:
            raise UserError(f"{self.path} holds no checkpoint yet, train it first")
        return found

    # The verdict and the pictures

    def verdict(self) -> dict[str, Any] | None:
        """Why the game ended, or None while it goes on."""
        path = self.path / "verdict.json"
        return json.loads(path.read_text()) if path.exists() else None

    def write_verdict(self, facts: dict[str, Any] | None) -> None:
        """Writes the verdict, or takes it away where the game goes on."""
        path = self.path / "verdict.json"
        if facts is None:
            path.unlink(missing_ok=True)
        else:
            write_json(path, facts)

    def scores(self) -> dict[str, Any] | None:
        """What was measured on held-out pairs, where a picture is given."""
        path = self.path / "scores.json"
        return json.loads(path.read_text()) if path.exists() else None

    def write_scores(self, facts: dict[str, Any] | None) -> None:
        """Writes what was measured on held-out pairs, or takes away what was measured of an earlier state."""
        if facts is None:
            (self.path / "scores.json").unlink(missing_ok=True)
        else:
            write_json(self.path / "scores.json", facts)

    def judge_facts(self) -> dict[str, Any] | None:
        """What was measured when the judge was made, or None where there is none yet."""
        path = self.path / JUDGE / "state.json"
        found: dict[str, Any] | None = (
            json.loads(path.read_text())["state"]["facts"] if path.is_file() else None
        )
        return found

    def samples(self, suffix: str = "*") -> Iterator[Path]:
        """What fixed latents gave, oldest first."""
        return iter(sorted((self.path / "samples").glob(f"[0-9]*.{suffix}")))


def player_of(path: Path) -> int | None:
    """The process that last took the lock of the run at ``path``; whether it still lives is for who asks to see."""
    try:
        return int((path / PLAYER).read_text())
    except (OSError, ValueError):
        return None


def facts_of(recipe: Recipe, source: str, data: dict[str, Any]) -> dict[str, Any]:
    """What recipe.json says: every setting, the source, the data's fingerprint and spec, the versions."""
    packages = ("evenodds", "torch", "numpy", "safetensors")
    return {
        "source": source,
        "settings": recipe.model_dump(mode="json"),
        "data": data,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def identity(facts: dict[str, Any]) -> dict[str, Any]:
    """What must be equal for a run to be resumed."""
    settings = facts["settings"]
    plan = {key: value for key, value in settings["plan"].items() if key not in ("budget", "end")}
    return {**settings, "plan": plan, "fingerprint of the data": facts["data"]["fingerprint"]}


def flat(facts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested facts as pairs of a dotted name and a value."""
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def write_json(path: Path, facts: dict[str, Any]) -> None:
    """JSON in one step: all of it or the file as it was."""
    aside.write_bytes(path, (json.dumps(facts, indent=2) + "\n").encode())
