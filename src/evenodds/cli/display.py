"""Progress of a training: one live panel, or plain lines where the output is no terminal."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from evenodds.runs.status import status_sentence, verdict_sentences

if TYPE_CHECKING:
    from evenodds.runs.journal import Check
    from evenodds.runs.verdict import Verdict
    from evenodds.training.clock import Moment

PLAIN_EVERY = 5.0
"""Seconds between plain lines, at least."""


class Display:
    """Told of preparation, moments and the end. Writes to stdout, or to nothing when ``quiet``."""

    def __init__(self, *, quiet: bool) -> None:
        self.console = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.printed = time.monotonic()
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), console=self.console
        )
        self.shown: Table | Progress = self.progress

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.live = Live(get_renderable=lambda: self.shown, console=self.console, refresh_per_second=4)
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the last picture of the panel standing."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def say(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, markup=False)

    def prepare(self, what: str, done: int, total: int) -> None:
        """The bar of what is done once, before the first game on a source."""
        if self.live is None:
            if time.monotonic() - self.printed >= PLAIN_EVERY:
                self.printed = time.monotonic()
                self.say(f"{what}: {done:,} of {total:,}")
            return
        task = next((task for task in self.progress.tasks if task.description == what), None)
        task_id = self.progress.add_task(what, total=total) if task is None else task.id
        self.progress.update(task_id, completed=done, total=total)

    def moment(self, moment: Moment) -> None:
        """The game as it stands."""
        if self.live is not None:
            self.shown = panel(moment)
        elif moment.check is not None and (
            moment.rounds == 0 or time.monotonic() - self.printed >= PLAIN_EVERY
        ):
            self.printed = time.monotonic()
            self.say(line(moment))

    def end(self, verdict: Verdict, report: Path) -> None:
        """The last lines: the verdict and what to look at."""
        self.close()
        word = "paused" if verdict.verdict == "interrupted" else f"verdict: {verdict.verdict}"
        self.say(f"{word} after {verdict.rounds:,} rounds and {clock(verdict.seconds)}")
        for sentence in verdict_sentences(verdict):
            self.say(sentence)
        self.say(f"look at: {report}")


def panel(moment: Moment) -> Table:
    """Odds, speed, time left and the newest picture, as label and value."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("odds", odds_text(moment.check) + odds_bar(moment.check))
    table.add_row("", status_sentence(moment.check))
    table.add_row("round", f"{moment.rounds:,} · {moment.seen:,} seen · {moment.speed:,.0f} a second")
    table.add_row("time", f"{clock(moment.seconds)} played · {left_text(moment)}")
    table.add_row("newest", str(moment.sample or "none yet"))
    return table


def line(moment: Moment) -> str:
    """The same as one plain line."""
    return (
        f"round {moment.rounds:,}: {status_sentence(moment.check)} (odds {odds_text(moment.check)}), "
        f"{moment.speed:,.0f} samples a second, {left_text(moment)}"
        + ("" if moment.sample is None else f", newest {moment.sample}")
    )


def odds_text(check: Check | None) -> str:
    """The odds with their interval, in percent."""
    if check is None:
        return "not measured yet"
    return f"{check.odds.value:.0%} ({check.odds.low:.0%} to {check.odds.high:.0%})"


def odds_bar(check: Check | None, cells: int = 20) -> str:
    """Where the odds stand between even, or below it (left), and certain (right)."""
    if check is None:
        return ""
    filled = round(2 * max(0.0, check.odds.value - 0.5) * cells)
    return f"   even {'━' * filled}{'─' * (cells - filled)} D is certain"


def left_text(moment: Moment) -> str:
    """How long it still takes."""
    return f"{clock(moment.left)} left" if moment.left == moment.left else "time left not known yet"


def clock(seconds: float) -> str:
    """Seconds as 7 s, 4:05 or 2:03:09."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
