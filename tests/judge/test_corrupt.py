"""Broken reals are what they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from evenodds.core.spec import RowSpec, Span
from evenodds.judge.corrupt_images import CORRUPTIONS, VISIBLE, corrupt_images, shuffle_patches
from evenodds.judge.corrupt_rows import BOX, corrupt_rows, noise, shuffle_columns

SPEC = RowSpec((Span(0, 1, "number"), Span(1, 4, "category"), Span(4, 5, "number")))
COLUMNS = [1, 4]
"""A number; and a number with two choices of its own, whose four places belong together."""


def rows(n: int = 2_000) -> np.ndarray:
    """Two columns that are each other's echo."""
    rng = np.random.default_rng(0)
    block = np.zeros((n, 5), np.float32)
    block[:, 0] = block[:, 4] = rng.normal(size=n)
    block[np.arange(n), 1 + (block[:, 0] > 0)] = 1
    return block


def pictures(n: int = 40, channels: int = 3, size: int = 16) -> np.ndarray:
    """Bright discs on dark ground."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    middle = rng.uniform(5, size - 5, (n, 2, 1, 1))
    disc = (y - middle[:, 0]) ** 2 + (x - middle[:, 1]) ** 2 < 16
    colour = rng.integers(120, 256, (n, channels, 1, 1))
    return np.where(disc[:, None], colour, 10).astype(np.uint8)


def test_shuffled_columns_keep_their_values_and_lose_each_other() -> None:
    block = rows()
    out = shuffle_columns(block, COLUMNS, 2_000, np.random.default_rng(1))
    assert set(out[:, 0]) <= set(block[:, 0])
    assert abs(np.corrcoef(out[:, 0], out[:, 4])[0, 1]) < 0.08
    # Places of one column stay together.
    assert ((out[:, 2] == 1) == (out[:, 4] > 0)).all()


def test_noise_fills_the_box_and_chooses_once() -> None:
    out = noise(4_000, SPEC, np.random.default_rng(0))
    assert np.abs(out[:, [0, 4]]).max() <= BOX
    assert out[:, 0].std() == pytest.approx(2 * BOX / 12**0.5, rel=0.05)
    assert (out[:, 1:4].sum(1) == 1).all()
    assert out[:, 1:4].mean(0) == pytest.approx([1 / 3] * 3, abs=0.04)


def test_broken_rows_are_half_shuffled_a_quarter_noise_and_a_quarter_noise_in_one_column() -> None:
    block = rows()
    out = corrupt_rows(block, SPEC, COLUMNS, 4_000, np.random.default_rng(0))
    known = [np.isin(out[:, place], block[:, place]) for place in (0, 4)]
    assert (known[0] & known[1]).sum() == pytest.approx(2_000, abs=5)
    assert (~known[0] & ~known[1]).sum() == pytest.approx(1_000, abs=5)
    assert (known[0] ^ known[1]).sum() == pytest.approx(1_000, abs=5)


def test_a_table_of_one_column_is_broken_too() -> None:
    block = rows()[:, :1]
    out = corrupt_rows(block, RowSpec((Span(0, 1, "number"),)), [1], 100, np.random.default_rng(0))
    assert not np.isin(out, block).any()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("way", CORRUPTIONS)
def test_every_way_changes_a_picture_and_leaves_its_sources_alone(way: str, channels: int) -> None:
    first, second = pictures(2, channels).astype(np.float32)
    before = first.copy(), second.copy()
    rng = np.random.default_rng(0)
    changes = []
    for _ in range(20):
        made = CORRUPTIONS[way](first, second, rng)
        assert made.shape == first.shape
        assert np.isfinite(made).all()
        changes.append(np.abs(np.clip(made, 0, 255) - first).mean())
    assert max(changes) > VISIBLE
    assert (first == before[0]).all()
    assert (second == before[1]).all()


def test_shuffled_patches_hold_the_same_pixels() -> None:
    first = np.arange(12 * 12, dtype=np.float32).reshape(1, 12, 12)
    out = shuffle_patches(first, first, np.random.default_rng(0))
    assert sorted(out.ravel()) == sorted(first.ravel())
    assert (out != first).any()


@pytest.mark.parametrize("size", [12, 17])
def test_broken_pictures_differ_from_every_real_one(size: int) -> None:
    real = pictures(size=size)
    out = corrupt_images(real, 90, np.random.default_rng(0))
    assert out.shape == (90, *real.shape[1:])
    assert out.dtype == np.uint8
    apart = np.abs(out[:, None].astype(float) - real[None]).mean((2, 3, 4)).min(1)
    assert (apart > 0).all()


def test_a_flat_picture_breaks_without_a_complaint() -> None:
    flat = np.full((3, 1, 8, 8), 255, np.uint8)
    assert corrupt_images(flat, 60, np.random.default_rng(0)).shape == (60, 1, 8, 8)
