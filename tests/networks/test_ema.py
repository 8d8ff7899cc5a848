"""The moving average of G against its closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from evenodds.networks.ema import LATE, RAMP, Average


def between(ema_half_life: float) -> int:
    """Samples seen, so many that the ramp is over, and not yet so many that the half-life grows again."""
    return int(2 * ema_half_life / (RAMP + LATE))


def constant(value: float) -> nn.Linear:
    """A double precision layer whose every weight is ``value``."""
    layer = nn.Linear(3, 2).double()
    for weight in layer.parameters():
        nn.init.constant_(weight, value)
    return layer


def weights(average: Average) -> list[float]:
    return [number for weight in average.network.parameters() for number in weight.flatten().tolist()]


def test_the_average_starts_as_g() -> None:
    assert weights(Average(constant(0.7), 100)) == [0.7] * 8


@pytest.mark.parametrize("batch", [1, 16, 500])
@pytest.mark.parametrize("ema_half_life", [500, 2000.0])
def test_after_its_half_life_the_average_is_half_way(batch: int, ema_half_life: float) -> None:
    average, generator = Average(constant(0.0), ema_half_life), constant(1.0)
    turns = ema_half_life / batch
    for _ in range(int(turns)):
        average.follow(generator, batch, between(ema_half_life))
    assert weights(average) == pytest.approx([1 - 0.5 ** (int(turns) * batch / ema_half_life)] * 8)
    if turns == int(turns):
        assert weights(average) == pytest.approx([0.5] * 8)


def test_the_average_weighs_g_by_how_long_ago_it_was() -> None:
    """Turns at 1, 2, 3 weigh (1 - d) d^2, (1 - d) d, (1 - d), and the start d^3, with d = 2^(-batch / half-life)."""
    average = Average(constant(5.0), 100)
    for value in (1.0, 2.0, 3.0):
        average.follow(constant(value), 30, between(100))
    d = 0.5**0.3
    expected = d**3 * 5 + (1 - d) * (d**2 * 1 + d * 2 + 3)
    assert weights(average) == pytest.approx([expected] * 8)


def test_early_the_half_life_is_a_share_of_what_was_seen() -> None:
    average, generator = Average(constant(0.0), 1e6), constant(1.0)
    left = 1.0
    for seen in range(100, 2001, 100):
        average.follow(generator, 10, seen)
        left *= 0.5 ** (10 / (RAMP * seen))
        assert weights(average) == pytest.approx([1 - left] * 8)


def test_the_ramp_ends_where_its_share_reaches_the_half_life() -> None:
    for seen, ema_half_life in ((200, 10), (199, 199 * RAMP), (500, 10)):
        average = Average(constant(0.0), 10)
        average.follow(constant(1.0), 4, seen)
        assert weights(average) == pytest.approx([1 - 0.5 ** (4 / ema_half_life)] * 8)


def test_late_the_half_life_grows_with_what_was_seen() -> None:
    for seen, ema_half_life in ((500, 10), (501, 501 * LATE), (100_000, 2_000)):
        average = Average(constant(0.0), 10)
        average.follow(constant(1.0), 4, seen)
        assert weights(average) == pytest.approx([1 - 0.5 ** (4 / ema_half_life)] * 8)


@pytest.mark.parametrize("seen", [0, 64])
def test_the_first_turn_forgets_the_untrained_weights(seen: int) -> None:
    average = Average(constant(0.0), 20_000)
    average.follow(constant(1.0), 64, seen)
    assert weights(average) == pytest.approx([1.0] * 8, abs=1e-5)


def test_running_statistics_follow_and_counts_are_taken_over() -> None:
    generator = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double()
    average = Average(generator, 100)
    generator(10 + torch.randn(50, 3, dtype=torch.float64))
    generator(10 + torch.randn(50, 3, dtype=torch.float64))
    average.follow(generator, 100, between(100))
    norm, mine = generator[1], average.network.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm1d)
    assert isinstance(mine, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(mine.running_mean, norm.running_mean / 2)
    torch.testing.assert_close(mine.running_var, (norm.running_var + 1) / 2)
    assert mine.num_batches_tracked is not None
    assert mine.num_batches_tracked.item() == 2


def test_the_average_shares_no_memory_with_g() -> None:
    generator = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = Average(generator, 100)
    average.follow(generator, 10, between(100))
    theirs = {tensor.data_ptr() for tensor in generator.state_dict().values()}
    assert not theirs & {tensor.data_ptr() for tensor in average.network.state_dict().values()}


def test_following_leaves_g_as_it_is() -> None:
    generator = constant(1.0)
    Average(constant(0.0), 100).follow(generator, 10, between(100))
    assert all((weight == 1).all() and weight.requires_grad for weight in generator.parameters())


def test_the_average_samples_in_evaluation_and_wants_no_gradient() -> None:
    generator = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    network = Average(generator, 100).network
    assert generator.training
    assert not any(module.training for module in network.modules())
    assert not any(weight.requires_grad for weight in network.parameters())


def test_the_average_of_a_wandering_g_is_steadier_than_g() -> None:
    """White noise through a filter of weight w keeps w / (2 - w) of its variance."""
    torch.manual_seed(0)
    average, values = Average(constant(0.0), 70), []
    for _ in range(4000):
        average.follow(constant(torch.randn(()).item()), 10, between(70))
        values.append(weights(average)[0])
    w = 1 - 0.5 ** (1 / 7)
    assert torch.tensor(values).std().item() == pytest.approx(math.sqrt(w / (2 - w)), rel=0.1)
