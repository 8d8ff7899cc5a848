"""Content is the same under every color, and none where another picture stands in its stead."""

from __future__ import annotations

import numpy as np
import pytest

from evenodds.metrics.content import content


def pictures(count: int = 12, side: int = 64) -> np.ndarray:
    """Each of its own layout, (n, 3, side, side)."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 3, 8, 8), np.uint8).repeat(side // 8, 2).repeat(side // 8, 3)


def test_neither_brightness_nor_contrast_nor_an_inversion_counts() -> None:
    source = pictures()
    for fake in (source, 255 - source, source // 2 + 60, source.mean(1, keepdims=True).astype(np.uint8)):
        assert content(source, fake).share > 0.95


def test_another_picture_and_noise_have_none() -> None:
    source = pictures()
    noise = np.random.default_rng(1).integers(0, 256, source.shape, np.uint8)
    for fake in (np.roll(source, 5, 0), noise):
        assert content(source, fake).share == pytest.approx(0, abs=0.1)
    assert content(source, np.full_like(source, 99)).share == pytest.approx(0)


def test_half_of_a_picture_is_about_half_of_its_content() -> None:
    source = pictures(40)
    fake = source.copy()
    fake[:, :, :, 32:] = np.roll(source, 7, 0)[:, :, :, 32:]
    assert content(source, fake).share == pytest.approx(0.5, abs=0.1)
