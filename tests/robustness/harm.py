"""A tiny game on the command line that is killed at random moments, or whose disk fills up; and what must be left.

Children are forked, so that a start takes no seconds for imports: they are processes of their own, killed for real.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds.cli.main import main
from evenodds.core.bundle import read
from evenodds.data.builtin import people
from evenodds.runs.run import Run

STAGES: dict[str, str] = {
    "preparation": "evenodds.data.prepare.write_store",
    "round": "evenodds.training.trainer.Trainer.round",
    "check": "evenodds.training.supervisor.Supervisor.check",
    "checkpoint": "evenodds.core.bundle.write",
    "journal": "evenodds.runs.run.Run.note",
    "sample": "evenodds.training.snapshots.SnapshotWriter.write",
    "film": "evenodds.runs.report.make_film",
    "report": "evenodds.runs.report.write_report",
}
"""What goes on in a game, and the function that does it."""

PASSING = {"seconds", "speed", "ruled_seconds"}
"""Keys of what depends on the clock."""


@dataclass(frozen=True)
class Game:
    """A command that trains, and where its data lies prepared."""

    source: Path
    cache: Path
    flags: tuple[str, ...]

    def command(self, out: Path) -> list[str]:
        return ["train", str(self.source), "--out", str(out), *self.flags]


def rows(folder: Path, rounds: int = 24) -> Game:
    """People in a small table, with a referee."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "people.csv"
    people.draw(400, 1).to_csv(source, index=False)
    return Game(
        source,
        folder / "cache",
        ("--width", "8", "--batch", "32", "--check-every", "3", "--budget", f"{rounds}rounds"),
    )


def pictures(folder: Path, rounds: int = 9) -> Game:
    """Forty small pictures."""
    source = folder / "discs"
    source.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for place in range(40):
        pixels = np.full((16, 16, 3), 230, np.uint8)
        y, x = rng.integers(2, 12, 2)
        pixels[y : y + 4, x : x + 4] = rng.integers(0, 256, 3)
        Image.fromarray(pixels).save(source / f"{place:02d}.png")
    flags = ("--width", "8", "--batch", "8", "--check-every", "3", "--size", "16", "--network", "dcgan")
    return Game(source, folder / "cache", (*flags, "--budget", f"{rounds}rounds"))


@dataclass(frozen=True)
class End:
    """How a child ended: its exit code, or None where it was killed; what it said on stderr; how long it took."""

    code: int | None
    err: str
    seconds: float
    reached: bool


