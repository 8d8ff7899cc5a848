"""TIFF files with more bands than a color has (TIFF 6.0, Adobe 1992): Pillow reads their tags and unpacks their strips
and tiles, and here the bands are put together."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from evenodds.data.images.album import BadPicture

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF files begin, little- and big-endian, of 32 and 64 bits."""
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _CHANNELS, _ROWS, _STRIP_BYTES, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
_COLORS = {2: 3, 5: 4, 6: 3, 8: 3}
"""Channels of a color by photometric interpretation; others have one."""
_KINDS = {1: "u", 2: "i", 3: "f"}
_DEFLATE = (8, 32946)
_OF_PILLOW = (5, 32773, 34925, 50000)
"""Compressions that Pillow unpacks: LZW, PackBits, LZMA and Zstandard."""
_WITH_PREDICTOR = (5, *_DEFLATE, 34925, 50000)
_ALPHA = (1, 2)
_MOST_PAGES = 100_000


class Page(NamedTuple):
    """One page: its size, bands and dtype, and all of its tags."""

    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]
    tags: Any
    order: str


def pages_of(file: BinaryIO) -> list[Page]:
    """The pages of a TIFF whose first one has more bands than a color and its alpha; none of any other."""
    pages: list[Page] = []
    for tags, order in _tags(file):
        channels = int(tags.get(_CHANNELS, 1))
        if not pages and not _has_bands(tags, channels):
            return []
        bits = tags.get(_BITS, (1,))[0]
        kind = _KINDS.get(tags.get(_FORMAT, (1,))[0], "")
        if (
            bits not in (8, 16, 32, 64)
            or len(set(tags[_BITS])) > 1
            or not kind
            or (kind == "f" and bits == 8)
        ):
            raise BadPicture(f"a TIFF of {channels} bands of {bits} bits, which are not read")
        dtype = np.dtype(f"{order}{kind}{bits // 8}")
        pages.append(Page(tags[_HEIGHT], tags[_WIDTH], channels, dtype, tags, order))
    return pages


def read(file: BinaryIO, page: Page) -> NDArray[Any]:
    """The values of a page, (H, W, C). Raises BadPicture for a compression that is not read."""
    tags, separate = page.tags, page.tags.get(_PLANAR, 1) == 2
    tiled = _TILES in tags
    offsets, counts = (tags[_TILES], tags[_TILE_BYTES]) if tiled else (tags[_STRIPS], tags[_STRIP_BYTES])
    wide, high = (
        (tags[_TILE_WIDTH], tags[_TILE_HEIGHT]) if tiled else (page.width, tags.get(_ROWS, page.height))
    )
    out = np.zeros((page.height, page.width, page.channels), page.dtype.newbyteorder("="))
    positions = [
        (band, y, x)
        for band in (range(page.channels) if separate else (slice(None),))
        for y in range(0, page.height, high)
        for x in range(0, page.width, wide)
    ]
    for (band, y, x), offset, count in zip(positions, offsets, counts, strict=True):
        file.seek(offset)
        rows = high if tiled else min(high, page.height - y)
        part = _unpacked(file.read(count), (rows, wide, 1 if separate else page.channels), page)
        part = part[: page.height - y, : page.width - x]
        out[y : y + part.shape[0], x : x + part.shape[1], band] = part[..., 0] if separate else part
    return out


def _tags(file: BinaryIO) -> Iterator[tuple[Any, str]]:
    """The tags of each page, and the order of its bytes."""
    file.seek(0)
    header = file.read(8)
    if header[2] == 43 or header[3] == 43:
        header += file.read(8)
    seen: set[int] = set()
    tags = TiffImagePlugin.ImageFileDirectory_v2(header)
    position = tags.next
    while position and position not in seen and len(seen) < _MOST_PAGES:
        seen.add(position)
        file.seek(position)
        tags = TiffImagePlugin.ImageFileDirectory_v2(header)
        tags.load(file)
        yield tags, "<" if header[:1] == b"I" else ">"
        position = tags.next


def _has_bands(tags: Any, channels: int) -> bool:
    photometric, extra = tags.get(_PHOTOMETRIC, 1), tags.get(_EXTRA, ())
    colors = _COLORS.get(photometric, 1)
    if channels == colors + 1 and ((extra[:1] and extra[0] in _ALPHA) or (photometric == 2 and not extra)):
        return False
    return channels > colors


def _unpacked(content: bytes, shape: tuple[int, int, int], page: Page) -> NDArray[Any]:
    """A strip or tile (rows, columns, channels) in the machine's own order of bytes."""
    rows, columns, channels = shape
    compression, size = page.tags.get(_COMPRESSION, 1), page.dtype.itemsize
    across = columns * channels * size
    if compression in _DEFLATE:
        content = zlib.decompressobj().decompress(content, rows * across)
    elif compression in _OF_PILLOW:
        content = _by_pillow(content, across, rows, compression)
    elif compression != 1:
        raise BadPicture(f"a TIFF of bands packed by method {compression}, which is not read")
    if len(content) < rows * across:
        raise BadPicture("truncated")
    raw = np.frombuffer(content, np.uint8, rows * across).reshape(rows, across)
    predictor = page.tags.get(_PREDICTOR, 1) if compression in _WITH_PREDICTOR else 1
    if predictor == 3:  # differences of bytes, the highest ones of all values first
        summed = raw.reshape(rows, -1, channels).cumsum(1, dtype=np.uint8).reshape(rows, size, -1)
        values = np.ascontiguousarray(summed.transpose(0, 2, 1)).view(f">{page.dtype.kind}{size}")
        return values.reshape(shape).astype(page.dtype.newbyteorder("="))
    values = raw.view(page.dtype).reshape(shape).astype(page.dtype.newbyteorder("="))
    return values.cumsum(1, dtype=values.dtype) if predictor == 2 else values


def _by_pillow(content: bytes, across: int, rows: int, compression: int) -> bytes:
    """Packed bytes unpacked as those of a gray picture of 8 bits: a TIFF of one strip is made around them."""
    start = 8 + 2 + 9 * 12 + 4
    entries = [(_WIDTH, across), (_HEIGHT, rows), (_BITS, 8), (_COMPRESSION, compression), (_PHOTOMETRIC, 1)]
    entries += [(_STRIPS, start), (_CHANNELS, 1), (_ROWS, rows), (_STRIP_BYTES, len(content))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    whole = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + bytes(4) + content
    with TiffImagePlugin.TiffImageFile(io.BytesIO(whole)) as image:
        return Image.Image.tobytes(image)
