"""What follows from a check: alarms, moves of the tempo, the referee's turn, and whether the game is over."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from evenodds.core.spec import PictureSpec
from evenodds.game.alarms import NOT_FINITE, Alarm, raised
from evenodds.game.schedule import Move
from evenodds.game.stopping import StoppingRule
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.efficientnet import extractor
from evenodds.metrics.odds import Odds
from evenodds.metrics.referee import Ruling, most, rule, with_condition_channels
from evenodds.networks.generate import draw, generate
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


class Found(NamedTuple):
    """One check: its numbers (None where they are none), what is wrong, what moved, who ruled, and what follows."""

    seen: CheckMetrics | None
    alarms: list[Alarm]
    moves: list[Move]
    ruling: Ruling | None
    fault: Alarm | None
    """To be mended: go back to the best state."""
    ending: str | None
    """The verdict, where the game is over."""


@dataclass
class Record:
    """What the steward remembers from check to check; all of it goes into a checkpoint."""

    tries: int = 0
    next_ruling: int = 0
    ruled_seconds: float = 0.0
    ruling: dict[str, Any] | None = None
    """The last ruling, with the round it was made at."""
    lasting: dict[str, int] = field(default_factory=dict)
    """Kinds of alarm, and for how many checks each has lasted."""


class Supervisor:
    """Decides by the numbers of the checks alone; the clock only bounds the referee's share."""

    def __init__(self, training: Trainer) -> None:
        self.training = training
        self.checker = Checker(training)
        game = training.recipe.game
        self.finish = StoppingRule(game.margin, game.patience)
        self.record = Record()
        self.before: list[CheckMetrics] = []
        self.extractor = extractor(training.device)

    def check(self, seconds: float, every: int) -> Found:
        """Looks, and decides; ``seconds`` is the time played, ``every`` the rounds between early checks."""
        training, finish = self.training, self.finish
        seen = self.checker.look()
        alarms = [NOT_FINITE] if seen is None else raised(seen, self.before)
        if not training.rounds:  # an untrained G makes one thing, and has not collapsed
            alarms = [alarm for alarm in alarms if alarm.kind != "collapse"]
        fault = self.fault(alarms)
        if seen is None or fault is not None:
            over = fault is not None and self.record.tries >= TRIES
            return Found(seen, alarms, [], None, fault, fault.ends if fault and over else None)
        self.before.append(seen)
        level = Odds(seen.odds, seen.odds_low, seen.odds_high)
        finish.note(training.rounds, level, seen.distance, seen.coverage, bool(alarms))
        ruling = self.hear(seconds, every)
        if finish.even(ruling):
            return Found(seen, alarms, [], ruling, None, "even")
        moves = training.tempo.level(level, seen.gap)
        ending = None
        if finish.has_stalled(training.rounds, every):
            settled = training.tempo.on_plateau(level, finish.nearer)
            finish.changed(training.rounds, probing=bool(settled) and not training.tempo.pace.lr_restored)
            moves += settled
            ending = None if settled else "plateau"
        if moves:
            training.take_pace()
        return Found(seen, alarms, moves, ruling, None, ending)

    def fault(self, alarms: list[Alarm]) -> Alarm | None:
        """The alarm that cannot be let go on, if there is one."""
        self.record.lasting = {alarm.kind: self.record.lasting.get(alarm.kind, 0) + 1 for alarm in alarms}
        for alarm in alarms:
            if alarm.ends and (alarm.kind == "divergence" or self.record.lasting[alarm.kind] >= LASTS):
                return alarm
        return None

    def mend(self, fault: Alarm) -> list[Move]:
        """Counts a new try, whose history begins anew, and changes the pace for it."""
        self.record.tries += 1
        self.record.lasting = {}
        self.before = []
        self.finish.changed(self.training.rounds, probing=False)
        moves = self.training.tempo.recover(self.record.tries, fault.reason)
        self.training.take_pace()
        return moves

    def hear(self, seconds: float, every: int) -> Ruling | None:
        """The referee's ruling on the averaged G, where it is due and within its share of the time."""
        record, rounds = self.record, self.training.rounds
        record.next_ruling = record.next_ruling or FIRST * every
        if rounds < record.next_ruling and not self.finish.wants_referee:
            return None
        last = record.ruling or {}
        if record.ruled_seconds + last.get("seconds", 0.5) > SHARE * seconds:
            return None
        return self.rule()

    def rule(self) -> Ruling:
        """A ruling now, remembered."""
        training, record = self.training, self.record
        start = time.monotonic()
        count = min(most(training.store.spec) // training.cost, training.store.n_heldout)
        real = torch.cat(list(training.reals("heldout", count)))
        training.seed("referee")
        latents = draw(count, training.recipe.network.latent, training.device)
        given = training.conditions(count)
        fake = torch.cat(list(generate(training.players.average.network, latents, given))).clone()
        ruling = self.compared(real, fake, given)
        took = round(time.monotonic() - start, 3)
        record.ruling = {"round": training.rounds, **ruling._asdict(), "seconds": took}
        record.ruled_seconds += took
        record.next_ruling = max(record.next_ruling, int(training.rounds * OFTEN))
        self.finish.add_referee(training.rounds, ruling)
        return ruling

    def compared(self, real: Tensor, fake: Tensor, given: Tensor | None) -> Ruling:
        """A ruling on samples and, where that is no part of them, on what they were made under."""
        spec, extract = self.training.store.spec, self.extractor
        if given is None or not isinstance(spec, PictureSpec):
            return rule(spec, real, fake, extract)
        channels = spec.channels
        real, fake = with_condition_channels(real, given), with_condition_channels(fake, given)
        seen = None if extract is None else lambda both: extract(both[:, :channels])
        return rule(replace(spec, channels=real.shape[1]), real, fake, seen)

    def state(self) -> dict[str, Any]:
        """As JSON, for a checkpoint; what was seen before is in the journal."""
        return {"finish": self.finish.state(), "record": dict(vars(self.record))}

    def restore(self, state: dict[str, Any], journal: list[dict[str, Any]]) -> None:
        """Takes over what ``state`` gave, and the journal's checks since the last new try."""
        self.finish.restore(state["finish"])
        self.record = Record(**state["record"])
        for line in journal:
            if line.get("event") == "back":
                self.before = []
            elif "odds" in line:
                self.before.append(CheckMetrics(**{name: line[name] for name in CheckMetrics._fields}))
