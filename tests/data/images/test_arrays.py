"""Every mode decoded right, oriented, cropped or padded; tensors and back; sheets and folders."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.data.images.arrays import (
    BadPicture,
    decode,
    grid_image,
    is_gray,
    look,
    to_pictures,
    to_tensor,
    write_folder,
    write_grid,
)

COLOUR = (200, 100, 50)
GREY_OF_COLOUR = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)


def saved(image: Image.Image, suffix: str = "PNG", **options: Any) -> io.BytesIO:
    stream = io.BytesIO()
    image.save(stream, suffix, **options)
    stream.seek(0)
    return stream


def near(pixels: np.ndarray, colour: tuple[int, ...]) -> bool:
    expected = np.array(colour)[:, None, None]
    return bool((np.abs(pixels.astype(int) - expected) <= 2).all())


def palette(transparent: int | None = None) -> Image.Image:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([0, 0, 0, *COLOUR])
    if transparent is not None:
        image.info["transparency"] = transparent
    return image


def clear(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, (20, 20), value)


HALF_ON_WHITE = tuple(round((255 + c) / 2) for c in COLOUR)
MODES = {
    "RGB": (saved(clear("RGB", COLOUR)), COLOUR),
    "L": (saved(clear("L", 90)), (90, 90, 90)),
    "1": (saved(clear("1", 1)), (255, 255, 255)),
    "LA": (saved(clear("LA", (90, 0))), (255, 255, 255)),
    "LA half": (saved(clear("LA", (55, 128))), (155, 155, 155)),
    "RGBA": (saved(clear("RGBA", (*COLOUR, 255))), COLOUR),
    "RGBA half": (saved(clear("RGBA", (*COLOUR, 128))), HALF_ON_WHITE),
    "RGBA clear": (saved(clear("RGBA", (*COLOUR, 0))), (255, 255, 255)),
    "P": (saved(palette()), COLOUR),
    "P clear": (saved(palette(), transparency=1), (255, 255, 255)),
    "P clear by bytes": (saved(palette(), transparency=bytes([255, 128])), HALF_ON_WHITE),
    "RGB with a clear colour": (saved(clear("RGB", COLOUR), transparency=COLOUR), (255, 255, 255)),
    "CMYK": (saved(Image.new("CMYK", (20, 20), (55, 155, 205, 0)), "TIFF"), COLOUR),
    "CMYK JPEG": (saved(Image.new("CMYK", (20, 20), (55, 155, 205, 0)), "JPEG", quality=100), COLOUR),
    "YCbCr": (saved(clear("RGB", COLOUR).convert("YCbCr"), "JPEG", quality=100), COLOUR),
    "I;16": (saved(Image.fromarray(np.full((20, 20), 30_000, np.uint16))), (117, 117, 117)),
    "I;16B": (saved(Image.fromarray(np.full((20, 20), 30_000, ">u2")), "TIFF"), (117, 117, 117)),
    "I of 16 bits": (saved(Image.fromarray(np.full((20, 20), 30_000, np.int32)), "TIFF"), (117, 117, 117)),
    "I of 8 bits": (saved(Image.fromarray(np.full((20, 20), 117, np.int32)), "TIFF"), (117, 117, 117)),
    "F of 0 to 1": (saved(Image.fromarray(np.full((20, 20), 0.5, np.float32)), "TIFF"), (128, 128, 128)),
    "F of 0 to 255": (saved(Image.fromarray(np.full((20, 20), 128.0, np.float32)), "TIFF"), (128, 128, 128)),
    "GIF": (saved(palette(), "GIF"), COLOUR),
    "BMP": (saved(clear("RGB", COLOUR), "BMP"), COLOUR),
    "WEBP": (saved(clear("RGB", COLOUR), "WEBP", lossless=True), COLOUR),
    "PPM": (saved(clear("RGB", COLOUR), "PPM"), COLOUR),
}


@pytest.mark.parametrize("name", MODES)
def test_every_mode_comes_back_in_its_colour(name: str) -> None:
    stream, colour = MODES[name]
    stream.seek(0)
    pixels = decode(stream, 12, "crop", 3)
    assert pixels.shape == (3, 12, 12)
    assert pixels.dtype == np.uint8
    assert near(pixels, colour)


def test_colour_taken_as_grey_is_its_lightness() -> None:
    assert near(decode(saved(clear("RGB", COLOUR)), 12, "crop", 1), (GREY_OF_COLOUR,))


def test_floats_of_any_range_are_stretched_and_gaps_are_survived() -> None:
    values = np.linspace(-1000, 3000, 400, dtype=np.float32).reshape(20, 20)
    values[0, 1] = np.nan
    pixels = decode(saved(Image.fromarray(values), "TIFF"), 20, "crop", 1)[0]
    assert pixels[0, 0] == 0
    assert pixels[-1, -1] == 255


def test_grey_is_said_by_the_mode() -> None:
    grey = {name for name, (stream, _) in MODES.items() if not stream.seek(0) and is_gray(look(stream))}
    said = {"L", "1", "LA", "LA half", "I;16", "I;16B", "I of 16 bits", "I of 8 bits"}
    assert grey == said | {"F of 0 to 1", "F of 0 to 255"}
    assert not is_gray(look(saved(clear("RGB", (90, 90, 90)))))


def quarters() -> Image.Image:
    """Red, green over blue, white: no turn or flip maps it to itself."""
    image = Image.new("RGB", (40, 40))
    for place, colour in (((0, 0), "red"), ((20, 0), "lime"), ((0, 20), "blue"), ((20, 20), "white")):
        image.paste(colour, (*place, place[0] + 20, place[1] + 20))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_6_is_turned_upright(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: what is stored must be turned a quarter clockwise
    faithful: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    options = faithful.get(kind, {})
    turned = quarters().transpose(Image.Transpose.ROTATE_90)
    pixels = decode(saved(turned, kind, exif=exif, **options), 40, "crop", 3)
    upright = np.asarray(quarters()).transpose(2, 0, 1)
    for y, x in ((10, 10), (10, 30), (30, 10), (30, 30)):
        assert np.abs(pixels[:, y, x].astype(int) - upright[:, y, x]).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = quarters().transpose(undo[orientation]) if orientation in undo else quarters()
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(saved(image, exif=exif), 40, "crop", 3)
    assert np.array_equal(pixels, np.asarray(quarters()).transpose(2, 0, 1))


def striped() -> Image.Image:
    """40 × 20: red, then 20 × 20 of green in the middle, then red."""
    image = Image.new("RGB", (40, 20), "red")
    image.paste("lime", (10, 0, 30, 20))
    return image


def test_crop_keeps_the_centre() -> None:
    assert near(decode(saved(striped()), 20, "crop", 3), (0, 255, 0))


def test_pad_keeps_everything_on_the_edges_mean_colour() -> None:
    pixels = decode(saved(striped()), 40, "pad", 3)
    assert np.array_equal(pixels[:, 10:30], np.asarray(striped()).transpose(2, 0, 1))
    edges = np.asarray(striped()).astype(float)
    border = np.concatenate([edges[0], edges[-1], edges[:, 0], edges[:, -1]]).mean(axis=0)
    assert near(pixels[:, :10], tuple(border))
    assert near(pixels[:, 30:], tuple(border))


@pytest.mark.parametrize(("size", "fit"), [((1, 3000), "pad"), ((3000, 1), "crop"), ((1, 1), "crop")])
def test_extreme_shapes_fit(size: tuple[int, int], fit: Any) -> None:
    assert near(decode(saved(Image.new("RGB", size, COLOUR)), 16, fit, 3), COLOUR)


def test_a_large_jpeg_shrinks_as_its_areas_means() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 200, (8, 8, 3), dtype=np.uint8)
    large = Image.fromarray(coarse.repeat(256, axis=0).repeat(256, axis=1))
    pixels = decode(saved(large, "JPEG", quality=95), 64, "crop", 3)
    centres = pixels[:, 4::8, 4::8].transpose(1, 2, 0)
    assert np.abs(centres.astype(int) - coarse).max() <= 4


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime")]
    stream = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(decode(stream, 8, "crop", 3), (255, 0, 0))


def test_a_format_that_runs_programs_is_not_opened() -> None:
    with pytest.raises(BadPicture, match="PostScript, which is not read"):
        decode(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"), 8, "crop", 3)


def test_all_256_values_survive_the_tensor() -> None:
    pictures = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(3, axis=1)
    tensor = to_tensor(pictures)
    assert tensor.dtype == torch.float32
    assert (tensor.min(), tensor.max()) == (-1, 1)
    assert np.array_equal(to_pictures(tensor), pictures.transpose(0, 2, 3, 1))


def test_what_lies_outside_the_range_is_clipped() -> None:
    tensor = torch.tensor([-3.0, 3.0]).reshape(1, 1, 1, 2)
    assert to_pictures(tensor).ravel().tolist() == [0, 255]


def test_a_sheet_shows_every_picture_enlarged() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), dtype=np.uint8)
    sheet = np.asarray(grid_image(pictures))
    assert sheet.shape == (64 * 2 + 2, 64 * 3 + 2 * 2, 3)
    assert np.array_equal(sheet[:64:4, :64:4], pictures[0])
    assert np.array_equal(sheet[66:130:4, 66:130:4], pictures[4])
    assert (sheet[66:, 132:] == 255).all()


def test_a_sheet_takes_columns_and_scale_and_is_read_back(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (4, 10, 10, 1), dtype=np.uint8)
    write_grid(pictures, tmp_path / "new" / "sheet.png", columns=4, scale=1)
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        assert sheet.mode == "L"
        assert np.array_equal(np.asarray(sheet)[:, 36:], pictures[3, :, :, 0])
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["sheet.png"]


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a picture"):
        grid_image(np.empty((0, 8, 8, 3), np.uint8))


def test_a_folder_is_written_in_order_and_read_back(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), dtype=np.uint8)
    batches = (pictures[start : start + 2] for start in (0, 2, 4))
    assert write_folder(batches, tmp_path / "out", 5) == 5
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"{number:06}.png" for number in range(5)]
    back = [decode(file, 8, "crop", 3).transpose(1, 2, 0) for file in files]
    assert np.array_equal(np.stack(back), pictures)


def test_a_folder_in_use_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds something"):
        write_folder([np.zeros((1, 8, 8, 1), np.uint8)], tmp_path, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def batches() -> Any:
        yield np.zeros((1, 8, 8, 1), np.uint8)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_folder(batches(), tmp_path / "out", 2)
    assert list(tmp_path.iterdir()) == []
