"""What a network takes over from one of another size, width, channels or labels, against what both compute."""

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
from evenodds.networks.freezing import freeze
from evenodds.networks.transfer import Match, matched, take_over

LATENT = 6
THREE, FIVE = (Condition("labels", RowSpec((Span(0, count, "category"),))) for count in (3, 5))
ROWS = RowSpec((Span(0, 1, "number"), Span(1, 4, "category")))
MORE_ROWS = RowSpec((Span(0, 1, "number"), Span(1, 6, "category")))


def players(
    network: str,
    size: int,
    channels: int = 3,
    condition: Condition | None = None,
    spec: Any = None,
    **facts: Any,
) -> tuple[nn.Module, nn.Module]:
    """Both players as after some learning: every number, also of normalisation, is another than at the start."""
    settings = NetworkSettings.model_validate({"network": network, "width": 8, "latent": LATENT, **facts})
    made = build(spec or PictureSpec(channels, size, size), settings, condition)
    with torch.no_grad():
        for player in made:
            for value in player.state_dict().values():
                if value.is_floating_point():
                    value.add_(0.1 * torch.rand_like(value))
    return made[0].eval(), made[1].eval()


def fresh(
    network: str, size: int, channels: int = 3, condition: Condition | None = None, **facts: Any
) -> tuple[nn.Module, nn.Module]:
    """Both players as a game begins with them."""
    settings = NetworkSettings.model_validate({"network": network, "width": 8, "latent": LATENT, **facts})
    made = build(PictureSpec(channels, size, size), settings, condition)
    return made[0].eval(), made[1].eval()


def taken(old: nn.Module, new: nn.Module) -> dict[str, Match]:
    return {match.name: match for match in take_over(new, old, old.state_dict())}


def how(matches: dict[str, Match]) -> dict[str, str]:
    return {name: match.how for name, match in matches.items()}


def latents(width: int = LATENT) -> Tensor:
    return torch.randn(5, width, generator=torch.Generator().manual_seed(1))


