"""The generator that draws column after column: one masked pass, true probabilities, and rows that follow them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, RowSpec, Span
from evenodds.data.tables.quantiles import normal
from evenodds.networks.autoregressive import BINS, AutoregressiveGenerator, Filling, scores, seen_of, shares

MIXED = RowSpec(
    (
        Span(0, 1, "number"),
        Span(1, 4, "category"),
        Span(4, 6, "choice"),
        Span(6, 7, "number"),
        Span(7, 9, "category"),
    )
)
CHOICES = RowSpec((Span(0, 3, "category"), Span(3, 5, "category"), Span(5, 9, "category")))


def made(
    spec: RowSpec, condition: Condition | None = None, latent: int = 8, width: int = 4
) -> AutoregressiveGenerator:
    """One with no weight left at zero."""
    torch.manual_seed(0)
    settings = NetworkSettings(network="autoregressive", width=width, latent=latent)
    generator = AutoregressiveGenerator(spec, settings, condition).eval()
    with torch.no_grad():
        for weight in generator.parameters():
            weight.add_(0.4 * torch.randn_like(weight))
    return generator


def answers_in_turn(generator: AutoregressiveGenerator, rows: Tensor) -> list[Tensor]:
    """What the units that are filled span by span answer to each span."""
    filling, answers = Filling(generator, rows), []
    for at, span in enumerate(generator.spans):
        answers.append(filling.answer(at))
        filling.fill(seen_of(generator.part_of(span, rows)))
    return answers


@pytest.mark.parametrize("spec", [MIXED, CHOICES])
def test_the_masked_pass_answers_as_spans_in_turn_do(spec: RowSpec) -> None:
    generator = made(spec)
    rows = generator(torch.randn(20, 8)).detach()
    in_turn = answers_in_turn(generator, rows)
    seen = [seen_of(generator.part_of(span, rows)) for span in generator.spans]
    torch.testing.assert_close(generator.masked_pass(torch.cat(seen, dim=1)), in_turn)
    likely = torch.zeros(len(rows))
    for at, span in enumerate(generator.spans):
        chosen = generator.chosen(at, generator.part_of(span, rows))
        log_p = F.log_softmax(generator.logits(at, in_turn[at]), dim=1)
        likely += log_p.gather(1, chosen[:, None]).squeeze(1)
    torch.testing.assert_close(generator.log_likelihood(rows), likely)


def test_each_weight_serves_the_span_that_it_is_said_to() -> None:
    generator = made(MIXED)
    rows = generator(torch.randn(20, 8)).detach()
    before = generator.log_likelihoods(rows)
    for at in range(len(MIXED.spans)):
        changed = made(MIXED)
        with torch.no_grad():
            for name, span in changed.span_of_rows().items():
                weight = changed.get_parameter(name)
                weight[span == at] += torch.randn_like(weight[span == at])
        moved = (changed.log_likelihoods(rows) != before).any(0)
        assert moved.tolist() == [other == at for other in range(len(MIXED.spans))]


def every_row(spec: RowSpec) -> Tensor:
    """All rows of categories, or with a number in the middle of each of its bins."""
    parts = []
    for span in spec.spans:
        middles = scores((torch.arange(BINS) + 0.5) / BINS)[:, None]
        parts.append(middles if span.kind == "number" else torch.eye(span.width))
    return torch.stack([torch.cat(choice) for choice in product(*parts)])


@pytest.mark.parametrize(
    "spec", [CHOICES, RowSpec((Span(0, 2, "choice"), Span(2, 3, "number"), Span(3, 5, "category")))]
)
def test_probabilities_of_all_rows_sum_to_one(spec: RowSpec) -> None:
    with torch.no_grad():
        likely = made(spec).log_likelihood(every_row(spec))
    assert likely.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert likely.std() > 0.1


def toy(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """n rows of CHOICES whose columns hang together, all rows there are, and the probability of each."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(24, 0.5))
    rows = every_row(CHOICES)
    return rows[torch.from_numpy(rng.choice(24, n, p=p))], rows, torch.from_numpy(p)