def start(
    game: Game,
    out: Path,
    stage: str | None = None,
    count: int = 1,
    do: Callable[[], None] | None = None,
    kill_after: float | None = None,
) -> End:
    """Trains in a child. At the ``count``-th beginning of a ``stage`` the child does ``do``, and is killed
    ``kill_after`` seconds later; without a stage so long after its start."""
    hear, tell = os.pipe()
    said = game.source.parent / f"{out.name}.stderr"  # not on a disk that may be full
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.close(hear)
        _play(game, out, said, stage, count, do, tell)
    os.close(tell)
    reached = stage is None or bool(os.read(hear, 1))
    if kill_after is not None and reached:
        time.sleep(kill_after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(hear)
    code = None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return End(code, said.read_text() if said.exists() else "", time.monotonic() - began, reached)


def _play(
    game: Game, out: Path, said: Path, stage: str | None, count: int, do: Callable[[], None] | None, tell: int
) -> None:
    """The child: never returns."""
    code: Any = 1
    try:
        os.environ["EVENODDS_CACHE"] = str(game.cache)
        sys.stderr, sys.stdout = said.open("w"), io.StringIO()
        patch = pytest.MonkeyPatch()
        patch.setattr("evenodds.runs.checkpoints.SAVE_AFTER", 0.0)
        patch.setattr(
            "evenodds.training.supervisor.SHARE", 1e9
        )  # the referee's turns must not hang on the clock
        if stage is not None:
            _announce(patch, STAGES[stage], count, do, tell)
        main(game.command(out))
    except SystemExit as leaving:
        code = leaving.code or 0
    except BaseException:
        import traceback

        traceback.print_exc(file=sys.stderr)
    finally:
        with contextlib.suppress(Exception):  # whatever happens, the child goes no further
            sys.stderr.flush()
        os._exit(code)


def _announce(
    patch: pytest.MonkeyPatch, name: str, count: int, do: Callable[[], None] | None, tell: int
) -> None:
    """Has the function tell the parent when it is called for the ``count``-th time."""
    parts = name.split(".")
    at = next(
        n for n in range(len(parts), 0, -1) if parts[n - 1].islower() and _is_module(".".join(parts[:n]))
    )
    owner: Any = import_module(".".join(parts[:at]))
    for part in parts[at:-1]:
        owner = getattr(owner, part)
    inner, calls = getattr(owner, parts[-1]), iter(range(1, 1_000_000))

    def outer(*arguments: Any, **named: Any) -> Any:
        if next(calls) == count:
            if do is not None:
                do()
            os.write(tell, b"x")
        return inner(*arguments, **named)

    patch.setattr(owner, parts[-1], outer)
    if name == "evenodds.data.prepare.write_store":  # albums are made elsewhere
        patch.setattr("evenodds.data.build_store.write_store", outer)


def _is_module(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two runs beside the time they took; bit for bit."""
    found: list[str] = []
    mine, theirs = Run.open(one), Run.open(other)
    for name in ("last", "best"):
        first, facts = read(one / "checkpoints" / name)
        second, others = read(other / "checkpoints" / name)
        if timeless(facts) != timeless(others):
            found.append(f"{name}: facts")
        tensors, beside = flat(first), flat(second)
        found += [f"{name}: {key} is in one alone" for key in sorted(tensors.keys() ^ beside.keys())]
        for key in tensors.keys() & beside.keys():
            if not torch.equal(tensors[key], beside[key]):
                found.append(f"{name}: {key}")
    if checks_of(mine) != checks_of(theirs):
        found.append("the journal's checks")
    if timeless(verdict_of(mine)) != timeless(verdict_of(theirs)):
        found.append("the verdict")
    for folder, names in ((one, content(one)), (other, content(other))):
        absent = [name for name in names if not (one / name).exists() or not (other / name).exists()]
        found += [f"{name} is in {folder.name} alone" for name in absent]
    for name in ("film.gif", "recipe.json", *(f"samples/{path.name}" for path in mine.samples())):
        if (other / name).exists() and (one / name).read_bytes() != (other / name).read_bytes():
            found.append(name)
    return found


def flat(groups: dict[str, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {f"{group} {key}": value for group, tensors in groups.items() for key, value in tensors.items()}


def content(folder: Path) -> list[str]:
    """Every file of a run but older checkpoints', which are there or not by how often it was saved."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return [name for name in names if not name.startswith("checkpoints/0")]


def checks_of(run: Run) -> Any:
    return timeless([check.to_json() for check in run.checks()])


def verdict_of(run: Run) -> Any:
    verdict = run.verdict()
    return None if verdict is None else verdict.to_json()


def timeless(facts: Any) -> Any:
    """Facts without what depends on the clock."""
    if isinstance(facts, dict):
        return {key: timeless(value) for key, value in facts.items() if key not in PASSING}
    return [timeless(value) for value in facts] if isinstance(facts, list) else facts


@dataclass
class Tally:
    """Kills at random moments of one stage: how many, and what was wrong afterwards."""

    kills: int = 0
    late: int = 0
    """Of these, such that came after the command had ended."""
    wrong: int = 0


def kill_and_resume(
    game: Game, folder: Path, unbroken: Path, plan: list[str], chance: Random
) -> dict[str, Tally]:
    """One run killed once in each stage of the ``plan``, then let go to its end, and compared with the unbroken one."""
    tallies = {stage: Tally() for stage in plan}
    out = folder / "broken"
    shutil.rmtree(out, ignore_errors=True)
    for stage in plan:
        if stage == "preparation":
            shutil.rmtree(game.cache, ignore_errors=True)
        anywhere = stage == "anywhere"
        delay = chance.random() * (2.5 if anywhere else 0.06)
        count = 1 if stage in ("preparation", "film", "report") else chance.randint(1, 4)
        end = start(game, out, None if anywhere else stage, count, kill_after=delay)
        tallies[stage].kills += 1
        tallies[stage].late += end.code is not None
        if end.code not in (None, 0):
            tallies[stage].wrong += 1
    end = start(game, out)
    if end.code != 0 or end.err or differences(unbroken, out) or litter(out) or litter(game.cache):
        for tally in tallies.values():
            tally.wrong += 1
    return tallies


def litter(folder: Path) -> list[str]:
    """What was written aside and never taken away."""
    return [str(path) for path in folder.rglob(".*.part")]


@contextmanager
def small_disk(folder: Path, size: str = "24m") -> Iterator[Path]:
    """A small file system in memory; skips where none can be mounted."""
    import subprocess

    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Fills a disk to its last byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 512)


def full_disk(game: Game, disk: Path, stage: str, unbroken: Path) -> list[str]:
    """The disk fills up at a stage; then there is room again. What is wrong with it."""
    out = disk / "run"
    if stage == "preparation":  # the cache is what is written there
        game = Game(game.source, disk / "cache", game.flags)
    count = 1 if stage in ("preparation", "film", "report", "start") else 3
    end = start(game, out, stage, count, do=lambda: fill(disk))
    wrong = []
    if end.code != 2:
        wrong.append(f"it exited with {end.code}: {end.err}")
    if "Traceback" in end.err or len(end.err.strip().splitlines()) != 1 or "cannot be written" not in end.err:
        wrong.append(f"it said: {end.err}")
    (disk / "filler").unlink(missing_ok=True)
    if out.exists():
        for folder in (out / "checkpoints").glob("[0-9]*"):
            read(folder)
    end = start(game, out)
    if end.code != 0 or end.err:
        wrong.append(f"afterwards: {end.code}, {end.err}")
    else:
        wrong += differences(unbroken, out)
    wrong += litter(disk)
    shutil.rmtree(out, ignore_errors=True)
    return wrong
