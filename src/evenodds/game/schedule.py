"""Balances the players: one owner for the steps' ratio, the learning rates, the penalty and the augmentation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from evenodds.config.settings import AHEAD, GameSettings
from evenodds.game.reason import Reason
from evenodds.metrics.odds import Odds

BEHIND = 0.5
"""Below these odds G fools D, and learns from a judge that errs."""
STEPS = 3
"""The turns' ratio moves by up to 2^STEPS either way."""
FIRMER = 2.0
"""Factor of one move of the penalty's weight; it stays within FIRMER^6 either way."""
HELD = 4.0
"""Factor on the penalty's weight where a game stands still while D tells fakes from reals: it circles."""
SLOWER = 0.3
"""Factor of one move of both rates."""
SLOWEST = 2
"""Times that the rates are lowered, at most, before a game that stands still is over."""
GAP = 0.05
"""D memorises where its odds on trained reals are so far above those on held-out ones."""
STEP = 0.1
"""How far the share of augmented pictures moves at a check."""
MOST = 0.8
"""The largest share that is augmented: of more, G learns to make what augmentation makes (Karras 2020, 2006.06676,
section 2.2)."""

FORMER = {"held": "penalty_raised", "hastened": "lr_restored"}
"""Names in checkpoints that versions before 0.2 wrote."""


Moved = Literal["d_steps", "lr", "penalty", "augment"]
"""D steps for one G step, the factor on both learning rates, that on the penalty's weight, or the share of augmented
pictures."""


class Move(NamedTuple):
    """One change of the schedule: what, to which value, and why."""

    what: Moved
    to: float
    reason: Reason


STALLED, NO_NEARER = Reason("stalled"), Reason("no_nearer")
"""Nothing became better for a while; lower rates brought nothing nearer."""


@dataclass
class ScheduleState:
    """How the players move now. ``rate`` and ``penalty`` are factors on the recipe's; ``augment`` is a share."""

    ratio: int = 0
    """Powers of two by which D has more turns than G beside the recipe's; negative: fewer."""
    rate: float = 1.0
    penalty_raised: bool = False
    """Whether the penalty was made HELD times as heavy."""
    slowed: int = 0
    """How often the rates were lowered."""
    lr_restored: bool = False
    """Whether they were raised again, since lower ones brought nothing."""
    penalty: float = 1.0
    augment: float = 0.0


class BalanceSchedule:
    """Moves the pace after each check. Pure: the same checks give the same moves."""

    def __init__(self, settings: GameSettings, pace: ScheduleState, penalised: bool = True) -> None:
        self.settings, self.pace, self.penalised = settings, pace, penalised

    @property
    def turns(self) -> tuple[int, int]:
        """(D turns, G turns) of a round."""
        more = self.pace.ratio
        return self.settings.d_steps << max(more, 0), self.settings.g_steps << max(-more, 0)

    def level(self, odds: Odds, gap: float) -> list[Move]:
        """What moves after a check with these odds on held-out reals, and D's odds on trained ones ``gap`` above."""
        side = (odds.low > AHEAD) - (odds.high < BEHIND)
        reason = Reason("odds", {"odds": odds.value})
        moves = []
        if self.settings.tempo == "turns":
            moves += self.share_turns(side, reason)
        elif self.settings.tempo == "penalty":
            moves += self.weigh(side, reason)
        if self.settings.augment == "auto":
            moves += self.augment(gap)
        return moves

    def share_turns(self, side: int, reason: Reason) -> list[Move]:
        """Fewer D turns when D is ahead (side 1), more when it is behind (-1), back to the recipe's between."""
        now = self.pace.ratio
        to = now - side if side else now - (now > 0) + (now < 0)
        to = max(-STEPS, min(STEPS, to))
        if to == now:
            return []
        self.pace.ratio = to
        d_steps, g_steps = self.turns
        return [Move("d_steps", d_steps / g_steps, reason)]

    def weigh(self, side: int, reason: Reason) -> list[Move]:
        """A heavier penalty when D is ahead, a lighter one when it is behind."""
        to = max(FIRMER**-6, min(FIRMER**6, self.pace.penalty * FIRMER**side))
        if not side or to == self.pace.penalty:
            return []
        self.pace.penalty = to
        return [Move("penalty", to, reason)]

    def augment(self, gap: float) -> list[Move]:
        """More pictures are augmented while D tells trained reals from held-out ones, fewer when it no longer does
        (ADA: Karras 2020, 2006.06676, section 3)."""
        step = STEP if gap > GAP else -STEP if gap < 0 else 0.0
        to = round(max(0.0, min(MOST, self.pace.augment + step)), 3)
        if to == self.pace.augment:
            return []
        self.pace.augment = to
        return [Move("augment", to, Reason("gap", {"gap": gap}))]

    def on_plateau(self, odds: Odds, nearer: bool) -> list[Move]:
        """What moves when the game stands still: first, where D still tells fakes, a heavier penalty, which damps
        players who circle each other (Mescheder 2018, 1801.04406, section 4.1); then both rates are lowered,
        unless they are at their lowest. Where nothing came ``nearer`` since they were lowered first, they are raised
        again instead, for good."""
        if self.settings.anneal == "off":
            return []
        if odds.low > 0.5 and self.penalised and not self.pace.penalty_raised:
            self.pace.penalty_raised = True
            self.pace.penalty *= HELD
            return [Move("penalty", self.pace.penalty, STALLED)]
        if self.pace.slowed >= SLOWEST or self.pace.lr_restored:
            return []
        if self.pace.slowed and not nearer:
            self.pace.lr_restored = True
            self.pace.rate /= SLOWER
            return [Move("lr", self.pace.rate, NO_NEARER)]
        self.pace.slowed += 1
        self.pace.rate *= SLOWER
        return [Move("lr", self.pace.rate, STALLED)]

    def recover(self, attempt: int, reason: Reason) -> list[Move]:
        """What is changed before the ``attempt``-th (from 1) new try after a fault: a tenth of the rates each time,
        and from the second on four times the penalty."""
        self.pace.rate *= 0.1
        moves = [Move("lr", self.pace.rate, reason)]
        if attempt > 1:
            self.pace.penalty *= 4
            moves.append(Move("penalty", self.pace.penalty, reason))
        return moves

    def state(self) -> dict[str, Any]:
        """The pace as JSON; ``restore`` is its inverse."""
        return asdict(self.pace)

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what ``state`` gave, or what a version before 0.2 did."""
        self.pace = ScheduleState(**{FORMER.get(key, key): value for key, value in state.items()})
