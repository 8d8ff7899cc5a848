"""Pictures in arrays (.npy, .npz) and in TIFF files with more bands than a color has: their shapes, and their values.

Arrays are read from their headers and bytes, so that no file can have Python objects made.
"""

from __future__ import annotations

import zipfile
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenodds.core.spec import CHANNELS
from evenodds.data.images import tiff_bands
from evenodds.data.images.album import BadPicture
from evenodds.data.images.values import NUMBERS, counted

VALUES_LIMIT = 200_000_000
"""Values of one picture that are read, at most."""
_NPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"
_NPY_SUFFIX = ".npy"
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Version 3 differs in the names of fields, which pictures do not have."""
_MODES = {("uint8", 1): "L", ("bool", 1): "1", ("uint16", 1): "I;16", ("uint8", 3): "RGB"}
"""Modes of arrays that are pictures as any other file may hold them, by dtype and channels."""


class Shape(NamedTuple):
    """What a file of bands says of itself: so many pictures (height, width, channels)."""

    pictures: int
    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]
    first: bool = False
    """Whether channels come before height and width."""

    @property
    def mode(self) -> str:
        """Pillow's name for such pixels where they are gray or color of 8 bits, or gray of 16; else what they are, such
        as "5 bands, uint16"."""
        mode = _MODES.get((self.dtype.name, self.channels))
        return mode or f"{counted(self.channels)}, {self.dtype.name}"

    @property
    def bands(self) -> int:
        """How many bands it has; 0 where it is gray or color as any other picture."""
        return 0 if (self.dtype.name, self.channels) in _MODES else self.channels


class _Array(NamedTuple):
    """The header of an array, after which its values follow."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


class BandFile:
    """An opened file of bands. What is read in order of the frames is read once."""

    shape: Shape
    stack = False
    """Whether its frames are pictures of one array, and no pages."""

    def read(self, frame: int) -> NDArray[Any]:
        """The values of one picture, (H, W, C). Raises BadPicture."""
        raise NotImplementedError


class _TiffFile(BandFile):
    def __init__(self, file: BinaryIO, pages: list[Any]) -> None:
        height, width, channels, dtype = tiff_bands.layout(pages[0])
        _check_size(height, width, channels)
        self.shape = Shape(len(pages), height, width, channels, dtype)
        self._file, self._pages = file, pages

    def read(self, frame: int) -> NDArray[Any]:
        page = self._pages[frame]
        if tiff_bands.layout(page) != tiff_bands.layout(self._pages[0]):
            raise BadPicture("a page of another size or other bands than the first")
        return tiff_bands.read(self._file, page)


class _ArrayFile(BandFile):
    stack = True

    def __init__(self, stream: Any) -> None:
        self._stream, self._array = stream, _header(stream)
        self.shape = _shape(self._array)
        self._start: int = stream.tell()

    def read(self, frame: int) -> NDArray[Any]:
        shape, dtype = self.shape, self._array.dtype
        count = shape.height * shape.width * shape.channels
        if self._array.fortran:
            values = self._whole().reshape(shape.pictures, count)[frame]
        else:
            self._stream.seek(self._start + count * dtype.itemsize * frame)
            values = np.frombuffer(_exactly(self._stream, count * dtype.itemsize), dtype)
        sides = shape.height, shape.width
        values = values.reshape((shape.channels, *sides) if shape.first else (*sides, shape.channels))
        native: NDArray[Any] = values.astype(dtype.newbyteorder("="))
        return native.transpose(1, 2, 0) if shape.first else native

    def _whole(self) -> NDArray[Any]:
        """All values of an array that is stored column by column."""
        count = prod(self._array.shape)
        if count > VALUES_LIMIT:
            raise BadPicture("too large to be stored column by column (Fortran order), save it in C order")
        self._stream.seek(self._start)
        content = _exactly(self._stream, count * self._array.dtype.itemsize)
        return np.frombuffer(content, self._array.dtype).reshape(self._array.shape, order="F")


def open_bands(file: BinaryIO) -> BandFile | None:
    """An array file, or a TIFF with bands; None of any other file. Raises BadPicture for one that is not read."""
    file.seek(0)
    beginning = file.read(len(_NPY))
    file.seek(0)
    if beginning == _NPY:
        return _ArrayFile(file)
    if beginning.startswith(_ZIP):
        try:
            return _in_zip(zipfile.ZipFile(file))
        except zipfile.BadZipFile:
            return None
    pages = tiff_bands.pages_of(file) if beginning.startswith(tiff_bands.MARKS) else []
    return _TiffFile(file, pages) if pages else None


def _in_zip(pack: zipfile.ZipFile) -> BandFile | None:
    """The one array of pictures in an .npz; None of another zip."""
    names = [name for name in pack.namelist() if name.endswith(_NPY_SUFFIX)]
    shaped = []
    for name in names:
        with pack.open(name) as stream:
            if len(_header(stream).shape) > 1:
                shaped.append(name)
    if len(shaped) > 1:
        arrays = ", ".join(name.removesuffix(_NPY_SUFFIX) for name in shaped[:3])
        raise BadPicture(f"several arrays ({arrays}): keep the pictures alone, or save them as .npy")
    if names and not shaped:
        raise BadPicture("no array of pictures in it")
    return _ArrayFile(pack.open(shaped[0])) if names else None


def _header(stream: Any) -> _Array:
    """Reads an array's header."""
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = _READERS[version](stream)
    except (ValueError, KeyError):
        raise BadPicture("damaged") from None
    if dtype.kind not in NUMBERS:
        kind = "Python objects" if dtype.hasobject else f"values of the dtype {dtype}"
        raise BadPicture(f"an array of {kind}, which are not read")
    return _Array(shape, fortran, dtype)


def _shape(array: _Array) -> Shape:
    """How an array's axes are taken: (H, W), (H, W, C), (C, H, W), (N, H, W), (N, H, W, C) or (N, C, H, W). Channels
    are at most 16, and of two such axes the shorter one."""
    shape = array.shape
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise BadPicture(f"an array of shape {shape}: give (H, W), (H, W, C), (C, H, W) or (N, H, W, C)")
    if len(shape) == 2:
        made = Shape(1, *shape, 1, array.dtype)
    else:
        front, middle, last = shape[-3:]
        count = shape[0] if len(shape) == 4 else 1
        if last <= CHANNELS and (last <= front or front > CHANNELS):
            made = Shape(count, front, middle, last, array.dtype)
        elif front <= CHANNELS:
            made = Shape(count, middle, last, front, array.dtype, first=True)
        elif len(shape) == 3:
            made = Shape(*shape, 1, array.dtype)
        else:
            raise BadPicture(f"an array of shape {shape}, and at most {CHANNELS} channels are read")
    _check_size(made.height, made.width, made.channels)
    return made


def _check_size(height: int, width: int, channels: int) -> None:
    if channels > CHANNELS:
        raise BadPicture(f"{channels} bands, and at most {CHANNELS} are read")
    if height * width * channels > VALUES_LIMIT:
        raise BadPicture(
            f"{width} × {height} px of {channels} bands are over the limit of {VALUES_LIMIT // 10**6} million values"
        )


def _exactly(stream: Any, count: int) -> bytes:
    content: bytes = stream.read(count)
    if len(content) != count:
        raise BadPicture("truncated")
    return content
