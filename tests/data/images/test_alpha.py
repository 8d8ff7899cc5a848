"""Alpha: colors that nobody sees are learnt by nobody, what is seen comes back, and --channels says what it takes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.spec import PictureSpec
from evenodds.data.doctor import examine
from evenodds.data.images.alpha import bounded, on_checkerboard, premultiplied, straight, uses_alpha
from evenodds.data.images.arrays import decode, fitted, grid_image, to_image, to_pictures
from evenodds.data.prepare import prepare
from evenodds.data.source import find, source_of
from evenodds.judge.dataset import cut_sheet
from evenodds.runs.sample import as_pictures

EVERY = np.stack(np.meshgrid(np.arange(256), np.arange(256)), -1).astype(np.uint8)
EVERY = np.concatenate([EVERY[..., :1], 255 - EVERY[..., :1], EVERY[..., :1] // 2, EVERY[..., 1:]], -1)
"""Every level under every alpha, (256, 256, 4)."""


def badge(color: tuple[int, int, int], hidden: tuple[int, int, int] = (0, 255, 0)) -> Image.Image:
    """A disc of one color, and another color where nobody sees it."""
    y, x = np.mgrid[:32, :32]
    disc = (y - 16) ** 2 + (x - 16) ** 2 < 100
    pixels = np.where(disc[..., None], (*color, 255), (*hidden, 0)).astype(np.uint8)
    return Image.fromarray(pixels)


def test_what_is_seen_comes_back() -> None:
    again = straight(premultiplied(EVERY))
    assert (again[..., 3] == EVERY[..., 3]).all()
    off = np.abs(again[..., :3].astype(int) - EVERY[..., :3]).max(-1)
    alpha = np.maximum(EVERY[..., 3].astype(float), 1)
    # Half a level is lost to rounding at the alpha that it has, and half to rounding back.
    assert (off <= 0.5 * 255 / alpha + 0.5)[EVERY[..., 3] > 0].all()
    assert (off[EVERY[..., 3] == 255] == 0).all()


def test_a_file_is_stored_as_it_was_made() -> None:
    stored = premultiplied(EVERY)
    np.testing.assert_array_equal(premultiplied(straight(stored)), stored)
    np.testing.assert_array_equal(bounded(stored), stored)


def test_premultiplied_color_lies_on_gray_as_pillow_lays_it() -> None:
    ground = Image.new("RGBA", (256, 256), (128, 128, 128, 255))
    ground.alpha_composite(Image.fromarray(EVERY))
    off = premultiplied(EVERY)[..., :3].astype(int) - np.asarray(ground)[..., :3]
    assert np.abs(off).max() <= 1


@pytest.mark.parametrize("size", [32, 16, (20, 12)])
def test_what_lies_under_transparent_pixels_is_learnt_by_nobody(size: Any) -> None:
    first, second = (
        fitted(badge((200, 30, 90), hidden), size, "crop", 4) for hidden in ((0, 0, 0), (0, 255, 0))
    )
    np.testing.assert_array_equal(first, second)
    assert first[:, 0, 0].tolist() == [128, 128, 128, 0]
    color = straight(first.transpose(1, 2, 0))[first[3] > 200][:, :3].astype(int)
    assert (
        np.abs(color - (200, 30, 90)).max() <= 20
    )  # no fringe of the hidden green; the filter rings a little


def test_alpha_of_every_mode_is_read() -> None:
    palette = Image.new("P", (20, 20), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    modes = {
        "LA": (Image.new("LA", (20, 20), (90, 128)), {}, (90, 90, 90, 128)),
        "P": (palette, {"transparency": bytes([255, 128])}, (200, 100, 50, 128)),
        "RGB": (Image.new("RGB", (20, 20), (200, 100, 50)), {}, (200, 100, 50, 255)),
        "I;16": (Image.fromarray(np.full((20, 20), 30_000, np.uint16)), {}, (117, 117, 117, 255)),
    }
    for image, options, expected in modes.values():
        file = io.BytesIO()
        image.save(file, "PNG", **options)
        file.seek(0)
        pixels = straight(decode(file, 12, "pad", 4).transpose(1, 2, 0))
        assert np.abs(pixels.astype(int) - expected).max() <= 2


def test_what_networks_make_is_a_picture_that_can_be() -> None:
    made = to_pictures(torch.randn(8, 4, 16, 16))
    np.testing.assert_array_equal(bounded(made), made)
    np.testing.assert_array_equal(premultiplied(np.asarray(to_image(made[0]))), made[0])


def test_a_sheet_is_cut_into_what_it_was_made_of(tmp_path: Path) -> None:
    made = to_pictures(torch.randn(64, 4, 16, 16))
    grid_image(made).save(tmp_path / "sheet.png")
    cut = cut_sheet(tmp_path / "sheet.png", PictureSpec(4, 16, 16))
    np.testing.assert_array_equal(cut.transpose(0, 2, 3, 1), made)


def test_the_checkerboard_is_seen_through_what_is_transparent() -> None:
    shown = np.asarray(on_checkerboard(badge((200, 30, 90))))
    assert shown.shape == (32, 32, 3)
    assert sorted({tuple(pixel) for pixel in shown.reshape(-1, 3).tolist()}) == [
        (200, 30, 90),
        (204, 204, 204),
        (255, 255, 255),
    ]
    gray = Image.new("L", (8, 8))
    assert on_checkerboard(gray) is gray


@pytest.mark.parametrize(
    ("given", "channels", "shown"),
    [(4, 3, [50, 60, 70]), (3, 4, [50, 60, 70, 255]), (1, 4, [50, 50, 50, 255]), (5, 4, [50, 60, 70, 80])],
)
def test_conditions_are_shown_beside_fakes_of_other_channels(
    given: int, channels: int, shown: list[int]
) -> None:
    levels = np.array([50, 60, 70, 80, 90], np.uint8)[:given]
    blocks = np.broadcast_to(levels[None, :, None, None], (2, given, 8, 8))
    assert as_pictures(blocks, channels)[1, 2, 3].tolist() == shown


def folder_of(path: Path, transparent: int, opaque: int) -> Path:
    """Pictures that use their transparency, and of the others, those that only could."""
    for index in range(transparent + opaque):
        image = badge((10 * index, 90, 20))
        if index >= transparent:
            image.putalpha(255)
        image.save(path / f"{index:02}.png")
    return path


@pytest.mark.parametrize(
    ("transparent", "choice", "channels", "note"),
    [
        (7, "auto", 4, "--channels auto takes alpha: 7 of 12 pictures have transparent pixels"),
        (6, "auto", 3, "--channels auto takes no alpha: only 6 of 12 pictures have transparent pixels"),
        (0, "auto", 3, "12 of 12 pictures have transparency: they are laid on white"),
        (12, "opaque", 3, "12 of 12 pictures have transparency: they are laid on white"),
        (12, "color", 3, "12 of 12 pictures have transparency: they are laid on white"),
        (12, "gray", 1, "12 of 12 pictures have transparency: they are laid on white"),
        (0, "alpha", 4, None),
    ],
)
def test_channels_are_chosen_and_said(
    transparent: int, choice: Any, channels: int, note: str | None, tmp_path: Path
) -> None:
    source = find(str(folder_of(tmp_path, transparent, 12 - transparent)))
    facts = examine(source, DataSettings(channels=choice, size=16))
    assert facts["prepared"]["channels"] == channels
    assert facts["modes"]["RGBA"]["treated"] == ("with alpha" if channels == 4 else "laid on white")
    about = [line for line in facts["notes"] if "transparen" in line]
    assert about == [] if note is None else any(line.startswith(note) for line in about)


@pytest.mark.parametrize("choice", ["auto", "opaque"])
def test_pictures_from_memory_keep_their_alpha(choice: Any) -> None:
    pictures = [badge((10 * index, 90, 20)) for index in range(12)]
    settings = DataSettings(channels=choice, size=16)
    store = prepare(source_of(pictures, settings, None), settings)
    assert store.spec.shape == ((4, 16, 16) if choice == "auto" else (3, 16, 16))
    corner = store.in_file_order(0, 1)[0, :, 0, 0].tolist()
    assert corner == ([128, 128, 128, 0] if choice == "auto" else [255, 255, 255])
    gray = [badge((90, 90, 90), (0, 0, 0)).convert("LA") for _ in range(12)]
    settings = DataSettings(channels="opaque", size=16)
    assert prepare(source_of(gray, settings, None), settings).spec.shape == (1, 16, 16)


@pytest.mark.parametrize(("hidden", "used"), [(0, True), (127, True), (128, False), (255, False)])
def test_transparency_is_used_where_something_is_more_transparent_than_not(hidden: int, used: bool) -> None:
    image = badge((1, 2, 3))
    image.putalpha(image.getchannel("A").point(lambda level: max(level, hidden)))
    assert uses_alpha(image) is used
