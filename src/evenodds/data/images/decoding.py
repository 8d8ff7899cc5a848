"""Picture files opened with care: what is damaged, hostile or no picture becomes a BadPicture with a calm reason."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile

from evenodds.data.images.album import BadPicture, reader
from evenodds.data.images.band_files import BandFile, open_bands
from evenodds.data.images.file_kinds import BEGINNING, is_heif, kind_by_content

PIXEL_LIMIT = 100_000_000
# Formats of plain pixels only: Pillow hands PostScript, whatever the file's name, to Ghostscript.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF")
_GREY = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_SIXTEEN = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_WIDE = _SIXTEEN | {"I", "F"}
MOST = 65_535
"""The greatest value of 16 bits."""
# All of these come out of Pillow's readers for one damaged file or another.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
    Warning,
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER_TURNS = (5, 6, 7, 8)
"""EXIF orientations in which width and height change places."""


@dataclass(frozen=True)
class Header:
    """What a picture file says of itself before its pixels are read; width and height in pixels, of a JPEG upright."""

    mode: str
    width: int
    height: int
    transparent: bool
    frames: int = 1
    """How many frames or pages it holds; what a JPEG holds beside its picture is none."""
    bands: int = 0
    """How many bands it has; 0 of a picture in gray or color."""


class Reel:
    """An opened picture file. Frames that are read in order are decoded once each, not anew from the first."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises BadPicture for a file that is no picture."""
        self._file = file
        self._image: ImageFile.ImageFile | None = None
        self._end: tuple[int, BadPicture] | None = None
        with calm():
            self.bands: BandFile | None = open_bands(file)
        file.seek(0)

    def image(self, frame: int = 0) -> Image.Image:
        """A frame with its header read, as an image that the next call changes. Raises what decoders throw, and
        BadPicture of one that has no place in an image: more than 8 bits of color, or other bands."""
        if self.bands is not None:
            return image_of_bands(self.bands, frame)
        if self._end is not None and frame >= self._end[0]:
            raise self._end[1]
        if self._image is None or frame < self._image.tell():
            self._file.seek(0)
            self._image = open_image(self._file)
        try:
            with calm():
                if frame != self._image.tell():
                    self._image.seek(frame)
        except BadPicture as bad:  # none after it can be reached
            self._end, self._image = (frame, bad), None
            raise
        check_size(self._image)
        return self._image

    def values(self, frame: int = 0) -> NDArray[Any]:
        """A frame of a file of bands, (H, W, C). Raises BadPicture for one that has none, and for damage."""
        if self.bands is None:
            raise BadPicture("a picture, and no bands")
        with calm():
            return self.bands.read(frame)


@contextmanager
def opened(file: Reel | BinaryIO | Path, frame: int = 0) -> Iterator[Image.Image]:
    """A frame of a picture file, its header read; what goes wrong with it is a BadPicture with a calm reason."""
    if isinstance(file, Path):
        with open_file(file) as stream, opened(stream, frame) as image:
            yield image
        return
    with calm():
        yield (file if isinstance(file, Reel) else Reel(file)).image(frame)


def look(file: BinaryIO | Path) -> Header:
    """Read a picture's header only. Raises BadPicture as ``decode`` does."""
    if isinstance(file, Path):
        with open_file(file) as stream:
            return look(stream)
    reel = Reel(file)
    if reel.bands is not None:
        shape = reel.bands.shape
        return Header(shape.mode, shape.width, shape.height, False, shape.pictures, shape.bands)
    with calm(), open_image(file) as image:
        mode, transparent = image.mode, image.has_transparency_data
        width, height = image.size[::-1] if lies_on_its_side(image) else image.size
        return Header(mode, width, height, transparent, frames_of(image))


def frames_of(image: ImageFile.ImageFile) -> int:
    """How many frames or pages an opened image has."""
    if image.format in ("JPEG", "MPO"):
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except _DAMAGE:  # damage after the first one, which may be whole
        return 1


