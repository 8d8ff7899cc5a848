"""What every page is handed: the runs folder, the trainings, what was opened, and whether who asks sits here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from evenodds.core.errors import UserError
from evenodds.data.tables.codec import TableCodec
from evenodds.judge import train
from evenodds.judge.judge import Judge
from evenodds.runs.run import Run
from evenodds.studio import security
from evenodds.studio.cache import RunCache
from evenodds.studio.gallery_runs import GalleryRuns, is_of_gallery
from evenodds.studio.processes import Status, Trainings


@dataclass
class Studio:
    """One runs folder, seen and played in."""

    root: Path
    local: bool
    """Whether the studio answers this machine alone: then paths on it may be trained on."""
    first: str = ""
    """The run to be shown first."""
    cache: RunCache = field(init=False)
    trainings: Trainings = field(init=False)
    gallery: GalleryRuns = field(init=False)

    def __post_init__(self) -> None:
        self.root = self.root.absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        self.cache = RunCache(self.root)
        self.trainings = Trainings(self.root)
        self.gallery = GalleryRuns()

    def own_names(self) -> list[str]:
        """The runs in the folder, those that are just beginning first."""
        return list(dict.fromkeys([*self.trainings.names(), *security.runs(self.root)]))

    def names(self) -> list[str]:
        """The runs to choose from: those in the folder, then those of the gallery."""
        return [*self.own_names(), *self.gallery.names()]

    def status(self, name: str) -> Status:
        """Where a run is. Raises UserError for a name that is none."""
        return Status("gallery") if is_of_gallery(name) else self.trainings.status(name)

    def folder(self, name: object) -> Path:
        """The folder of the run of that name, whether it is there yet or not; that of a model of the gallery is a copy.
        Raises UserError for a name that is none."""
        if is_of_gallery(name):
            return self.gallery.run(str(name)).path
        return security.run_path(self.root, name)

    def run(self, name: object) -> Run:
        """The run of that name. Raises UserError where none is chosen, and where there is none."""
        if not name:
            raise UserError("no run is chosen: start one on the first page, or choose one above")
        if is_of_gallery(name):
            return self.gallery.run(str(name))
        return Run.open(security.run_path(self.root, name))

    def draws(self, name: str) -> bool:
        """Whether a run of that name makes pictures from pictures."""
        try:
            condition = self.run(name).condition
        except UserError:  # it is just beginning, or damaged
            return False
        return condition is not None and condition.pictures

    def judge(self, run: Run) -> Judge:
        """The run's judge. The first time a process of its own trains it, so that nobody else is kept waiting."""
        if train.current_judge(run) is None:
            command("judge", str(run.path), example(run), "--json")
        return self.cache.judge(run)


def example(run: Run) -> str:
    """A row that a run judges, spelled out, or its newest sheet of pictures."""
    if not (run.path / "codec.json").exists():
        return str(list(run.samples("png"))[-1])
    newest = pd.read_csv(list(run.samples("csv"))[-1], dtype=str, keep_default_na=False, nrows=1)
    names = TableCodec.from_json(run.codec()).required
    return ",".join(f"{name}={newest[name][0]}" for name in names)


def command(*arguments: str) -> str:
    """What `evenodds` answers, called in a process of its own. Raises UserError with what it complains of."""
    done = subprocess.run(  # noqa: S603  no shell, and every argument is one
        [sys.executable, "-m", "evenodds", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise UserError(lines[-1].removeprefix("evenodds: ") if lines else "the command broke off")
    return done.stdout
