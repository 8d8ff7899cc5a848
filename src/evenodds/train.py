"""Plays rounds until the budget is spent, and writes down what happened."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from evenodds.budget import Budget
from evenodds.checkpoint import read
from evenodds.data.store import Store
from evenodds.gallery import Gallery
from evenodds.game.odds import Odds
from evenodds.run import Run
from evenodds.spec import RowSpec, SampleSpec
from evenodds.training import Training

SAVE_AFTER = 20.0
"""Seconds between checkpoints, at least; what a hard stop can lose."""
TELL_AFTER = 0.5
"""Seconds between moments told in between checks."""
APART = 0.03
"""Checks are at least this share of the rounds so far apart: a film's frames follow the game, not the clock."""


@dataclass(frozen=True)
class Moment:
    """Where the game is. ``spent`` is the budget's share; ``check`` is the journal's last line, if one was written."""

    rounds: int
    seen: int
    seconds: float
    spent: float
    speed: float
    check: dict[str, Any] | None
    sample: Path | None

    @property
    def left(self) -> float:
        """Seconds left, if the game goes on as it went."""
        return self.seconds * (1 - self.spent) / self.spent if self.spent > 0 else math.nan


Watch = Callable[[Moment], None]


def train(
    run: Run,
    store: Store,
    device: torch.device,
    watch: Watch = lambda moment: None,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """Plays the run from its last checkpoint to its verdict, which is returned and written.

    ``stop`` set by another thread or a signal ends the game after the round in play, `interrupted` and saved.
    Raises UserError where another process trains the run, or its checkpoint is damaged.
    """
    with run.lock(), torch.random.fork_rng(), threads_for(run.spec):
        play = Play(run, store, device, watch)
        play.resume()
        verdict = play.to_the_end(stop or threading.Event())
        run.write_verdict(verdict)
    return verdict


@contextmanager
def threads_for(spec: SampleSpec) -> Iterator[None]:
    """One thread for rows: their matrices are so small that a second one gains a fifth, and loses tenfold where
    another program wants the core."""
    before = torch.get_num_threads()
    if isinstance(spec, RowSpec):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Play:
    """The loop's own state: the training, its clock and its last check."""

    def __init__(self, run: Run, store: Store, device: torch.device, watch: Watch) -> None:
        self.run, self.watch = run, watch
        self.training = Training(run.recipe, store, device)
        self.gallery = Gallery(run, store, self.training)
        self.budget = Budget.parse(run.recipe.plan.budget)
        self.check: dict[str, Any] | None = None
        self.sample: Path | None = None
        self.next_check = 0
        self.resumed_at = 0.0  # seconds already played when this process took over
        self.started = time.monotonic()
        self.saved = self.told = self.started
        self.since = (0, self.started)  # samples seen and time at the last check, for the speed

    def resume(self) -> None:
        """Goes to the last checkpoint, if there is one."""
        last = self.run.last()
        self.run.write_verdict(None)
        if last is None:
            self.run.go_back_to(-1)
            self.run.note({"event": "start", **self.run.facts["data"]["told"]})
        else:
            tensors, facts = read(last)
            self.training.restore(tensors, facts)
            self.resumed_at = self.training.seconds
            self.run.go_back_to(self.training.rounds)
            checks = self.run.checks()
            self.check = checks[-1] if checks else None
            self.next_check = facts["next_check"]
            self.run.note({"event": "resume", "round": self.training.rounds})
        self.since = (self.training.seen, time.monotonic())

    def to_the_end(self, stop: threading.Event) -> dict[str, Any]:
        """Rounds and checks until the budget is spent, the game is stopped, or the players break."""
        training = self.training
        losses = (torch.tensor(math.nan), torch.tensor(math.nan))
        while True:
            done = self.spent() >= 1
            if (training.rounds >= self.next_check or done) and not self.make_check(*losses):
                return self.verdict("diverged")
            if done or stop.is_set():
                if not done and self.measure() is None:
                    return self.verdict("diverged")
                self.save()
                return self.verdict("budget" if done else "interrupted")
            losses = training.round()
            self.tick()

    def make_check(self, loss_d: torch.Tensor, loss_g: torch.Tensor) -> bool:
        """Measures, writes the journal and the samples, and saves now and then. False where a score is no number."""
        training = self.training
        if self.check is not None and self.check["round"] == training.rounds:
            return True
        speed = self.rate()
        try:
            found = training.odds()
        except ValueError:
            self.run.note(
                {"event": "diverged", "round": training.rounds, "reason": "D's scores are not numbers"}
            )
            return False
        self.sample = self.gallery.hang()
        self.check = {
            "round": training.rounds,
            "seen": training.seen,
            "seconds": round(self.seconds(), 3),
            "odds": round(found.value, 5),
            "odds_low": round(found.low, 5),
            "odds_high": round(found.high, 5),
            "loss_d": number(loss_d),
            "loss_g": number(loss_g),
            "speed": round(speed, 2),
        }
        self.run.note(self.check)
        self.since = (training.seen, time.monotonic())
        if training.rounds >= self.next_check:
            self.next_check = after(training.rounds, self.run.recipe.plan.check_every)
        if time.monotonic() - self.saved > SAVE_AFTER:
            self.save()
        self.tell()
        return True

    def measure(self) -> Odds | None:
        """The odds, or None where D's scores are no numbers: such a state is never saved over a sound one."""
        try:
            return self.training.odds()
        except ValueError:
            return None

    def save(self) -> None:
        """A checkpoint of this very place."""
        self.training.seconds = self.seconds()
        tensors, facts = self.training.state()
        self.run.save(self.training.rounds, tensors, {**facts, "next_check": self.next_check})
        self.saved = time.monotonic()

    def tick(self) -> None:
        """Tells whoever watches, now and then."""
        if time.monotonic() - self.told > TELL_AFTER:
            self.tell()

    def tell(self) -> None:
        training = self.training
        moment = Moment(
            training.rounds,
            training.seen,
            self.seconds(),
            self.spent(),
            self.speed(),
            self.check,
            self.sample,
        )
        self.watch(moment)
        self.told = time.monotonic()

    def seconds(self) -> float:
        """Seconds played, those before a resume counted in."""
        return self.resumed_at + time.monotonic() - self.started

    def spent(self) -> float:
        training = self.training
        return self.budget.share(seconds=self.seconds(), rounds=training.rounds, seen=training.seen)

    def rate(self) -> float:
        """Samples seen a second since the last check."""
        seen, then = self.since
        return (self.training.seen - seen) / max(time.monotonic() - then, 1e-9)

    def speed(self) -> float:
        """What is told: the rate so far, or just after a check the one it found."""
        if self.check is not None and time.monotonic() - self.since[1] < TELL_AFTER:
            return float(self.check["speed"])
        return self.rate()

    def verdict(self, name: str) -> dict[str, Any]:
        """Why the game ended, with its evidence."""
        check = self.check or {}
        spent = {"budget": self.run.recipe.plan.budget, "spent": round(min(self.spent(), 1.0), 4)}
        odds = {key: check.get(key) for key in ("round", "odds", "odds_low", "odds_high")}
        return {
            "verdict": name,
            "evidence": {**spent, **odds},
            "rounds": self.training.rounds,
            "seen": self.training.seen,
            "seconds": round(self.seconds(), 3),
        }


def after(rounds: int, every: int) -> int:
    """The round of the check after one at ``rounds``: no clock in it, so that a resumed game checks where others do."""
    return max(rounds + every, math.ceil(rounds * (1 + APART)))


def number(loss: torch.Tensor) -> float | None:
    """A loss for JSON, which knows no NaN."""
    value = float(loss)
    return round(value, 6) if math.isfinite(value) else None