def whole(file: Reel | BinaryIO | Path, frame: int = 0) -> Image.Image:
    """A picture at its full size, upright, in the mode of its file. Raises BadPicture as ``decode`` does."""
    with opened(file, frame) as image:
        image.load()
        return upright(image).copy()


def is_gray(header: Header) -> bool:
    """Whether a picture is grey by its mode; a colour file that happens to show grey is colour."""
    return header.mode in _GREY


def values_of(modes: Iterable[str], span: tuple[float, float] | None) -> tuple[float, float] | None:
    """The values that black and white stand for where every picture holds whole numbers of up to 16 bits, by the
    ``span`` that was taken or else by their kind; None where that is not so."""
    modes = set(modes)
    if not modes <= (_WIDE - {"F"} if span else _SIXTEEN) or (span and not 0 <= span[0] < span[1] <= MOST):
        return None
    return span or (0.0, float(MOST))


def is_wide(mode: str) -> bool:
    """Whether a pixel of a picture of this mode may hold more than 256 values."""
    return mode in _WIDE


@contextmanager
def calm() -> Iterator[None]:
    """Turn what a decoder throws at a damaged file into BadPicture with a calm reason."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, MemoryError):
            raise BadPicture("needs more memory than there is") from error
        short = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise BadPicture("truncated" if short else "damaged") from error


def open_file(path: Path) -> BinaryIO:
    """The file, to be read and closed. Raises BadPicture where it cannot be opened."""
    try:
        return path.open("rb")
    except OSError as error:
        raise BadPicture((error.strerror or "cannot be opened").lower()) from error


def image_of_bands(bands: BandFile, frame: int) -> Image.Image:
    """A frame of a file of bands that is gray or in color, as an image. Raises BadPicture for another."""
    if bands.shape.bands:
        raise BadPicture(f"{bands.shape.mode}, and no picture in gray or color")
    pixels = bands.read(frame)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def check_size(image: Image.Image) -> None:
    """Raises BadPicture for an image that is too large."""
    if image.width * image.height > PIXEL_LIMIT:
        raise BadPicture(f"{image.width} × {image.height} px is over the limit of 100 megapixels")


def open_image(file: BinaryIO) -> ImageFile.ImageFile:
    """The image with its header read. Unlike Image.open, the size is known when it is too large."""
    Image.preinit()
    beginning = file.read(BEGINNING)
    prefix = beginning[:16]
    if not prefix:
        raise BadPicture("zero bytes")
    heif = is_heif(beginning)
    if heif:
        register_heif()
    for name in ("HEIF",) if heif else _FORMATS:
        if name not in Image.OPEN:
            Image.init()
        if name not in Image.OPEN:  # a Pillow that was built without it
            continue
        factory, accept = Image.OPEN[name]
        if accept is None or accept(prefix) is not True:
            continue
        file.seek(0)
        image = factory(file, "")
        check_size(image)
        return image
    kind = kind_by_content(beginning)
    raise BadPicture("not a picture" if kind is None else f"{kind}, which is not read")


def register_heif() -> None:
    """Has Pillow read HEIC. Raises BadPicture with the command where the extra is not installed."""
    reader("pi_heif", "heic", "reading HEIC").register_heif_opener()


def lies_on_its_side(image: ImageFile.ImageFile) -> bool:
    """Whether a JPEG is to be turned by a quarter, as its header says. Other kinds would have to be decoded for it."""
    if image.format != "JPEG" or "exif" not in image.info:
        return False
    try:
        return image.getexif().get(ExifTags.Base.Orientation) in QUARTER_TURNS
    except _DAMAGE:  # a damaged note beside good pixels
        return False


def upright(image: Image.Image) -> Image.Image:
    """The loaded image turned as its EXIF orientation says."""
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGE:  # a damaged note beside good pixels
        return image
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image
