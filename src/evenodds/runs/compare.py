"""Two runs side by side: what was set differently, and what came of it."""

from __future__ import annotations

from typing import Any

from evenodds.runs.messages import alarm_sentence
from evenodds.runs.run import Run, flat

Pairs = dict[str, tuple[Any, Any]]
"""A name and what it is in the first run and in the second, None where it has none."""

EVIDENCE = (
    "odds",
    "odds_low",
    "odds_high",
    "gap",
    "coverage",
    "distance",
    "best_round",
    "best_distance",
    "head_start_won",
    "tries",
)


def difference(first: Run, second: Run) -> dict[str, Pairs]:
    """ "recipe": settings, source, data and versions that differ. "results": verdict, costs, evidence and scores, equal
    or not, as far as either run has them."""
    return {
        "recipe": unequal(recipe(first), recipe(second)),
        "results": beside(results(first), results(second)),
    }


def recipe(run: Run) -> dict[str, Any]:
    """What a run was started with, by dotted names."""
    data = {"fingerprint": run.facts["data"]["fingerprint"]}
    origin = {"source": run.facts["source"], "data": data, "versions": run.facts["versions"]}
    return dict(flat({**run.facts["settings"], "from": origin}))


def results(run: Run) -> dict[str, Any]:
    """What came of it; a run without a verdict gives its last check's figures."""
    verdict, checks = run.verdict(), run.checks()
    facts = {} if verdict is None else verdict.to_json()
    evidence = facts.get("evidence") or (checks[-1].to_json() if checks else {})
    referee = evidence.get("referee")
    outcome = {key: facts.get(key) for key in ("verdict", "rounds", "seen", "seconds")}
    outcome |= {key: evidence.get(key) for key in EVIDENCE}
    outcome["alarms"] = "; ".join(map(alarm_sentence, evidence.get("alarms") or [])) or None
    outcome |= dict(flat({"referee": referee if isinstance(referee, dict) else {"auc": referee}}))
    figures = (run.scores("score") or {}).get("figures", [])
    scores = {figure["name"]: figure["value"] for figure in figures}
    return outcome | dict(flat({"pairs": run.scores("pairs") or {}, "score": scores}))


def beside(first: dict[str, Any], second: dict[str, Any]) -> Pairs:
    """Whatever either holds, in the first one's order."""
    pairs = {name: (first.get(name), second.get(name)) for name in [*first, *second]}
    return {name: pair for name, pair in pairs.items() if pair != (None, None)}


def unequal(first: dict[str, Any], second: dict[str, Any]) -> Pairs:
    """Only what differs."""
    return {name: pair for name, pair in beside(first, second).items() if pair[0] != pair[1]}
