"""What a budget may be written as, and how it is spent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenodds.config.budget import Budget
from evenodds.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("90s", 90, "seconds"),
        ("10m", 600, "seconds"),
        ("2h", 7200, "seconds"),
        ("1.5h", 5400, "seconds"),
        ("0.5s", 0.5, "seconds"),
        ("007s", 7, "seconds"),
        ("1rounds", 1, "rounds"),
        ("20000rounds", 20_000, "rounds"),
        ("20krounds", 20_000, "rounds"),
        ("1.5Mrounds", 1_500_000, "rounds"),
        ("64seen", 64, "seen"),
        ("250kseen", 250_000, "seen"),
        ("2Mseen", 2_000_000, "seen"),
    ],
)
def test_a_budget_is_read_as_meant(text: str, amount: float, unit: str) -> None:
    assert Budget.parse(text) == Budget(amount, unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "s",
        "m10",
        "10 m",
        " 10m",
        "10m ",
        "10m\n",
        "-5s",
        "+5s",
        "1e3s",
        "1,5h",
        ".5h",
        "5.s",
        "10min",
        "10M",
        "10ms",
        "10S",
        "1h30m",
        "nans",
        "infs",
        "2Ms",
        "2mseen",
        "2 Mseen",
        "2Kseen",
        "5round",
        "5epochs",
        "auto",
    ],
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(
        UserError, match=r"is not a budget, write 90s, 10m, 2h, 20000rounds or 2Mseen$"
    ) as refusal:
        Budget.parse(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("text", ["0s", "0.0h", "0rounds", "0Mseen"])
def test_no_time_at_all_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="leaves no time to play"):
        Budget.parse(text)


@given(st.integers(1, 10**6), st.sampled_from("smh"), st.floats(0, 1e9))
def test_a_budget_of_time_is_spent_by_seconds_alone(amount: int, unit: str, seconds: float) -> None:
    budget = Budget.parse(f"{amount}{unit}")
    whole = amount * {"s": 1, "m": 60, "h": 3600}[unit]
    assert budget.share(seconds=seconds, rounds=10**9, seen=10**9) == pytest.approx(seconds / whole)


@given(st.integers(1, 10**6), st.integers(0, 10**9))
def test_a_budget_of_rounds_is_spent_by_rounds_alone(amount: int, rounds: int) -> None:
    budget = Budget.parse(f"{amount}rounds")
    assert budget.share(seconds=1e9, rounds=rounds, seen=10**9) == pytest.approx(rounds / amount)


@given(st.integers(1, 10**6), st.integers(0, 10**9))
def test_a_budget_of_samples_is_spent_by_samples_alone(amount: int, seen: int) -> None:
    budget = Budget.parse(f"{amount}seen")
    assert budget.share(seconds=1e9, rounds=10**9, seen=seen) == pytest.approx(seen / amount)


@pytest.mark.parametrize("text", ["60s", "60rounds", "60seen"])
def test_a_budget_is_over_at_one(text: str) -> None:
    budget = Budget.parse(text)
    shares = [budget.share(seconds=n, rounds=n, seen=n) for n in (0, 30, 59, 60, 90)]
    assert shares == [0, 0.5, 59 / 60, 1, 1.5]
