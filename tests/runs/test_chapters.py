"""The chapters of a film are the moments that the journal has."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

from evenodds.runs.chapters import chapters
from evenodds.runs.run import Run

BEFORE = Path(__file__).parents[1] / "runs_before"


def test_chapters_are_where_the_journal_has_them(tmp_path: Path) -> None:
    copytree(BEFORE / "people", tmp_path / "people")
    run = Run.open(tmp_path / "people")
    lines = [json.loads(line) for line in (run.path / "journal.jsonl").read_text("utf-8").splitlines()]
    lines = [line for line in lines if "odds" in line]
    frames = [line["round"] for line in lines]
    found = {name: (at, frames[frame]) for name, at, frame in chapters(run, frames)}
    even = next((line["round"] for line in lines if line["round"] > 0 and line["odds_low"] <= 0.5), None)
    ruled = next(
        (line["round"] for line in lines if line["round"] > 0 and line.get("referee") is not None), None
    )
    assert found["enters"] == (frames[1], frames[1])
    assert found.get("even") == (None if even is None else (even, even))
    assert found.get("referee") == (None if ruled is None else (ruled, ruled))
    thin = chapters(run, frames[::7])
    assert [one.round for one in thin] == sorted(one.round for one in thin)
    assert all(frames[::7][one.frame] >= one.round or one.frame == len(frames[::7]) - 1 for one in thin)
    assert chapters(run, []) == []
