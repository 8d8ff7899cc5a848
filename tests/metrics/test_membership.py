"""The membership attack tells nothing of independent draws, and catches who copies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evenodds.metrics.membership import Membership, membership, share_of
from evenodds.metrics.records import closest

KINDS = {"x": "number", "y": "number", "kind": "category"}


def rows(rng: np.random.Generator, count: int) -> pd.DataFrame:
    x = rng.normal(size=count)
    return pd.DataFrame(
        {
            "x": x,
            "y": x + rng.normal(size=count),
            "kind": rng.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1]),
        }
    )


def measured(train: pd.DataFrame, heldout: pd.DataFrame, fake: pd.DataFrame) -> Membership:
    reals = pd.concat([train, heldout])
    to_fake = [closest(part, fake, KINDS, reals)[0] for part in (train, heldout)]  # type: ignore[arg-type]
    to_reals = [closest(fake, part, KINDS, reals)[0] for part in (train, heldout)]  # type: ignore[arg-type]
    return membership(*to_fake, *to_reals)


def test_of_independent_draws_an_attacker_learns_nothing() -> None:
    """0.5 lies in both intervals, in about 19 of 20 games."""
    inside = np.zeros(2)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        result = measured(rows(rng, 400), rows(rng, 400), rows(rng, 400))
        inside += [part.low <= 0.5 <= part.high for part in result]
    assert (inside >= 34).all()


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
def test_who_copies_with_noise_is_caught(noise: float) -> None:
    rng = np.random.default_rng(0)
    train, heldout = rows(rng, 400), rows(rng, 400)
    fake = train.sample(400, replace=True, random_state=0, ignore_index=True)
    fake[["x", "y"]] += noise * rng.normal(size=(400, 2))
    attack, nearer = measured(train, heldout, fake)
    assert attack.low > 0.55
    assert nearer.low > 0.6


def test_ties_count_half() -> None:
    ones = np.ones(10)
    result = membership(ones, ones, ones, ones)
    assert result.attack.value == result.nearer.value == 0.5
    assert membership(0 * ones, ones, 0 * ones, ones).attack.value == 1


def test_a_share_has_wilsons_interval() -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    for wins, count, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
    ):
        assert share_of(wins, count)[1:] == pytest.approx((low, high), abs=5e-5)
