"""What the report says of a run's numbers, in the reader's language."""

from __future__ import annotations

from typing import Any

from evenodds.runs.messages import Speaker
from evenodds.runs.report_texts import english, text_of
from evenodds.runs.run import Run
from evenodds.runs.verdict import Verdict

ARROWS = {"lower": "↓", "higher": "↑", "half": "→ 0.5"}
"""Which way a figure is better."""
SMALLEST = 1e-4
"""Of p-values, below which they are not told apart."""


def headline(run: Run, verdict: Verdict | None, say: Speaker = english) -> list[tuple[str, str]]:
    """The figures at the top of the page."""
    network = (say("report network"), run.recipe.network.network)
    if verdict is None:
        return [(say("report verdict"), say("report none yet")), network]
    evidence, ruling = verdict.evidence, verdict.evidence.referee
    paused = verdict.verdict == "interrupted"
    facts = [(say("report verdict"), say("report paused" if paused else f"verdict {verdict.verdict}"))]
    if evidence.odds is not None:
        interval = {"value": evidence.odds, "low": evidence.odds_low, "high": evidence.odds_high}
        facts.append((say("report odds"), say("report interval", **interval)))
    if ruling is not None:
        interval = {"value": ruling.auc, "low": ruling.low, "high": ruling.high}
        facts.append((say("report referee"), say("report interval", **interval)))
    return [
        *facts,
        (say("report rounds"), f"{verdict.rounds:,}"),
        (say("report seen"), f"{verdict.seen:,}"),
        (say("report seconds"), f"{verdict.seconds:,.0f}"),
        network,
    ]


def evidence_sentences(verdict: Verdict | None, say: Speaker = english) -> list[str]:
    """What the verdict rests on, in sentences."""
    if verdict is None or verdict.evidence.head_start_won is None:
        return []
    evidence, ruling = verdict.evidence, verdict.evidence.referee
    won = "won" if evidence.head_start_won else "lost"
    lines = [say(f"report head start {won}", checks=evidence.level_checks)]
    if ruling is not None:
        bounds = {"low": ruling.low, "high": ruling.high, "margin": evidence.margin}
        lines.append(say("report ruling", by=ruling.by, round=ruling.round, **bounds))
    if evidence.best_distance is not None:
        lines.append(say("report best", round=evidence.best_round))
    return lines


def judge_sentences(facts: dict[str, Any] | None, say: Speaker = english) -> list[str]:
    """How well the judge, once made, knows what it says."""
    if facts is None:
        return [say("report no judge")]
    kinds = ", ".join(
        say("report judge kind", name=name, share=value) for name, value in facts["auc"].items()
    )
    counts = {"over": facts["calibration_n"], "reals": facts["heldout_n"]}
    return [
        say("report judge made", round=int(facts["checkpoint"]), seconds=facts["seconds"]),
        say("report judge error", error=100 * facts["calibration_error"], **counts),
        say("report judge kinds", kinds=kinds),
    ]


def pairs_sentences(scores: dict[str, Any] | None, say: Speaker = english) -> list[str]:
    """How near fakes come to held-out reals, and to what was given."""
    if scores is None:
        return []
    if "distance_before" in scores:
        return [say("report unpaired", **scores), say("report content", share=scores["honoured"]["content"])]
    lines, met = [say("report pairs", **scores)], scores["honoured"]
    if "f1" in met:
        lines.append(say("report outlines", **met))
    elif met:
        lines.append(say("report honoured", **met))
    return lines


def score_table(scores: dict[str, Any] | None, say: Speaker = english) -> dict[str, Any] | None:
    """What evenodds score found, as cells: title, fakes, reals in their place, and what it was measured on."""
    if scores is None:
        return None
    state = f"{say('report state', round=int(scores['checkpoint']))} {say('report beside')}"
    return {"state": state, "rows": [score_cells(figure, say) for figure in scores["figures"]]}


def score_cells(figure: dict[str, Any], say: Speaker = english) -> tuple[str, str, str, str]:
    """A figure of evenodds score in words, as a page and a terminal show it."""
    value = f"{figure['value']:.4g}"
    if figure["low"] is not None:
        value = say("report range", value=value, low=f"{figure['low']:.4g}", high=f"{figure['high']:.4g}")
    if figure["p_value"] is not None:
        p = figure["p_value"]
        value += f", p = {p:.2g}" if p >= SMALLEST else f", p < {SMALLEST:g}"
    reals = "" if figure["reals"] is None else f"{figure['reals']:.4g}"
    made = (
        figure["extractor"] if figure["resizer"] == "none" else f"{figure['extractor']}, {figure['resizer']}"
    )
    counts = {"fakes": figure["fake_n"], "reals": figure["real_n"]}
    stamp = say("report measured", split=say(f"report split {figure['split']}"), made=made, **counts)
    arrow = ARROWS.get(figure["better"]) or say("report towards reals")
    return f"{title_of(figure, say)} {arrow}", value, reals, stamp


def title_of(figure: dict[str, Any], say: Speaker) -> str:
    """What a figure is called, with what stands in brackets after its English title."""
    title, bracket, detail = str(figure["title"]).partition(" (")
    return text_of(say, f"metric {figure['name']}", title) + bracket + detail


def counted(counts: dict[str, int], say: Speaker = english) -> str:
    """How many samples there are, and how they are split."""
    return say("report counts", **counts)
