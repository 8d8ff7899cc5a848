"""Pictures to arrays and tensors, and back to files: whoever encodes decodes."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.core.spec import WITH_ALPHA, PictureSpec, Size, sides_of
from evenodds.data.images.album import BadPicture, leads_out
from evenodds.data.images.alpha import bounded, layers, straight
from evenodds.data.images.decoding import Header, Reel, is_gray, is_wide, look, open_file, opened, upright
from evenodds.data.images.values import Values

if TYPE_CHECKING:
    import torch

__all__ = [
    "BadPicture",
    "Header",
    "decode",
    "decode_bands",
    "fitted",
    "grid_image",
    "is_gray",
    "look",
    "plain",
    "to_image",
    "to_pictures",
    "to_tensor",
    "write_folder",
    "write_grid",
]

Bytes = npt.NDArray[np.uint8]
Fit = Literal["crop", "pad", "stretch"]
Channels = Literal[1, 3, 4]
"""Gray, color, or color with alpha."""
Range = tuple[float, float]
"""The values of wide pictures, with more than 8 bits a pixel, that become black and white."""

OF_LAYERS: tuple[Channels, Channels] = (3, 1)
"""Channels of a picture's color and of its alpha."""
_GAP = 2  # pixels between the pictures of a sheet


def decode(
    file: Reel | BinaryIO | Path,
    size: Size,
    fit: Fit,
    channels: Channels,
    span: Range | None = None,
    frame: int = 0,
) -> Bytes:
    """One frame of a picture file as a uint8 array of shape (channels, height, width).

    Any mode is read: of 4 channels, the color is premultiplied by alpha around mid-gray (``alpha.premultiplied``), and
    of fewer, transparency lies on white; more than 8 bits are scaled to 8 by ``span`` or else by the range of
    their kind, the EXIF orientation is followed. Raises BadPicture with the reason
    for a file that is empty, damaged, not a picture, or over 100 megapixels (checked before any pixel is read).
    """
    with opened(file, frame) as image:
        # A JPEG decodes at 1/2, 1/4 or 1/8 for little; twice the wanted sides stay for the filter.
        ratio = 2 * most_enlarged(image.size, sides_of(size), fit)
        image.draft(None, (math.ceil(image.width * ratio), math.ceil(image.height * ratio)))
        image.load()
        return fitted(upright(image), size, fit, channels, span)


def decode_bands(file: Reel | BinaryIO | Path, size: Size, fit: Fit, values: Values, frame: int = 0) -> Bytes:
    """One picture of a file of bands as uint8 (channels, height, width), each band by its range in ``values``. Raises
    BadPicture with the reason, also for another number of bands."""
    if isinstance(file, Path):
        with open_file(file) as stream:
            return decode_bands(stream, size, fit, values, frame)
    levels = (file if isinstance(file, Reel) else Reel(file)).values(frame)
    if levels.shape[-1] != values.channels:
        raise BadPicture(f"{levels.shape[-1]} bands, and not {values.channels}")
    levels = values.levels(levels)
    planes = (Image.fromarray(np.ascontiguousarray(levels[..., band])) for band in range(values.channels))
    return np.concatenate([fitted(plane, size, fit, 1) for plane in planes])