def pictures(size: int, channels: int = 3) -> Tensor:
    return torch.rand(5, channels, size, size, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@torch.no_grad()
def coarse(generator: Any, z: Tensor, levels: int) -> Tensor:
    """What dcgan's G has after so many levels."""
    return generator.body[: 3 * levels](z[:, :, None, None])


@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan", "fast"])
def test_players_of_the_same_size_are_taken_over_whole(network: str) -> None:
    for old, new in zip(players(network, 16), fresh(network, 16), strict=True):
        assert set(how(taken(old, new)).values()) == {"whole"}
        for name, value in old.state_dict().items():
            assert torch.equal(value, new.state_dict()[name])


@pytest.mark.parametrize(
    ("before", "after", "levels"), [(16, 32, 2), (32, 64, 3), (32, 128, 3), (64, 128, 4)]
)
def test_a_grown_dcgan_has_the_same_coarse_maps(before: int, after: int, levels: int) -> None:
    """Bit for bit in the first channels: what is new is not read by what was there."""
    old, new = players("dcgan", before)[0], fresh("dcgan", after)[0]
    matches = taken(old, new)
    z = latents()
    for level in range(1, levels + 1):
        mine, theirs = coarse(new, z, level), coarse(old, z, level)
        torch.testing.assert_close(mine[:, : theirs.shape[1]], theirs)
    anew = {name for name, match in matches.items() if match.how == "size"}
    assert anew == {name for name in matches if int(name.split(".")[1]) >= 3 * levels}


@torch.no_grad()
def test_a_grown_dcgan_scores_by_the_same_coarse_maps() -> None:
    """D's layers from the old second level on, fed with the same maps, give the same score."""
    old, new = players("dcgan", 16)[1], fresh("dcgan", 32)[1]
    matches = taken(old, new)
    assert how(matches)["body.0.weight"] == "whole"
    assert how(matches)["body.2.weight"] == "size"
    # 16 px: 8, 16 channels; 32 px: 8, 16, 32. What 16 px read at 8 x 8 are the first 8 channels at 8 x 8 here.
    maps = torch.randn(5, 8, 8, 8)
    beside = torch.cat([maps, torch.randn(5, 8, 8, 8)], dim=1)
    torch.testing.assert_close(new.body[4:](beside), old.body[2:](maps))


def test_a_smaller_dcgan_of_twice_the_width_has_the_same_coarse_maps() -> None:
    old, new = players("dcgan", 64)[0], fresh("dcgan", 32, width=16)[0]
    matches = how(taken(old, new))
    assert {name for name, status in matches.items() if status != "whole"} == {"body.9.weight", "body.9.bias"}
    assert torch.equal(coarse(new, latents(), 3), coarse(old, latents(), 3))


@torch.no_grad()
def test_a_grown_r3gan_draws_its_old_pictures_enlarged_and_scores_enlarged_ones_as_before() -> None:
    old, new = players("r3gan", 16), fresh("r3gan", 32)
    for mine, theirs in zip(old, new, strict=True):
        taken(mine, theirs)
    small, large = old[0](latents()), new[0](latents())
    torch.testing.assert_close(
        large, F.interpolate(small, scale_factor=2, mode="bilinear"), rtol=1e-4, atol=1e-4
    )
    x = pictures(16)
    enlarged = F.interpolate(x, scale_factor=2, mode="nearest")
    torch.testing.assert_close(new[1](enlarged), old[1](x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("before", "after"), [(32, 64), (64, 32), (64, 128)])
def test_an_r3gan_that_has_a_level_without_a_change_agrees_from_the_picture_on(
    before: int, after: int
) -> None:
    """Channels stop growing at the coarse end: there a level more or less is one of blocks alone."""
    for old, new in zip(players("r3gan", before), fresh("r3gan", after), strict=True):
        matches = how(taken(old, new))
        assert "shape" not in matches.values()
        anew = {".".join(name.split(".")[:2]) for name, status in matches.items() if status == "size"}
        assert len(anew) == max(0, len(new.stages) - len(old.stages))
        assert all(name.startswith("stages") for name in anew)


@torch.no_grad()
@pytest.mark.parametrize("network", ["dcgan", "r3gan", "fast"])
def test_a_wider_player_computes_what_the_narrower_one_did_inside(network: str) -> None:
    old, new = players(network, 16), fresh(network, 16, width=24)
    for mine, theirs in zip(old, new, strict=True):
        assert set(how(taken(mine, theirs)).values()) <= {"whole", "partly"}
    torch.testing.assert_close(new[1](pictures(16)), old[1](pictures(16)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(new[0](latents()), old[0](latents()), rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("network", ["dcgan", "r3gan", "fast"])
def test_gray_becomes_color_and_color_gray(network: str) -> None:
    z, gray = latents(), pictures(16, 1)
    repeated = gray.expand(-1, 3, -1, -1)
    old, new = players(network, 16, 1), fresh(network, 16, 3)
    matches = [how(taken(mine, theirs)) for mine, theirs in zip(old, new, strict=True)]
    assert "channels" in matches[0].values()
    assert "channels" in matches[1].values()
    torch.testing.assert_close(new[0](z), old[0](z).expand(-1, 3, -1, -1))
    torch.testing.assert_close(new[1](repeated), old[1](gray))
    old, new = players(network, 16, 3), fresh(network, 16, 1)
    for mine, theirs in zip(old, new, strict=True):
        taken(mine, theirs)
    torch.testing.assert_close(new[1](gray), old[1](repeated))
    drawn = old[0](z).clamp(-1 + 1e-6, 1 - 1e-6)
    mean = (
        old[0](z).mean(1, keepdim=True) if network == "r3gan" else drawn.atanh().mean(1, keepdim=True).tanh()
    )
    torch.testing.assert_close(new[0](z), mean, rtol=1e-3, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan"])
def test_of_another_latent_width_the_common_part_is_kept(network: str) -> None:
    old = players(network, 16)[0]
    for width in (4, 10):
        new = fresh(network, 16, latent=width)[0]
        matches = how(taken(old, new))
        assert [name for name, status in matches.items() if status == "partly"] == [
            {"gan": "body.0.weight", "dcgan": "body.0.weight", "r3gan": "modulate.weight"}[network]
        ]
        mine, theirs = latents(width), latents()
        mine[:, 4:], theirs[:, 4:] = 0, 0
        mine[:, :4] = theirs[:, :4]
        torch.testing.assert_close(new(mine), old(theirs))


@torch.no_grad()
@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan", "fast"])
@pytest.mark.parametrize("conditioning", ["projection", "concat"])
def test_of_other_labels_the_embedding_is_anew_and_the_rest_stays(network: str, conditioning: str) -> None:
    old = players(network, 16, condition=THREE, conditioning=conditioning)
    new = fresh(network, 16, 3, FIVE, conditioning=conditioning)
    for mine, theirs in zip(old, new, strict=True):
        before = {name: value.clone() for name, value in theirs.state_dict().items()}
        matches = taken(mine, theirs)
        anew = {name for name, match in matches.items() if match.how != "whole"}
        assert anew == {name for name in matches if name.split(".")[0] in ("embed", "project")}
        for name in anew:
            assert matches[name].how == "labels"
            assert torch.equal(theirs.state_dict()[name], before[name])


@torch.no_grad()
def test_labels_come_and_go() -> None:
    plain, labelled = players("dcgan", 16), fresh("dcgan", 16, 3, THREE)
    for mine, theirs in zip(plain, labelled, strict=True):
        taken(mine, theirs)
    c = torch.eye(3)[[0, 1, 2, 0, 1]]
    x = pictures(16)
    # Labels are projected by zeros at first, so D starts as the one without.
    torch.testing.assert_close(labelled[1](x, c), plain[1](x))
    assert torch.equal(labelled[0].inner.body[0].weight[:LATENT], plain[0].body[0].weight)
    back = fresh("dcgan", 16)
    for mine, theirs in zip(labelled, back, strict=True):
        assert set(how(taken(mine, theirs)).values()) <= {"whole", "partly"}
    torch.testing.assert_close(back[0](latents()), plain[0](latents()))
    torch.testing.assert_close(back[1](x), plain[1](x))


@torch.no_grad()
def test_projections_grow_with_d_s_features() -> None:
    old, new = players("dcgan", 16, condition=THREE)[1], fresh("dcgan", 16, 3, THREE, width=12)[1]
    assert how(taken(old, new))["project.weight"] == "partly"
    c = torch.eye(3)[[0, 1, 2, 0, 1]]
    torch.testing.assert_close(new(pictures(16), c), old(pictures(16), c), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_coarsest_map_of_another_side_is_resized() -> None:
    """16 px start at 4 x 4, 24 px at 6 x 6: a constant map stays the same constant, and its sum in D the same sum."""
    old, new = players("dcgan", 16), fresh("dcgan", 24)
    old[0].body[0].weight.fill_(0.25)
    old[1].body[-1].weight.fill_(0.5)
    for mine, theirs in zip(old, new, strict=True):
        taken(mine, theirs)
    assert torch.all(new[0].body[0].weight == 0.25)
    torch.testing.assert_close(new[1].body[-1].weight.sum(), old[1].body[-1].weight.sum())


def test_groups_of_one_size_are_kept_and_others_begin_anew() -> None:
    old, new = players("r3gan", 16, width=16)[0], fresh("r3gan", 16, width=12)[0]
    matches = how(taken(old, new))
    odd = {name for name, status in matches.items() if status == "shape"}
    assert odd
    assert all(name.endswith("mix.weight") for name in odd)


@torch.no_grad()
def test_a_dense_network_of_another_size_keeps_what_knows_no_pixels() -> None:
    old, new = players("gan", 8, 1), fresh("gan", 16, 1)
    first = how(taken(old[0], new[0]))
    assert {name for name, status in first.items() if status != "whole"} == {"body.6.weight", "body.6.bias"}
    second = how(taken(old[1], new[1]))
    assert {name: status for name, status in second.items() if status != "whole"} == {
        "body.0.weight": "shape"
    }


def test_rows_of_other_columns_keep_what_has_the_same_shape() -> None:
    old, new = (players("tabular", 0, spec=spec)[0] for spec in (ROWS, MORE_ROWS))
    matches = how(taken(old, new))
    assert matches["first.weight"] == matches["second.weight"] == "whole"
    assert "shape" in matches.values()
    assert "partly" not in matches.values()


def test_what_matches_is_known_without_any_numbers() -> None:
    settings = NetworkSettings(network="dcgan", width=8, latent=LATENT)
    with torch.device("meta"):
        old, new = (build(PictureSpec(3, size, size), settings) for size in (16, 32))
    real = players("dcgan", 16), fresh("dcgan", 32)
    for player in (0, 1):
        assert matched(old[player], new[player]) == list(taken(real[0][player], real[1][player]).values())


# Layers that stay


@pytest.mark.parametrize(
    ("network", "size", "most"), [("gan", 16, 3), ("dcgan", 32, 3), ("r3gan", 32, 4), ("r3gan", 16, 3)]
)
def test_layers_are_frozen_from_the_picture_on(network: str, size: int, most: int) -> None:
    discriminator = fresh(network, size)[1]
    names = [name for name, _ in discriminator.named_parameters()]
    frozen = freeze(discriminator, 1)
    first = "from_picture" if network == "r3gan" else "body.0"
    assert {f"{first}.weight", f"{first}.bias"} <= set(frozen)
    frozen = freeze(discriminator, most)
    assert set(names) - set(frozen) == {
        name for name in names if name.startswith(("basis", "last", f"body.{2 * most}"))
    }
    with pytest.raises(UserError, match=f"is more than the {most} layers of D below its score"):
        freeze(discriminator, most + 1)


def test_labels_are_learnt_above_frozen_layers() -> None:
    discriminator = fresh("dcgan", 16, 3, THREE)[1]
    assert freeze(discriminator, 1) == ["inner.body.0.weight", "inner.body.0.bias"]
    rows = players("tabular", 0, spec=ROWS)[1]
    assert freeze(rows, 2) == ["body.1.weight", "body.1.bias", "body.3.weight", "body.3.bias"]


def test_a_coarse_end_takes_over_a_network_of_its_size() -> None:
    """A plain game of 16 px becomes the coarse end of one of 16 and 32 px: G draws its pictures, enlarged."""
    old, old_d = players("dcgan", 16)
    new, new_d = fresh("dcgan", 32, stages="16,32")
    matches = taken(old, new)
    z = torch.randn(3, LATENT)
    torch.testing.assert_close(
        new(z), F.interpolate(old(z), scale_factor=2, mode="bicubic", align_corners=False)
    )
    assert {match.how for name, match in matches.items() if name.startswith("enlarge.")} == {"size"}
    assert {match.how for name, match in matches.items() if name.startswith("coarse.")} == {"whole"}
    taken(old_d, new_d)
    x = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(new_d(x).mean(1), old_d(F.avg_pool2d(x, 2)))


def test_a_cascade_takes_over_another_whole_and_gives_its_coarse_end_to_a_plain_network() -> None:
    old, old_d = players("dcgan", 32, stages="16,32")
    same, same_d = fresh("dcgan", 32, stages="16,32")
    z, x = torch.randn(3, LATENT), torch.randn(3, 3, 32, 32)
    assert set(how(taken(old, same)).values()) == {"whole"}
    torch.testing.assert_close(same(z), old(z))
    assert set(how(taken(old_d, same_d)).values()) == {"whole"}
    torch.testing.assert_close(same_d(x), old_d(x))
    plain, _ = fresh("dcgan", 16)
    assert set(how(taken(old, plain)).values()) == {"whole"}
    torch.testing.assert_close(plain(z), old.get_submodule("coarse")(z))


def test_layers_of_a_coarse_discriminator_stay() -> None:
    _, discriminator = fresh("dcgan", 32, stages="16,32")
    assert freeze(discriminator, 1) == ["coarse.body.0.weight", "coarse.body.0.bias"]
