"""Pictures to arrays and tensors, and back to files: whoever encodes decodes."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from evenodds import aside
from evenodds.data.album import BadPicture
from evenodds.errors import UserError

if TYPE_CHECKING:
    import torch

__all__ = [
    "BadPicture",
    "Header",
    "decode",
    "fitted",
    "grid_image",
    "is_grey",
    "look",
    "to_pictures",
    "to_tensor",
    "write_folder",
    "write_grid",
]

Bytes = npt.NDArray[np.uint8]
Fit = Literal["crop", "pad"]

PIXEL_LIMIT = 100_000_000
# Formats of plain pixels only: Pillow hands PostScript, whatever the file's name, to Ghostscript.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_GREY = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
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
_GAP = 2  # pixels between the pictures of a sheet


@dataclass(frozen=True)
class Header:
    """What a picture file says of itself before its pixels are read; width and height in pixels."""

    mode: str
    width: int
    height: int
    transparent: bool


def look(file: BinaryIO | Path) -> Header:
    """Read a picture's header only. Raises BadPicture as ``decode`` does."""
    if isinstance(file, Path):
        with _open(file) as stream:
            return look(stream)
    with _calm(), _opened(file) as image:
        return Header(image.mode, image.width, image.height, image.has_transparency_data)


def is_grey(header: Header) -> bool:
    """Whether a picture is grey by its mode; a colour file that happens to show grey is colour."""
    return header.mode in _GREY


def decode(file: BinaryIO | Path, size: int, fit: Fit, channels: Literal[1, 3]) -> Bytes:
    """A picture file as a uint8 array of shape (channels, size, size).

    Any mode is read: transparency lies on white, 16 bits are scaled to 8, the EXIF orientation is
    followed, an animation gives its first frame. Raises BadPicture with the reason for a file that is
    empty, damaged, not a picture, or over 100 megapixels (checked before any pixel is read).
    """
    if isinstance(file, Path):
        with _open(file) as stream:
            return decode(stream, size, fit, channels)
    with _calm(), _opened(file) as image:
        # A JPEG decodes at 1/2, 1/4 or 1/8 for little; twice the wanted side stays for the filter.
        ratio = 2 * size / (min(image.size) if fit == "crop" else max(image.size))
        image.draft(None, (math.ceil(image.width * ratio), math.ceil(image.height * ratio)))
        image.load()
        return fitted(_upright(image), size, fit, channels)


