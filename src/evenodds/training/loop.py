"""Plays rounds until the game is decided or its budget is spent, and writes down what happened."""

from __future__ import annotations

import math
from typing import Any

import torch

from evenodds.config.budget import Budget
from evenodds.config.settings import Recipe
from evenodds.config.stages import stage_ends
from evenodds.core.bundle import Tensors
from evenodds.core.device import threads_for
from evenodds.core.errors import UserError
from evenodds.data.store import Store
from evenodds.game.alarms import LOST_GROUP, Alarm
from evenodds.metrics.selection import Selection
from evenodds.runs.checkpoints import CheckpointManager, Damaged, Snapshot
from evenodds.runs.initial_weights import find_weights
from evenodds.runs.messages import english, event_sentence
from evenodds.runs.run import Run
from evenodds.runs.status import OVER
from evenodds.runs.verdict import Verdict
from evenodds.training.best_state import is_better, stored
from evenodds.training.clock import Clock, after
from evenodds.training.context import Context
from evenodds.training.evidence import evidence_of
from evenodds.training.initial_players import begin_with
from evenodds.training.likelihood import CUT, ENDED, Likelihood, before_game, cut_before
from evenodds.training.live import LiveWriter
from evenodds.training.ranks import Ranks, broadcast_end
from evenodds.training.recorder import JournalWriter, new_alarms
from evenodds.training.supervisor import Decision, Measurement, Supervisor
from evenodds.training.trainer import Trainer

MEASURE_AFTER = 5
"""D steps between measurements of the odds in its head start."""


def train(run: Run, store: Store, context: Context) -> Verdict:
    """Plays the run from its last checkpoint to its verdict, returned and written; a game that is over stays over.

    The observer is told of a damaged checkpoint, in place of which the one before is taken. Raises UserError where
    another process trains the run, or no checkpoint is whole.
    """
    with run.lock(), torch.random.fork_rng(), threads_for(run.spec):
        before = run.verdict()
        if before is not None and before.verdict in OVER and run.recipe.plan.stop == "early":
            broadcast_end(context.team, before.to_json())
            return before
        trainer = Trainer(run.recipe, store, context.device, context.team)
        loop = TrainingLoop(run, store, trainer, context)
        loop.resume()
        try:
            verdict = loop.play()
        finally:
            loop.live.clear()
        loop.ranks.end(verdict.to_json())
        run.write_verdict(verdict)
    return verdict


def follow(recipe: Recipe, store: Store, context: Context) -> Verdict:
    """Plays what rank 0 announces, without a run folder, to the verdict that rank 0 comes to."""
    with torch.random.fork_rng(), threads_for(store.spec):
        trainer = Trainer(recipe, store, context.device, context.team)
        return Verdict.from_json(Ranks(trainer, context.stop).worker_loop())


