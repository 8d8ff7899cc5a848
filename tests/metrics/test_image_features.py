"""What samples are compared by: rows untouched, pictures by layout and octaves as written out by hand here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from torch import Tensor

from evenodds.core.spec import PictureSpec, RowSpec, Span
from evenodds.metrics.image_features import DETAIL, KEPT, LAYOUT, Features, describe

Plane = NDArray[np.float64]
SPEC = PictureSpec(3, 32, 32)
ROWS = RowSpec((Span(0, 2, "number"), Span(2, 5, "category")))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def pictures(n: int, channels: int = 3, side: int = 32) -> Tensor:
    """Soft blobs with a little noise, none like another."""
    coarse = torch.rand(n, channels, 4, 4) * 2 - 1
    soft = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")
    return (soft + 0.1 * torch.randn(n, channels, side, side)).clamp(-1, 1)


def cells(plane: Plane, side: int) -> Plane:
    """Means of side x side blocks."""
    size = len(plane) // side
    return np.asarray(plane.reshape(side, size, side, size).mean((1, 3)))


def doubled(line: Plane) -> Plane:
    """Twice as many values along the first axis: each new one is 3/4 of the nearer, 1/4 of the other neighbour."""
    before, after = np.concatenate([line[:1], line[:-1]]), np.concatenate([line[1:], line[-1:]])
    out = np.empty((2 * len(line), *line.shape[1:]))
    out[0::2], out[1::2] = 0.75 * line + 0.25 * before, 0.75 * line + 0.25 * after
    return out


def by_hand(picture: Tensor) -> list[Plane]:
    """The parts of one square picture, whose side is LAYOUT times a power of two."""
    planes = [np.asarray(plane, np.float64) for plane in picture.numpy()]
    parts = [np.concatenate([cells(plane, LAYOUT).ravel() for plane in planes])]
    while len(planes[0]) > LAYOUT:
        coarse = [cells(plane, len(plane) // 2) for plane in planes]
        detail = [
            np.abs(plane - doubled(doubled(small).T).T) for plane, small in zip(planes, coarse, strict=True)
        ]
        parts.append(np.concatenate([cells(one, DETAIL).ravel() for one in detail]))
        planes = coarse
    return parts


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("side", "octaves"), [(8, 0), (16, 1), (32, 2), (64, 3)])
def test_a_picture_is_its_cells_and_the_strength_of_its_octaves(
    channels: int, side: int, octaves: int
) -> None:
    x = pictures(2, channels, side)
    parts = describe(x)
    assert len(parts) == 1 + octaves
    for picture, *found in zip(x, *parts, strict=True):
        for part, expected in zip(found, by_hand(picture), strict=True):
            np.testing.assert_allclose(part.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "octaves"), [(28, 28, 2), (9, 40, 1), (12, 20, 1), (4, 4, 0)])
def test_sizes_that_halve_badly_are_described_too(height: int, width: int, octaves: int) -> None:
    x = torch.full((2, 1, height, width), 0.25)
    parts = describe(x)
    assert [part.shape[1] for part in parts] == [LAYOUT**2] + [DETAIL**2] * octaves
    torch.testing.assert_close(parts[0], torch.full((2, LAYOUT**2), 0.25))
    assert all(part.abs().max() < 1e-6 for part in parts[1:]), "a flat picture has no detail"


def test_only_the_octave_of_a_pattern_is_strong() -> None:
    """Columns in turn black and white: all detail is in the finest octave, the cells are grey."""
    x = torch.ones(1, 1, 32, 32)
    x[..., ::2] = -1
    layout, finest, second = describe(x)
    assert layout.abs().max() < 1e-6
    torch.testing.assert_close(finest, torch.ones_like(finest))
    assert second.abs().max() < 1e-6


def test_rows_stay_as_they_are() -> None:
    rows = torch.randn(30, 5)
    found = Features(ROWS, [rows])(rows[:7])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, rows[:7].numpy())


def scaled(x: Tensor, reals: Tensor) -> Plane:
    """All parts side by side, each divided by the root of its total variance over ``reals``."""
    described, of_reals = ([by_hand(picture) for picture in side] for side in (x, reals))
    joined = []
    for place in range(len(described[0])):
        variance = np.array([parts[place] for parts in of_reals]).var(0, ddof=1).sum()
        joined.append(np.array([parts[place] for parts in described]) / np.sqrt(variance))
    return np.concatenate(joined, axis=1)


def test_each_part_counts_alike() -> None:
    """Total variance 1 each over the reals: with as many components as pictures, nothing is lost."""
    reals = pictures(KEPT)
    found = Features(SPEC, [reals])(reals)
    assert found.var(0, ddof=1).sum() == pytest.approx(3, rel=1e-3)


def test_detail_a_tenth_as_strong_counts_no_less() -> None:
    """The same pictures with their colours halved have the same features, fitted anew: scale is of no account."""
    reals = pictures(40)
    one, other = Features(SPEC, [reals])(reals), Features(SPEC, [reals / 2])(reals / 2)
    np.testing.assert_allclose(cdist(one, one), cdist(other, other), rtol=1e-3, atol=1e-3)


def test_features_keep_the_distances_between_reals() -> None:
    """Principal components are a rotation of what was centred: distances are those of the scaled parts."""
    reals = pictures(50)
    found, by_parts = Features(SPEC, [reals])(reals), scaled(reals, reals)
    assert found.shape == (50, 50)
    np.testing.assert_allclose(cdist(found, found), cdist(by_parts, by_parts), rtol=1e-3, atol=1e-4)


def test_the_components_kept_are_the_strongest_directions() -> None:
    reals = pictures(200)
    by_parts = scaled(reals, reals)
    spectrum = np.linalg.eigvalsh(np.cov(by_parts.T))[::-1]
    found = Features(SPEC, [reals])(reals)
    assert found.shape == (200, KEPT)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(found.var(0, ddof=1), spectrum[:KEPT], rtol=1e-2)
    between = np.corrcoef(found[:, :10].T) - np.eye(10)
    assert np.abs(between).max() < 1e-3


def test_new_pictures_are_seen_by_the_reals_measure() -> None:
    """Fitted once: a new picture's distances to the reals are those of its parts by the reals' scale, or less."""
    reals, new = pictures(200), 0.5 * pictures(20)
    features = Features(SPEC, [reals])
    kept = cdist(features(new), features(reals))
    whole = cdist(scaled(new, reals), scaled(reals, reals))
    assert (kept <= whole * (1 + 1e-4)).all()
    assert np.median(kept / whole) > 0.7


def test_a_batch_says_the_same_of_a_picture_as_the_picture_alone() -> None:
    reals = pictures(100)
    features = Features(SPEC, [reals])
    with_condition_channels = features(reals[:9])
    for place in range(9):
        np.testing.assert_allclose(
            features(reals[place : place + 1])[0], with_condition_channels[place], atol=1e-5
        )


@pytest.mark.parametrize("kind", ["blurred", "shifted colour", "flat"])
def test_a_change_that_an_eye_sees_moves_a_picture_further_than_the_noise(kind: str) -> None:
    reals = pictures(200)
    features = Features(SPEC, [reals])
    x = reals[:20]
    changed: dict[str, Any] = {
        "blurred": torch.nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False),
        "shifted colour": (x + torch.tensor([0.5, -0.5, 0.0])[:, None, None]).clamp(-1, 1),
        "flat": x.mean((2, 3), keepdim=True).expand_as(x),
    }
    noisy = (x + 0.02 * torch.randn_like(x)).clamp(-1, 1)
    here = features(x)
    noise = np.linalg.norm(features(noisy) - here, axis=1)
    change = np.linalg.norm(features(changed[kind]) - here, axis=1)
    assert (change > 2 * noise).all()


def test_pictures_all_alike_have_features_that_are_numbers() -> None:
    found = Features(SPEC, [torch.zeros(10, 3, 32, 32)])(torch.zeros(4, 3, 32, 32))
    assert np.isfinite(found).all()
    assert not found.any()


def test_no_gradient_and_no_change_reaches_the_pictures_given() -> None:
    x = pictures(30).requires_grad_()
    before = x.detach().clone()
    features = Features(SPEC, [x.detach()])
    assert isinstance(features(x), np.ndarray)
    assert torch.equal(x, before)
    assert x.grad is None
