"""TIFF files of bands: values as tifffile writes them, and packings as Pillow reads them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from evenodds.data.images import tiff_bands
from evenodds.data.images.band_files import open_bands

SHAPE = (50, 37, 5)


def values(dtype: str, shape: tuple[int, ...] = SHAPE) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(0).random(shape) * 200).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("tile", [None, (16, 32)], ids=["strips", "tiles"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("order", "<>")
def test_values_are_read_in_every_layout(
    dtype: str, tile: tuple[int, int] | None, planes: str, order: str
) -> None:
    pixels = values(dtype)
    for compression in (None, "zlib", "lzma"):
        stream = io.BytesIO()
        tifffile.imwrite(
            stream,
            pixels if planes == "contig" else pixels.transpose(2, 0, 1),
            photometric="minisblack",
            planarconfig=planes,
            tile=tile,
            rowsperstrip=None if tile else 7,
            byteorder=order,
            compression=compression,
            predictor=compression == "zlib" and dtype[0] != "f",
        )
        bands = open_bands(stream)
        assert bands is not None
        read = bands.read(0)
        assert read.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("packing", ["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "zstd", "lzma"])
@pytest.mark.parametrize("mode", ["CMYK", "F"])
def test_packings_are_read_as_pillow_writes_them(packing: str, mode: str) -> None:
    """With the differences of whole numbers and of floats; four inks and one float stand for bands."""
    image = Image.fromarray(values("uint8", (40, 33, 4)), "CMYK")
    if mode == "F":
        image = Image.fromarray(values("float32", (40, 33)))
    predictor = {"CMYK": 2, "F": 3}[mode]
    for differences in (1, predictor) if packing not in ("raw", "packbits") else (1,):
        stream = io.BytesIO()
        image.save(stream, "TIFF", compression=packing, tiffinfo={317: differences})
        [(tags, order)] = tiff_bands._tags(stream)
        assert tags.get(317, 1) == differences
        channels = len(image.getbands())
        dtype = np.dtype(f"{order}f4" if mode == "F" else "u1")
        page = tiff_bands.Page(image.height, image.width, channels, dtype, tags, order)
        read = tiff_bands.read(stream, page)
        np.testing.assert_array_equal(read.squeeze(), np.asarray(image))


def test_alpha_and_inks_are_no_bands() -> None:
    for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16", "F"):
        stream = io.BytesIO()
        Image.new(mode, (16, 16)).save(stream, "TIFF")
        assert open_bands(stream) is None
