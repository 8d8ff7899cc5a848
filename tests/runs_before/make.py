"""Makes the stored runs with the version that is imported: see README.md beside this file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from commands import STORED, Stored, checks, weights

HERE = Path(__file__).parent
GONE = ("report.html", "film.gif", ".lock", ".player", ".judge.lock", "copies.csv", "copies.png")
"""What a run holds that the next command makes again."""


def evenodds(*arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """One command; its stdout."""
    done = subprocess.run([sys.executable, "-m", "evenodds", *arguments], capture_output=True, text=True)
    if done.returncode not in codes:
        raise SystemExit(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def customers(path: Path) -> None:
    """A table with numbers, categories, dates, truths, gaps and a column of free text."""
    rng = np.random.default_rng(0)
    count = 200
    large = rng.random(count) < 0.4
    frame = pd.DataFrame(
        {
            "orders": np.where(large, rng.poisson(40, count), rng.poisson(8, count)),
            "spent": np.where(large, rng.gamma(8, 60, count), rng.gamma(2, 20, count)).round(2),
            "town": rng.choice(["Seoul", "Ulm", "Accra"], count, p=[0.5, 0.3, 0.2]),
            "since": rng.choice(pd.date_range("2020-01-01", periods=700).strftime("%Y-%m-%d"), count),
            "member": rng.random(count) < 0.5,
            "remark": [f"wrote on {place} about order {place * 37}" for place in range(count)],
        }
    )
    frame.loc[rng.random(count) < 0.15, "spent"] = np.nan
    frame.loc[rng.random(count) < 0.1, "since"] = None
    frame.to_csv(path, index=False)


def portraits(folder: Path) -> None:
    """The first of the built-in faces, as their cache has them."""
    from evenodds.data import faces

    folder.mkdir()
    faces.draw_into(folder, 20)


def make(name: str, stored: Stored, work: Path) -> None:
    """Trains a run, asks it everything, stores both; then what came of its going on."""
    run, answers = work / name, {}
    evenodds(*stored.train(run, stored.rounds), codes=(0, 3))
    kept = HERE / "answers" / f"{name}{stored.suffix}"
    evenodds(*stored.sample(run, kept))
    if stored.judged:
        answers["judge"] = json.loads(evenodds(*stored.judge(run)))
        answers["score"] = json.loads(evenodds(*stored.score(run)))["figures"]
    if stored.found:
        answers["find"] = json.loads(evenodds(*stored.find(run)))
        evenodds(*stored.apply(run, kept.with_stem(f"{name}-steered")))
    if name == "people":
        shutil.rmtree(HERE / "people-hub", ignore_errors=True)
        evenodds("export", name, "--to", "hub", "--licence", "mit", "--out", str(HERE / "people-hub"))
    store(stored, run, HERE / name)
    answers["weights"] = weights(HERE / name)
    if stored.later > stored.rounds:
        evenodds(*stored.train(run, stored.later))
        journal = list(map(json.loads, (run / "journal.jsonl").read_text().splitlines()))
        answers["later checks"] = checks(journal, stored.rounds)
        answers["later weights"] = weights(run)
    (HERE / "answers" / f"{name}.json").write_text(lines(answers) + "\n")


def lines(answers: dict[str, Any]) -> str:
    """JSON with a line an entry, to be read and compared."""
    parts = []
    for name, value in answers.items():
        pairs = value.items() if isinstance(value, dict) else [(None, one) for one in value]
        told = [(f"{json.dumps(key)}: " if key else "") + json.dumps(one) for key, one in pairs]
        start, end = "{}" if isinstance(value, dict) else "[]"
        parts.append(f"{json.dumps(name)}: {start}\n  " + ",\n  ".join(told) + f"\n {end}")
    return "{\n " + ",\n ".join(parts) + "\n}"


def store(stored: Stored, run: Path, to: Path) -> None:
    """A copy without what is made again, with the newest checkpoint, the best, and the last samples.

    A game that ended at fault keeps the best state alone: it is saved on its way only where it takes longer than 20 s.
    """
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(run, to, symlinks=True, ignore=shutil.ignore_patterns(*GONE))
    folder = to / "checkpoints"
    verdict = json.loads((to / "verdict.json").read_text())["verdict"]
    if verdict in ("collapsed", "diverged"):
        (folder / "last").unlink(missing_ok=True)
    needed = {link.readlink().name for link in folder.iterdir() if link.is_symlink()}
    if not stored.keeps_judge:
        shutil.rmtree(to / "judge", ignore_errors=True)
    rounds = sorted({sample.stem for sample in (to / "samples").iterdir()})
    for sample in (to / "samples").iterdir():
        if sample.stem < rounds[-1]:
            sample.unlink()
    for other in folder.iterdir():
        if other.name.isdigit() and other.name not in needed:
            shutil.rmtree(other)


def main(work: Path, names: list[str]) -> None:
    (HERE / "answers").mkdir(exist_ok=True)
    if not (HERE / "customers.csv").exists():
        customers(HERE / "customers.csv")
    if not (HERE / "portraits").exists():
        portraits(HERE / "portraits")
    os.environ["EVENODDS_CACHE"] = str(work / "cache")
    os.environ["OMP_NUM_THREADS"] = "1"
    if not (work / "cache" / "faces-v1").exists():
        shutil.copytree(HERE / "portraits", work / "cache" / "faces-v1")
    for source in ("customers.csv", "portraits"):
        if not (work / source).exists():
            (work / source).symlink_to(HERE / source)
    os.chdir(work)
    for name in names or STORED:
        shutil.rmtree(work / name, ignore_errors=True)
        make(name, STORED[name], Path())


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2:])
