"""Detects what goes wrong in a game, with its evidence: collapse, copying, divergence, a dead or a misled D,
lost groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from evenodds.game.reason import Fact, Reason
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.groups import Lost

CONSTANT = 0.5
"""Share of fakes with a near-identical fellow: above it G has collapsed."""
MET, PLAUSIBLE = 0.25, 0.6
"""G knows only some kinds where it covers less than MET of what so plausible fakes would."""
FALLEN = 0.4
"""Coverage or spread below this share of the best so far is a collapse."""
SETTLED = 0.5
"""Coverage and spread from which a fall is looked for: below, G is young."""
CLOSE = 0.6
"""P(a held-out real is farther from the training samples than a fake) whose interval above it means copying."""
SURE = 3.5
"""Standard deviations by which more fakes lie near training samples than chance would have it."""
EXPLODED = 1e4
"""Scores that spread wider are running off."""
FLAT = 1e-7
"""Scores that spread less, beside their size, are one score: D is dead."""
STUCK, STUCK_FOR = 0.995, 12
"""Odds above STUCK at that many checks, the distance no better: G learns nothing any more."""
MISLED = 0.25
"""Odds surely below: D takes fakes for real, as with swapped labels."""
LOST_GROUP = "lost group"
"""The kind of alarm that does not keep a state from being the best: every G lacks groups before it has learnt them."""


class Alarm(NamedTuple):
    """One thing that is wrong, and why it is thought to be.

    ``ends`` is the verdict if it cannot be mended, None where play goes on.
    """

    kind: str
    reason: Reason
    ends: str | None

    def to_json(self) -> dict[str, Any]:
        """As a check of the journal holds it: kind, code and facts in one flat object."""
        return {"kind": self.kind, **self.reason.to_json()}


NOT_FINITE = Alarm("divergence", Reason("not_finite"), "diverged")
"""Raised where a check has no numbers, since a score or a fake is not finite."""


def raised(now: CheckMetrics, before: Sequence[CheckMetrics], lost: Sequence[Lost] = ()) -> list[Alarm]:
    """Returns the alarms of this check, the worst first.

    ``before`` are earlier checks of the same try, oldest first; ``lost`` are groups that have been lost for some
    checks, the largest first.
    """
    alarms = (
        divergence(now, before),
        dead(now),
        misled(now, before),
        collapse(now, before),
        copied(now),
        without_group(now, lost),
    )
    return [alarm for alarm in alarms if alarm is not None]


def divergence(now: CheckMetrics, before: Sequence[CheckMetrics]) -> Alarm | None:
    """Detects scores that explode, and odds that stay at 1 while the fakes become no better."""
    if now.score_range > EXPLODED:
        return Alarm("divergence", Reason("exploded", {"range": now.score_range}), "diverged")
    last = [*before[1 - STUCK_FOR :], now]
    if len(last) == STUCK_FOR and all(check.odds_low > STUCK for check in last):
        first, second = (
            np.median([check.distance for check in half])
            for half in (last[: STUCK_FOR // 2], last[-STUCK_FOR // 2 :])
        )
        if second >= first:
            return Alarm("divergence", Reason("stuck", {"odds": STUCK, "checks": len(last)}), "diverged")
    return None


def dead(now: CheckMetrics) -> Alarm | None:
    """Detects a D that gives everything one score."""
    if now.score_deviation > FLAT:
        return None
    return Alarm("dead D", Reason("constant_score"), "diverged")


def misled(now: CheckMetrics, before: Sequence[CheckMetrics]) -> Alarm | None:
    """Detects a D that is surely and repeatedly below even."""
    if now.odds_high > MISLED or not before or before[-1].odds_high > MISLED:
        return None
    return Alarm("misled D", Reason("swapped", {"odds": now.odds}), "diverged")


def collapse(now: CheckMetrics, before: Sequence[CheckMetrics]) -> Alarm | None:
    """Detects a G that makes one thing, or few kinds of things, or far fewer than it did, and comes no nearer.

    While the distance is the lowest of all the game is young: what is made from pictures begins with their mean.
    """
    if now.identical > CONSTANT:
        return Alarm("collapse", Reason("identical", {"share": now.identical}), "collapsed")
    if before and now.distance < min(check.distance for check in before):
        return None
    if now.precision > PLAUSIBLE and now.coverage < MET * now.precision:
        facts = {"precision": now.precision, "coverage": now.coverage}
        return Alarm("collapse", Reason("few_kinds", facts), "collapsed")
    for name in ("coverage", "spread"):
        value = getattr(now, name)
        # Spread above the data's own is no merit to fall from, nor is that of fakes which are like no real.
        earned = (getattr(check, name) for check in before if check.coverage > 0)
        best = min(1.0, max(earned, default=0.0))
        if best > SETTLED and value < FALLEN * best:
            return Alarm("collapse", Reason(f"{name}_fell", {"best": best, "now": value}), "collapsed")
    return None


def copied(now: CheckMetrics) -> Alarm | None:
    """Detects fakes nearer to training samples than held-out reals are, and more often than chance has it."""
    excess = now.nearer_train - now.nearer_by_chance
    if now.closeness_low < CLOSE or excess < min(SURE * now.chance, 0.9 * (1 - now.nearer_by_chance)):
        return None
    return Alarm("copying", Reason("copied", {"closeness": now.closeness}), None)


def without_group(now: CheckMetrics, lost: Sequence[Lost]) -> Alarm | None:
    """Detects that fakes lack a group of the reals, and names the largest; of a young G nothing is said."""
    if not lost or now.coverage <= SETTLED:
        return None
    group, real, fake = lost[0]
    facts: dict[str, Fact] = {
        **group.words,
        "real": round(real, 4),
        "fake": round(fake, 4),
        "groups": len(lost),
    }
    return Alarm(LOST_GROUP, Reason(f"lost_{group.kind}", facts), None)