def fitted(image: Image.Image, size: int, fit: Fit, channels: Literal[1, 3]) -> Bytes:
    """An opened image as uint8 (channels, size, size): the centre kept, or padded with its edge's mean."""
    image = _plain(image).convert("L" if channels == 1 else "RGB")
    width, height = image.size
    if fit == "crop" or width == height:
        side = min(width, height)
        left, upper = (width - side) / 2, (height - side) / 2
        image = _resized(image, (size, size), (left, upper, left + side, upper + side))
    else:
        longer = max(width, height)
        inner = (max(1, round(width * size / longer)), max(1, round(height * size / longer)))
        image = _padded(_resized(image, inner, (0, 0, width, height)), size)
    pixels = np.asarray(image).reshape(size, size, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def to_tensor(pictures: Bytes) -> torch.Tensor:
    """uint8 (n, C, H, W) as float32 in [-1, 1], where 0 becomes -1 and 255 becomes 1."""
    import torch

    return torch.from_numpy(pictures.astype(np.float32)).div_(127.5).sub_(1)


def to_pictures(tensor: torch.Tensor) -> Bytes:
    """float (n, C, H, W) in [-1, 1] as uint8 (n, H, W, C); what lies outside is clipped."""
    import torch

    levels = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def grid_image(pictures: Bytes, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """One sheet of uint8 (n, H, W, C) pictures in reading order, 2 white pixels apart.

    ``columns`` makes about a square when left out; ``scale`` enlarges by a whole number, by default
    until the shorter side has 64 pixels. Raises ValueError for no pictures.
    """
    count, height, width, channels = pictures.shape
    if count == 0:
        raise ValueError("a sheet needs a picture")
    columns = min(count, columns or math.ceil(math.sqrt(count)))
    scale = scale or max(1, math.ceil(64 / min(height, width)))
    rows = math.ceil(count / columns)
    step_y, step_x = height * scale + _GAP, width * scale + _GAP
    sheet = np.full((rows * step_y - _GAP, columns * step_x - _GAP, channels), 255, np.uint8)
    for place, picture in enumerate(pictures):
        y, x = place // columns * step_y, place % columns * step_x
        large = picture.repeat(scale, axis=0).repeat(scale, axis=1)
        sheet[y : y + height * scale, x : x + width * scale] = large
    return _image(sheet)


def write_grid(pictures: Bytes, path: Path, columns: int | None = None, scale: int | None = None) -> None:
    """Write ``grid_image`` as a PNG, whole or not at all. Raises UserError where it cannot be written."""
    aside.write_bytes(path, _png(grid_image(pictures, columns, scale)))


def write_folder(batches: Iterable[Bytes], folder: Path, total: int) -> int:
    """Write batches of uint8 (n, H, W, C) as 000000.png and on into a new folder; gives the count.

    ``total`` is how many are expected, for the names' width. One batch is held at a time. Raises
    UserError where the folder already holds something or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} already holds something: name a folder that is new or empty.")
    digits = max(6, len(str(total - 1)))
    count = 0
    with aside.folder(folder) as part:
        for batch in batches:
            for picture in batch:
                content = _png(_image(picture))
                with aside.telling(folder.parent):
                    (part / f"{count:0{digits}}.png").write_bytes(content)
                count += 1
    return count


def _image(pixels: Bytes) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@contextmanager
def _calm() -> Iterator[None]:
    """Turn what a decoder throws at a damaged file into BadPicture with a calm reason."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, MemoryError):
            raise BadPicture("needs more memory than there is") from error
        short = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise BadPicture("truncated" if short else "damaged") from error


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadPicture((error.strerror or "cannot be opened").lower()) from error


def _opened(file: BinaryIO) -> ImageFile.ImageFile:
    """The image with its header read. Unlike Image.open, the size is known when it is too large."""
    Image.preinit()
    prefix = file.read(16)
    if not prefix:
        raise BadPicture("zero bytes")
    for name in _FORMATS:
        if name not in Image.OPEN:
            Image.init()
        factory, accept = Image.OPEN[name]
        if accept is None or accept(prefix) is not True:
            continue
        file.seek(0)
        image = factory(file, "")
        if image.width * image.height > PIXEL_LIMIT:
            raise BadPicture(f"{image.width} × {image.height} px is over the limit of 100 megapixels")
        return image
    raise BadPicture("not a picture")


def _upright(image: ImageFile.ImageFile) -> Image.Image:
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGE:  # a damaged note beside good pixels
        return image
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _plain(image: Image.Image) -> Image.Image:
    """The image in a mode of 8 bits a channel that ``convert`` takes, without transparency."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return Image.fromarray(_levels(np.asarray(image, np.float32)))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return white.convert("RGB")
    return image


def _levels(values: npt.NDArray[np.floating[Any]]) -> Bytes:
    """Wide grey values as uint8: 0 to 1, 8 bits and 16 bits by their range, anything else stretched."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        scaled = values * 255
    elif low >= 0 and high <= 255:
        scaled = values
    elif low >= 0 and high <= 65535:
        scaled = values / 257
    else:
        scaled = (values - low) * (255 / max(high - low, 1e-30))
    levels: Bytes = np.rint(scaled).astype(np.uint8)
    return levels


def _resized(image: Image.Image, size: tuple[int, int], box: tuple[float, ...]) -> Image.Image:
    left, upper, right, lower = box
    return image.resize(size, Image.Resampling.LANCZOS, (left, upper, right, lower), reducing_gap=3.0)


def _padded(image: Image.Image, size: int) -> Image.Image:
    pixels = np.asarray(image)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    mean = np.rint(edges.mean(axis=0)).astype(np.uint8)
    canvas = np.broadcast_to(mean, (size, size, *pixels.shape[2:])).copy()
    upper, left = (size - pixels.shape[0]) // 2, (size - pixels.shape[1]) // 2
    canvas[upper : upper + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return Image.fromarray(canvas)
