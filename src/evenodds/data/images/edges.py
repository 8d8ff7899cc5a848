"""Outlines of pictures, and drawings whose lines are outlines already."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from evenodds.core.spec import Size, sides_of
from evenodds.data.images.arrays import Bytes, Fit, fitted, plain

_LARGEST = 1024  # pixels a side that are looked at: a pen's line still is one wide
_CONTRAST = 64  # levels of 255 between ground and line, at least
_SPREAD = 24  # levels that the ground may be off, as in a scan or a JPEG
_GROUND = 0.95  # share of the ground that is of one tone, at least
_RARE = 0.4  # share of the pixels that are lines, at most
_HALF_WIDTH = 0.03  # of a line and of its soft edge, as a share of the side, at most
_COVERED = 0.15  # share of a pixel under a line that makes it one


def outlines(gray: Bytes) -> Bytes:
    """Canny's edges of a grey picture, uint8 (H, W): 255 on lines one pixel wide, 0 elsewhere.

    Canny 1986, IEEE PAMI 8(6). The blur grows with the root of the side: of a larger picture finer things are seen,
    though not its grain.
    """
    from skimage.feature import canny

    blur = max(0.6, math.sqrt(min(gray.shape) / 64))
    edges = canny(gray.astype(np.float32) / 255, blur, low_threshold=0.1, high_threshold=0.2)
    lines: Bytes = np.where(edges, 255, 0).astype(np.uint8)
    return lines


def lines_of(image: Image.Image, size: Size, fit: Fit) -> Bytes | None:
    """A drawing as outlines (1, height, width), None for what is no drawing.

    A drawing has thin lines, dark or light, on a ground of one tone that holds most of it. Of a drawing of another
    size they are made one pixel wide, as ``outlines`` are.
    """
    same = image.size == sides_of(size)
    image = plain(image).convert("RGB")
    looked_at = max(_LARGEST, *sides_of(size))
    image.thumbnail((looked_at, looked_at), Image.Resampling.BOX)
    mask = _lines(np.asarray(image))
    if mask is None:
        return None
    share = fitted(Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)), size, fit, 1)[0]
    lines = share > 255 * _COVERED
    if not same:
        from skimage.morphology import skeletonize

        lines = _stepped(skeletonize(lines))
    return np.where(lines, 255, 0).astype(np.uint8)[None]


def _stepped(lines: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Thin lines (H, W) with a corner put in where they step diagonally, as most of Canny's do."""
    upper, lower = lines[:-1], lines[1:]
    falling = upper[:, :-1] & lower[:, 1:] & ~upper[:, 1:] & ~lower[:, :-1]
    rising = upper[:, 1:] & lower[:, :-1] & ~upper[:, :-1] & ~lower[:, 1:]
    out = lines.copy()
    out[1:, :-1] |= falling
    out[1:, 1:] |= rising
    return out


def _lines(pixels: Bytes) -> npt.NDArray[np.bool_] | None:
    """Which pixels of (H, W, 3) are lines of a drawing; None where there are none, or it is no drawing."""
    from scipy.ndimage import distance_transform_edt
    from skimage.filters import threshold_otsu

    gray = np.asarray(Image.fromarray(pixels).convert("L"))
    if int(gray.max()) - int(gray.min()) < _CONTRAST:
        return None
    dark = gray <= threshold_otsu(gray)
    mask = dark if dark.mean() < 0.5 else ~dark
    if mask.mean() > _RARE:
        return None
    reach = max(1.0, _HALF_WIDTH * min(mask.shape))
    if (distance_transform_edt(mask)[mask] > reach).mean() > 0.05:
        return None
    away = distance_transform_edt(~mask) > reach
    ground = away if away.any() else ~mask
    tone = np.median(pixels[ground], axis=0)
    even = (np.abs(pixels[ground] - tone).max(axis=1) <= _SPREAD).mean() >= _GROUND
    contrasted = abs(float(tone.mean()) - float(np.median(gray[mask]))) >= _CONTRAST
    return mask if even and contrasted else None
