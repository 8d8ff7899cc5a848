"""The style-based generator: its convolutions are the paper's, its noise does not depend on who else is drawn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, Span
from evenodds.networks.build import build
from evenodds.networks.style import STYLES, StyledLayer, StyleGenerator, demodulation, modulated
from evenodds.networks.transfer import take_over
from evenodds.networks.truncation import truncated

SETTINGS = NetworkSettings(network="style", width=8, latent=6)
LABELS = Condition("labels", RowSpec((Span(0, 3, "category"),)))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def fresh(side: int, channels: int = 3, condition: Condition | None = None) -> nn.Module:
    return build(PictureSpec(channels, side, side), SETTINGS, condition)[0]


def stirred(network: nn.Module) -> nn.Module:
    """With noise that counts."""
    for layer in network.modules():
        if isinstance(layer, StyledLayer):
            nn.init.constant_(layer.strength, 0.5)
    return network


def layer_of(doubles: bool) -> Any:
    return StyledLayer(5, 7, (12, 12) if doubles else (6, 6), doubles)


@pytest.mark.parametrize("doubles", [False, True])
def test_a_modulated_convolution_is_one_with_weights_of_each_samples_own(doubles: bool) -> None:
    conv, x, style = layer_of(doubles).conv, torch.randn(4, 5, 6, 6), torch.randn(4, 5)
    answers = []
    for one, scales in zip(x, style, strict=True):
        if doubles:
            weight = conv.weight * scales[:, None, None, None]
            norm = (weight.square().sum((0, 2, 3)) / 4).rsqrt()
            answers.append(F.conv_transpose2d(one[None], weight * norm[:, None, None], stride=2, padding=1))
        else:
            weight = conv.weight * scales[None, :, None, None]
            norm = weight.square().sum((1, 2, 3)).rsqrt()
            answers.append(F.conv2d(one[None], weight * norm[:, None, None, None], padding=1))
    made = modulated(x, style, conv) * demodulation(style, conv)[:, :, None, None]
    torch.testing.assert_close(made, torch.cat(answers), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("doubles", [False, True])
@pytest.mark.parametrize("size", [0.1, 10.0])
def test_demodulated_maps_have_unit_variance_whatever_the_style(doubles: bool, size: float) -> None:
    conv, style = layer_of(doubles).conv, size * torch.rand(3, 5).add(0.5)
    out = modulated(torch.randn(3, 5, 96, 96), style, conv) * demodulation(style, conv)[:, :, None, None]
    inside = out[:, :, 4:-4, 4:-4]  # at the edge there is less to sum
    torch.testing.assert_close(inside.square().mean((2, 3)), torch.ones(3, 7), rtol=0, atol=0.15)


def test_noise_is_drawn_while_g_learns_and_is_one_pattern_afterwards() -> None:
    generator, z = stirred(fresh(16)), torch.randn(1, 6).expand(2, -1)
    learning: Tensor = generator(z)
    assert (learning[0] - learning[1]).abs().max() > 0.01
    still: Tensor = generator.eval()(z)
    torch.testing.assert_close(still[0], still[1])
    nn.init.zeros_(generator.get_parameter("layers.1.strength"))
    assert (generator(z) - still).abs().max() > 0.001, "the pattern counts"


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_a_picture_is_the_same_in_any_company(chunk: int) -> None:
    generator, z = stirred(fresh(32)).eval(), torch.randn(7, 6)
    with torch.no_grad():
        parts = torch.cat([generator(part) for part in z.split(chunk)])
        torch.testing.assert_close(parts, generator(z), rtol=1e-5, atol=1e-5)


def test_z_counts_by_its_direction_alone() -> None:
    generator: Any = fresh(8)
    z = torch.randn(4, 6)
    torch.testing.assert_close(generator.map(z), generator.map(3 * z))
    assert generator.map(z).shape == (4, STYLES)


def test_labels_enter_the_mapping_and_change_the_picture() -> None:
    generator = fresh(16, condition=LABELS).eval()
    z = torch.randn(1, 6).expand(3, -1)
    made: Tensor = generator(z, torch.eye(3))
    assert made.shape == (3, 3, 16, 16)
    assert min((made[a] - made[b]).abs().max() for a, b in ((0, 1), (0, 2), (1, 2))) > 0.01


def test_a_w_for_each_level_is_the_one_w_where_they_are_alike() -> None:
    generator: Any = fresh(16).eval()
    w = generator.map(torch.randn(2, 6))
    each = w[:, None].expand(-1, len(generator.layers), -1)
    torch.testing.assert_close(generator.synthesize(each), generator.synthesize(w))
    crossed = torch.cat([each[:1, :1], each[1:, 1:]], dim=1)
    for index in range(2):
        assert (generator.synthesize(crossed) - generator.synthesize(w)[index]).abs().max() > 0.001


def test_a_picture_as_the_condition_is_refused() -> None:
    with pytest.raises(
        UserError, match="--network style does not play on pictures under --condition outlines"
    ):
        build(PictureSpec(3, 16, 16), SETTINGS, Condition("outlines", PictureSpec(1, 16, 16)))


def test_a_grown_g_draws_its_old_pictures_enlarged() -> None:
    old, new = fresh(16), build(PictureSpec(3, 32, 32), SETTINGS.model_copy(update={"width": 4}))[0]
    matches = take_over(new, old, old.state_dict())
    anew = {match.name for match in matches if match.source is None}
    assert anew
    assert all(name.split(".")[1] == "3" for name in anew)
    z = torch.randn(4, 6)
    with torch.no_grad():
        small, large = old.eval()(z).atanh(), new.eval()(z).atanh()
    enlarged = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(large, enlarged, rtol=1e-3, atol=1e-3)


def test_gray_is_taken_over_as_color_and_labels_leave_the_rest_as_it_was() -> None:
    old, new = fresh(16, channels=1), fresh(16, condition=LABELS)
    matches = {match.name: match.how for match in take_over(new, old, old.state_dict())}
    assert {how for name, how in matches.items() if ".conv." in name and "pictures" in name} == {"channels"}
    assert matches.pop("embed.weight") == "labels"
    assert matches.pop("inner.mapping.0.weight") == "partly"
    assert {how for name, how in matches.items() if "pictures" not in name} == {"whole"}


def test_synthesis_is_what_forward_does() -> None:
    generator = fresh(8).eval()
    assert isinstance(generator, StyleGenerator)
    z = torch.randn(2, 6)
    assert torch.equal(generator(z), generator.synthesize(generator.map(z)))


@pytest.mark.parametrize("condition", [None, LABELS], ids=["plain", "labels"])
def test_truncation_moves_w_towards_the_mean_of_its_condition(condition: Condition | None) -> None:
    generator = fresh(16, condition=condition).eval()
    z = torch.randn(60, SETTINGS.latent)
    c = None if condition is None else torch.eye(3)[torch.arange(60) % 3]
    with torch.no_grad():
        whole, half, mean = (truncated(generator, z, c, truncation) for truncation in (1.0, 0.5, 1e-6))
        assert torch.equal(whole, generator(z, c) if c is not None else generator(z))
    spreads = [pictures[::3].std(0).mean() for pictures in (whole, half, mean)]
    assert spreads[0] > spreads[1] > spreads[2]
    if c is not None:  # each condition has its own mean
        assert (mean[0] - mean[1]).abs().mean() > 2 * (mean[0] - mean[3]).abs().mean()
