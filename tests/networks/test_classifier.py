"""The classifier of reals and fakes: any size fits, and what it learns are the true odds of a sample."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from evenodds.core.spec import PictureSpec, RowSpec, SampleSpec, Span
from evenodds.networks.classifier import COARSE, WIDEST, Classifier, fit, logits

LINE = RowSpec((Span(0, 1, "number"),))
ROWS = RowSpec((Span(0, 2, "number"), Span(2, 5, "category")))
SMALL = PictureSpec(3, 8, 8)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def samples(spec: SampleSpec, n: int) -> Tensor:
    return torch.rand(n, *spec.shape) * 2 - 1


def convolved(network: nn.Module) -> list[int]:
    """Channels after each convolution."""
    return [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]


def shifted(reals: int, fakes: int) -> tuple[Tensor, Tensor]:
    """Reals N(1, 1), fakes N(-1, 1): the logit of being real is 2x where both are as frequent."""
    x = torch.cat([torch.randn(reals, 1) + 1, torch.randn(fakes, 1) - 1])
    return x, torch.cat([torch.ones(reals), torch.zeros(fakes)])


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3), st.integers(1, 70), st.integers(1, 70), st.integers(1, 6))
def test_pictures_of_any_size_have_a_logit_each(channels: int, height: int, width: int, units: int) -> None:
    spec = PictureSpec(channels, height, width)
    found = Classifier(spec, units)(samples(spec, 2))
    assert found.shape == (2,)
    assert found.isfinite().all()


@pytest.mark.parametrize("spec", [LINE, ROWS])
@pytest.mark.parametrize("n", [1, 7])
def test_rows_have_a_logit_each(spec: RowSpec, n: int) -> None:
    assert Classifier(spec, 6)(samples(spec, n)).shape == (n,)


@pytest.mark.parametrize(
    ("height", "width", "channels"),
    [
        (8, 8, [5]),
        (4, 4, [5]),
        (9, 100, [5, 10]),
        (28, 28, [5, 10, 20]),
        (64, 64, [5, 10, 20, 20]),
        (256, 256, [5, 10, 20, 20, 20, 20]),
    ],
)
def test_pictures_are_halved_until_they_are_coarse_and_channels_double_up_to_the_widest(
    height: int, width: int, channels: list[int]
) -> None:
    network = Classifier(PictureSpec(3, height, width), 5)
    assert convolved(network) == channels
    assert min(height, width) / 2 ** len(channels) <= COARSE
    assert max(channels) <= 5 * WIDEST


@pytest.mark.parametrize("spec", [ROWS, SMALL])
def test_a_trained_classifiers_answer_hangs_on_the_sample_alone(spec: SampleSpec) -> None:
    """Neither on the rest of its batch, nor on how the batches are cut."""
    network, x = Classifier(spec, 4), samples(spec, 21)
    fit(network, x, (torch.arange(21) < 10).float(), steps=5, batch=8)
    whole = logits(network, x)
    assert whole.shape == (21,)
    assert whole.std() > 0
    torch.testing.assert_close(logits(network, x, batch=4), whole)
    torch.testing.assert_close(torch.cat([logits(network, one[None]) for one in x]), whole)
    torch.testing.assert_close(logits(network, x.flip(0)).flip(0), whole)


@pytest.mark.parametrize("spec", [ROWS, SMALL])
def test_gradients_reach_every_layer_and_the_sample(spec: SampleSpec) -> None:
    network, x = Classifier(spec, 4), samples(spec, 6).requires_grad_()
    network(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())
    # A bias before a batch normalisation has no say.
    assert all(
        weight.grad.any() for weight in network.parameters() if weight.grad is not None and weight.ndim > 1
    )


@pytest.mark.parametrize(("reals", "fakes"), [(1000, 1000), (1600, 400), (400, 1600)])
def test_the_logits_learnt_are_the_log_odds_of_the_laws(reals: int, fakes: int) -> None:
    """Where both sides were of one size: how many of each were given does not show."""
    network = Classifier(LINE, 32)
    fit(network, *shifted(reals, fakes), steps=200)
    points = torch.linspace(-1.5, 1.5, 7)
    found = logits(network, points[:, None])
    assert (found - 2 * points).abs().max() < 1
    assert (found - 2 * points).abs().mean() < 0.4
    assert (found - 2 * points).mean().abs() < 0.3, "no side is preferred"


def test_what_tells_nothing_has_even_logits_though_nine_of_ten_are_real() -> None:
    network, x = Classifier(LINE, 16), torch.randn(1000, 1)
    fit(network, x, (torch.arange(1000) < 900).float(), steps=100)
    assert logits(network, x).mean().abs() < 0.2, "log 9 is 2.2"


def test_pictures_that_differ_are_told_apart_by_those_it_never_saw() -> None:
    """Left half bright against right half bright, in noise."""
    x = 0.5 * torch.randn(200, 1, 12, 12)
    truth = (torch.arange(200) % 2).float()
    x[truth == 1, :, :, :6] += 0.5
    x[truth == 0, :, :, 6:] += 0.5
    network = Classifier(PictureSpec(1, 12, 12), 8)
    fit(network, x[:100], truth[:100], steps=60, batch=32)
    assert ((logits(network, x[100:]) > 0) == (truth[100:] > 0.5)).float().mean() > 0.95


def test_fitting_leaves_the_network_to_be_asked() -> None:
    network = Classifier(SMALL, 4)
    x, truth = samples(SMALL, 12), (torch.arange(12) < 6).float()
    for steps in (0, 1, 3):
        before = {name: weight.clone() for name, weight in network.named_parameters()}
        fit(network, x, truth, steps=steps)
        assert not any(module.training for module in network.modules())
        moved = [not torch.equal(weight, before[name]) for name, weight in network.named_parameters()]
        assert any(moved) == (steps > 0)


def test_asking_changes_nothing_and_keeps_no_graph() -> None:
    network = Classifier(SMALL, 4)
    fit(network, samples(SMALL, 12), (torch.arange(12) < 6).float(), steps=2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = logits(network, samples(SMALL, 30))
    assert not found.requires_grad
    assert found.dtype == torch.float32
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(("batch", "expected"), [(8, 8), (64, 20)])
def test_every_batch_is_changed_and_none_is_larger_than_there_are_samples(batch: int, expected: int) -> None:
    sizes = []

    def change(x: Tensor) -> Tensor:
        sizes.append(len(x))
        return x

    x = samples(ROWS, 20)
    fit(Classifier(ROWS, 4), x, (torch.arange(20) < 5).float(), steps=7, batch=batch, change=change)
    assert sizes == [expected] * 7


def test_a_change_that_wipes_out_the_difference_leaves_nothing_to_learn() -> None:
    """The network is fitted to the changed samples, not to those given."""
    x, truth = shifted(300, 300)
    seeing, blind = Classifier(LINE, 16), Classifier(LINE, 16)
    fit(seeing, x, truth, steps=60)
    fit(blind, x, truth, steps=60, change=lambda batch: torch.randn_like(batch))
    right = [((logits(network, x) > 0) == (truth > 0.5)).float().mean() for network in (seeing, blind)]
    assert right[0] > 0.8
    assert logits(blind, x).abs().mean() < 0.4 * logits(seeing, x).abs().mean()


def test_both_sides_of_a_batch_are_as_frequent_however_few_one_has() -> None:
    """2,000 samples drawn from 95 reals and 5 fakes; the fakes are the numbers below 0."""
    x = torch.cat([torch.ones(95, 1), -torch.ones(5, 1)])
    sample_categories: list[Tensor] = []

    def change(batch: Tensor) -> Tensor:
        sample_categories.append(batch.clone())
        return batch

    fit(Classifier(LINE, 4), x, (x[:, 0] > 0).float(), steps=40, batch=50, change=change)
    assert (torch.cat(sample_categories) > 0).float().mean().item() == pytest.approx(0.5, abs=0.04)


def test_the_same_random_state_gives_the_same_network() -> None:
    x, truth = shifted(20, 20)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        network = Classifier(LINE, 4)
        fit(network, x, truth, steps=5)
        found.append(logits(network, x))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
