"""TIFF files with more bands than a color has (TIFF 6.0, Adobe 1992), by tifffile (extra `tiff`)."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from evenodds.data.images.album import BadPicture, reader

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF files begin, little- and big-endian, of 32 and 64 bits."""
_PHOTOMETRIC, _CHANNELS, _EXTRA = 262, 277, 338
_COLORS = {2: 3, 5: 4, 6: 3, 8: 3}
"""Channels of a color by photometric interpretation; others have one."""
_ALPHA = (1, 2)


def pages_of(file: BinaryIO) -> list[Any]:
    """The pages of a TIFF whose first one has more bands than a color and its alpha; none of any other. Raises
    BadPicture for pages whose values are no numbers, and with the command where the extra is not installed."""
    if not _has_bands(file):
        return []
    tifffile = reader("tifffile", "tiff", "reading a TIFF of bands")
    file.seek(0)
    pages = list(tifffile.TiffFile(file).pages)
    if pages[0].dtype is None:
        raise BadPicture(
            f"a TIFF of {pages[0].samplesperpixel} bands of {pages[0].bitspersample} bits, which are not read"
        )
    return pages


def layout(page: Any) -> tuple[int, int, int, np.dtype[Any]]:
    """The height, width, bands and dtype of a page."""
    return page.imagelength, page.imagewidth, page.samplesperpixel, page.dtype


def read(file: BinaryIO, page: Any) -> NDArray[Any]:
    """The values of a page, (H, W, C). Raises BadPicture for one that is cut off, a volume, and an unread packing."""
    end = file.seek(0, 2)
    if any(start + count > end for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)):
        raise BadPicture("truncated")
    try:
        planes: NDArray[Any] = page.asarray(squeeze=False)  # (planes, depth, H, W, C of a plane)
    except ValueError as problem:
        if "imagecodecs" not in str(problem):
            raise
        packing = f"packed by {page.compression.name}" + (
            f", predictor {page.predictor}" if page.predictor > 1 else ""
        )
        raise BadPicture(
            f"a TIFF of bands {packing}, which needs the package imagecodecs: pip install imagecodecs"
        ) from None
    if planes.shape[1] != 1:
        raise BadPicture("a TIFF of volumes, which are not read")
    values = planes[:, 0]
    pixels: NDArray[Any] = values[..., 0].transpose(1, 2, 0) if len(values) > 1 else values[0]
    return pixels.astype(pixels.dtype.newbyteorder("="))


def _has_bands(file: BinaryIO) -> bool:
    """Whether the first page has more channels than its color and an alpha."""
    file.seek(0)
    header = file.read(8)
    if header[2] == 43 or header[3] == 43:
        header += file.read(8)
    tags: Any = TiffImagePlugin.ImageFileDirectory_v2(header)
    file.seek(tags.next)
    tags.load(file)
    photometric, extra = tags.get(_PHOTOMETRIC, 1), tags.get(_EXTRA, ())
    channels, colors = int(tags.get(_CHANNELS, 1)), _COLORS.get(photometric, 1)
    if channels == colors + 1 and ((extra[:1] and extra[0] in _ALPHA) or (photometric == 2 and not extra)):
        return False
    return channels > colors
