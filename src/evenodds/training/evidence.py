"""What a verdict rests on, as the last check and the referee have it."""

from __future__ import annotations

from evenodds.runs.checkpoints import Snapshot
from evenodds.runs.journal import Check
from evenodds.runs.verdict import Evidence, RefereeRuling
from evenodds.training.supervisor import Supervisor

SHOWN = ("odds", "odds_low", "odds_high", "gap", "coverage", "distance")


def evidence_of(
    name: str, check: Check | None, best: Snapshot, supervisor: Supervisor, spent: float
) -> Evidence:
    """The evidence of a verdict: its last check, its best state, and the share of the budget that is ``spent``."""
    last = (
        {}
        if check is None
        else {
            "round": check.round,
            "alarms": list(check.alarms),
            **{shown: getattr(check.metrics, shown) for shown in SHOWN},
        }
    )
    stopping = supervisor.stopping
    return Evidence(
        budget=supervisor.trainer.recipe.plan.budget,
        spent=round(min(spent, 1.0), 4),
        **last,
        head_start_won=stopping.warmed_up,
        level_checks=stopping.level,
        referee=last_ruling(name, best, supervisor),
        margin=stopping.margin,
        tries=supervisor.record.tries,
        best_round=best.rounds,
        best_distance=best.facts["distance"],
    )


def last_ruling(name: str, best: Snapshot, supervisor: Supervisor) -> RefereeRuling | None:
    """The referee's last word: on the best state once the game is over, what it said before where it is paused."""
    return supervisor.record.ruling if name == "interrupted" else supervisor.last_word(best)
