"""The board says one thing about a game: as it stands while it is played, and its verdict once it is over."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio", reason="the extra studio is not installed")

from evenodds.metrics.odds import Odds
from evenodds.runs.verdict import Evidence, RefereeRuling, Verdict
from evenodds.studio import play_view
from evenodds.studio.i18n import Language, speaker
from evenodds.studio.processes import Status
from tests.checks import check_of

RULING = RefereeRuling(200, 0.88, 0.85, 0.91, "trees", 1e-9, 1.0, 0.55, 1000)
EVIDENCE = Evidence(
    referee=RULING, margin=0.55, odds=0.59, odds_low=0.45, odds_high=0.62, level_checks=0, best_round=100
)
EVEN = check_of(Odds(0.59, 0.45, 0.62), 200, referee=Odds(0.5, 0.48, 0.52))


def board(language: Language, verdict: Verdict | None, phase: str, check: Any = EVEN) -> str:
    """The text of a board of a run with one check."""
    facts = {"checks": lambda: [check], "verdict": lambda: verdict, "journal": list}
    run = SimpleNamespace(path=Path("run"), name="run", **facts)
    drawn = play_view.board(speaker(language), run, Status(phase))  # type: ignore[arg-type]
    return re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", "", drawn, flags=re.DOTALL))


@pytest.mark.parametrize(
    ("language", "seen", "even"),
    [
        ("en", "Budget spent: the referee tells fakes from reals in 88% of pairs.", "Even ("),
        ("ko", "예산 소진: 심판이 짝의 88%에서 가짜를 가려냅니다.", "반반입니다"),
    ],
)
def test_a_spent_budget_is_not_called_even(language: Language, seen: str, even: str) -> None:
    verdict = Verdict("budget", EVIDENCE)
    assert even in board(language, verdict, "playing")
    over = board(language, verdict, "over")
    assert seen in over
    assert even not in over
    assert "0 checks" not in over
    paused = board(language, replace(verdict, verdict="interrupted"), "paused")
    assert even in paused


@pytest.mark.parametrize(("language", "even"), [("en", "Even ("), ("ko", "반반입니다")])
def test_blurs_are_not_called_even(language: Language, even: str) -> None:
    blurred = replace(EVEN, metrics=EVEN.metrics._replace(precision=0.1, coverage=0.03))
    assert even in board(language, None, "playing")
    assert even not in board(language, None, "playing", blurred)
    assert "10%" in board(language, None, "playing", blurred)
