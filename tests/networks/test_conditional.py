"""Values given to players: they reach G and D, stand in rows as they were given, and rare ones are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, Span, condition_from_json, condition_to_json
from evenodds.data.batches import Choices
from evenodds.game.augment import jitter
from evenodds.game.step import critic
from evenodds.networks.build import build, family_for
from evenodds.objectives.penalties import squared_slope

LABELS = Condition("labels", RowSpec((Span(0, 3, "category"), Span(3, 4, "number"))))
ROWS = RowSpec((Span(0, 1, "number"), Span(1, 4, "category"), Span(4, 6, "number"), Span(6, 8, "category")))
COLUMNS = Condition("columns", RowSpec((Span(0, 3, "category"), Span(3, 5, "number"))), (1, 2, 3, 4, 5))
PICTURE = PictureSpec(3, 16, 16)
OUTLINES = Condition("outlines", PictureSpec(1, 16, 16))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def players(network: str, spec: Any, condition: Condition, **facts: Any) -> tuple[nn.Module, nn.Module]:
    settings = NetworkSettings.model_validate({"network": network, "width": 8, "latent": 6, **facts})
    return build(spec, settings, condition)


def some(n: int, numbers: int = 1) -> Tensor:
    """Conditions (n, 3 + numbers): a choice of three, and numbers."""
    return torch.cat([torch.eye(3)[torch.arange(n) % 3], torch.randn(n, numbers)], dim=1)


def stirred(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network


@pytest.mark.parametrize("condition", [LABELS, COLUMNS, OUTLINES, None])
def test_a_condition_survives_json(condition: Condition | None) -> None:
    assert condition_from_json(condition_to_json(condition)) == condition


@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan", "style", "fast"])
@pytest.mark.parametrize("join", ["projection", "concat"])
def test_labels_change_fakes_and_scores(network: str, join: str) -> None:
    generator, discriminator = (stirred(player) for player in players(network, PICTURE, LABELS, join=join))
    z, c = torch.randn(6, 6), some(6)
    fake = generator(z, c)
    assert fake.shape == (6, 3, 16, 16)
    other = c.roll(1, 0)
    assert not torch.allclose(generator(z, other), fake)
    scores = discriminator(fake, c)
    assert scores.shape == (6,)
    assert not torch.allclose(discriminator(fake, other), scores)
    torch.testing.assert_close(discriminator(fake[2:4], c[2:4]), scores[2:4], atol=1e-5, rtol=1e-4)


def test_a_projected_score_is_that_of_the_paper() -> None:
    """s(h) + <V c, h>, by hand."""
    _, discriminator = players("gan", PICTURE, LABELS)
    stirred(discriminator)
    x, c = torch.randn(5, 3, 16, 16), some(5)
    known = discriminator.inner.features(x)
    by_hand = discriminator.inner(x) + torch.einsum("nc,kc,nk->n", c, discriminator.project.weight, known)
    torch.testing.assert_close(discriminator(x, c), by_hand)


@pytest.mark.parametrize("network", ["tabular", "autoregressive", "gan"])
def test_given_columns_stand_in_rows_as_they_were_given(network: str) -> None:
    generator, discriminator = players(network, ROWS, COLUMNS)
    stirred(generator)
    c = some(9, 2)
    rows = generator(torch.randn(9, 6), c)
    assert rows.shape == (9, 8)
    assert torch.equal(rows[:, list(COLUMNS.places)], c)
    assert torch.equal(rows[:, 6:].sum(1), torch.ones(9))  # the other category is still one choice
    assert discriminator(rows, c).shape == (9,)


def test_other_columns_follow_what_was_given() -> None:
    generator, _ = players("tabular", ROWS, COLUMNS)
    stirred(generator)
    z = torch.randn(1, 6).expand(2, -1)
    torch.manual_seed(1)
    a, b = generator(z, some(2, 2))
    assert a[0] != b[0]


def test_gradients_reach_the_embedding() -> None:
    generator, discriminator = players("dcgan", PICTURE, LABELS)
    discriminator(generator(torch.randn(4, 6), some(4)), some(4)).sum().backward()
    for network in (generator.embed, discriminator.project):
        assert network.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("network", "spec", "condition", "words"),
    [
        ("dcgan", PICTURE, OUTLINES, "take one of: pix2pix, resunet"),
        ("pix2pix", PICTURE, LABELS, "take one of: gan, dcgan, r3gan, style, fast"),
        ("resunet", PICTURE, None, "take one of: gan, dcgan, r3gan, style, fast"),
        ("pix2pix", ROWS, COLUMNS, "take one of: gan, tabular, autoregressive"),
    ],
)
def test_a_network_that_does_not_take_the_condition_is_refused(
    network: Any, spec: Any, condition: Condition | None, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        family_for(spec, NetworkSettings(network=network), condition)


class Paired(nn.Module):
    """D(x, c) = <x, c>, whose slope is known: |c|."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return (x * c).sum(1)


def test_a_penalty_takes_each_sample_under_its_own_condition() -> None:
    c = torch.randn(4, 3)
    both = torch.randn(8, 3)  # reals and fakes, under the same four conditions
    slope = squared_slope(critic(Paired(), c), both)
    torch.testing.assert_close(slope, c.square().sum(1).mean())


class Patches(nn.Module):
    """D(x, c): (n, 2), one score a half."""

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        return torch.stack([3 * x[:, 0], 5 * x[:, 1]], 1)


def test_a_penalty_takes_the_mean_of_patches() -> None:
    slope = squared_slope(critic(Patches(), None), torch.randn(6, 2))
    torch.testing.assert_close(slope, torch.tensor(1.5**2 + 2.5**2))


def test_rare_choices_are_drawn_by_the_logarithm_of_their_frequency() -> None:
    """CTGAN's section 4.3: column first, then a choice with a probability that goes by log frequency."""
    common = np.repeat([0, 1, 2], [9_000, 900, 100])
    even = np.arange(10_000) % 2
    choices = Choices([common, even])
    sample_categories = choices.draw(40_000, np.random.default_rng(0))
    weight = np.log1p([9_000, 900, 100])
    wanted = 0.5 * weight / weight.sum() + 0.5 * np.array([0.9, 0.09, 0.01])
    np.testing.assert_allclose(np.bincount(common[sample_categories]) / 40_000, wanted, atol=0.01)
    assert len(np.unique(sample_categories[common[sample_categories] == 2])) == 100  # every rare row is seen


def test_choices_with_an_empty_level_are_never_drawn_from_it() -> None:
    codes = np.repeat([0, 2], [50, 5])  # level 1 is held out alone
    sample_categories = Choices([codes]).draw(2_000, np.random.default_rng(0))
    assert set(codes[sample_categories]) == {0, 2}
    assert sample_categories.max() < len(codes)


def test_pairs_are_jittered_alike_and_not_blurred() -> None:
    x = torch.rand(64, 3, 32, 32)
    moved, beside = jitter(x, x[:, :1].clone())
    assert torch.equal(moved[:, :1], beside)
    assert not torch.equal(moved, x)
    assert all(torch.isin(after, before).all() for after, before in zip(moved, x, strict=True))
    ramp = torch.arange(32.0).expand(64, 1, 32, 32)
    steps = jitter(ramp, ramp)[0].diff(dim=3)
    assert {-1.0, 1.0} <= set(steps.unique().tolist()) <= {-1.0, 0.0, 1.0}  # both ways round, edges drawn out
