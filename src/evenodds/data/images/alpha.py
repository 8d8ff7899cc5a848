"""Alpha: pictures with transparency as networks learn them, and as files hold them.

A stored picture has its color premultiplied around mid-gray, and alpha as its fourth channel: what is fully transparent
is mid-gray, whatever color its file holds there, so that no network learns what nobody sees. The first three channels
are a picture by themselves, for networks that know of three. A file holds straight alpha (Porter and Duff 1984).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]

GROUND = 128
"""The gray level on which color is laid: the middle of what networks make."""
OPAQUE, HALF = 255, 128
TRANSPARENT_SHARE = 1e-3
"""Share of a picture's pixels, at least, that are more transparent than not where it uses transparency."""
SQUARE = 8
"""Pixels of a checkerboard's squares."""
LIGHT, DARK = 255, 204


def premultiplied(pixels: Bytes) -> Bytes:
    """Straight uint8 (..., 4) as stored; ``straight`` is its inverse but for the color of what is transparent.

    >>> premultiplied(np.array([[255, 0, 0, 255], [255, 0, 0, 0]], np.uint8)).tolist()
    [[255, 0, 0, 255], [128, 128, 128, 0]]
    """
    return _scaled(pixels, pixels[..., 3:].astype(np.float32) / OPAQUE)


def straight(pixels: Bytes) -> Bytes:
    """Stored uint8 (..., 4) as files hold it; color beyond what alpha allows is clipped."""
    return _scaled(pixels, OPAQUE / np.maximum(pixels[..., 3:].astype(np.float32), 1))


def bounded(pixels: Bytes) -> Bytes:
    """Uint8 (..., 4) within what stored pictures may hold: the nearer to mid-gray, the more transparent."""
    share = pixels[..., 3:].astype(np.float32) / OPAQUE
    darkest, lightest = (np.rint(GROUND + (level - GROUND) * share) for level in (0, OPAQUE))
    return np.concatenate([np.clip(pixels[..., :3], darkest, lightest).astype(np.uint8), pixels[..., 3:]], -1)


def layers(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Any image of 8 bits as its color (RGB), laid on mid-gray, and its alpha (L)."""
    straight_image = image.convert("RGBA")
    ground = Image.new("RGBA", image.size, (GROUND, GROUND, GROUND, OPAQUE))
    ground.alpha_composite(straight_image)
    return ground.convert("RGB"), straight_image.getchannel("A")


def uses_alpha(image: Image.Image) -> bool:
    """Whether an image is transparent somewhere, and not just able to be."""
    if not image.has_transparency_data:
        return False
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    return bool((alpha < HALF).mean() >= TRANSPARENT_SHARE)


def on_checkerboard(image: Image.Image) -> Image.Image:
    """An image with transparency on a checkerboard (RGB); any other one as it is."""
    if not image.has_transparency_data:
        return image
    y, x = np.mgrid[: image.height, : image.width] // SQUARE
    board = Image.fromarray(np.where((x + y) % 2, DARK, LIGHT).astype(np.uint8)).convert("RGBA")
    board.alpha_composite(image.convert("RGBA"))
    return board.convert("RGB")


def _scaled(pixels: Bytes, factor: npt.NDArray[np.floating[Any]]) -> Bytes:
    """Color (..., 3) of pixels (..., 4) moved away from mid-gray by a factor (..., 1)."""
    color = GROUND + (pixels[..., :3].astype(np.float32) - GROUND) * factor
    return np.concatenate([np.rint(color).clip(0, OPAQUE).astype(np.uint8), pixels[..., 3:]], -1)
