"""What every part of a training needs beside its run: device, team, observer, and a way to be stopped."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from evenodds.core.distributed import ALONE, Team
from evenodds.core.observer import Observer
from evenodds.runs.verdict import Verdict
from evenodds.training.clock import Moment


class TrainingObserver(Observer, Protocol):
    """Is told how a training goes, too."""

    def moment(self, moment: Moment) -> None:
        """Where the game is: at every check, and twice a second at most between them."""

    def end(self, verdict: Verdict, report: Path) -> None:
        """Why the game ended, and the page to look at."""


class Silent:
    """An observer who does nothing."""

    def say(self, text: str) -> None: ...

    def prepare(self, what: str, done: int, total: int) -> None: ...

    def moment(self, moment: Moment) -> None: ...

    def end(self, verdict: Verdict, report: Path) -> None: ...


@dataclass(frozen=True)
class Context:
    """Where a training runs, with whom, and who watches it.

    ``stop``, set by another thread or a signal, ends the game after the round in play; it is saved first.
    """

    device: torch.device
    team: Team = ALONE
    observer: TrainingObserver = field(default_factory=Silent)
    stop: threading.Event = field(default_factory=threading.Event)
