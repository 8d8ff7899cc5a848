"""The pool of past fakes: none is lost or doubled, half are exchanged, and it comes back whole."""

from __future__ import annotations

import pytest
import torch

from evenodds.game.pool import FakePool

CPU = torch.device("cpu")


def numbered(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32)[:, None]


def test_it_fills_first_and_then_exchanges_half() -> None:
    torch.manual_seed(0)
    pool = FakePool(48, (1,), CPU)
    for first in range(0, 48, 16):
        assert pool.exchange(numbered(first, 16)).equal(numbered(first, 16))
    old = 0
    for first in range(48, 48 + 100 * 16, 16):
        fake, before = numbered(first, 16), pool.fakes.clone()
        mixed = pool.exchange(fake)
        both = (torch.cat([before, fake]), torch.cat([pool.fakes, mixed]))
        assert both[0].sort(0).values.equal(both[1].sort(0).values), "none is lost, and none is doubled"
        old += int((mixed < first).sum())
    assert 0.45 < old / 1600 < 0.55


def test_a_batch_larger_than_the_pool_has_as_many_old_ones_as_it_holds() -> None:
    torch.manual_seed(0)
    pool = FakePool(4, (1,), CPU)
    pool.exchange(numbered(0, 4))
    mixed = pool.exchange(numbered(100, 64))
    assert int((mixed < 100).sum()) == 4
    assert bool((pool.fakes >= 100).all())


def test_it_comes_back_whole_and_refuses_another() -> None:
    torch.manual_seed(0)
    pool, again = FakePool(6, (1,), CPU), FakePool(6, (1,), CPU)
    for first in (0, 4, 8):
        pool.exchange(numbered(first, 4))
    again.restore({name: value.clone() for name, value in pool.state().items()})
    torch.manual_seed(1)
    next_of_pool = pool.exchange(numbered(12, 4))
    torch.manual_seed(1)
    assert again.exchange(numbered(12, 4)).equal(next_of_pool)
    assert again.fakes.equal(pool.fakes)
    with pytest.raises(ValueError, match="not such a pool"):
        FakePool(7, (1,), CPU).restore(pool.state())
