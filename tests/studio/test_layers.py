"""What is shown of the inside of networks is what went through them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, PictureSpec
from evenodds.networks.build import build
from evenodds.studio.layers import SHOWN, inside, layer

SPEC = PictureSpec(1, 32, 32)


def test_maps_grow_in_g_and_shrink_in_d() -> None:
    generator, discriminator = build(SPEC, NetworkSettings(network="dcgan", width=8, latent=16))
    picture, grown = inside(generator.eval(), torch.randn(1, 16), None)
    assert [one.side for one in grown] == [4, 8, 16, 32]
    assert [one.channels for one in grown] == [32, 16, 8, 1]
    score, looked = inside(discriminator.eval(), picture, None)
    assert [one.side for one in looked] == [16, 8, 4]
    with torch.inference_mode():
        assert torch.equal(score, discriminator(picture, None))


def test_a_u_net_goes_down_and_up_again() -> None:
    condition = Condition("outlines", SPEC)
    generator, _ = build(SPEC, NetworkSettings(network="pix2pix", width=8), condition)
    _, grown = inside(generator.eval(), torch.randn(1, 128), torch.zeros(1, 1, 32, 32))
    sides = [one.side for one in grown]
    lowest = sides.index(min(sides))
    assert sides[: lowest + 1] == sorted(sides[: lowest + 1], reverse=True)
    assert sides[lowest:] == sorted(sides[lowest:])
    assert sides[-1] == 32


def test_a_dense_network_has_no_maps() -> None:
    generator, _ = build(SPEC, NetworkSettings(network="gan", width=8, latent=4))
    assert inside(generator.eval(), torch.randn(1, 4), None)[1] == []


def test_what_later_layers_change_in_place_is_shown_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Upsample(scale_factor=2), nn.ReLU(inplace=True))
    with torch.no_grad():
        network[0].weight.fill_(-1)
        network[0].bias.zero_()  # type: ignore[union-attr, operator]
    _, seen = inside(network, torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]]))
    assert seen[0].maps.tolist() == [[[255, 170], [85, 0]]]
    assert seen[1].maps.max() == 0


def test_the_liveliest_maps_come_first_from_black_to_white() -> None:
    maps = torch.stack(
        [torch.full((4, 4), 7.0), *(scale * torch.arange(16.0).view(4, 4) for scale in range(1, 12))]
    )
    found = layer(maps)
    assert (found.channels, found.side) == (12, 4)
    assert found.maps.shape == (SHOWN, 4, 4)
    assert (found.maps[0] == np.arange(16).reshape(4, 4) * 17).all()
