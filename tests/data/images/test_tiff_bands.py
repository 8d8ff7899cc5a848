"""TIFF files of bands: values as they were written, whatever their layout."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from evenodds.core.optional import installed
from evenodds.data.images import tiff_bands
from evenodds.data.images.album import BadPicture
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


@pytest.mark.skipif(installed("imagecodecs"), reason="the package that unpacks it is installed")
def test_a_packing_that_is_not_read_is_named_with_the_way_on(tmp_path: Path) -> None:
    """Four inks stand for bands."""
    Image.fromarray(values("uint8", (40, 33, 4)), "CMYK").save(tmp_path / "a.tif", compression="tiff_lzw")
    with (tmp_path / "a.tif").open("rb") as file:
        [page] = tifffile.TiffFile(file).pages
        with pytest.raises(BadPicture, match=r"packed by LZW.*pip install imagecodecs"):
            tiff_bands.read(file, page)


def test_a_page_that_is_cut_off_and_one_of_another_size_are_no_pictures() -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values("uint16"), photometric="minisblack", planarconfig="contig")
    short = open_bands(io.BytesIO(stream.getvalue()[:-10]))
    assert short is not None
    with pytest.raises(BadPicture, match="truncated"):
        short.read(0)
    with tifffile.TiffWriter(stream := io.BytesIO()) as pages:
        for shape in (SHAPE, (20, 20, 5)):
            pages.write(values("uint8", shape), photometric="minisblack", planarconfig="contig")
    both = open_bands(stream)
    assert both is not None
    assert both.read(0).shape == SHAPE
    with pytest.raises(BadPicture, match="another size"):
        both.read(1)


def test_without_the_extra_the_way_on_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values("uint16"), photometric="minisblack", planarconfig="contig")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(BadPicture, match=r"pip install 'evenodds\[tiff\]'"):
        open_bands(stream)


def test_alpha_and_inks_are_no_bands() -> None:
    for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16", "F"):
        stream = io.BytesIO()
        Image.new(mode, (16, 16)).save(stream, "TIFF")
        assert open_bands(stream) is None
