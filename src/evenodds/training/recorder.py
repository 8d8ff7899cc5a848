"""Writes down what happens in a game: checks and events as lines of the journal, with samples beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from evenodds.data.store import Store
from evenodds.game.alarms import Alarm
from evenodds.game.schedule import Move
from evenodds.metrics.odds import Odds
from evenodds.runs.journal import Check
from evenodds.runs.messages import alarm_sentence
from evenodds.runs.run import Run
from evenodds.training.snapshots import SnapshotWriter
from evenodds.training.supervisor import Measurement
from evenodds.training.trainer import Trainer

RULING_DIGITS = 5
"""Decimals of a ruling kept in the journal."""


class JournalWriter:
    """Writes to a run's journal and samples, and holds the last of both."""

    def __init__(self, run: Run, store: Store, trainer: Trainer) -> None:
        self.run, self.trainer = run, trainer
        self.snapshots = SnapshotWriter(run, store, trainer)
        self.check: Check | None = None
        self.sample: Path | None = None
        trainer.on_split = lambda parts: self.event("split", parts=parts)

    def resume(self, rounds: int) -> None:
        """Forgets what was written after a round, and goes on with the last check before it."""
        self.run.go_back_to(rounds)
        checks = self.run.checks()
        self.check = checks[-1] if checks else None
        sheets = [path for path in self.run.samples() if path.suffix in (".png", ".csv")]
        self.sample = sheets[-1] if sheets else None

    def event(self, event: str, **facts: Any) -> None:
        """Writes a line that is no check; ``runs.messages`` has the sentences."""
        self.run.note({"event": event, "round": self.trainer.rounds, **facts})

    def alarms(self, alarms: Iterable[Alarm]) -> None:
        """Writes a line for each alarm."""
        for alarm in alarms:
            self.event("alarm", kind=alarm.kind, reason=alarm.reason.to_json())

    def moves(self, moves: Iterable[Move]) -> None:
        """Writes a line for each move of the schedule."""
        for move in moves:
            self.event("tempo", what=move.what, to=move.to, reason=move.reason.to_json())

    def measurement(
        self, measurement: Measurement, losses: tuple[Tensor, Tensor], seconds: float, speed: float
    ) -> None:
        """Writes a check and new samples, where the check has numbers, and its alarms."""
        metrics, alarms, ruling, selection = measurement
        if metrics is not None:
            self.sample = self.snapshots.write()
            rounded = None if ruling is None else (round(value, RULING_DIGITS) for value in ruling[:3])
            self.check = Check(
                self.trainer.rounds,
                self.trainer.seen,
                round(seconds, 3),
                metrics,
                None if rounded is None else Odds(*rounded),
                tuple(alarm.to_json() for alarm in alarms),
                loss_d=json_number(losses[0]),
                loss_g=json_number(losses[1]),
                speed=round(speed, 2),
                selection=None if selection is None else significant(selection.value),
                selection_error=None if selection is None else significant(selection.error),
            )
            self.run.note(self.check.to_json())
        self.alarms(alarms)


def new_alarms(alarms: list[Alarm], last: Check | None) -> list[str]:
    """Sentences on the alarms that were not raised at the last check."""
    lasting = {alarm["kind"] for alarm in (() if last is None else last.alarms) if isinstance(alarm, dict)}
    return [alarm_sentence(alarm.to_json()) for alarm in alarms if alarm.kind not in lasting]


def significant(value: float | None) -> float | None:
    """A number with six significant digits."""
    return None if value is None else float(f"{value:.6g}")


def json_number(loss: Tensor) -> float | None:
    """A loss for JSON, which knows no NaN."""
    value = float(loss)
    return round(value, 6) if math.isfinite(value) else None
