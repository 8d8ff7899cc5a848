"""What every family of networks promises: shapes, ranges, independence, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.settings import NetworkSettings
from evenodds.config.sizes import start_of
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, Span
from evenodds.networks.build import FAMILIES, build
from evenodds.networks.dcgan import ConvDiscriminator
from evenodds.networks.fourier import FourierFeatures, row_features
from evenodds.networks.layers import (
    SLOPE,
    FromPlace,
    SpanHeads,
    ToPlace,
    bounded,
    sample_categories,
)
from evenodds.networks.r3gan import Residual
from evenodds.networks.tabular import STEEPER

PICTURES = ["gan", "dcgan", "r3gan", "style", "fast"]
UNCONDITIONAL = [name for name, family in FAMILIES.items() if not family.given_pictures]
OF_ROWS = ["tabular", "autoregressive"]
SIZES = [8, 16, 24, 28, 32, 64, 128]
CHOSEN = (Span(1, 4, "category"), Span(4, 6, "choice"))
ROWS = RowSpec((Span(0, 1, "number"), *CHOSEN, Span(6, 7, "number"), Span(7, 9, "category")))
GAPS = RowSpec((Span(0, 2, "choice"), Span(2, 3, "number"), Span(3, 6, "choice"), Span(6, 7, "number")))
NUMBERS = RowSpec((Span(0, 1, "number"), Span(1, 2, "number")))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def settings(network: str, **facts: Any) -> NetworkSettings:
    return NetworkSettings.model_validate({"network": network, "width": 4, "latent": 6, **facts})


def players(
    network: str, spec: PictureSpec | RowSpec = ROWS, **facts: Any
) -> tuple[nn.Module, nn.Module, NetworkSettings]:
    named = settings(network, **facts)
    return *build(spec, named), named


def normalisations(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if "Norm" in type(module).__name__]


def stirred(network: nn.Module) -> nn.Module:
    """With no weight left at zero."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network