def fitted(image: Image.Image, size: Size, fit: Fit, channels: Channels, span: Range | None = None) -> Bytes:
    """An opened image as uint8 (channels, height, width): its centre, padded with its edge's mean, or stretched."""
    if channels == WITH_ALPHA:
        image = plain(image, span) if is_wide(image.mode) else image
        color, opacity = (fitted(one, size, fit, n) for one, n in zip(layers(image), OF_LAYERS, strict=True))
        return np.ascontiguousarray(
            bounded(np.concatenate([color, opacity]).transpose(1, 2, 0)).transpose(2, 0, 1)
        )
    image = plain(image, span).convert("L" if channels == 1 else "RGB")
    wide, high = sides_of(size)
    width, height = image.size
    if fit == "pad" and width * high != height * wide:
        inner = (wide, max(1, round(height * wide / width)))
        if height * wide > width * high:
            inner = (max(1, round(width * high / height)), high)
        image = _padded(_resized(image, inner, (0, 0, width, height)), (wide, high))
    else:
        x, y = (width, height) if fit == "stretch" else largest_within(width, height, wide, high)
        left, upper = (width - x) / 2, (height - y) / 2
        image = _resized(image, (wide, high), (left, upper, left + x, upper + y))
    pixels = np.asarray(image).reshape(high, wide, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def decoded_channels(spec: PictureSpec) -> Channels:
    """As how many channels pictures are decoded that go with a spec, a mask left away."""
    return 1 if spec.channels == 1 else 4 if spec.alpha else 3


def largest_within(width: int, height: int, wide: int, high: int) -> tuple[float, float]:
    """Width and height of the largest part of the aspect wide : high."""
    return min(width, height * wide / high), min(height, width * high / wide)


def most_enlarged(size: tuple[int, int], target: tuple[int, int], fit: Fit) -> float:
    """By how much a picture of a size, upright or turned by a quarter, is enlarged to the wanted one, at most."""
    shares = [[side / its for side, its in zip(target, one, strict=True)] for one in (size, size[::-1])]
    return max((min if fit == "pad" else max)(share) for share in shares)


def to_tensor(pictures: Bytes, device: torch.device | str = "cpu") -> torch.Tensor:
    """uint8 (n, C, H, W) as float32 in [-1, 1] on a device, where 0 becomes -1 and 255 becomes 1."""
    return sent(pictures, device).float().div_(127.5).sub_(1)


def sent(values: np.ndarray, device: torch.device | str) -> torch.Tensor:
    """A copy of numbers on a device; a GPU fetches it while this process goes on."""
    import torch

    copy = torch.tensor(values)
    if torch.device(device).type == "cuda":
        copy = copy.pin_memory()
    return copy.to(device, non_blocking=True)


def to_pictures(tensor: torch.Tensor, bands: bool = False) -> Bytes:
    """float (n, C, H, W) in [-1, 1] as stored uint8 (n, H, W, C): of 4 channels that are no ``bands`` the last is alpha
    (``alpha.straight`` makes files of them); what lies outside is clipped."""
    import torch

    levels = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    pictures: Bytes = levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return bounded(pictures) if pictures.shape[-1] == WITH_ALPHA and not bands else pictures


def to_values(tensor: torch.Tensor, values: Values) -> npt.NDArray[Any]:
    """float (n, C, H, W) in [-1, 1] as the data's own values (n, H, W, C); what lies outside is clipped."""
    shares = tensor.detach().double().add(1).div(2).permute(0, 2, 3, 1).cpu().numpy()
    return np.ascontiguousarray(values.of_shares(shares))


def visible(pictures: Bytes, bands: bool) -> Bytes:
    """Stored uint8 (..., C) as they are shown: of ``bands`` the first three, or of fewer the first."""
    if not bands:
        return pictures
    return np.ascontiguousarray(pictures[..., : 3 if pictures.shape[-1] >= 3 else 1])


def to_visible(tensor: torch.Tensor, bands: bool) -> Bytes:
    """float (n, C, H, W) in [-1, 1] as pictures uint8 (n, H, W, c) to be shown."""
    return visible(to_pictures(tensor, bands), bands)


def grid_image(pictures: Bytes, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """One sheet of stored uint8 (n, H, W, C) pictures in reading order, 2 white pixels apart.

    ``columns`` makes about a square when left out; ``scale`` enlarges by a whole number, by default
    until the shorter side has 64 pixels. Raises ValueError for no pictures.
    """
    count, height, width, channels = pictures.shape
    if count == 0:
        raise ValueError("a sheet needs a picture")
    columns = min(count, columns or math.ceil(math.sqrt(count)))
    scale = scale or sheet_scale(height, width)
    rows = math.ceil(count / columns)
    step_y, step_x = height * scale + _GAP, width * scale + _GAP
    sheet = np.full((rows * step_y - _GAP, columns * step_x - _GAP, channels), 255, np.uint8)
    for index, picture in enumerate(pictures):
        y, x = index // columns * step_y, index % columns * step_x
        large = picture.repeat(scale, axis=0).repeat(scale, axis=1)
        sheet[y : y + height * scale, x : x + width * scale] = large
    return to_image(sheet)


def sheet_scale(height: int, width: int) -> int:
    """How many times a picture is enlarged on a sheet: until its shorter side has 64 pixels."""
    return max(1, math.ceil(64 / min(height, width)))


def write_grid(pictures: Bytes, path: Path, columns: int | None = None, scale: int | None = None) -> None:
    """Write ``grid_image`` as a PNG, whole or not at all. Raises UserError where it cannot be written."""
    atomic.write_bytes(path, _png(grid_image(pictures, columns, scale)))


def write_folder(
    batches: Iterable[npt.NDArray[Any]],
    folder: Path,
    total: int,
    names: Sequence[str] | None = None,
    first: int = 0,
    bands: bool = False,
) -> int:
    """Write batches of uint8 (n, H, W, C), or uint16 (n, H, W, 1), as 000000.png and on into a new folder, or of
    ``bands`` as .npy files of any dtype; gives the count.

    ``total`` is how many are expected, for the names' width, and ``first`` the number of the first; ``names`` are paths
    whose stems are kept instead, folders in them too. One batch is held at a time. Raises UserError where the folder
    already holds something or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} already holds something: name a folder that is new or empty.")
    digits, suffix = max(6, len(str(total - 1))), ".npy" if bands else ".png"
    count = first
    with atomic.folder(folder) as part:
        for batch in batches:
            for picture in batch:
                content = _npy(picture) if bands else _png(to_image(picture))
                if names and leads_out(names[count]):
                    raise UserError(f"{names[count]} would be written outside {folder}, rename that picture")
                file = (
                    part
                    / f"{PurePosixPath(names[count]).with_suffix('') if names else f'{count:0{digits}}'}{suffix}"
                )
                if names and file.exists():  # a.png and a.bmp
                    file = part / f"{names[count]}{suffix}"
                with atomic.reporting_write_errors(folder.parent):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
                count += 1
    return count - first


def write_stack(batches: Iterable[npt.NDArray[Any]], path: Path) -> int:
    """Write batches (n, H, W, C) as one .npy file, whole or not at all; gives the count. Raises UserError where it
    cannot be written."""
    whole = np.concatenate(list(batches))
    atomic.write_bytes(path, _npy(whole))
    return len(whole)


def to_image(pixels: Bytes | npt.NDArray[np.uint16]) -> Image.Image:
    """A stored picture uint8 (H, W, C) as an image: L, RGB, or RGBA with straight alpha; uint16 (H, W, 1) as I;16."""
    if pixels.shape[-1] == WITH_ALPHA:
        return Image.fromarray(straight(np.asarray(pixels, np.uint8)))
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else np.ascontiguousarray(pixels))


def _npy(array: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def plain(image: Image.Image, span: Range | None = None) -> Image.Image:
    """The image in a mode of 8 bits a channel that ``convert`` takes, without transparency; a wide one by ``span``, or
    else by the range of its kind."""
    if span is not None and is_wide(image.mode):
        return Image.fromarray(_within(np.asarray(image, np.float32), span))
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return Image.fromarray(_levels(np.asarray(image, np.float32)))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return white.convert("RGB")
    return image


def _within(values: npt.NDArray[np.floating[Any]], span: Range) -> Bytes:
    """Wide values as uint8: those of the range's ends and beyond are 0 and 255."""
    low, high = span
    share = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-30)
    levels: Bytes = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    return levels


def sample_values(file: Reel, count: int, frame: int = 0) -> npt.NDArray[np.float32]:
    """About ``count`` finite values of a wide picture, evenly over its pixels. Raises BadPicture as ``decode`` does."""
    with opened(file, frame) as image:
        image.load()
        values = np.asarray(image, np.float32).ravel()
    values = values[:: max(1, len(values) // count)]
    return values[np.isfinite(values)]


def sample_bands(file: Reel, count: int, frame: int = 0) -> npt.NDArray[Any]:
    """About ``count`` pixels of a picture of bands, evenly over it, (n, C). Raises BadPicture as ``decode`` does."""
    values = file.values(frame)
    pixels = values.reshape(-1, values.shape[-1])
    return pixels[:: max(1, len(pixels) // count)].copy()


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


def _padded(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    pixels = np.asarray(image)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    mean = np.rint(edges.mean(axis=0)).astype(np.uint8)
    canvas = np.broadcast_to(mean, (size[1], size[0], *pixels.shape[2:])).copy()
    upper, left = (size[1] - pixels.shape[0]) // 2, (size[0] - pixels.shape[1]) // 2
    canvas[upper : upper + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return Image.fromarray(canvas)
