"""The run folder: everything of one training, and the only place that knows its file names."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from evenodds.config.presets import GENERATION
from evenodds.config.settings import Recipe
from evenodds.core import atomic, bundle, checksums
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, SampleSpec, condition_from_json, spec_from_json
from evenodds.data.images.values import Values
from evenodds.runs import journal
from evenodds.runs.checkpoints import Checkpoints
from evenodds.runs.data_facts import DataFacts, range_from_json, values_from_json
from evenodds.runs.former_recipes import complete
from evenodds.runs.journal import Check
from evenodds.runs.verdict import Verdict

STARTED = {"checkpoints", "samples", "codec.json", "condition", ".lock", ".player"}
"""What a run holds before its recipe is written: a start that broke off there may be made again."""

COPY = "checkpoints/recipe.json"
"""The recipe once more, should the first be damaged."""

JUDGE = "judge"
"""Where the judge is kept, which is made when it is first asked."""

EYES = "eyes"
"""Where the networks are kept that read labels from pictures, which are trained when they are first asked."""

SCORES = "scores.json"
Scored = Literal["pairs", "score"]
"""What it holds."""

PLOTS = "plots.json"
"""What is plotted of a table's columns; it holds values of single real rows, and so is never exported."""

PLAYER = ".player"
"""Where the process is noted that last took the lock."""


