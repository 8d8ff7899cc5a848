"""Decides what follows from a check: alarms, moves of the schedule, the referee's turn, and the game's end."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from evenodds.core.spec import PictureSpec
from evenodds.data.store import Part
from evenodds.game.alarms import NOT_FINITE, Alarm, raised
from evenodds.game.schedule import Move
from evenodds.game.stopping import StoppingRule
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.efficientnet import extractors
from evenodds.metrics.groups import Lost
from evenodds.metrics.odds import Odds
from evenodds.metrics.referee import (
    MORE_FAKES,
    Extract,
    Lesson,
    Ruling,
    most_samples,
    rule,
    with_condition_channels,
)
from evenodds.metrics.selection import Selection
from evenodds.networks.generate import generate
from evenodds.runs.checkpoints import Snapshot
from evenodds.runs.verdict import RefereeRuling
from evenodds.training.checks import Checker
from evenodds.training.trainer import Trainer

TRIES = 3
"""New tries after a fault, at most."""
LASTS = 3
"""Checks in a row for which an alarm lasts before play goes back; numbers that ran off are not waited for."""
SHARE = 0.1
"""Share of the time played that the referee takes, at most."""
OFTEN = 1.25
"""The referee is heard again when this many times as many rounds were played, and when the odds are level."""
FIRST = 5
"""Checks before the referee is first heard."""
ALL = 5
"""Times as many samples that it looks at before a game is called even, and at its end."""


class Measurement(NamedTuple):
    """What a check found: its numbers (None where they are not finite), what is wrong, who ruled, and what the best
    state is chosen by."""

    metrics: CheckMetrics | None
    alarms: list[Alarm]
    ruling: Ruling | None = None
    selection: Selection | None = None


@dataclass(frozen=True)
class Decision:
    """What follows from a check.

    Attributes
    ----------
    verdict:
        Why the game is over, or None where it goes on.
    fault:
        What is to be mended by going back to the best state; with a verdict, what could not be mended.
    moves:
        What moved in the schedule.
    """

    verdict: str | None = None
    fault: Alarm | None = None
    moves: tuple[Move, ...] = ()


@dataclass
class Record:
    """What the supervisor remembers from check to check; all of it goes into a checkpoint."""

    tries: int = 0
    next_ruling: int = 0
    ruled_seconds: float = 0.0
    ruling: RefereeRuling | None = None
    lasting: dict[str, int] = field(default_factory=dict)
    """Kinds of alarm, and for how many checks each has lasted."""
    lost: dict[str, int] = field(default_factory=dict)
    """Groups that fakes lack, by their numbers (JSON knows no other keys than texts), and for how many checks."""


class Supervisor:
    """Decides by the numbers of the checks alone; the clock only bounds the referee's share.

    With ``--stop budget`` a game that is even, or has stalled, goes on until its budget is spent.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.checker = Checker(trainer)
        game = trainer.recipe.game
        self.stops_early = trainer.recipe.plan.stop == "early"
        self.stopping = StoppingRule(game.margin, game.patience)
        self.record = Record()
        self.before: list[CheckMetrics] = []
        self.extractors = extractors(trainer.device)

    def check(self, seconds: float, every: int) -> tuple[Measurement, Decision]:
        """Measures, and decides; ``seconds`` is the time played, ``every`` the rounds between early checks."""
        trainer = self.trainer
        measured = self.checker.measure()
        metrics, selection = (None, None) if measured is None else measured
        alarms = [NOT_FINITE] if metrics is None else raised(metrics, self.before, self.lost_groups())
        if not trainer.rounds:  # an untrained G makes one thing, and has not collapsed
            alarms = [alarm for alarm in alarms if alarm.kind != "collapse"]
        fault = self.fault(alarms)
        if metrics is None or fault is not None:
            given_up = fault is not None and self.record.tries >= TRIES
            return Measurement(metrics, alarms), Decision(fault.ends if fault and given_up else None, fault)
        self.before.append(metrics)
        odds = Odds(metrics.odds, metrics.odds_low, metrics.odds_high)
        self.stopping.note(trainer.rounds, odds, metrics.distance, metrics.coverage, bool(alarms))
        ruling = self.consult_referee(seconds, every)
        if self.stopping.even(ruling):  # before it is said, the referee looks at all that is held out
            ruling = self.rule(ALL)
        decision = self.decide(metrics, odds, ruling, every)
        return Measurement(metrics, alarms, ruling, selection), decision

    def decide(self, metrics: CheckMetrics, odds: Odds, ruling: Ruling | None, every: int) -> Decision:
        """What follows from a check without a fault; moves the schedule."""
        stopping, schedule = self.stopping, self.trainer.schedule
        if stopping.even(ruling):
            return Decision("even" if self.stops_early else None)
        moves = schedule.level(odds, metrics.gap)
        stalled = stopping.has_stalled(self.trainer.rounds, every)
        if stalled:
            last_resort = schedule.on_plateau(odds, stopping.nearer)
            probing = bool(last_resort) and not schedule.pace.lr_restored
            stopping.changed(self.trainer.rounds, probing=probing)
            moves += last_resort
            stalled = not last_resort
        if moves:
            self.trainer.apply_schedule()
        return Decision("plateau" if stalled and self.stops_early else None, moves=tuple(moves))

    def fault(self, alarms: list[Alarm]) -> Alarm | None:
        """The alarm that cannot be let go on, if there is one."""
        self.record.lasting = {alarm.kind: self.record.lasting.get(alarm.kind, 0) + 1 for alarm in alarms}
        for alarm in alarms:
            if alarm.ends and (alarm.kind == "divergence" or self.record.lasting[alarm.kind] >= LASTS):
                return alarm
        return None

    def lost_groups(self) -> list[Lost]:
        """The groups that have been lost for LASTS checks; an untrained G has none to lose."""
        lost, groups = self.checker.lost if self.trainer.rounds else [], self.checker.groups
        before = self.record.lost
        self.record.lost = {key: before.get(key, 0) + 1 for key in (str(one.group.number) for one in lost)}
        lasting = [one for one in lost if self.record.lost[str(one.group.number)] >= LASTS]
        return [] if groups is None else groups.distinct(lasting)

    def mend(self, fault: Alarm) -> list[Move]:
        """Counts a new try, whose history begins anew, and changes the schedule for it."""
        self.record.tries += 1
        self.forget_checks()
        self.stopping.changed(self.trainer.rounds, probing=False)
        moves = self.trainer.schedule.recover(self.record.tries, fault.reason)
        self.trainer.apply_schedule()
        return moves

    def next_stage(self) -> None:
        """Larger pictures are learnt from now on."""
        self.forget_checks()
        self.checker = Checker(self.trainer)
        self.stopping.begin_anew(self.trainer.rounds)

    def forget_checks(self) -> None:
        """What was measured before says nothing of what follows."""
        self.record.lasting, self.record.lost = {}, {}
        self.before = []

    def consult_referee(self, seconds: float, every: int) -> Ruling | None:
        """The referee's ruling on the averaged G, where it is due and within its share of the time."""
        record, rounds = self.record, self.trainer.rounds
        if not rounds and self.trainer.likelihood_steps:  # which the game is to better
            return self.rule()
        record.next_ruling = record.next_ruling or FIRST * every
        due_now = self.stopping.wants_referee
        if not self.trainer.last_stage:  # what was learnt of small pictures is told by its blur
            return None
        if rounds < record.next_ruling and not due_now:
            return None
        last = 0.5 if record.ruling is None else record.ruling.seconds
        # Half of its share waits for when its word is all that is missing.
        if record.ruled_seconds + last > (SHARE if due_now else SHARE / 2) * seconds:
            return None
        return self.rule()

    def rule(self, most: int = 1) -> Ruling:
        """A ruling now, remembered, on at most ``most`` times as many samples as while a game is played."""
        trainer, record = self.trainer, self.record
        ruling, record.ruling = self.timed(most, trainer.rounds)
        record.ruled_seconds += record.ruling.seconds
        record.next_ruling = max(record.next_ruling, int(trainer.rounds * OFTEN))
        self.stopping.add_referee(trainer.rounds, ruling)
        return ruling

    def last_word(self, best: Snapshot) -> RefereeRuling | None:
        """The ruling on the state that is sampled, with all that is held out; None where nothing was played."""
        ruling = self.record.ruling
        if not best.rounds and not best.facts.get("likelihood_steps"):
            return None
        if ruling is not None and ruling.round == best.rounds and ruling.reals == self.tested(ALL):
            return ruling
        network = self.trainer.players.average.network
        present = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        network.load_state_dict(best.tensors["average"])
        _, last = self.timed(ALL, best.rounds)
        network.load_state_dict(present)
        return last

    def timed(self, most: int, rounds: int) -> tuple[Ruling, RefereeRuling]:
        """A ruling on the averaged G, which is that of a round, and the same as a verdict holds it."""
        start = time.monotonic()
        ruling = self.compare(most)
        seconds = round(time.monotonic() - start, 3)
        return ruling, RefereeRuling.of(ruling, rounds, self.tested(most), seconds)

    def tested(self, most: int) -> int:
        """How many held-out reals a referee looks at."""
        store, cost = self.trainer.store, self.checker.probes.cost
        return min(most * most_samples(store.spec) // cost, store.n_heldout)

    def compare(self, most: int) -> Ruling:
        """The averaged G's fakes against held-out reals, with training reals and further fakes to learn from."""
        spec, store, cost = self.trainer.store.spec, self.trainer.store, self.checker.probes.cost
        pictures, count = isinstance(spec, PictureSpec), self.tested(most)
        bound = most_samples(spec) // cost * (1 if pictures else most)
        fakes = count if pictures else max(count, min(MORE_FAKES * count, bound))
        self.trainer.seed("referee")
        real, fake = self.reals("heldout", count), self.fakes("heldout", fakes)
        taught = min(bound, store.n_train)
        lesson = Lesson(self.reals("train", taught), self.fakes("train", taught))
        if not isinstance(spec, PictureSpec):
            return rule(spec, real, fake, codec=self.checker.codec, lesson=lesson, most=count)
        # What a picture was made under stands beside it, and is none of an extractor's business.
        extracts = [
            partial(on_first_channels, extract, spec.channels)
            for extract in self.extractors[: None if most > 1 else 1]
        ]
        return rule(replace(spec, channels=real.shape[1]), real, fake, *extracts, lesson=lesson, most=count)

    def reals(self, part: Part, count: int) -> Tensor:
        """The first ``count`` reals of a part, with what they were made under where that is no part of them."""
        return torch.cat([self.beside(*drawn) for drawn in self.checker.probes.pairs(part, count)])

    def fakes(self, part: Part, count: int) -> Tensor:
        """As many fakes of the averaged G under the conditions of a part, drawn from torch's random state."""
        probes = self.checker.probes
        latents, conditions = probes.latents(count), probes.conditions(count, part=part)
        made = torch.cat(list(generate(self.trainer.players.average.network, latents, conditions))).clone()
        return self.beside(made, conditions)

    def beside(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Pictures with what they were made under as further channels; rows and unpaired pictures as they are."""
        condition = self.trainer.store.condition
        if c is None or x.dim() < 4 or (condition is not None and not condition.paired):
            return x
        return with_condition_channels(x, c)

    def state(self) -> dict[str, Any]:
        """As JSON, for a checkpoint; what was measured before is in the journal."""
        return {"finish": self.stopping.state(), "record": asdict(self.record)}

    def restore(self, state: dict[str, Any], journal: list[dict[str, Any]]) -> None:
        """Takes over what ``state`` gave, and the journal's checks since the last new try."""
        if self.trainer.stage:
            self.checker = Checker(self.trainer)
        self.stopping.restore(state["finish"])
        ruling = state["record"].get("ruling")
        self.record = Record(**{**state["record"], "ruling": ruling and RefereeRuling.from_json(ruling)})
        for line in journal:
            if line.get("event") in ("back", "stage"):
                self.before = []
            elif "odds" in line:
                self.before.append(CheckMetrics(**{name: line[name] for name in CheckMetrics._fields}))


def on_first_channels(extract: Extract, channels: int, x: Tensor) -> NDArray[Any]:
    """The vectors of the pictures alone, without what stands beside them."""
    return extract(x[:, :channels])
