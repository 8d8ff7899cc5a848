"""Plays rounds until the game is decided or its budget is spent, and writes down what happened."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from evenodds.config.budget import Budget
from evenodds.config.settings import Recipe
from evenodds.core.device import threads_for
from evenodds.core.distributed import ALONE, Team
from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.data.store import Store
from evenodds.game.alarms import Alarm
from evenodds.game.schedule import Move
from evenodds.runs.checkpoints import CheckpointManager, Damaged, Snapshot
from evenodds.runs.run import Run
from evenodds.runs.status import OVER
from evenodds.training.clock import Clock, Moment, after
from evenodds.training.snapshots import SnapshotWriter
from evenodds.training.supervisor import Found, Supervisor
from evenodds.training.trainer import Trainer, end

LOOK_AFTER = 5
"""D turns between looks at the odds in its head start."""

Watch = Callable[[Moment], None]


def train(
    run: Run,
    store: Store,
    device: torch.device,
    watch: Watch = lambda moment: None,
    stop: threading.Event | None = None,
    say: Say = lambda text: None,
    team: Team = ALONE,
) -> dict[str, Any]:
    """Plays the run from its last checkpoint to its verdict, returned and written; a game that is over stays over.

    ``stop`` set by another thread or a signal ends the game after the round in play, `interrupted` and saved.
    ``say`` is told of a damaged checkpoint, in place of which the one before is taken. Raises UserError where another
    process trains the run, or no checkpoint is whole.
    """
    with run.lock(), torch.random.fork_rng(), threads_for(run.spec):
        before = run.verdict()
        if before is not None and before["verdict"] in OVER and run.recipe.plan.stop == "early":
            end(team, before)
            return before
        training = Trainer(run.recipe, store, device, team)
        training.stop = stop or training.stop
        play = TrainingLoop(run, store, training, watch, say)
        play.resume()
        verdict = play.to_the_end()
        end(team, verdict)
        run.write_verdict(verdict)
    return verdict


def play_along(
    recipe: Recipe, store: Store, device: torch.device, team: Team, stop: threading.Event | None = None
) -> dict[str, Any]:
    """Plays what rank 0 announces, without a run folder, to the verdict that rank 0 says."""
    with torch.random.fork_rng(), threads_for(store.spec):
        training = Trainer(recipe, store, device, team)
        training.stop = stop or training.stop
        verdict: dict[str, Any] = training.follow()
    return verdict


class TrainingLoop:
    """The loop's own state: the training, its clock and its last check."""

    def __init__(self, run: Run, store: Store, training: Trainer, watch: Watch, say: Say) -> None:
        self.run, self.training, self.watch, self.say = run, training, watch, say
        self.stop, self.parts = training.stop, training.parts
        self.supervisor = Supervisor(self.training)
        self.gallery = SnapshotWriter(run, store, self.training)
        self.clock = Clock(Budget.parse(run.recipe.plan.budget))
        self.check: dict[str, Any] | None = None
        self.sample: Path | None = None
        self.next_check = 0
        self.snapshots = CheckpointManager(run.checkpoints, self.state(None))

    def resume(self) -> None:
        """Goes to the last whole checkpoint, if there is one."""
        self.run.sweep_parts()
        last, damaged = self.run.checkpoints.last_whole()
        self.run.write_verdict(None)
        if last is None or not last.facts.get("rounds"):  # D's head start is played anew
            self.run.go_back_to(-1)
            self.run.note({"event": "start", **self.run.facts["data"]["told"]})
        else:
            facts = last.facts
            try:
                self.take_over(last)
                damaged += self.snapshots.resume(last)
            except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as problem:
                first = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
                raise UserError(
                    f"the last checkpoint of {self.run.path} is not of such a game ({first}), "
                    "train anew in another --out"
                ) from problem
            self.parts = self.training.parts
            self.run.note({"event": "resume", "round": self.training.rounds})
            if facts["ranks"] != self.training.team.size:
                self.tell_event("ranks", was=facts["ranks"], now=self.training.team.size)
        self.training.level()
        for checkpoint in damaged:
            self.tell_damage(checkpoint)
        self.clock.checked(self.training.seen)

    def take_over(self, last: Snapshot) -> None:
        """Goes to the place that a checkpoint holds, and forgets what was written after it."""
        self.training.restore(*last)
        self.clock.resumed_at = self.training.seconds
        self.run.go_back_to(self.training.rounds)
        self.supervisor.restore(last.facts["steward"], self.run.journal())
        checks = self.run.checks()
        self.check = checks[-1] if checks else None
        self.next_check = last.facts["next_check"]

    def tell_damage(self, damaged: Damaged) -> None:
        """That a checkpoint was damaged, to the journal and to the user."""
        self.tell_event("damaged", checkpoint=damaged.checkpoint, reason=damaged.reason)
        self.say(damaged.reason)

    def head_start(self) -> None:
        """D plays alone until its odds are at the level asked for, or its turns are used up."""
        training, game, finish = self.training, self.run.recipe.game, self.supervisor.finish
        first = training.turns
        while game.head_start and not self.stop.is_set():
            for _ in range(LOOK_AFTER):
                training.lead()
                self.tick()
            try:
                found = training.odds().value
            except ValueError:
                break  # the next check says what is wrong
            finish.warmed_up, turns = found >= game.head_start, training.turns - first
            if finish.warmed_up or turns >= game.head_turns:
                facts = {"turns": turns, "reached": round(found, 5), "asked": game.head_start}
                self.tell_event("head start", **facts, won=finish.warmed_up)
                break

    def to_the_end(self) -> dict[str, Any]:
        """Rounds and checks until the game is decided, the budget is spent, or the game is stopped."""
        training = self.training
        losses = (torch.tensor(math.nan), torch.tensor(math.nan))
        if not training.rounds and not self.supervisor.finish.warmed_up:
            self.head_start()
        while True:
            done = self.spent() >= 1
            if training.rounds >= self.next_check or done:
                ending = self.make_check(*losses)
                if ending is not None:
                    return self.verdict(ending)
            if done or self.stop.is_set():
                if not done and not self.sound():  # a check was made where the budget ends
                    return self.verdict("diverged")
                self.save()
                return self.verdict("budget" if done else "interrupted")
            losses = training.round()
            self.tick()

    def make_check(self, loss_d: torch.Tensor, loss_g: torch.Tensor) -> str | None:
        """Has the steward look, writes down what it found, and saves now and then. Returns the verdict, if any."""
        training = self.training
        if self.check is not None and self.check["round"] == training.rounds:
            return None
        speed = self.clock.rate(training.seen)
        found = self.supervisor.check(self.clock.seconds(), self.run.recipe.plan.check_every)
        if found.fault is None and self.run.recipe.plan.stop == "budget":
            found = found._replace(ending=None)
        if found.seen is not None:
            self.sample = self.gallery.write()
            losses = {"loss_d": number(loss_d), "loss_g": number(loss_g), "speed": round(speed, 2)}
            self.write_line(found, losses)
        for alarm in found.alarms:
            self.tell_event("alarm", kind=alarm.kind, reason=alarm.reason.to_json())
        self.tell_moves(found.moves)
        if found.moves:
            training.level()
        self.clock.checked(training.seen, speed)
        if training.rounds >= self.next_check:
            self.next_check = after(training.rounds, self.run.recipe.plan.check_every)
        if found.seen is not None and not training.rounds:
            # Of the untrained G, until a better one comes.
            self.snapshots.best.facts["distance"] = found.seen.distance
        if found.fault is None:
            self.keep(found)
        elif found.ending is None:
            self.go_back(found.fault)
        # A state that is at fault is never saved over a sound one; the best one is.
        if (found.ending and found.fault is None) or self.snapshots.due():
            self.save()
        elif found.ending:
            self.snapshots.save_best()
        self.tell()
        return found.ending

    def write_line(self, found: Found, more: dict[str, Any]) -> None:
        """The check as a line of the journal."""
        ruling = found.ruling
        self.check = {
            "round": self.training.rounds,
            "seen": self.training.seen,
            "seconds": round(self.clock.seconds(), 3),
            **({} if found.seen is None else found.seen._asdict()),
            "referee": None if ruling is None else round(ruling.auc, 5),
            "referee_low": None if ruling is None else round(ruling.low, 5),
            "referee_high": None if ruling is None else round(ruling.high, 5),
            "alarms": [alarm.to_json() for alarm in found.alarms],
            **more,
        }
        self.run.note(self.check)

    def tell_event(self, event: str, **facts: Any) -> None:
        """A line of the journal that is no check."""
        self.run.note({"event": event, "round": self.training.rounds, **facts})

    def tell_moves(self, moves: list[Move]) -> None:
        """What the tempo moved, into the journal."""
        for move in moves:
            self.tell_event("tempo", what=move.what, to=move.to, reason=move.reason.to_json())

    def keep(self, found: Found) -> None:
        """Holds on to the state if none was better so far, or if it is the one that was proved even."""
        if found.seen is None or (found.alarms and found.ending != "even"):
            return
        lowest = self.snapshots.best.facts["distance"]
        # Of states that are all as close as reals the newest is the one that was averaged longest.
        bound = math.inf if lowest is None else max(lowest, self.supervisor.checker.floor)
        if found.seen.distance < bound or found.ending == "even":
            self.snapshots.keep(self.state(found.seen.distance))

    def go_back(self, fault: Alarm) -> None:
        """To the best state, with something changed; from an untrained one D gets its head start again."""
        to = self.snapshots.best.rounds
        self.training.take_players(self.snapshots.best.tensors)
        moves = self.supervisor.mend(fault)
        self.tell_event("back", to=to, attempt=self.supervisor.record.tries, reason=fault.reason.to_json())
        self.tell_moves(moves)
        self.training.level()
        if to == 0:
            self.head_start()

    def sound(self) -> bool:
        """Whether D's scores are numbers: a state where they are not is never saved over a sound one."""
        try:
            self.training.odds()
        except ValueError:
            return False
        return True

    def state(self, distance: float | None) -> Snapshot:
        """All that a checkpoint of this place must hold."""
        self.training.seconds = self.clock.seconds()
        tensors, facts = self.training.state()
        more = {"next_check": self.next_check, "steward": self.supervisor.state(), "distance": distance}
        return Snapshot(tensors, {**facts, **more})

    def save(self) -> None:
        """A checkpoint of this very place."""
        self.snapshots.save(self.state(self.check["distance"] if self.check else None))

    def tick(self) -> None:
        """Tells whoever watches, now and then; and the journal where the device's memory became too small."""
        if self.parts != self.training.parts:
            self.parts = self.training.parts
            self.tell_event("split", parts=self.parts)
        if self.clock.due():
            self.tell()

    def tell(self) -> None:
        """Where the game is."""
        self.watch(self.clock.moment(self.training, self.check, self.sample))

    def spent(self) -> float:
        return self.clock.spent(self.training)

    def verdict(self, name: str) -> dict[str, Any]:
        """Why the game ended, with its evidence."""
        check, finish, record = self.check or {}, self.supervisor.finish, self.supervisor.record
        spent = {"budget": self.run.recipe.plan.budget, "spent": round(min(self.spent(), 1.0), 4)}
        shown = ("round", "odds", "odds_low", "odds_high", "gap", "coverage", "distance", "alarms")
        return {
            "verdict": name,
            "evidence": {
                **spent,
                **{key: check.get(key) for key in shown},
                "head_start_won": finish.warmed_up,
                "level_checks": finish.level,
                "referee": record.ruling,
                "margin": finish.margin,
                "tries": record.tries,
                "best_round": self.snapshots.best.rounds,
                "best_distance": self.snapshots.best.facts["distance"],
            },
            "rounds": self.training.rounds,
            "seen": self.training.seen,
            "seconds": round(self.clock.seconds(), 3),
        }


def number(loss: torch.Tensor) -> float | None:
    """A loss for JSON, which knows no NaN."""
    value = float(loss)
    return round(value, 6) if math.isfinite(value) else None
