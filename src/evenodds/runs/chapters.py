"""The chapters of a game's film: D's head start, G enters, the first even odds, the referee, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evenodds.runs.run import Run


class Chapter(NamedTuple):
    """A moment of a game: its ``name``, the round, and the index of the frame that shows it."""

    name: str
    round: int
    frame: int


def chapters(run: Run, frames: Sequence[int]) -> list[Chapter]:
    """The chapters of a run, in order of time, for frames of these rounds, ascending. What never came about has none,
    and a moment between two frames is shown by the later one."""
    if not frames:
        return []
    checks = [check for check in run.checks() if check.round > 0]
    moments = [("enters", checks[0].round if checks else 0)]
    if any(line.get("event") == "head start" for line in run.journal()):
        moments.insert(0, ("head start", 0))
    even = next((check.round for check in checks if check.odds.low <= 0.5), None)
    ruled = next((check.round for check in checks if check.referee is not None), None)
    verdict = run.verdict()
    ended = None if verdict is None or verdict.verdict == "interrupted" else verdict.rounds
    for name, at in (("even", even), ("referee", ruled), ("verdict", ended)):
        if at is not None:
            moments.append((name, at))
    last = len(frames) - 1
    return [
        Chapter(name, at, next((index for index, one in enumerate(frames) if one >= at), last))
        for name, at in sorted(moments, key=lambda moment: moment[1])
    ]