@pytest.fixture(scope="module")
def learnt() -> AutoregressiveGenerator:
    generator = made(CHOICES, width=16).train()
    rows = toy(20_000)[0]
    optimizer = torch.optim.Adam(generator.parameters(), lr=5e-3)
    for step in range(400):
        torch.manual_seed(step)
        loss = -generator.log_likelihood(rows[torch.randint(len(rows), (256,))]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return generator.eval()


def test_the_likelihood_of_a_law_that_is_known_comes_near_its_entropy(
    learnt: AutoregressiveGenerator,
) -> None:
    _, rows, p = toy(1)
    entropy = -(p * p.clamp(min=1e-12).log()).sum().item()
    with torch.no_grad():
        nats = -(p * learnt.log_likelihood(rows)).sum().item()
    assert entropy - 1e-6 <= nats < entropy + 0.03
    independent = sum(
        -(q * q.log()).sum().item() for q in (p @ rows.double()).split([s.width for s in CHOICES.spans])
    )
    assert independent > entropy + 0.3  # columns that hang together, or there were nothing to learn


def test_rows_come_as_often_as_they_are_likely(learnt: AutoregressiveGenerator) -> None:
    _, rows, _ = toy(1)
    torch.manual_seed(1)
    with torch.no_grad():
        fakes = learnt(torch.randn(40_000, 8))
        p = learnt.log_likelihood(rows).exp()
    often = (fakes @ rows.T == 3).double().mean(0)
    assert often.sum().item() == pytest.approx(1)
    deviation = (p * (1 - p) / len(fakes)).sqrt()
    assert ((often - p).abs() < 5 * deviation + 1e-6).all()


def test_numbers_fill_their_bins_as_they_are_likely() -> None:
    generator = made(RowSpec((Span(0, 1, "number"),)))
    torch.manual_seed(0)
    with torch.no_grad():
        fakes = generator(torch.randn(50_000, 8))
        p = generator.probabilities(fakes[:1])[0][0]
    chosen = generator.chosen(0, shares(fakes))
    often = torch.bincount(chosen, minlength=BINS) / len(fakes)
    assert ((often - p).abs() < 5 * (p * (1 - p) / len(fakes)).sqrt()).all()
    inside = shares(fakes).squeeze(1) * BINS - chosen  # evenly within a bin
    assert inside.mean().item() == pytest.approx(0.5, abs=0.01)
    assert inside.var().item() == pytest.approx(1 / 12, abs=0.005)


def test_the_same_latent_makes_the_same_row_and_lacking_latents_are_drawn() -> None:
    z = torch.randn(5, 8)
    generator = made(MIXED)
    assert torch.equal(generator(z), generator(z))
    fewer = made(MIXED, latent=2)
    torch.manual_seed(1)
    first = fewer(z[:, :2])
    assert not torch.equal(first, fewer(z[:, :2]))
    torch.manual_seed(1)
    assert torch.equal(first, fewer(z[:, :2]))


def test_a_number_grows_with_its_own_latent_and_every_span_has_a_gradient() -> None:
    generator = made(MIXED)
    z = torch.zeros(9, 8)
    z[:, 0] = torch.linspace(-2, 2, 9)
    assert (generator(z)[:, 0].diff() > 0).all()
    z = torch.randn(64, 8).requires_grad_()
    generator(z)[:, 7].sum().backward()  # a category, after all the others
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert (z.grad[:, 0] != 0).any()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in generator.parameters())


def test_given_columns_stand_as_given_and_come_first() -> None:
    condition = Condition("columns", RowSpec((Span(0, 2, "category"),)), (7, 8))
    generator = made(MIXED, condition)
    c = torch.eye(2).repeat(10, 1)
    rows = generator(torch.randn(20, 8), c)
    assert torch.equal(rows[:, 7:9], c)
    assert rows.shape == (20, 9)
    z = torch.randn(1, 8).expand(2, -1)
    first, second = generator(z, torch.eye(2))
    assert not torch.equal(first[:7], second[:7])
    assert generator.log_likelihood(rows).shape == (20,)


def test_columns_may_be_given_in_another_order_than_they_stand_in() -> None:
    condition = Condition("columns", RowSpec((Span(0, 2, "category"), Span(2, 3, "number"))), (7, 8, 0))
    c = torch.cat([torch.eye(2).repeat(5, 1), torch.linspace(-2, 2, 10)[:, None]], dim=1)
    rows = made(MIXED, condition)(torch.randn(10, 8), c)
    torch.testing.assert_close(rows[:, [7, 8, 0]], c)


def test_shares_and_scores_are_each_others_inverse() -> None:
    share = torch.linspace(0.001, 0.999, 101)
    torch.testing.assert_close(shares(scores(share)), share, atol=1e-5, rtol=0)
    assert shares(torch.tensor([-3.5, 0.0, 3.5])).tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)


def test_scores_are_the_inverse_of_the_cut_normal_law() -> None:
    share = torch.linspace(0, 1, 10_001, dtype=torch.float64)
    torch.testing.assert_close(scores(share).numpy(), normal(share.numpy()), atol=1e-7, rtol=0)
