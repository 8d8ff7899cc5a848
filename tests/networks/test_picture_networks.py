"""Networks that draw one picture from another: shapes, the published widths, noise, and independence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec
from evenodds.networks.build import family_for
from evenodds.networks.pix2pix import NoiseDropout, PatchDiscriminator, UNetGenerator, padded
from evenodds.networks.r3gan import mirrored_beyond
from evenodds.networks.resunet import Merge, ResidualPatchDiscriminator, ResidualUNet, halved

GENERATORS = [UNetGenerator, ResidualUNet]
DISCRIMINATORS = [PatchDiscriminator, ResidualPatchDiscriminator]
SIZES = [(8, 8), (24, 40), (33, 57), (57, 33), (64, 64)]
LATENT = 6


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


class Asked(NamedTuple):
    """What a network is built from."""

    spec: PictureSpec
    settings: NetworkSettings
    condition: Condition


def asked(height: int, width: int, channels: int = 3, given: int = 1, wide: int = 4) -> Asked:
    """Pictures of ``channels`` drawn from pictures of ``given`` channels, by networks of the width ``wide``."""
    condition = Condition("pairs", PictureSpec(given, height, width))
    named = NetworkSettings(width=wide, latent=LATENT)
    return Asked(PictureSpec(channels, height, width), named, condition)


def weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def layers(network: nn.Module, kind: type[nn.Module] | tuple[type[nn.Module], ...]) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, kind)]


def stirred(network: nn.Module, by: float = 0.1) -> nn.Module:
    """With no weight left at zero."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(by * torch.randn_like(weight))
    return network


