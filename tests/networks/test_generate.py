"""Seeds for places, and streams of samples."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from evenodds.core.rng import seed_of, set_random
from evenodds.networks.generate import Share, draw, generate, stream

CPU = torch.device("cpu")


@pytest.fixture
def generator() -> nn.Module:
    torch.manual_seed(0)
    return Line(3, 2)


class Line(nn.Linear):
    """G(z, c) without a condition."""

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return super().forward(z)


class Noisy(nn.Module):
    """A generator with noise of its own, as the straight-through draw of a category has."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return z * self.weight + torch.rand_like(z)


def test_a_places_seed_never_changes() -> None:
    """These values are in every run that was ever written: a change here breaks resuming and --seed."""
    assert seed_of(0) == 4761921975702974394
    assert seed_of(7, 0, 6400, "d") == 6036842046676540399


@given(st.integers(0, 2**31), st.integers(0, 100), st.integers(0, 10**9), st.sampled_from(["d", "g", "odds"]))
def test_a_seed_has_63_bits(seed: int, rank: int, seen: int, turn: str) -> None:
    assert 0 <= seed_of(seed, rank, seen, turn) < 2**63


def test_no_two_places_share_a_seed() -> None:
    places = [(s, r, n, t) for s in range(4) for r in range(4) for n in range(0, 640, 64) for t in "dg"]
    assert len({seed_of(*place) for place in places}) == len(places)


def test_a_places_parts_do_not_run_together() -> None:
    assert seed_of(1, 23) != seed_of(12, 3)


def test_the_random_state_is_where_the_seed_says() -> None:
    set_random(11, CPU)
    ours = torch.randn(5)
    torch.manual_seed(11)
    assert torch.equal(torch.randn(5), ours)


def test_latents_are_standard_normal_draws_of_the_current_state() -> None:
    set_random(1, CPU)
    z = draw(20_000, 4)
    assert z.shape == (20_000, 4)
    torch.testing.assert_close(z.mean(0), torch.zeros(4), rtol=0, atol=0.03)
    torch.testing.assert_close(torch.cov(z.T), torch.eye(4), rtol=0, atol=0.04)
    set_random(1, CPU)
    assert torch.equal(draw(20_000, 4), z)


@pytest.mark.parametrize("batch", [1, 3, 10, 64])
def test_generated_samples_come_in_the_order_of_their_latents(generator: nn.Module, batch: int) -> None:
    z = torch.randn(10, 3)
    parts = list(generate(generator, z, batch=batch))
    assert all(len(part) <= batch for part in parts)
    torch.testing.assert_close(torch.cat(parts), generator(z).detach())


@pytest.mark.parametrize(("n", "sizes"), [(0, []), (3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_a_stream_gives_n_samples_in_batches(generator: nn.Module, n: int, sizes: list[int]) -> None:
    assert [len(part) for part in stream(generator, n, 3, 0, batch=4)] == sizes


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [0, 1, 9, 23])
def test_shares_together_are_what_one_process_makes(n: int, size: int) -> None:
    whole = list(stream(Noisy(), n, 3, 5, batch=4))
    shares = [Share(rank, size) for rank in range(size)]
    parts = [list(stream(Noisy(), n, 3, 5, batch=4, share=share)) for share in shares]
    assert [sum(map(len, part)) for part in parts] == [share.count(n, 4) for share in shares]
    with_condition_channels = [batch for part in parts for batch in part]
    assert len(with_condition_channels) == len(whole)
    assert all(torch.equal(one, other) for one, other in zip(with_condition_channels, whole, strict=True))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def streamed(generator: nn.Module, n: int, seed: int) -> Tensor:
    return torch.cat(list(stream(generator, n, 3, seed, batch=4)))


@pytest.mark.parametrize("made", [Line(3, 3), Noisy()])
def test_a_stream_is_the_same_for_the_same_seed_whatever_was_drawn_before(made: nn.Module) -> None:
    one = streamed(made, 9, 5)
    torch.randn(17)
    assert torch.equal(streamed(made, 9, 5), one)
    assert not torch.equal(streamed(made, 9, 6), one)


def test_a_streams_batches_differ_from_one_another(generator: nn.Module) -> None:
    samples = streamed(generator, 12, 5)
    assert len({tuple(sample.tolist()) for sample in samples}) == 12


def test_a_longer_stream_starts_like_a_shorter_one(generator: nn.Module) -> None:
    assert torch.equal(streamed(generator, 12, 5)[:8], streamed(generator, 8, 5))


def test_samples_carry_no_graph(generator: nn.Module) -> None:
    assert not streamed(generator, 4, 0).requires_grad
    assert not next(generate(generator, torch.randn(4, 3))).requires_grad
