"""Players of two sizes in one: what they give before and after the larger ones have learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from evenodds.config.settings import NetworkName, NetworkSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, Span
from evenodds.networks.build import build
from evenodds.networks.cascade import (
    GRAIN,
    CascadeDiscriminator,
    CascadeGenerator,
    Enlarger,
    at_stage,
    grained,
    shrink,
)

SPEC = PictureSpec(3, 32, 32)
LABELS = Condition("labels", RowSpec((Span(0, 3, "category"),)))


def players(
    stages: str, condition: Condition | None = None, network: NetworkName = "dcgan"
) -> tuple[CascadeGenerator, CascadeDiscriminator]:
    torch.manual_seed(0)
    settings = NetworkSettings(network=network, width=8, latent=6, stages=stages)
    generator, discriminator = build(SPEC, settings, condition)
    assert isinstance(generator, CascadeGenerator)
    assert isinstance(discriminator, CascadeDiscriminator)
    return generator.eval(), discriminator.eval()


def labels(n: int) -> torch.Tensor:
    return torch.eye(3)[torch.arange(n) % 3]


@pytest.mark.parametrize("stages", ["16,32", "8,32", "8,16,32"])
@pytest.mark.parametrize("condition", [None, LABELS])
@pytest.mark.parametrize("network", ["dcgan", "r3gan"])
def test_new_players_give_the_coarse_ones_word(
    stages: str, condition: Condition | None, network: NetworkName
) -> None:
    """G the small picture interpolated, D the score of the small picture."""
    generator, discriminator = players(stages, condition, network)
    left = stages.count(",")
    first_g, first_d = (at_stage(player, left) for player in (generator, discriminator))
    z, c = torch.randn(4, 6), None if condition is None else labels(4)
    small = first_g(z, c)
    side = int(stages.split(",")[0])
    assert small.shape == (4, 3, side, side)
    made = generator(z, c)
    expected = small
    for larger in map(int, stages.split(",")[1:]):
        expected = interpolate(expected, size=(larger, larger), mode="bicubic", align_corners=False)
    assert torch.equal(made, expected)
    scores = discriminator(made, c)
    assert scores.shape[0] == 4
    assert torch.allclose(scores.mean(1), first_d(shrink(made, side), c), atol=1e-6)
    assert torch.allclose(scores, scores[:, :1].expand_as(scores))


def test_each_patch_is_judged_by_itself_and_the_whole_by_the_coarse_one() -> None:
    _, discriminator = players("16,32")
    torch.nn.init.normal_(discriminator.fine.last.weight)
    x = torch.randn(1, 3, 32, 32)
    other = x.clone()
    other[:, :, :2, :2] += 1  # one corner
    before, after = (discriminator.fine(picture) for picture in (x, other))
    changed = (before - after).abs().reshape(4, 4) > 1e-6
    assert changed[0, 0]
    assert not changed[3, 3]


def test_labels_are_heeded_through_the_coarse_players() -> None:
    generator, discriminator = players("16,32", LABELS)
    torch.nn.init.normal_(at_stage(discriminator, 1).get_submodule("project").weight)
    z = torch.randn(1, 6).expand(3, 6)
    made = generator(z, labels(3))
    assert not torch.allclose(made[0], made[1])
    scores = discriminator(made[:1].expand(3, -1, -1, -1), labels(3))
    assert len(scores[:, 0].unique()) == 3


def test_an_enlarger_that_has_learnt_differs_from_interpolation_where_it_should() -> None:
    """It learns from pictures and their small copies to bring back more than interpolation does."""
    torch.manual_seed(0)
    spec = PictureSpec(1, 16, 16)
    enlarge = Enlarger(spec, 8, 2)
    # Stripes whose phase the small picture shows: fine detail that follows from what is there.
    phase = torch.rand(256, 1, 1, 1) * 6.28
    x = torch.sign(torch.sin(torch.arange(16.0) * 0.8 + phase)).expand(256, 1, 16, 16)
    small = shrink(x, 8)
    optimizer = torch.optim.Adam(enlarge.parameters(), 1e-2)
    first = torch.nn.functional.mse_loss(enlarge(small), x).item()
    for _ in range(100):
        loss = torch.nn.functional.mse_loss(enlarge(small), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < first / 2


def test_shrink_takes_the_mean_of_what_becomes_a_pixel() -> None:
    picture = np.arange(64, dtype=np.float32).reshape(8, 8)
    box = np.asarray(Image.fromarray(picture).resize((4, 4), Image.Resampling.BOX))
    assert np.allclose(shrink(torch.from_numpy(picture)[None, None], 4)[0, 0].numpy(), box)


def test_grain_is_of_another_strength_on_each_picture_and_never_more_than_asked() -> None:
    torch.manual_seed(0)
    x = torch.zeros(200, 1, 16, 16)
    strengths = grained(x).flatten(1).std(1)
    assert strengths.max() < 1.2 * GRAIN
    assert strengths.min() < 0.1 * GRAIN
    assert abs(float(strengths.mean()) - GRAIN / 2) < 0.1 * GRAIN


def test_stages_of_another_size_are_refused() -> None:
    """As a file from somebody else may have them."""
    with pytest.raises(UserError, match="ends at 64 px where the pictures have 32"):
        players("32,64")
