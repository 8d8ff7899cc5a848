"""What goes wrong in a game, said with its evidence: collapse, copying, divergence, a dead or a misled D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evenodds.metrics.check import CheckMetrics

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


class Alarm(NamedTuple):
    """One thing that is wrong. ``ends`` is the verdict if it cannot be mended, None where play goes on."""

    kind: str
    reason: str
    ends: str | None


def raised(now: CheckMetrics, before: Sequence[CheckMetrics]) -> list[Alarm]:
    """The alarms of this check, the worst first; ``before`` are earlier checks of the same try, oldest first."""
    found = (divergence(now, before), dead(now), misled(now, before), collapse(now, before), copied(now))
    return [alarm for alarm in found if alarm is not None]


def divergence(now: CheckMetrics, before: Sequence[CheckMetrics]) -> Alarm | None:
    """Scores that explode, or odds that stay at 1 while the fakes become no better."""
    if now.score_range > EXPLODED:
        return Alarm("divergence", f"D's scores range over {now.score_range:.1e}", "diverged")
    last = [*before[1 - STUCK_FOR :], now]
    if len(last) == STUCK_FOR and all(seen.odds_low > STUCK for seen in last):
        first, second = (
            np.median([seen.distance for seen in part])
            for part in (last[: STUCK_FOR // 2], last[-STUCK_FOR // 2 :])
        )
        if second >= first:
            reason = (
                f"D's odds stayed above {STUCK:.1%} for {len(last)} checks, and the fakes became no better"
            )
            return Alarm("divergence", reason, "diverged")
    return None


def dead(now: CheckMetrics) -> Alarm | None:
    """One score for everything."""
    if now.score_deviation > FLAT:
        return None
    return Alarm("dead D", "D gives every sample the same score", "diverged")


def misled(now: CheckMetrics, before: Sequence[CheckMetrics]) -> Alarm | None:
    """A D that is surely and repeatedly below even."""
    if now.odds_high > MISLED or not before or before[-1].odds_high > MISLED:
        return None
    reason = f"D takes fakes for real (odds {now.odds:.0%}), as if labels were swapped"
    return Alarm("misled D", reason, "diverged")


def collapse(now: CheckMetrics, before: Sequence[CheckMetrics]) -> Alarm | None:
    """A G that makes one thing; or few kinds of things, or far fewer than it did, and comes no nearer to the reals.

    While the distance is the lowest of all the game is young: what is made from pictures begins with their mean.
    """
    if now.identical > CONSTANT:
        return Alarm(
            "collapse", f"{now.identical:.0%} of the fakes are near-identical to another", "collapsed"
        )
    if before and now.distance < min(seen.distance for seen in before):
        return None
    if now.precision > PLAUSIBLE and now.coverage < MET * now.precision:
        reason = (
            f"{now.precision:.0%} of the fakes are plausible, but they cover {now.coverage:.0%} of the reals"
        )
        return Alarm("collapse", reason, "collapsed")
    for name in ("coverage", "spread"):
        value = getattr(now, name)
        # Spread above the data's own is no merit to fall from, nor is that of fakes which are like no real.
        earned = (getattr(seen, name) for seen in before if seen.coverage > 0)
        best = min(1.0, max(earned, default=0.0))
        if best > SETTLED and value < FALLEN * best:
            return Alarm("collapse", f"the fakes' {name} fell from {best:.0%} to {value:.0%}", "collapsed")
    return None


def copied(now: CheckMetrics) -> Alarm | None:
    """Fakes nearer to training samples than held-out reals are, and more often than samples that know neither."""
    excess = now.nearer_train - now.nearer_by_chance
    if now.closeness_low < CLOSE or excess < min(SURE * now.chance, 0.9 * (1 - now.nearer_by_chance)):
        return None
    reason = f"a fake is nearer to a training sample than a held-out real is {now.closeness:.0%} of the time"
    return Alarm("copying", reason, None)