def without(network: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """With each layer of a kind taken out."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kind):
                setattr(parent, name, nn.Identity())
    return network


def drawn_twice(generator: nn.Module, z: Tensor, c: Tensor, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    with torch.no_grad():
        x: Tensor = generator(z, c)
    return x


# shapes


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("channels", "given"), [(3, 1), (1, 4)])
def test_g_draws_pictures_of_the_conditions_size(
    kind: type[nn.Module], size: tuple[int, int], channels: int, given: int
) -> None:
    generator = kind(*asked(*size, channels, given))
    fakes = drawn_twice(generator, torch.randn(2, LATENT), torch.rand(2, given, *size) * 2 - 1)
    assert fakes.shape == (2, channels, *size)
    assert fakes.isfinite().all()


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("size", [*SIZES, (8, 70), (9, 8)])
@pytest.mark.parametrize("built", [(8, 8), (64, 64), (300, 256)])
def test_g_takes_other_sizes_than_it_was_built_for(
    kind: type[nn.Module], size: tuple[int, int], built: tuple[int, int]
) -> None:
    fakes = drawn_twice(kind(*asked(*built)), torch.randn(1, LATENT), torch.randn(1, 1, *size))
    assert fakes.shape == (1, 3, *size)
    assert fakes.isfinite().all()


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("side", range(8, 80, 3))
def test_d_scores_at_least_four_by_four_patches_of_any_picture(kind: type[nn.Module], side: int) -> None:
    discriminator = kind(*asked(side, side + 5))
    with torch.no_grad():
        scores = discriminator(torch.randn(2, 3, side, side + 5), torch.randn(2, 1, side, side + 5))
    assert scores.dim() == 2
    assert len(scores) == 2
    assert 16 <= scores.shape[1] <= 200
    assert scores.isfinite().all()


@pytest.mark.parametrize(
    ("kind", "size", "patches"),
    [
        (PatchDiscriminator, (256, 256), 30 * 30),
        (PatchDiscriminator, (64, 64), 6 * 6),
        (PatchDiscriminator, (24, 40), 4 * 8),
        (PatchDiscriminator, (8, 8), 5 * 5),
        (ResidualPatchDiscriminator, (64, 64), 8 * 8),
        (ResidualPatchDiscriminator, (33, 57), 5 * 8),
        (ResidualPatchDiscriminator, (24, 40), 6 * 10),
        (ResidualPatchDiscriminator, (8, 8), 4 * 4),
    ],
)
def test_d_has_a_score_for_each_patch(kind: type[nn.Module], size: tuple[int, int], patches: int) -> None:
    discriminator = kind(*asked(*size))
    with torch.no_grad():
        assert discriminator(torch.randn(1, 3, *size), torch.randn(1, 1, *size)).shape == (1, patches)


def test_the_unets_fakes_never_leave_minus_one_to_one() -> None:
    generator = stirred(UNetGenerator(*asked(24, 40)), 1.0)
    fakes = drawn_twice(generator, torch.randn(4, LATENT), torch.randn(4, 1, 24, 40))
    assert fakes.abs().max() <= 1
    assert fakes.abs().max() > 0.9


def test_the_first_fakes_and_scores_of_the_residual_ones_have_the_scale_of_one() -> None:
    """Without normalisation the starting weights alone keep signals from growing or dying with depth."""
    named = asked(64, 64, given=3, wide=16)
    fakes = drawn_twice(ResidualUNet(*named), torch.randn(4, LATENT), torch.randn(4, 3, 64, 64))
    assert 0.1 < fakes.std() < 3
    with torch.no_grad():
        scores = ResidualPatchDiscriminator(*named)(torch.randn(4, 3, 64, 64), torch.randn(4, 3, 64, 64))
    assert 0.01 < scores.std() < 3


# padding


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
@settings(deadline=None)
def test_what_is_padded_is_cropped_back_exactly(height: int, width: int, halvings: int) -> None:
    multiple = 2**halvings
    x = torch.arange(2.0 * height * width).reshape(2, 1, height, width)
    wide, window = padded(x, multiple)
    assert torch.equal(wide[window], x)
    for long, short in zip(wide.shape[2:], (height, width), strict=True):
        assert long % multiple == 0
        assert 0 <= long - short < multiple


def test_padding_repeats_the_edges_on_both_sides_alike() -> None:
    x = torch.arange(1.0, 7).reshape(1, 1, 2, 3)
    wide, _ = padded(x, 4)
    expected = torch.tensor([[1, 2, 3, 3], [1, 2, 3, 3], [4, 5, 6, 6], [4, 5, 6, 6]])
    assert torch.equal(wide[0, 0], expected.float())


def test_what_needs_no_padding_stays() -> None:
    x = torch.randn(1, 2, 8, 16)
    assert torch.equal(padded(x, 8)[0], x)


@pytest.mark.parametrize("size", [(33, 57), (24, 40), (61, 35)])
def test_what_is_cropped_back_lies_where_the_condition_does(size: tuple[int, int]) -> None:
    """A bright pixel of c brightens the fake there most."""
    generator = ResidualUNet(*asked(*size, channels=1, wide=8))
    dark, z = torch.zeros(1, 1, *size), torch.zeros(1, LATENT)
    for row, column in [(0, 0), (20, 11), (size[0] - 1, size[1] - 1)]:
        bright = dark.clone()
        bright[0, 0, row, column] = 1
        change = (drawn_twice(generator, z, bright) - drawn_twice(generator, z, dark)).abs()[0, 0]
        assert divmod(int(change.argmax()), size[1]) == (row, column)


# what is published


def test_the_unets_layers_are_the_published_ones() -> None:
    with torch.device("meta"):
        generator = UNetGenerator(*asked(256, 256, given=3, wide=64))
    shrink, grow = layers(generator, nn.Conv2d), layers(generator, nn.ConvTranspose2d)
    assert [layer.out_channels for layer in shrink] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [layer.out_channels for layer in grow] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert [layer.in_channels for layer in grow] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert {layer.kernel_size for layer in [*shrink, *grow]} == {(4, 4)}
    assert {layer.stride for layer in [*shrink, *grow]} == {(2, 2)}
    assert round(weights(generator) / 1e6, 1) == 54.4


def test_the_unet_is_normalised_but_at_its_ends_and_drops_in_three_layers() -> None:
    generator = UNetGenerator(*asked(256, 256))
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.InstanceNorm2d, NoiseDropout)
    names = [type(layer).__name__ for layer in layers(generator, kinds)]
    encoder = ["Conv2d", *["Conv2d", "InstanceNorm2d"] * 6, "Conv2d"]
    dropped = ["ConvTranspose2d", "InstanceNorm2d", "NoiseDropout"] * 3
    assert names == [*encoder, *dropped, *["ConvTranspose2d", "InstanceNorm2d"] * 4, "ConvTranspose2d"]


def test_the_patchgans_layers_are_the_published_ones() -> None:
    with torch.device("meta"):
        discriminator = PatchDiscriminator(*asked(256, 256, given=3, wide=64))
    shrink = layers(discriminator, nn.Conv2d)
    assert [layer.out_channels for layer in shrink] == [64, 128, 256, 512, 1]
    assert [layer.stride for layer in shrink] == [(2, 2), (2, 2), (2, 2), (1, 1), (1, 1)]
    assert len(layers(discriminator, nn.InstanceNorm2d)) == 3
    assert round(weights(discriminator) / 1e6, 2) == 2.77


@pytest.mark.parametrize("kind", [UNetGenerator, PatchDiscriminator])
def test_pix2pixs_weights_start_as_the_paper_says(kind: type[nn.Module]) -> None:
    large = [weight for weight in kind(*asked(64, 64, wide=16)).parameters() if weight.numel() > 5000]
    assert len(large) > 2
    for weight in large:
        assert weight.mean().item() == pytest.approx(0, abs=0.001)
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("kind", [*GENERATORS, *DISCRIMINATORS])
def test_channels_grow_to_eight_fold_at_most(kind: type[nn.Module]) -> None:
    network = kind(*asked(256, 256))
    # Inside a residual block are twice as many.
    outside = [
        layer.out_channels
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and not name.endswith(("widen", "mix"))
    ]
    assert max(outside) == 32


@pytest.mark.parametrize(
    ("kind", "size", "field"),
    [
        (PatchDiscriminator, 256, 70),
        (PatchDiscriminator, 40, 34),
        (PatchDiscriminator, 20, 16),
        (PatchDiscriminator, 11, 10),
        (ResidualPatchDiscriminator, 256, 68),
    ],
)
def test_a_patch_sees_so_many_pixels(kind: type[nn.Module], size: int, field: int) -> None:
    """Without instance norm, through whose mean every patch sees a little of the whole picture."""
    discriminator = stirred(without(kind(*asked(size, size)), nn.InstanceNorm2d)).double()
    x, c = (torch.randn(1, channels, size, size, dtype=torch.float64) for channels in (3, 1))
    scores = discriminator(x.requires_grad_(True), c.requires_grad_(True))
    side = round(scores.shape[1] ** 0.5)
    scores[0, side // 2 * side + side // 2].backward()
    for picture in (x, c):
        assert picture.grad is not None
        seen = picture.grad[0].abs().sum(0) > 0
        assert seen.any(0).sum() == seen.any(1).sum() == field
        assert seen.sum() == field**2


# noise


@pytest.mark.parametrize("evaluated", [False, True])
def test_the_unets_dropout_is_its_noise_in_eval_mode_too(evaluated: bool) -> None:
    generator = UNetGenerator(*asked(32, 32)).train(not evaluated)
    c, z, other = torch.randn(2, 1, 32, 32), *torch.randn(2, 2, LATENT)
    assert torch.equal(drawn_twice(generator, z, c, seed=1), drawn_twice(generator, z, c, seed=1))
    assert not torch.allclose(
        drawn_twice(generator, z, c, seed=1), drawn_twice(generator, z, c, seed=2), atol=1e-4
    )
    assert torch.equal(drawn_twice(generator, z, c, seed=1), drawn_twice(generator, other, c, seed=1))


def test_each_sample_of_a_batch_drops_for_itself() -> None:
    generator = UNetGenerator(*asked(32, 32))
    c = torch.randn(1, 1, 32, 32).expand(2, 1, 32, 32)
    one, other = drawn_twice(generator, torch.zeros(2, LATENT), c)
    assert not torch.allclose(one, other, atol=1e-4)


def test_z_changes_the_residual_unets_fakes_once_it_modulates() -> None:
    generator = ResidualUNet(*asked(24, 24))
    c, z, other = torch.randn(2, 1, 24, 24), *torch.randn(2, 2, LATENT)
    assert torch.equal(drawn_twice(generator, z, c), drawn_twice(generator, other, c))
    nn.init.normal_(generator.modulate.weight)
    assert (drawn_twice(generator, z, c) - drawn_twice(generator, other, c)).abs().mean() > 0.01
    assert torch.equal(drawn_twice(generator, z, c), drawn_twice(generator, z, c, seed=1))


# what depends on what


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("size", [(64, 64), (33, 57)])
def test_a_corner_of_the_condition_changes_that_corner_of_the_fake_most(
    kind: type[nn.Module], size: tuple[int, int]
) -> None:
    generator = kind(*asked(*size, wide=8))
    c, z = torch.randn(4, 1, *size), torch.zeros(4, LATENT)
    changed = c.clone()
    changed[:, :, :8, -8:] = torch.randn(4, 1, 8, 8)
    change = (drawn_twice(generator, z, changed) - drawn_twice(generator, z, c)).abs()
    near, far = change[:, :, :8, -8:].mean(), change[:, :, 16:, :-16].mean()
    assert near > 2 * far
    assert near > 1e-3


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_scores_depend_on_the_picture_and_on_the_condition(kind: type[nn.Module]) -> None:
    discriminator = stirred(kind(*asked(24, 24)))
    x, c, other_x, other_c = (torch.randn(2, channels, 24, 24) for channels in (3, 1, 3, 1))
    with torch.no_grad():
        score = discriminator(x, c)
        for changed in (discriminator(other_x, c), discriminator(x, other_c)):
            assert ((score - changed).abs() > 1e-4).all()


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("size", [(8, 8), (33, 57)])
def test_no_other_sample_changes_a_samples_scores(kind: type[nn.Module], size: tuple[int, int]) -> None:
    discriminator = stirred(kind(*asked(*size)))
    x, c = torch.randn(5, 3, *size), torch.randn(5, 1, *size)
    x[1:] *= 7
    with torch.no_grad():
        with_condition_channels = discriminator(x, c)
        alone = torch.cat([discriminator(x[[place]], c[[place]]) for place in range(5)])
    assert with_condition_channels.std() > 0
    torch.testing.assert_close(with_condition_channels, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", GENERATORS)
def test_no_other_sample_changes_a_samples_fake(kind: type[nn.Module]) -> None:
    generator = stirred(without(kind(*asked(33, 57)), NoiseDropout))
    z, c = torch.randn(3, LATENT), torch.randn(3, 1, 33, 57) * torch.tensor([1.0, 5, 9])[:, None, None, None]
    alone = torch.cat([drawn_twice(generator, z[[place]], c[[place]]) for place in range(3)])
    torch.testing.assert_close(drawn_twice(generator, z, c), alone, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", [ResidualUNet, ResidualPatchDiscriminator])
def test_the_residual_ones_have_no_normalisation(kind: type[nn.Module]) -> None:
    assert not any("Norm" in type(module).__name__ for module in kind(*asked(64, 64)).modules())


def gradients(network: nn.Module) -> Iterator[tuple[str, float]]:
    """The largest gradient of each weight, by its name."""
    for name, weight in network.named_parameters():
        yield name, 0.0 if weight.grad is None else weight.grad.abs().max().item()


@pytest.mark.parametrize(("generator", "discriminator"), list(zip(GENERATORS, DISCRIMINATORS, strict=True)))
@pytest.mark.parametrize("size", [(8, 8), (33, 57)])
def test_every_weight_gets_a_gradient(
    generator: type[nn.Module], discriminator: type[nn.Module], size: tuple[int, int]
) -> None:
    players = [stirred(kind(*asked(*size))) for kind in (generator, discriminator)]
    c = torch.randn(4, 1, *size)
    players[1](players[0](torch.randn(4, LATENT), c), c).square().sum().backward()
    for player in players:
        assert [name for name, largest in gradients(player) if largest == 0] == []


def test_noise_is_learnt_from_a_start_at_which_it_does_nothing() -> None:
    generator = ResidualUNet(*asked(16, 16))
    generator(torch.randn(4, LATENT), torch.randn(4, 1, 16, 16)).square().sum().backward()
    assert dict(gradients(generator))["modulate.weight"] > 0


# resampling


@pytest.mark.parametrize("size", [(6, 8), (16, 4)])
def test_halving_is_bilinear(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    bilinear = nn.functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
    torch.testing.assert_close(halved(x), bilinear)


def test_halving_an_odd_side_loses_no_pixel() -> None:
    x = torch.randn(1, 1, 5, 7, requires_grad=True)
    small = halved(x)
    assert small.shape == (1, 1, 3, 4)
    (slope,) = torch.autograd.grad(small.sum(), x)
    assert (slope != 0).all()
    assert small[0, 0, 2, 3] == x[0, 0, 4, 6]


def test_merging_is_one_convolution_over_the_doubled_map_and_the_skip() -> None:
    merge, x, skip = Merge(6, 4), torch.randn(2, 6, 3, 5), torch.randn(2, 4, 6, 10)
    doubled = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    weight = torch.cat([merge.below.weight, merge.beside.weight], dim=1)
    over_both = nn.functional.conv2d(torch.cat([doubled, skip], dim=1), weight)
    torch.testing.assert_close(merge(x, skip), over_both, rtol=1e-4, atol=1e-5)


def unpaired(channels: int = 3, given: int = 3, side: int = 16) -> Asked:
    """As ``asked``, for pictures without partners."""
    spec, named, _ = asked(side, side, channels)
    return Asked(spec, named, Condition("unpaired", PictureSpec(given, side, side)))


@pytest.mark.parametrize(("channels", "given"), [(3, 3), (1, 3), (3, 1)])
def test_an_unpaired_g_begins_by_giving_its_picture_back(channels: int, given: int) -> None:
    network = ResidualUNet(*unpaired(channels, given))
    c, z = torch.rand(2, given, 20, 28) * 2 - 1, torch.randn(2, LATENT)
    made = network(z, c)
    assert made.shape == (2, channels, 20, 28)
    gray = (c * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    expected = c if channels == given else gray if channels == 1 else c.expand(-1, 3, -1, -1)
    torch.testing.assert_close(made, expected)
    assert not torch.equal(stirred(network)(z, c), made)


def test_places_are_compared_with_the_same_places_of_every_level() -> None:
    network = stirred(ResidualUNet(*unpaired()))
    c = torch.rand(2, 3, 16, 16)
    fake, maps = network.with_maps(torch.randn(2, LATENT), c)
    assert [tuple(level.shape) for level in maps] == [(2, 4, 16, 16), (2, 8, 8, 8), (2, 16, 4, 4)]
    same = network.compare(maps, c)
    for made, source in same:
        torch.testing.assert_close(made, source)
        torch.testing.assert_close(made.norm(dim=2), torch.ones(made.shape[:2]))
    assert [made.shape[1] for made, _ in same] == [256, 64, 16]
    assert not torch.equal(*network.compare(maps, fake)[0])


def test_mirrored_edges_are_those_of_numpy() -> None:
    """As NumPy has them. Of a picture of one tone, G then makes one tone to its edges, which with zeros it does not."""
    x = torch.randn(2, 3, 5, 4)
    wide = np.pad(x.numpy(), [(0, 0), (0, 0), (1, 1), (1, 1)], mode="reflect")
    np.testing.assert_array_equal(mirrored_beyond(x).numpy(), wide)
    assert mirrored_beyond(torch.ones(1, 1, 1, 3)).shape == (1, 1, 3, 5)
    spec, named, condition = unpaired()
    spreads = {}
    for padding in ("reflect", "zeros"):
        settings = named.model_copy(update={"padding": padding})
        network = stirred(ResidualUNet(spec, settings, condition))
        made = network(torch.randn(1, settings.latent), torch.full((1, 3, 16, 16), 0.3))
        spreads[padding] = float(made.detach().std((2, 3)).max())
    assert spreads["reflect"] < 1e-4 < 1e-2 < spreads["zeros"]


def test_an_unpaired_d_sees_the_sample_alone() -> None:
    network = stirred(ResidualPatchDiscriminator(*unpaired()))
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(network(x, torch.zeros(2, 3, 16, 16)), network(x, torch.randn(2, 3, 16, 16)))


def test_a_network_without_heads_is_refused_for_unpaired_pictures() -> None:
    spec, named, condition = unpaired()
    with pytest.raises(
        UserError, match=r"pix2pix does not play on pictures under --condition unpaired.*: resunet"
    ):
        family_for(spec, named.model_copy(update={"network": "pix2pix"}), condition)
