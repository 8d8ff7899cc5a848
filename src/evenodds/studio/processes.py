"""Trainings as processes of their own: a closed tab or a killed studio loses nothing, and a new one finds them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.runs.run import Run, player_of
from evenodds.runs.status import OVER
from evenodds.studio.security import OWN, run_path

Phase = Literal["none", "preparing", "playing", "paused", "over", "failed", "gallery"]
GOES_ON = 130, -signal.SIGINT, -signal.SIGTERM
"""Exit codes of a training that was stopped."""


@dataclass(frozen=True)
class Status:
    """Where a run is, and the last line that its process said."""

    phase: Phase
    line: str = ""

    @property
    def running(self) -> bool:
        return self.phase in ("preparing", "playing")


class Trainings:
    """The processes of the runs in ``root``; what is known of them is on the disk, beside the runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping: set[str] = set()
        """Trainings that were asked to end, and may still be saving."""
        self.changing = threading.Lock()

    def start(self, name: str, source: str, flags: list[str]) -> None:
        """Starts `evenodds train`. Raises UserError where it runs already, and for a name that is none."""
        folder = run_path(self.root, name)
        with self.changing:
            if self.pid(name) is not None:
                raise UserError(f"{name} is being trained already, pause it first")
            command = [sys.executable, "-m", "evenodds", "train", source, "--out", str(folder), *flags]
            studio_folder = self.root / OWN
            studio_folder.mkdir(parents=True, exist_ok=True)
            with (studio_folder / f"{name}.log").open("wb") as log:
                child = subprocess.Popen(  # noqa: S603  no shell, and every argument is one
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C on the studio is not meant for it
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                )
            self.children[name] = child
            self.stopping.discard(name)
            atomic.write_bytes(
                studio_folder / f"{name}.json", json.dumps({"pid": child.pid, "command": command}).encode()
            )

    def resume(self, name: str, budget: str | None = None) -> None:
        """Gives a run's own command again, with another budget where one is named. Raises UserError as ``start``."""
        run = Run.open(run_path(self.root, name))
        self.start(name, str(run.facts["source"]), flags_of(run.facts, budget))

    def stop(self, name: str) -> None:
        """Asks a training to save and end, as Ctrl-C does. Raises UserError where none runs."""
        pid = self.pid(name)
        if pid is None:
            raise UserError(f"{name} is not being trained")
        os.kill(pid, signal.SIGINT)
        self.stopping.add(name)

    def is_stopping(self, name: str) -> bool:
        """Whether a training was asked to end and has not ended yet."""
        return name in self.stopping and self.pid(name) is not None

    def delete(self, name: str) -> None:
        """Takes a run away for good. Raises UserError while it is being trained."""
        folder = run_path(self.root, name)
        if self.pid(name) is not None:
            raise UserError(f"{name} is being trained, pause it first")
        with atomic.reporting_write_errors(self.root):
            shutil.rmtree(folder)
        for suffix in ("json", "log"):
            (self.root / OWN / f"{name}.{suffix}").unlink(missing_ok=True)

    def pid(self, name: str) -> int | None:
        """The process that trains a run, started by whichever studio or from the command line; None where none does."""
        child = self.children.get(name)
        if child is not None and child.poll() is None:
            return child.pid
        folder = run_path(self.root, name)
        for pid in (self.record(name).get("pid"), player_of(folder)):
            if isinstance(pid, int) and trains(pid, folder):
                return pid
        return None

    def status(self, name: str) -> Status:
        """Where a run is. Raises UserError for a name that is none."""
        folder = run_path(self.root, name)
        started = (folder / "recipe.json").is_file()
        line = self.last_line(name)
        if self.pid(name) is not None:
            playing = started and (folder / "journal.jsonl").exists()
            return Status("playing" if playing else "preparing", line)
        child = self.children.get(name)
        code = 0 if child is None else child.poll() or 0
        if code not in (0, 3, *GOES_ON):
            return Status("failed", line)
        if not started:
            # The studio may have been killed beside a training that then went wrong.
            return Status("failed" if line.startswith("evenodds:") else "none", line)
        verdict = Run.open(folder).verdict()
        over = verdict is not None and verdict.verdict in OVER | {"budget"}
        return Status("over" if over else "paused", line)

    def names(self) -> list[str]:
        """The names of trainings that run and have no run folder yet."""
        for child in list(self.children.values()):
            child.poll()  # or what ended would stay listed as a process
        names = (path.stem for path in (self.root / OWN).glob("*.json"))
        return sorted(
            name
            for name in names
            if not (self.root / name / "recipe.json").exists() and self.pid(name) is not None
        )

    def record(self, name: str) -> dict[str, Any]:
        """What was noted when a training was started, by this studio or an earlier one."""
        path = self.root / OWN / f"{name}.json"
        try:
            record: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            return {}
        return record

    def last_line(self, name: str) -> str:
        """The last line that a training said."""
        path = self.root / OWN / f"{name}.log"
        if not path.exists():
            return ""
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4096))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def trains(pid: int, folder: Path) -> bool:
    """Whether the process lives and trains that run: a number is given to another one some day."""
    here = Path("/proc") / str(pid)
    if not here.parent.is_dir():  # a system that does not show what processes do
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True
    try:
        words = (here / "cmdline").read_bytes().decode(errors="replace").split("\0")
        out = words[words.index("--out") + 1] if "--out" in words else f"runs/{folder.name}"
        return "train" in words and (here / "cwd").resolve(strict=True).joinpath(out) == folder.absolute()
    except (OSError, IndexError):
        return False


def flags_of(facts: dict[str, Any], budget: str | None) -> list[str]:
    """The flags that give a run's recipe again."""
    flags: list[str] = []
    for room in facts["settings"].values():
        for name, value in room.items():
            if name == "budget" and budget:
                value = budget
            for part in value if isinstance(value, list) else [value]:
                if part is not None:
                    flags += [f"--{name.replace('_', '-')}", str(part)]
    return flags