class Run:
    """A folder laid out as docs/design.md says; made by ``create``, found again by ``open``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        """What the user calls it."""
        self.checkpoints = Checkpoints(path / "checkpoints")
        self.facts, self.mended = self._facts()
        complete(self.facts)
        self.recipe = Recipe.model_validate(self.facts["settings"])
        self.spec: SampleSpec = spec_from_json(self.facts["data"]["spec"])
        self.condition: Condition | None = condition_from_json(self.facts["data"].get("condition"))
        self.values: Values | None = values_from_json(self.facts["data"].get("values"), self.spec)
        """What levels stand for where pictures of 16 bits or bands were learnt."""
        self.range_of_samples = range_from_json(self.facts["data"].get("range_of_samples"))
        self.range_of_inputs = range_from_json(self.facts["data"].get("range_of_inputs"))
        """What becomes black and white in wide pictures of two unpaired sets; None where their kind says it."""
        self.data_facts = DataFacts.from_json(self.facts["data"].get("told") or {})
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        """Who is told each line of the journal, too."""

    @classmethod
    def create(
        cls,
        path: Path,
        facts: dict[str, Any],
        codec: dict[str, Any] | None = None,
        conditions: tuple[bundle.Tensors, dict[str, Any]] | None = None,
    ) -> Run:
        """Makes the folder and writes its recipe and, for a table, how rows are decoded; for a game with a condition,
        some ``conditions`` of the data, and how they are encoded.

        Raises UserError where that cannot be.
        """
        refuse_others(path)
        with atomic.reporting_write_errors(path):
            for folder in ("checkpoints", "samples"):
                (path / folder).mkdir(parents=True, exist_ok=True)
        with locked(path):
            if is_run(path):
                raise UserError(
                    f"{path} was made by another process just now, the same command again goes on with it"
                )
            if codec is not None:
                write_json(path / "codec.json", checksums.with_checksum(codec))
            if conditions is not None:
                bundle.write(path / "condition", *conditions)
            # Last: a folder with a recipe is a run.
            write_recipe(path, facts)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run at ``path``. Raises UserError where there is none, or where its recipe does not read."""
        if not is_run(path):
            raise UserError(f"{path} is no run: it holds no recipe.json; give the folder that train printed")
        try:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as problem:
            first = (str(problem) or type(problem).__name__).splitlines()[0]
            raise UserError(
                f"{path / 'recipe.json'} does not read ({first}), restore it or train anew"
            ) from None

    def _facts(self) -> tuple[dict[str, Any], str | None]:
        """What the recipe says, from its copy where it is damaged; and then what was wrong with it."""
        try:
            return checksums.read_verified(self.path / "recipe.json"), None
        except (OSError, ValueError) as problem:
            try:
                return checksums.read_verified(self.path / COPY), str(problem)
            except (OSError, ValueError):
                raise problem from None

    def codec(self) -> dict[str, Any]:
        """How a table's rows are decoded, as TableCodec.to_json gave it. Raises UserError where it is damaged."""
        try:
            codec = checksums.read_verified(self.path / "codec.json")
        except (OSError, ValueError) as problem:
            raise UserError(f"{self.path / 'codec.json'} does not read ({problem}), train anew") from None
        return codec

    def stored_conditions(self) -> tuple[bundle.Tensors, dict[str, Any]]:
        """Some conditions from the data, and how values are encoded. Raises UserError where they are damaged."""
        return bundle.read(self.path / "condition")

    def lock(self) -> FileLock:
        """The lock that one training at a time holds. Raises UserError where another holds it."""
        return locked(self.path)

    def sweep_parts(self) -> None:
        """Takes away what a killed process was writing. Only for who holds the lock."""
        for folder in (self.path, self.path / "samples", self.path / "checkpoints"):
            for part in folder.glob(".*.part"):
                if part.is_dir() and not part.is_symlink():
                    shutil.rmtree(part)
                else:
                    part.unlink(missing_ok=True)

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
        write_recipe(self.path, facts)
        self.facts = facts
        self.recipe = Recipe.model_validate(facts["settings"])

    # The journal

    def note(self, line: dict[str, Any]) -> None:
        """Appends one line to the journal. Raises Unwritable where it cannot."""
        with atomic.reporting_write_errors(self.path), (self.path / "journal.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        for listener in self.listeners:
            listener(line)

    def journal(self) -> list[dict[str, Any]]:
        """All whole lines of the journal."""
        return journal.read(self.path / "journal.jsonl")

    def checks(self) -> list[Check]:
        """The journal's checks, without its events, oldest first."""
        return [Check.from_json(line) for line in self.journal() if "odds" in line]

    def go_back_to(self, rounds: int) -> None:
        """Forgets what was written after ``rounds``: a game that stopped hard is resumed from its last checkpoint."""
        lines = [line for line in self.journal() if line.get("round", 0) <= rounds]
        atomic.write_bytes(
            self.path / "journal.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode()
        )
        for sample in self.samples():
            if int(sample.stem) > rounds:
                sample.unlink()

    # The verdict and the pictures

    def verdict(self) -> Verdict | None:
        """Why the game ended, or None while it goes on. Raises UserError where verdict.json is damaged."""
        path = self.path / "verdict.json"
        if not path.exists():
            return None
        try:
            return Verdict.from_json(checksums.load(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise UserError(f"{path} does not read ({problem}), delete it and train again") from None

    def write_verdict(self, verdict: Verdict | None) -> None:
        """Writes the verdict, or removes it where the game goes on."""
        path = self.path / "verdict.json"
        if verdict is None:
            path.unlink(missing_ok=True)
        else:
            write_json(path, verdict.to_json())

    def scores(self, part: Scored) -> dict[str, Any] | None:
        """What was measured: on held-out ``pairs``, where a picture is given, or by evenodds ``score``."""
        scores = self._all_scores().get(part)
        return scores if isinstance(scores, dict) else None

    def write_scores(self, part: Scored, facts: dict[str, Any] | None) -> None:
        """Writes one part of the scores and leaves the other, or takes away what was measured of an earlier state."""
        scores = {**self._all_scores(), part: facts}
        measured = {name: values for name, values in scores.items() if isinstance(values, dict)}
        if measured:
            write_json(self.path / SCORES, measured)
        else:
            (self.path / SCORES).unlink(missing_ok=True)

    def _all_scores(self) -> dict[str, Any]:
        try:
            scores = json.loads((self.path / SCORES).read_text())
        except (OSError, ValueError):  # absent or damaged: measured again
            return {}
        return scores if isinstance(scores, dict) else {}

    def plots(self) -> dict[str, Any] | None:
        """What `evenodds score` counted to be plotted, as ``column_plots.read_plots`` takes it; None where nothing is
        readable."""
        try:
            plots = json.loads((self.path / PLOTS).read_text())
        except (OSError, ValueError, RecursionError):  # absent or damaged: counted again by the next score
            return None
        return plots if isinstance(plots, dict) else None

    def write_plots(self, facts: dict[str, Any]) -> None:
        """Writes what is plotted of columns."""
        atomic.write_bytes(self.path / PLOTS, json.dumps(facts).encode())

    def judge_facts(self) -> dict[str, Any] | None:
        """What was measured when the judge was made, or None where there is none yet."""
        path = self.path / JUDGE / "state.json"
        if not path.is_file():
            return None
        facts: dict[str, Any] = json.loads(path.read_text())["state"]["facts"]
        return facts

    def samples(self, suffix: str = "*") -> Iterator[Path]:
        """What fixed latents gave, oldest first."""
        return iter(sorted((self.path / "samples").glob(f"[0-9]*.{suffix}")))


def player_of(path: Path) -> int | None:
    """The process that last took the lock of the run at ``path``; whether it still lives is for who asks to see."""
    try:
        return int((path / PLAYER).read_text())
    except (OSError, ValueError):
        return None


def is_run(path: Path) -> bool:
    """Whether a folder holds a recipe, or the copy of one."""
    return (path / "recipe.json").is_file() or (path / COPY).is_file()


def refuse_others(path: Path) -> None:
    """Raises UserError where a new run cannot be made at ``path``."""
    if not path.exists():
        return
    inside = {inner.name for inner in path.iterdir()} if path.is_dir() else {path.name}
    if not {name for name in inside if not name.endswith(".part")} <= STARTED:
        raise UserError(f"{path} is there already and is no run of ours, choose another --out")


def locked(path: Path) -> FileLock:
    """The lock on a run's folder, held. Raises UserError where another process holds it."""
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{path} is being trained by another process, wait for it to end") from None
    with atomic.reporting_write_errors(path):
        (path / PLAYER).write_text(str(os.getpid()))
    return lock


def write_recipe(path: Path, facts: dict[str, Any]) -> None:
    """The recipe and its copy, one after the other, so that one of them is whole at any time."""
    for name in (COPY, "recipe.json"):
        write_json(path / name, checksums.with_checksum(facts))


def facts_of(recipe: Recipe, source: str, data: dict[str, Any]) -> dict[str, Any]:
    """What recipe.json says: every setting, the source, the data's fingerprint and spec, the versions."""
    packages = ("evenodds", "torch", "numpy", "safetensors")
    return {
        "source": source,
        "settings": recipe.model_dump(mode="json"),
        "data": data,
        "presets": GENERATION,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def identity(facts: dict[str, Any]) -> dict[str, Any]:
    """What must be equal for a run to be resumed. A setting that its recipe does not name, for it is newer than the
    run, has the default, as it was played with."""
    settings = Recipe.model_validate(facts["settings"]).model_dump(mode="json")
    plan = {key: value for key, value in settings["plan"].items() if key not in ("budget", "stop")}
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
    atomic.write_bytes(path, (json.dumps(facts, indent=2) + "\n").encode())
