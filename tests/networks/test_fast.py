"""The network for few large pictures: its layers are the paper's, and D reconstructs the reals that it sees."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.presets import preset_of
from evenodds.config.settings import NetworkSettings, ObjectiveSettings
from evenodds.core.spec import Condition, PictureSpec, RowSpec, Span
from evenodds.game.augment import augment
from evenodds.game.step import Players, d_step, g_step
from evenodds.networks.build import build
from evenodds.networks.ema import Average
from evenodds.networks.fast import Doubling, Excitation, FastDiscriminator, cropped, gated
from evenodds.networks.freezing import freeze
from evenodds.networks.transfer import take_over
from evenodds.objectives.objective import make_objective

LABELS = Condition("labels", RowSpec((Span(0, 3, "category"),)))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def players(
    side: int, condition: Condition | None = None, channels: int = 3, **facts: Any
) -> tuple[nn.Module, Any]:
    settings = NetworkSettings.model_validate({"network": "fast", "width": 4, "latent": 6, **facts})
    return build(PictureSpec(channels, side, side), settings, condition)


def made_players(side: int, condition: Condition | None = None, **facts: Any) -> Players:
    g, d = players(side, condition, **facts)
    optimizers = [torch.optim.Adam(player.parameters(), lr=2e-3) for player in (g, d)]
    return Players(g, d, Average(g, 1e3), *optimizers)


def same(x: Tensor) -> Tensor:
    return x


@pytest.mark.parametrize(("places", "level"), [((4, 4), 0), ((4, 4), 1), ((5, 7), 1), ((6, 6), 2)])
def test_an_excitation_is_the_papers_equation(places: tuple[int, int], level: int) -> None:
    low, high = torch.randn(2, 5, places[0] << level, places[1] << level), torch.randn(2, 7, 3, 3)
    layer = Excitation(5, 7, places, 1 << level)
    pooled = F.adaptive_avg_pool2d(low, places)
    hidden = torch.einsum("nchw,kchw->nk", pooled, layer.squeeze.weight) + layer.squeeze.bias
    hidden = torch.where(hidden > 0, hidden, 0.1 * hidden)
    gate = 1 / (1 + torch.exp(-(hidden @ layer.excite.weight[:, :, 0, 0].T + layer.excite.bias)))
    torch.testing.assert_close(layer(low, high), high * gate[:, :, None, None], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_a_doubling_is_the_nearest_neighbor_and_a_convolution(bias: bool) -> None:
    layer, x = Doubling(5, 7, bias=bias), torch.randn(2, 5, 6, 6)
    kernel = layer.weight.transpose(0, 1).flip(2, 3)  # of a convolution that is not transposed
    doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(layer(x), F.conv2d(doubled, kernel, layer.bias, padding=1))


def test_a_gated_unit_halves_the_channels() -> None:
    x = torch.randn(2, 6, 3, 3)
    answer = torch.stack([x[:, i] / (1 + torch.exp(-x[:, i + 1])) for i in (0, 2, 4)], dim=1)
    torch.testing.assert_close(gated(x), answer)


@pytest.mark.parametrize(("side", "count"), [(16, 0), (32, 0), (64, 1), (80, 1), (128, 2), (256, 3)])
def test_maps_excite_those_four_doublings_higher(side: int, count: int) -> None:
    g: Any = players(side)[0]
    assert len(g.excitations) == count
    z = torch.randn(3, 6)
    for excitation in g.excitations:
        assert (g(z)[0] - g(z)[1]).abs().max() > 1e-3
        nn.init.constant_(excitation.excite.bias, -30.0)  # gates shut: nothing of z passes
        assert (g(z)[0] - g(z)[1]).abs().max() < 1e-6
        nn.init.zeros_(excitation.excite.bias)


@pytest.mark.parametrize("side", [8, 12, 16, 24, 32, 64, 112, 128])
@pytest.mark.parametrize("conditioning", ["projection", "concat"])
@pytest.mark.parametrize("condition", [None, LABELS], ids=["plain", "labels"])
def test_a_step_moves_every_weight_of_both(side: int, condition: Condition | None, conditioning: str) -> None:
    if condition is None and conditioning == "concat":
        pytest.skip("there is nothing to join")
    made = made_players(side, condition, conditioning=conditioning)
    objective = make_objective(ObjectiveSettings(loss="nonsaturating", penalty="none"))
    real, c = torch.rand(6, 3, side, side) * 2 - 1, None if condition is None else torch.eye(3).repeat(2, 1)
    d_step(made, objective, same, real, torch.randn(6, 6), c, with_penalty=False)
    g_step(made, objective, same, real, torch.randn(6, 6), c)
    for player in (made.generator, made.discriminator):
        for name, weight in player.named_parameters():
            assert weight.grad is not None, name
            assert weight.grad.isfinite().all(), name
            assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("condition", [None, LABELS], ids=["plain", "labels"])
@pytest.mark.parametrize("conditioning", ["projection", "concat"])
def test_scores_beside_reconstructions_are_the_scores(condition: Condition | None, conditioning: str) -> None:
    d = players(32, condition, conditioning=conditioning)[1]
    x, c = torch.rand(3, 3, 32, 32), () if condition is None else (torch.eye(3),)
    scores, loss = d.score_and_reconstruct(x, *c)
    torch.testing.assert_close(scores, d(x, *c))
    assert loss.shape == ()


def test_reconstructions_are_of_the_whole_and_of_the_quarter_at_its_place() -> None:
    d = players(64, width=8)[1]
    picture = torch.rand(5, 3, 64, 64)
    maps = d.maps(picture)
    torch.manual_seed(0)
    corners = [
        (int(top), int(left)) for top, left in zip(*(torch.randint(9, (5,)) for _ in range(2)), strict=True)
    ]
    torch.manual_seed(0)
    whole, part = d.reconstructions(maps, picture)
    assert torch.equal(whole.real, picture)
    assert whole.made.shape == picture.shape
    assert part.made.shape == part.real.shape == (5, 3, 32, 32)
    for index, (top, left) in enumerate(corners):
        assert torch.equal(
            part.real[index], picture[index, :, 4 * top : 4 * top + 32, 4 * left : 4 * left + 32]
        )
    top, left = corners[1]
    alone = d.part(maps[-3][1:2, :, top : top + 8, left : left + 8])
    torch.testing.assert_close(part.made[1:2], alone)


def test_a_large_picture_is_reconstructed_smaller_and_in_a_part() -> None:
    d = players(256)[1]
    picture = torch.rand(2, 3, 256, 256)
    whole, part = d.reconstructions(d.maps(picture), picture)
    torch.testing.assert_close(whole.real, F.avg_pool2d(picture, 4))
    assert whole.made.shape == part.made.shape == part.real.shape == (2, 3, 64, 64)


def test_a_rectangle_is_reconstructed_as_one() -> None:
    g, d = build(PictureSpec(3, 96, 160), NetworkSettings(network="fast", width=4, latent=6))
    picture = g(torch.randn(2, 6))
    assert picture.shape == (2, 3, 96, 160)
    whole, part = d.reconstructions(d.maps(picture), picture)
    assert whole.made.shape == whole.real.shape == (2, 3, 96, 160)
    assert part.made.shape == part.real.shape == (2, 3, 48, 80)
    assert d(picture).shape == (2,)


def test_each_crop_has_its_own_corner() -> None:
    x = torch.arange(2 * 36.0).view(2, 1, 6, 6)
    found = cropped(x, torch.tensor([0, 3]), torch.tensor([2, 1]))
    assert torch.equal(found, torch.stack([x[0, :, 0:3, 2:5], x[1, :, 3:6, 1:4]]))


class Watched(FastDiscriminator):
    """Keeps what it was asked to reconstruct."""

    pictures: list[Tensor]

    def features_and_loss(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        self.pictures = [*getattr(self, "pictures", []), picture]
        return super().features_and_loss(x, picture)


def test_reals_alone_are_reconstructed_as_d_saw_them_and_by_d_alone() -> None:
    settings = NetworkSettings(network="fast", width=4, latent=6)
    made = made_players(32)
    made.discriminator = watched = Watched(PictureSpec(3, 32, 32), settings)
    made.optimizer_d = torch.optim.Adam(watched.parameters())
    seen: list[Tensor] = []

    def changed(x: Tensor) -> Tensor:
        seen.append(augment(x))
        return seen[-1]

    real = torch.rand(4, 3, 32, 32)
    objective = make_objective(ObjectiveSettings())
    d_step(made, objective, changed, real, torch.randn(4, 6), with_penalty=True)
    g_step(made, objective, changed, real, torch.randn(4, 6))
    [picture] = watched.pictures
    assert [torch.equal(picture, one) for one in seen].count(True) == 1
    assert torch.equal(picture, seen[1]), "the reals come after the fakes"


def test_ds_loss_has_the_reconstruction_in_its_gradient_and_not_in_what_is_told() -> None:
    """Against the sum written out; the loss that a step returns is the adversarial one."""
    made = made_players(32)
    d: Any = made.discriminator
    objective = make_objective(ObjectiveSettings(penalty="none"))
    real, z = torch.rand(4, 3, 32, 32), torch.randn(4, 6)
    fake = made.generator(z).detach()
    torch.manual_seed(3)
    adversarial = F.softplus(d(fake) - d(real)).mean()
    whole, part = d.reconstructions(d.maps(real), real)
    aside = (whole.made - whole.real).abs().mean() + (part.made - part.real).abs().mean()
    answer = torch.autograd.grad(adversarial + aside, list(d.parameters()))
    torch.manual_seed(3)
    told = d_step(made, objective, same, real, z, with_penalty=False)
    torch.testing.assert_close(told, adversarial.detach())
    for gradient, weight in zip(answer, d.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-3, atol=1e-6)


def test_few_reals_are_reconstructed_better_and_better() -> None:
    made = made_players(32, width=16)
    d: Any = made.discriminator
    objective = make_objective(ObjectiveSettings())
    colors = torch.rand(4, 3, 1, 1) * 2 - 1
    real = colors.expand(-1, -1, 32, 32).clone()
    real[:, :, 8:24, 8:24] = colors.flip(0)

    def loss() -> float:
        torch.manual_seed(1)
        with torch.no_grad():
            return float(d.score_and_reconstruct(real)[1])

    before = loss()
    for turn in range(80):
        torch.manual_seed(turn)
        d_step(made, objective, same, real, torch.randn(4, 6), with_penalty=turn % 4 == 0)
    assert loss() < 0.4 * before


def test_labels_change_the_picture_and_the_score() -> None:
    g, d = players(64, LABELS, conditioning="concat")
    z = torch.randn(1, 6).expand(3, -1)
    made: Tensor = g(z, torch.eye(3))
    assert min((made[a] - made[b]).abs().max() for a, b in ((0, 1), (0, 2), (1, 2))) > 1e-3
    scores = d(made[:1].expand(3, -1, -1, -1), torch.eye(3))
    assert scores.unique().numel() == 3


def test_a_quarter_depends_on_torchs_random_state_alone() -> None:
    d, x = players(32)[1], torch.rand(4, 3, 32, 32)

    def loss(seed: int) -> float:
        torch.manual_seed(seed)
        return float(d.score_and_reconstruct(x)[1].detach())

    assert loss(1) == loss(1) != loss(2)


# Transfer


@torch.no_grad()
@pytest.mark.parametrize("wider", [1, 2])
def test_a_grown_g_has_the_same_coarse_maps(wider: int) -> None:
    (old, _), (new, _) = players(32, width=8), players(64, width=4 * wider)
    for value in old.state_dict().values():
        if value.is_floating_point():
            value.add_(0.1 * torch.rand_like(value))
    matches = take_over(new, old, old.state_dict())
    anew = {match.name.rsplit(".", 1)[0] for match in matches if match.source is None}
    assert anew == {
        "levels.4.conv",
        "levels.4.norm",
        "to_picture",
        "excitations.0.squeeze",
        "excitations.0.excite",
    }
    x, y = (torch.randn(1, 6, 1, 1).expand(3, -1, -1, -1) for _ in range(2))
    y = x
    mine: Any = new.eval()
    theirs: Any = old.eval()
    for level in range(4):
        x, y = mine.levels[level](x), theirs.levels[level](y)
        torch.testing.assert_close(x[:, : y.shape[1]], y)


@torch.no_grad()
def test_a_grown_d_scores_by_the_same_coarse_maps() -> None:
    old, new = players(32, width=8)[1], players(64, width=8)[1]
    matches = {match.name: match.how for match in take_over(new, old, old.state_dict())}
    assert {name for name, how in matches.items() if how == "size"} >= {"blocks.0.mix.weight"}
    assert matches["first.weight"] == "whole"
    maps = torch.randn(5, 8, 16, 16)
    beside = torch.cat([maps, torch.randn(5, 8, 16, 16)], dim=1)
    x, y = beside, maps
    for mine, theirs in zip(new.blocks[1:], old.blocks, strict=True):
        x, y = mine(x), theirs(y)
    torch.testing.assert_close(new.score(x), old.score(y))


def test_frozen_layers_are_those_at_the_picture() -> None:
    d = players(32)[1]
    assert {name.split(".")[0] for name in freeze(d, 1)} == {"first"}
    assert {name for name in freeze(d, 2) if name.startswith("blocks")} == {
        f"blocks.0.{layer}.{kind}" for layer in ("stride", "mix", "pass_on") for kind in ("weight", "bias")
    }


def test_the_preset_weighs_penalties_of_large_pictures_as_dcgans() -> None:
    for side in (32, 64, 128, 256):
        ours, theirs = (preset_of(name, PictureSpec(3, side, side), 500) for name in ("fast", "dcgan"))
        assert ours.objective["penalty_weight"] == theirs.objective["penalty_weight"]