class TrainingLoop:
    """A game on its way: plays, has it checked, keeps its best state, goes back after a fault, and saves."""

    def __init__(self, run: Run, store: Store, trainer: Trainer, context: Context) -> None:
        self.run, self.trainer, self.context = run, trainer, context
        self.ranks = Ranks(trainer, context.stop)
        self.supervisor = Supervisor(trainer)
        self.journal = JournalWriter(run, store, trainer)
        self.clock = Clock(Budget.parse(run.recipe.plan.budget))
        self.live = LiveWriter(run, store, trainer, self.clock)
        self.likelihood = Likelihood(trainer)
        self.next_check = 0
        self.checkpoints = CheckpointManager(run.checkpoints, self.state(None))

    # Beginning

    def resume(self) -> None:
        """Goes to the last whole checkpoint, if there is one. Raises UserError where it is of another game."""
        self.run.sweep_parts()
        self.live.begin()
        last, damaged = self.run.checkpoints.last_whole()
        self.run.write_verdict(None)
        played = last is not None and (last.facts.get("rounds") or last.facts.get("likelihood_steps"))
        if last is None or not played or before_game(last):
            self.run.go_back_to(-1)
            self.run.note({"event": "start", **self.run.data_facts.to_json()})
        if last is None or not played:  # D's head start is played anew
            self.begin()
        else:
            damaged += self.restore(last)
            self.journal.event("resume")
            if cut_before(self.run, self.clock.spent(self.trainer)):
                self.context.observer.say(english("likelihood left"))
            if last.facts["ranks"] != self.trainer.team.size:
                self.journal.event("ranks", was=last.facts["ranks"], now=self.trainer.team.size)
        self.ranks.sync_state()
        for checkpoint in damaged:
            self.journal.event("damaged", **checkpoint._asdict())
            self.context.observer.say(checkpoint.reason)
        self.clock.checked(self.trainer.seen)

    def begin(self) -> None:
        """Takes over the networks that the game begins with, if it does. Raises UserError where they are no longer what
        they were when the run was made."""
        init = self.run.recipe.plan.init
        if init is None:
            return
        initial = find_weights(init)
        if initial.fingerprint != self.run.facts["init"]["fingerprint"]:
            raise UserError(
                f"{init} has changed since {self.run.path} was to begin with it, take another --out"
            )
        for reason in begin_with(self.trainer.players, initial):
            self.tell("init", reason=reason)
        self.checkpoints.keep(self.state(None))

    def restore(self, last: Snapshot) -> list[Damaged]:
        """Goes to the place that a checkpoint holds, and forgets what was written after it. Returns what is damaged of
        the best state. Raises UserError where the checkpoint is of another game."""
        tensors, facts = last
        try:
            self.trainer.restore(tensors, facts)
            self.likelihood.restore(last)
            self.clock.resumed_at = facts["seconds"] + 0.0
            self.journal.resume(self.trainer.rounds)
            self.supervisor.restore(facts["steward"], self.run.journal())
            self.next_check = facts["next_check"]
            return self.checkpoints.resume(last)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as problem:
            first = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise UserError(
                f"the last checkpoint of {self.run.path} is not of such a game ({first}), "
                "train anew in another --out"
            ) from problem

    def likelihood_first(self) -> bool:
        """Has G learn real rows by their likelihood until that brings no more, or its share of the budget is
        spent. Returns False where it is stopped before."""
        trainer, likelihood, clock = self.trainer, self.likelihood, self.clock
        likelihood.begin()
        while not likelihood.over and clock.spent_on_likelihood(trainer) < trainer.recipe.game.likelihood:
            if self.context.stop.is_set() or self.checkpoints.due():
                self.checkpoints.keep(self.state(None))
                if self.context.stop.is_set():
                    return False
                self.save()
            self.ranks.likelihood_step()
            likelihood.after_step()
            self.report_now_and_then()
        event = ENDED if likelihood.over else CUT
        self.tell(event, **likelihood.end(), seconds=round(clock.seconds(), 1))
        self.ranks.sync_state()
        self.checkpoints.keep(self.state(None))
        return True

    def head_start(self) -> None:
        """Plays D alone until its odds are at the level asked for, or its steps are used up."""
        trainer, game, stopping = self.trainer, self.run.recipe.game, self.supervisor.stopping
        first = trainer.turns
        while game.head_start and not self.context.stop.is_set():
            for _ in range(MEASURE_AFTER):
                self.ranks.d_step()
                self.report_now_and_then()
            self.live.after_head_start()
            try:
                odds = self.supervisor.checker.probes.odds().value
            except ValueError:
                break  # the next check says what is wrong
            won, turns = odds >= game.head_start, trainer.turns - first
            stopping.warmed_up = stopping.warmed_up or won
            if won or turns >= game.head_turns:
                facts = {"turns": turns, "reached": round(odds, 5), "asked": game.head_start}
                self.journal.event("head start", **facts, won=won)
                break

    # Playing

    def play(self) -> Verdict:
        """Plays rounds and checks until the game is decided, the budget is spent, or the game is stopped."""
        trainer = self.trainer
        losses = (torch.tensor(math.nan), torch.tensor(math.nan))
        if not trainer.rounds and not trainer.likelihood_steps and not self.supervisor.stopping.warmed_up:
            self.head_start()
        if not self.likelihood.over:
            if not self.likelihood_first():
                self.save()
                return self.verdict("interrupted")
            self.head_start()
        while True:
            spent = self.clock.spent(trainer) >= 1
            if trainer.rounds >= self.next_check or spent or self.stage_is_over():
                verdict = self.check(losses)
                if verdict is not None:
                    return self.verdict(verdict)
            if spent or self.context.stop.is_set():
                if not spent and not self.has_finite_scores():  # a check was made where the budget ends
                    return self.verdict("diverged")
                self.save()
                return self.verdict("budget" if spent else "interrupted")
            losses = self.ranks.round()
            self.live.after_round(losses)
            self.report_now_and_then()

    def check(self, losses: tuple[torch.Tensor, torch.Tensor]) -> str | None:
        """Has the supervisor measure and decide, and does what it decided. Returns the verdict, if there is one."""
        trainer, every = self.trainer, self.run.recipe.plan.check_every
        last = self.journal.check
        if last is not None and last.round == trainer.rounds:
            return None
        speed = self.clock.rate(trainer.seen)
        measurement, decision = self.supervisor.check(self.clock.seconds(), every)
        self.journal.measurement(measurement, losses, self.clock.seconds(), speed)
        for sentence in new_alarms(measurement.alarms, last):
            self.context.observer.say(f"round {self.trainer.rounds:,}, alarm: {sentence}")
        self.journal.moves(decision.moves)
        if decision.moves:
            self.ranks.sync_state()
        self.clock.checked(trainer.seen, speed)
        if trainer.rounds >= self.next_check:
            began = trainer.stage_began
            self.next_check = began + after(trainer.rounds - began, every)
        self.keep_best(measurement, decision)
        decided = decision.verdict is not None and not trainer.last_stage
        if decision.fault is None and (self.stage_is_over() or decided):
            self.next_stage()
            decision = Decision()
        if decision.fault is not None and decision.verdict is None:
            self.go_back(decision.fault)
        self.save_checked(decision)
        self.report()
        return decision.verdict

    def keep_best(self, measurement: Measurement, decision: Decision) -> None:
        """Holds on to the state if none was better so far, or if it is the one that was proved even."""
        metrics, alarms, ruling, selection = measurement
        if metrics is None or selection is None:
            return
        if not self.trainer.rounds and not self.trainer.likelihood_steps:
            # Of the untrained G, until a better one comes; its players are those before D's head start.
            tensors, facts = stored(selection)
            self.checkpoints.best.tensors.update(tensors)
            self.checkpoints.best.facts.update(facts, distance=metrics.distance)
            return
        even = decision.verdict == "even"
        spoilt = any(alarm.kind != LOST_GROUP for alarm in alarms)
        if decision.fault is not None or (spoilt and not even):
            return
        refereed = bool(self.trainer.likelihood_steps and self.trainer.rounds)
        if even or is_better(metrics, selection, self.checkpoints.best, ruling, refereed=refereed):
            self.checkpoints.keep(self.state(metrics.distance, selection))

    def go_back(self, fault: Alarm) -> None:
        """Goes to the best state, with something changed; from an untrained one D gets its head start again."""
        to = self.checkpoints.best.rounds
        self.trainer.load_players(self.checkpoints.best.tensors)
        moves = self.supervisor.mend(fault)
        tries = self.supervisor.record.tries
        self.journal.event("back", to=to, attempt=tries, reason=fault.reason.to_json())
        self.journal.moves(moves)
        self.ranks.sync_state()
        if to == 0:
            self.head_start()

    def stage_is_over(self) -> bool:
        """Whether the next stage is due: this one's share of the budget is spent, and not all of it."""
        trainer = self.trainer
        until = stage_ends(len(trainer.sides))[trainer.stage]
        return not trainer.last_stage and until <= self.clock.spent(trainer) < 1

    def next_stage(self) -> None:
        """Goes on from the best state with the next stage."""
        self.trainer.load_players(self.checkpoints.best.tensors)
        self.trainer.next_stage()
        self.supervisor.next_stage()
        self.next_check = self.trainer.rounds + self.run.recipe.plan.check_every
        self.journal.event("stage", side=self.trainer.sides[self.trainer.stage])
        measured = self.supervisor.checker.measure()
        if measured is not None:  # later states are compared with this one as the new stage measures it
            metrics, selection = measured
            self.checkpoints.keep(self.state(metrics.distance, selection))
        self.ranks.sync_state()

    def has_finite_scores(self) -> bool:
        """Whether D's scores are numbers: a state where they are not is never saved over a sound one."""
        try:
            self.supervisor.checker.probes.odds()
        except ValueError:
            return False
        return True

    # Saving and reporting

    def tell(self, event: str, **facts: Any) -> None:
        """Writes an event to the journal, and says it."""
        self.journal.event(event, **facts)
        self.context.observer.say(event_sentence({"event": event, **facts}))

    def state(self, distance: float | None, selection: Selection | None = None) -> Snapshot:
        """All that a checkpoint of this place must hold; of the best state also what it was chosen by."""
        tensors, facts = self.trainer.state()
        chosen_by: tuple[Tensors, dict[str, Any]] = ({}, {}) if selection is None else stored(selection)
        learning = self.likelihood.state()
        more = {
            "seconds": self.clock.seconds(),
            "next_check": self.next_check,
            "steward": self.supervisor.state(),
            "distance": distance,
        }
        return Snapshot(
            {**tensors, **chosen_by[0], **learning[0]}, {**facts, **chosen_by[1], **learning[1], **more}
        )

    def save(self) -> None:
        """Saves a checkpoint of this very place."""
        check = self.journal.check
        self.checkpoints.save(self.state(None if check is None else check.metrics.distance))

    def save_checked(self, decision: Decision) -> None:
        """Saves after a check now and then, and at the end: a state at fault never over a sound one, but the best."""
        over = decision.verdict is not None
        if (over and decision.fault is None) or self.checkpoints.due():
            self.save()
        elif over:
            self.checkpoints.save_best()

    def report_now_and_then(self) -> None:
        """Tells the observer where the game is, twice a second at most."""
        if self.clock.due():
            self.report()

    def report(self) -> None:
        """Tells the observer where the game is."""
        moment = self.clock.moment(self.trainer, self.journal.check, self.journal.sample)
        self.context.observer.moment(moment)

    def verdict(self, name: str) -> Verdict:
        """Why the game ended, with its evidence."""
        trainer, spent = self.trainer, self.clock.spent(self.trainer)
        evidence = evidence_of(name, self.journal.check, self.checkpoints.best, self.supervisor, spent)
        return Verdict(name, evidence, trainer.rounds, trainer.seen, round(self.clock.seconds(), 3))
