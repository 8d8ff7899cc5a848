"""Augmentation: what may change, by how much, and that gradients know of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from evenodds.game.augment import HOLE, SHIFT, augment, color_jitter, cutout, translate

Change = Callable[[Tensor], Tensor]
CHANGES: list[Change] = [augment, color_jitter, translate, cutout]
MANY = 400


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def pictures(n: int = 8, channels: int = 3, height: int = 16, width: int = 16) -> Tensor:
    return torch.rand(n, channels, height, width) * 2 - 1


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "shape", [(4, 3, 16, 16), (4, 1, 16, 16), (1, 3, 8, 8), (3, 3, 12, 20), (2, 1, 28, 28)]
)
def test_a_picture_keeps_its_shape_and_kind(change: Change, shape: tuple[int, int, int, int]) -> None:
    out = change(pictures(*shape))
    assert out.shape == shape
    assert out.dtype == torch.float32


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_reach_every_picture(change: Change, channels: int) -> None:
    x = pictures(channels=channels).requires_grad_()
    change(x).square().sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert (x.grad.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_is_that_of_the_drawn_change(change: Change, channels: int) -> None:
    def drawn(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        return change(x)

    x = pictures(2, channels, 4, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(drawn, (x,))


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_random_state_gives_the_same_change(change: Change) -> None:
    x = pictures()
    torch.manual_seed(1)
    one = change(x)
    torch.manual_seed(1)
    assert torch.equal(change(x), one)
    assert not torch.equal(change(x), one)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_picture_has_its_own_change(change: Change, channels: int) -> None:
    x = pictures(1, channels).expand(12, -1, -1, -1)
    out = change(x)
    assert len({tuple(picture.flatten().tolist()) for picture in out}) > 6


@pytest.mark.parametrize("change", CHANGES)
def test_the_picture_given_is_left_as_it_was(change: Change) -> None:
    x = pictures()
    before = x.clone()
    change(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (28, 28), (16, 32)])
def test_a_bright_pixel_moves_by_up_to_the_shift_and_keeps_its_value(height: int, width: int) -> None:
    x = torch.zeros(MANY, 3, height, width)
    x[:, :, height // 2, width // 2] = torch.tensor([0.3, 0.9, -0.7])
    out = translate(x)
    lit = (out != 0).any(1)
    assert (lit.sum((1, 2)) == 1).all()
    torch.testing.assert_close(out.sum((2, 3)), x.sum((2, 3)))
    for side, places in ((height, lit.any(2).int().argmax(1)), (width, lit.any(1).int().argmax(1))):
        moved = places - side // 2
        furthest = round(side * SHIFT)
        assert set(moved.tolist()) == set(range(-furthest, furthest + 1))


def test_translation_lets_zeros_in_and_shifts_the_rest_whole() -> None:
    """Counted: the ones of a full picture that stay are a block, down by one shift and across by the other."""
    out = translate(torch.ones(MANY, 1, 16, 16))[:, 0]
    tall, wide = out.amax(2).sum(1), out.amax(1).sum(1)
    torch.testing.assert_close(out.sum((1, 2)), tall * wide)
    assert set(tall.tolist()) == set(wide.tolist()) == {14.0, 15.0, 16.0}


def holes(channels: int = 1, side: int = 16) -> Tensor:
    """(MANY, channels, side, side): true where a picture of ones was cut."""
    return cutout(torch.ones(MANY, channels, side, side)) == 0


def test_the_hole_is_a_square_of_the_stated_side_clipped_by_the_border() -> None:
    hole = holes()[:, 0]
    rows, columns = hole.any(2), hole.any(1)
    assert torch.equal(hole, rows[:, :, None] & columns[:, None, :])
    for places in (rows, columns):
        steps = places.int().diff(dim=1).abs().sum(1)
        assert (steps <= 2).all()  # one piece
        long = places.sum(1)
        assert long.max() == 16 * HOLE
        assert long.min() == 16 * HOLE / 2


def test_the_holes_centre_is_anywhere() -> None:
    assert holes()[:, 0].any(0).all()
    assert (~holes()[:, 0]).any(0).all()


def test_the_hole_is_the_same_in_every_channel() -> None:
    hole = holes(3)
    assert torch.equal(hole, hole[:, :1].expand_as(hole))


def test_outside_the_hole_nothing_changes() -> None:
    x = pictures() + 3  # no zeros of its own
    out = cutout(x)
    assert torch.equal(torch.where(out == 0, x, out), x)
    assert 0 < (out == 0).float().mean() <= HOLE**2


@pytest.mark.parametrize("channels", [1, 3])
def test_the_brightness_moves_the_mean_by_up_to_a_half(channels: int) -> None:
    """Saturation and contrast keep a picture's mean."""
    x = pictures(MANY, channels)
    moved = (color_jitter(x) - x).mean((1, 2, 3))
    assert moved.abs().max() <= 0.5 + 1e-5
    assert moved.min() < -0.45
    assert moved.max() > 0.45
    assert moved.mean().abs() < 0.06


