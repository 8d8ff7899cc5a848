"""Picture files opened with care: what is damaged, hostile or no picture becomes a BadPicture with a calm reason."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, ImageFile

from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.data.images.album import BadPicture
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


def look(file: BinaryIO | Path) -> Header:
    """Read a picture's header only. Raises BadPicture as ``decode`` does."""
    if isinstance(file, Path):
        with open_file(file) as stream:
            return look(stream)
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


def whole(file: BinaryIO | Path, frame: int = 0) -> Image.Image:
    """A picture at its full size, upright, in the mode of its file. Raises BadPicture as ``decode`` does."""
    if isinstance(file, Path):
        with open_file(file) as stream:
            return whole(stream, frame)
    with calm(), open_image(file, frame) as image:
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


def open_image(file: BinaryIO, frame: int = 0) -> ImageFile.ImageFile:
    """The image with the header of one of its frames read. Unlike Image.open, the size is known when it is too
    large."""
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
        if frame:
            image.seek(frame)
        if image.width * image.height > PIXEL_LIMIT:
            raise BadPicture(f"{image.width} × {image.height} px is over the limit of 100 megapixels")
        return image
    kind = kind_by_content(beginning)
    raise BadPicture("not a picture" if kind is None else f"{kind}, which is not read")


def register_heif() -> None:
    """Has Pillow read HEIC. Raises BadPicture with the command where the extra is not installed."""
    try:
        need("pi_heif", "heic", "reading HEIC").register_heif_opener()
    except UserError as missing:
        raise BadPicture(str(missing)) from None


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
