"""Draws follow their seed, and leave those of others alone."""

from __future__ import annotations

import torch

from evenodds.core.rng import seed_of, seeded

CPU = torch.device("cpu")


def test_equal_seeds_give_equal_draws_and_what_follows_is_as_it_would_have_been() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    draws = []
    for seed in (7, 7, 8):
        with seeded(seed, CPU):
            draws.append(torch.rand(3))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.rand(3), expected)


def test_each_place_of_a_run_has_a_seed_of_its_own_that_stays() -> None:
    assert len({seed_of(3, "d"), seed_of(3, "g"), seed_of(4, "d"), seed_of(3, 0, "d")}) == 4
    assert seed_of(0, "weights") == 4283426181684004966, "runs of before go on with it"