@pytest.mark.parametrize("network", PICTURES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_players_take_and_give_pictures_of_the_asked_size(network: str, size: int, channels: int) -> None:
    spec = PictureSpec(channels, size, size)
    generator, discriminator, _ = players(network, spec)
    with torch.no_grad():
        fakes = generator(torch.randn(3, 6))
        scores = discriminator(fakes)
    assert fakes.shape == (3, *spec.shape)
    assert scores.shape == (3,)
    assert fakes.isfinite().all()
    assert scores.isfinite().all()


@pytest.mark.parametrize("network", ["gan", *OF_ROWS])
@pytest.mark.parametrize("spec", [ROWS, NUMBERS])
@pytest.mark.parametrize("n", [1, 5])
def test_players_take_and_give_rows_of_the_tables_width(network: str, spec: RowSpec, n: int) -> None:
    generator, discriminator, _ = players(network, spec)
    fakes = generator(torch.randn(n, 6))
    assert fakes.shape == (n, spec.width)
    assert discriminator(fakes).shape == (n,)


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("spec", [ROWS, NUMBERS, GAPS])
def test_heads_begun_in_one_product_see_all_that_was_chosen_before(spec: RowSpec, learns: bool) -> None:
    generator: Any = stirred(players("tabular", spec)[0])
    z = torch.randn(7, 6)
    with torch.set_grad_enabled(learns):
        torch.manual_seed(3)
        rows = generator(z)
        torch.manual_seed(3)
        x = z
        for layer in (generator.first, generator.second, generator.third):
            x = torch.cat([x, F.leaky_relu(layer(x), SLOPE)], dim=1)
        chosen = x if spec is GAPS else x[:, -generator.third.out_features :]  # the last hidden layer
        for head in generator.heads:  # one after another, each seeing those before it
            made = sample_categories(headed(head, chosen))
            chosen, x = torch.cat([chosen, made], dim=1), torch.cat([x, made], dim=1)
        if generator.numbers is not None:  # from the whole of x
            x = torch.cat([x, bounded(headed(generator.numbers, x))], dim=1)
    torch.testing.assert_close(rows, x[:, -spec.width :][:, generator.order])


def headed(head: Any, x: torch.Tensor) -> torch.Tensor:
    """A head of G as its text says: a straight line, and a bend that is steeper."""
    hidden = head.second.in_features
    both = head.first(x)
    values: torch.Tensor = both[:, hidden:] + STEEPER * head.second(F.leaky_relu(both[:, :hidden], SLOPE))
    return values


@pytest.mark.parametrize("width", range(4, 65))
def test_r3gan_takes_any_width(width: int) -> None:
    generator, discriminator, _ = players("r3gan", PictureSpec(1, 8, 8), width=width)
    assert discriminator(generator(torch.randn(2, 6))).shape == (2,)


@pytest.mark.parametrize("network", ["gan", "dcgan"])
def test_dense_and_dcgan_fakes_never_leave_minus_one_to_one(network: str) -> None:
    generator, _, _ = players(network, PictureSpec(3, 8, 8))
    with torch.no_grad():
        for weight in generator.parameters():
            weight.mul_(50)
        fakes = generator(torch.randn(20, 6))
    assert fakes.abs().max() <= 1
    assert fakes.abs().max() > 0.9


@pytest.mark.parametrize("network", UNCONDITIONAL)
def test_one_score_a_sample_that_no_other_sample_changes(network: str) -> None:
    spec = ROWS if network in OF_ROWS else PictureSpec(3, 16, 16)
    discriminator = stirred(players(network, spec)[1])
    x = torch.randn(5, *spec.shape)
    with torch.no_grad():
        with_condition_channels = discriminator(x)
        alone = torch.cat([discriminator(one[None]) for one in x])
    assert with_condition_channels.std() > 0
    torch.testing.assert_close(with_condition_channels, alone)


@pytest.mark.parametrize("network", UNCONDITIONAL)
def test_no_d_is_normalised_unless_asked(network: str) -> None:
    spec = ROWS if network in OF_ROWS else PictureSpec(3, 16, 16)
    assert normalisations(players(network, spec)[1]) == []


def test_dcgans_batch_norm_makes_scores_depend_on_one_another_in_training_alone() -> None:
    discriminator = players("dcgan", PictureSpec(1, 16, 16), norm_d="batch")[1]
    x, y = torch.randn(2, 4, 1, 16, 16)
    with torch.no_grad():
        first, second = discriminator(x)[0], discriminator(torch.cat([x[:1], y]))[0]
        assert (first - second).abs() > 1e-4
        discriminator.eval()
        torch.testing.assert_close(discriminator(x)[0], discriminator(x[:1])[0])


@pytest.mark.parametrize("network", UNCONDITIONAL)
def test_gradients_reach_the_first_weight_of_g(network: str) -> None:
    spec = ROWS if network in OF_ROWS else PictureSpec(3, 16, 16)
    generator, discriminator, named = players(network, spec)
    discriminator(generator(torch.randn(8, named.latent))).sum().backward()
    first = next(
        module for module in generator.modules() if isinstance(module, nn.Linear | nn.ConvTranspose2d)
    )
    assert first.weight.grad is not None
    assert first.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("network", UNCONDITIONAL)
def test_the_same_seed_gives_the_same_weights(network: str) -> None:
    spec = ROWS if network in OF_ROWS else PictureSpec(3, 16, 16)

    def weights(seed: int) -> list[dict[str, Tensor]]:
        torch.manual_seed(seed)
        return [player.state_dict() for player in build(spec, settings(network))]

    for one, again, other in zip(weights(1), weights(1), weights(2), strict=True):
        assert all(torch.equal(one[name], again[name]) for name in one)
        assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("network", UNCONDITIONAL)
def test_a_wider_network_has_more_weights(network: str) -> None:
    spec = ROWS if network in OF_ROWS else PictureSpec(3, 16, 16)

    def weights(width: int) -> list[int]:
        return [
            sum(weight.numel() for weight in player.parameters())
            for player in build(spec, settings(network, width=width))
        ]

    assert all(few < many for few, many in zip(weights(4), weights(8), strict=True))


# dcgan


@pytest.mark.parametrize("size", [16, 28])
def test_dcgan_pools_nowhere_and_has_no_dense_layer(size: int) -> None:
    for player in players("dcgan", PictureSpec(3, size, size), norm_d="batch")[:2]:
        names = {type(module).__name__ for module in player.modules()}
        assert not any("Pool" in name or "Upsample" in name or name == "Linear" for name in names)


def test_dcgans_g_grows_by_transposed_convolutions_with_batch_norm_after_all_but_the_last() -> None:
    generator = players("dcgan", PictureSpec(3, 32, 32))[0]
    grow = [module for module in generator.modules() if isinstance(module, nn.ConvTranspose2d)]
    assert [layer.stride for layer in grow] == [(1, 1), (2, 2), (2, 2), (2, 2)]
    assert not any(isinstance(module, nn.Conv2d) for module in generator.modules())
    assert len(normalisations(generator)) == len(grow) - 1


def test_dcgans_d_shrinks_by_strides_with_batch_norm_on_all_but_its_first_and_last() -> None:
    discriminator = players("dcgan", PictureSpec(3, 32, 32), norm_d="batch")[1]
    shrink = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert [layer.stride for layer in shrink] == [(2, 2), (2, 2), (2, 2), (1, 1)]
    assert len(normalisations(discriminator)) == len(shrink) - 2


def test_dcgans_weights_start_as_the_paper_says() -> None:
    for player in players("dcgan", PictureSpec(3, 32, 32), width=16, norm_d="batch")[:2]:
        for module in player.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 5000:
                assert module.weight.mean().item() == pytest.approx(0, abs=0.001)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_dcgans_channels_double_up_to_eight_fold() -> None:
    discriminator = ConvDiscriminator(PictureSpec(3, 128, 128), settings("dcgan"))
    widths = [module.out_channels for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 32, 1]


def test_a_strided_convolution_sees_every_pixel_of_a_picture() -> None:
    x = torch.randn(1, 1, 28, 28, requires_grad=True)
    players("dcgan", PictureSpec(1, 28, 28))[1](x).sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()


# r3gan


def test_r3gan_has_no_normalisation_at_all() -> None:
    generator, discriminator, _ = players("r3gan", PictureSpec(3, 32, 32))
    assert normalisations(generator) == normalisations(discriminator) == []


@pytest.mark.parametrize("channels", [4, 16, 32])
def test_a_residual_block_starts_as_the_identity(channels: int) -> None:
    x = torch.randn(2, channels, 5, 5)
    assert torch.equal(Residual(channels, 4)(x), x)


def test_a_residual_block_is_not_the_identity_once_its_last_layer_moved() -> None:
    block, x = Residual(8, 4), torch.randn(2, 8, 5, 5)
    nn.init.normal_(block.narrow.weight)
    assert not torch.allclose(block(x), x, atol=0.1)


def test_r3gans_first_fakes_and_scores_have_the_scale_of_one() -> None:
    """Without normalisation the starting weights alone keep signals from growing or dying with depth."""
    generator, discriminator, named = players("r3gan", PictureSpec(3, 32, 32), width=16, latent=64)
    with torch.no_grad():
        fakes = generator(torch.randn(16, named.latent))
        scores = discriminator(torch.randn(32, 3, 32, 32))
    assert 0.1 < fakes.std() < 3
    assert 0.001 < scores.std() < 3


# rows


@pytest.mark.parametrize("network", ["gan", *OF_ROWS])
def test_a_category_is_one_hot(network: str) -> None:
    """But for the last bit of a float, which the straight-through sum may round."""
    generator = stirred(players(network)[0])
    fakes = generator(torch.randn(500, 6)).detach()
    for span in ROWS.spans:
        if span.kind != "number":
            places = fakes[:, span.start : span.stop]
            hot = nn.functional.one_hot(places.argmax(1), span.width)
            torch.testing.assert_close(places, hot.float(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("network", ["gan", "tabular"])
def test_a_number_stays_within_four_either_way(network: str) -> None:
    generator = players(network)[0]
    with torch.no_grad():
        for weight in generator.parameters():
            weight.mul_(20)
        fakes = generator(torch.randn(200, 6))
    numbers = torch.cat([fakes[:, s.start : s.stop] for s in ROWS.spans if s.kind == "number"], dim=1)
    assert numbers.abs().max() <= 4
    assert numbers.abs().max() > 3.9


def test_the_bound_leaves_ordinary_numbers_nearly_as_they_are() -> None:
    x = torch.linspace(-1, 1, 11)[:, None].expand(-1, 2)
    assert (SpanHeads(NUMBERS)(x) - x).abs().max() < 0.03


@pytest.mark.parametrize("network", ["gan", *OF_ROWS])
def test_a_category_alone_gives_g_a_gradient(network: str) -> None:
    """Straight through: the forward pass is a choice, the backward pass its softmax."""
    generator = players(network)[0]
    generator(torch.randn(50, 6))[:, 1].sum().backward()
    first = next(generator.parameters())
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


def test_categories_are_drawn_as_often_as_their_softmax_says() -> None:
    logits = torch.tensor([1.0, -0.5, 0.3])
    choice = SpanHeads(RowSpec((Span(0, 3, "category"),)))(logits.expand(40_000, 3))
    torch.testing.assert_close(choice.mean(0), logits.softmax(0), atol=0.01, rtol=0)


def test_fourier_features_keep_x_and_add_its_sines_and_cosines() -> None:
    layer, x = FourierFeatures(torch.randn(3, 5)), torch.randn(4, 3)
    out = layer(x)
    angles = x @ layer.frequencies
    assert out.shape[1] == layer.width
    torch.testing.assert_close(out, torch.cat([x, torch.sin(angles), torch.cos(angles)], 1))
    assert list(layer.parameters()) == []
    assert "frequencies" in layer.state_dict()


def test_beside_categories_each_number_has_frequencies_to_itself() -> None:
    frequencies = row_features(ROWS).frequencies
    numbers = [place for span in ROWS.spans if span.kind == "number" for place in span.places]
    assert (frequencies != 0).sum(0).tolist() == [1] * frequencies.shape[1]
    assert frequencies.abs().sum(1).nonzero()[:, 0].tolist() == numbers
    assert (row_features(NUMBERS).frequencies != 0).all()  # alone they are seen together


def test_where_no_column_is_a_category_all_places_are_seen_together() -> None:
    assert (row_features(GAPS).frequencies != 0).all()


def test_rows_of_categories_alone_are_seen_as_they_are() -> None:
    x = torch.eye(3)
    torch.testing.assert_close(row_features(RowSpec((Span(0, 3, "category"),)))(x), x)


# refusals


@given(st.integers(4, 7), st.integers(0, 8))
def test_every_doubled_side_is_taken_apart_again(side: int, k: int) -> None:
    assert start_of(side << k, side << k) == (side, side, k)


def is_taken(size: int) -> bool:
    return any(side << k == size for side in range(4, 8) for k in range(12))


@given(st.integers(1, 2000))
def test_a_size_that_cannot_be_doubled_to_is_refused_with_the_nearest_two(size: int) -> None:
    if is_taken(size):
        height, width, k = start_of(size, size)
        assert height << k == width << k == size
        return
    with pytest.raises(UserError, match=rf"^--size {size}: ") as refusal:
        start_of(size, size)
    named = [int(word) for word in str(refusal.value).split("take ")[1].split() if word.isdigit()]
    below = [other for other in range(size) if is_taken(other)]
    above = next(other for other in range(size, 4000) if is_taken(other))
    assert named == [*below[-1:], above]


@pytest.mark.parametrize(("size", "nearest"), [(50, "48 or 56"), (9, "8 or 10"), (63, "56 or 64")])
@pytest.mark.parametrize("network", ["dcgan", "r3gan"])
def test_a_network_refuses_a_bad_size_with_the_nearest_two(network: str, size: int, nearest: str) -> None:
    with pytest.raises(UserError, match=f"--size {size}: .* take {nearest} instead"):
        build(PictureSpec(3, size, size), settings(network))


def test_a_dense_gan_takes_any_size() -> None:
    generator, discriminator, _ = players("gan", PictureSpec(1, 9, 9))
    assert discriminator(generator(torch.randn(2, 6))).shape == (2,)


@pytest.mark.parametrize("network", ["dcgan", "r3gan"])
def test_a_network_of_pictures_refuses_tables(network: str) -> None:
    with pytest.raises(
        UserError, match=f"--network {network} does not play on tables.*: gan, tabular, autoregressive$"
    ):
        build(ROWS, settings(network))


def test_a_network_of_tables_refuses_pictures() -> None:
    with pytest.raises(UserError, match=r"auto does not play on pictures"):
        players("auto", PictureSpec(1, 8, 8))
    with pytest.raises(
        UserError, match=r"tabular does not play on pictures.*: gan, dcgan, r3gan, style, fast$"
    ):
        build(PictureSpec(1, 8, 8), settings("tabular"))


@pytest.mark.parametrize(("before", "after", "side"), [(6, 5, 4), (1, 3, 7), (4, 1, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_from_one_place_a_transposed_convolution_is_a_product(
    before: int, after: int, side: int, bias: bool
) -> None:
    layer, x = FromPlace(before, after, side, bias=bias), torch.randn(3, before, 1, 1)
    torch.testing.assert_close(layer(x), F.conv_transpose2d(x, layer.weight, layer.bias))


@pytest.mark.parametrize(("before", "after", "side"), [(6, 5, 4), (1, 3, 7), (4, 1, 5)])
def test_to_one_place_a_convolution_is_a_product(before: int, after: int, side: int) -> None:
    layer, x = ToPlace(before, after, side), torch.randn(3, before, side, side)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, layer.bias))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", ["dcgan", "r3gan", "style", "fast", "resunet"])
def test_no_convolution_turns_its_input_over(network: str, channels: int) -> None:
    """One that is handed the layout that its weights do not have does so, on every call."""
    given = Condition("pairs", PictureSpec(1, 32, 32)) if network == "resunet" else None
    spec = PictureSpec(channels, 32, 32)
    kept = torch.channels_last
    g, d = build(spec, settings(network), given)
    turned: list[str] = []

    def watch(name: str) -> Any:
        def look(layer: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
            if not inputs[0].is_contiguous(memory_format=kept):
                turned.append(name)

        return look

    layers = [
        (f"{who} {name}", layer)
        for who, player in (("G", g), ("D", d))
        for name, layer in player.named_modules()
    ]
    for name, layer in layers:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and "from_picture" not in name:
            layer.register_forward_hook(watch(name))
    condition = () if given is None else (torch.rand(5, 1, 32, 32),)
    real = torch.rand(5, *spec.shape).contiguous(memory_format=kept)
    d(real, *condition)
    d(g(torch.randn(5, 6), *condition), *condition)
    assert not turned


@pytest.mark.parametrize(
    ("network", "spec"), [("tabular", GAPS), ("gan", ROWS), ("gan", PictureSpec(1, 16, 16))]
)
def test_a_dense_network_has_the_hidden_layers_that_its_settings_say(network: str, spec: Any) -> None:
    """A further layer is one matrix more in each player; 0 is the network's own three, by name and shape."""

    def shapes(**facts: Any) -> list[dict[str, Any]]:
        return [
            {name: value.shape for name, value in one.state_dict().items()}
            for one in build(spec, settings(network, **facts))
        ]

    def weights(**facts: Any) -> list[int]:
        return [sum(name.endswith("weight") for name in one) for one in shapes(**facts)]

    assert shapes() == shapes(layers=3) == shapes(layers=3, layers_d=3)
    g, d = weights()
    assert weights(layers=1) == [g - 2, d - 2]
    assert weights(layers=5) == [g + 2, d + 2]
    assert weights(layers=8, layers_d=2) == [g + 5, d - 1]
    for layers in (1, 5):
        generator, discriminator = build(spec, settings(network, layers=layers))
        assert discriminator(generator(torch.randn(5, 6))).shape == (5,)