def test_the_contrast_of_a_grey_picture_changes_by_a_half_either_way() -> None:
    x = pictures(MANY, 1)
    ratio = color_jitter(x).std((1, 2, 3)) / x.std((1, 2, 3))
    assert ratio.min() == pytest.approx(0.5, abs=0.05)
    assert ratio.max() == pytest.approx(1.5, abs=0.05)


def test_saturation_goes_from_none_to_twice_relative_to_the_contrast() -> None:
    """The distance from grey, over the distance of that grey from its mean: contrast cancels out."""

    def saturation(x: Tensor) -> Tensor:
        grey = x.mean(1, keepdim=True)
        return (x - grey).std((1, 2, 3)) / grey.std((1, 2, 3))

    x = pictures(MANY)
    ratio = saturation(color_jitter(x)) / saturation(x)
    assert ratio.min() == pytest.approx(0, abs=0.05)
    assert ratio.max() == pytest.approx(2, abs=0.05)


def test_a_grey_picture_in_colour_stays_grey() -> None:
    x = pictures(channels=1).expand(-1, 3, -1, -1)
    out = color_jitter(x)
    torch.testing.assert_close(out, out[:, :1].expand_as(out))


def test_the_whole_policy_is_its_three_changes_in_order() -> None:
    x = pictures()
    torch.manual_seed(1)
    whole = augment(x)
    torch.manual_seed(1)
    assert torch.equal(whole, cutout(translate(color_jitter(x))))


def unchanged(out: Tensor, x: Tensor) -> Tensor:
    """(n,): the pictures that are as they were, to the last bit."""
    return (out == x).flatten(1).all(1)


@pytest.mark.parametrize("share", [0.0, -0.1])
def test_a_share_of_none_changes_nothing_and_draws_nothing(share: float) -> None:
    x, before = pictures(), torch.get_rng_state()
    assert torch.equal(augment(x, share), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_share_of_one_changes_every_picture() -> None:
    x = pictures(MANY)
    assert not unchanged(augment(x, 1.0), x).any()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_about_the_stated_share_of_the_pictures_is_changed(share: float) -> None:
    """Within four standard deviations of a binomial share."""
    x = pictures(MANY, channels=1, height=8, width=8)
    changed = 1 - unchanged(augment(x, share), x).float().mean()
    assert changed.item() == pytest.approx(share, abs=4 * (share * (1 - share) / MANY) ** 0.5)


def test_a_picture_is_changed_in_full_or_not_at_all() -> None:
    """Those that are changed are what a share of one would have made of them."""
    x = pictures(40)
    torch.manual_seed(1)
    whole = augment(x)
    torch.manual_seed(1)
    out = augment(x, 0.5)
    kept = unchanged(out, x)
    assert 0 < kept.sum() < len(x)
    assert torch.equal(out[~kept], whole[~kept])


def test_each_call_draws_anew_which_pictures_are_changed() -> None:
    x = pictures(40)
    assert not torch.equal(unchanged(augment(x, 0.5), x), unchanged(augment(x, 0.5), x))


def test_gradients_of_pictures_left_alone_pass_as_they_are() -> None:
    x = pictures(40).requires_grad_()
    out = augment(x, 0.5)
    weights = torch.randn_like(x)
    (out * weights).sum().backward()  # type: ignore[no-untyped-call]
    kept = unchanged(out.detach(), x.detach())
    assert x.grad is not None
    assert torch.equal(x.grad[kept], weights[kept])
    same = (x.grad == weights).flatten(1).all(1)
    assert not same[~kept].any()


def test_the_gradient_of_a_share_is_that_of_the_drawn_change() -> None:
    def drawn(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        return augment(x, 0.5)

    x = pictures(4, 3, 4, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(drawn, (x,))
