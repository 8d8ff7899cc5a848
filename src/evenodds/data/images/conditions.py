"""Pictures made from pictures, to be given to G: outlines, grey, small, masked. One code for the store, for sampling
and for what a user brings."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.core.spec import ConditionKind, PictureSpec
from evenodds.data.images import edges
from evenodds.data.images.arrays import Bytes, Fit, Range, decoded_channels, fitted
from evenodds.data.images.decoding import whole

HOLE = 128
"""The grey level that fills a hole."""
TIMES = 4
"""How many times smaller a small picture is."""
TREATED: dict[Fit, str] = {
    "crop": "the centre kept",
    "pad": "the rest in its edge's mean colour",
    "stretch": "stretched",
}
"""What becomes of a picture of another aspect."""


def condition_spec(kind: ConditionKind, spec: PictureSpec) -> PictureSpec:
    """What ``make`` gives for pictures of a spec. UserError for grey where they are grey already."""
    if kind == "gray" and spec.channels == 1:
        raise UserError(
            "--condition gray: the pictures are grey already, give outlines, small or masked instead"
        )
    return PictureSpec(_maker(kind).channels(spec.channels), spec.height, spec.width)


def make(kind: ConditionKind, picture: Bytes) -> Bytes:
    """The condition of a kind for a picture, uint8 (C, H, W) to uint8 (c, H, W): always the same for the same picture.

    ``MAKERS`` has the kinds. ValueError for a kind that is not made from a picture.
    """
    return _maker(kind).make(picture)


def to_gray(picture: Bytes) -> Bytes:
    """uint8 (C, H, W) as its luma, (1, H, W) (ITU-R BT.601, as Pillow weighs it), transparency on mid-gray."""
    if len(picture) == 1:
        return picture
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture[:3].transpose(1, 2, 0))).convert("L"))[
        None
    ]


def read(
    kind: ConditionKind,
    file: BinaryIO | Path,
    spec: PictureSpec,
    condition: PictureSpec,
    fit: Fit,
    span: Range | None = None,
) -> tuple[Bytes, str | None]:
    """A user's own picture as a condition, uint8 (c, H, W), and what was done to it, None where that is nothing.

    outlines: a drawing in two tones is taken as lines, of anything else the outlines are taken. grey: the luma of any
    picture. small: one of a quarter of the side or less is only enlarged. masked: transparent pixels are the hole, of
    a picture without any the one that ``make`` chooses. pairs and unpaired: fitted, by ``span`` if wide.
    Raises BadPicture.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of small damage that it reads past
        image = whole(file)
    size, channels = spec.size, decoded_channels(spec)
    fewer = (_fewer(spec.width), _fewer(spec.height))
    notes = [_fitting(image, size, fit)]
    if kind == "outlines":
        lines = edges.lines_of(image, size, fit)
        notes.append("its outlines were taken" if lines is None else None)
        made = make(kind, fitted(image, size, fit, channels)) if lines is None else lines
    elif kind in ("pairs", "unpaired"):
        made = fitted(image, size, fit, decoded_channels(condition), span)
    elif kind == "small" and _is_small(image, fewer, fit):
        made = _each(fitted(image, fewer, fit, channels), size, Image.Resampling.BICUBIC)
        notes = [f"{image.width} × {image.height} px enlarged to {spec.width} × {spec.height} px"]
    elif kind == "masked":
        picture, hole = fitted(image, size, fit, channels), _transparent(image, size, fit)
        notes.append("a hole was cut into it" if hole is None else "its transparent part is the hole")
        made = _masked(picture, _hole(picture) if hole is None else hole)
    else:
        made = make(kind, fitted(image, size, fit, channels))
    return made, "; ".join(note for note in notes if note) or None


def _is_small(image: Image.Image, size: tuple[int, int], fit: Fit) -> bool:
    """Whether a picture that is fitted to a size has no pixels to lose."""
    fits = image.width <= size[0], image.height <= size[1]
    return any(fits) if fit == "crop" else all(fits)


def _fitting(image: Image.Image, size: tuple[int, int], fit: Fit) -> str | None:
    width, height = size
    if image.size == size:
        return None
    alike = image.width * height == image.height * width
    treatment = "" if alike else f" ({TREATED[fit]})"
    return f"{image.width} × {image.height} px fitted to {width} × {height} px{treatment}"


def _fewer(side: int) -> int:
    return max(1, side // TIMES)


def _each(
    picture: Bytes, size: tuple[int, int], way: Image.Resampling, then: tuple[int, int] | None = None
) -> Bytes:
    """The picture's channels resized to (width, height), and ``then`` enlarged from there."""
    planes = [Image.fromarray(plane).resize(size, way) for plane in picture]
    if then is not None:
        planes = [plane.resize(then, Image.Resampling.BICUBIC) for plane in planes]
    return np.stack([np.asarray(plane) for plane in planes])


def _hole(picture: Bytes) -> Bytes:
    """A rectangle of 255 in zeros, (H, W), of a quarter to half of each side, drawn from the picture's own bytes."""
    rng = random.Random(picture.tobytes())  # its random() is the same in every version of Python
    _, height, width = picture.shape
    hole = np.zeros((height, width), np.uint8)
    spans = []
    for side in (height, width):
        length = round(side * (1 + rng.random()) / 4)
        start = int(rng.random() * (side - length + 1))
        spans.append(slice(start, start + length))
    hole[tuple(spans)] = 255
    return hole


def _transparent(image: Image.Image, size: tuple[int, int], fit: Fit) -> Bytes | None:
    """255 where the fitted picture is more transparent than not, (height, width); None where it is so nowhere."""
    if not image.has_transparency_data:
        return None
    alpha = fitted(image.convert("RGBA").getchannel("A"), size, fit, 1)[0]
    hole = np.where(alpha < 128, 255, 0).astype(np.uint8)
    return hole if hole.any() else None


def _masked(picture: Bytes, hole: Bytes) -> Bytes:
    return np.concatenate([np.where(hole > 0, HOLE, picture).astype(np.uint8), hole[None]])


def _outlines(picture: Bytes) -> Bytes:
    """255 on lines and 0 elsewhere, (1, H, W): see ``edges.outlines``."""
    return edges.outlines(to_gray(picture)[0])[None]


def _small(picture: Bytes) -> Bytes:
    """The picture TIMES smaller by areas, and enlarged again, (C, H, W)."""
    height, width = picture.shape[1:]
    return _each(picture, (_fewer(width), _fewer(height)), Image.Resampling.BOX, (width, height))


def _with_hole(picture: Bytes) -> Bytes:
    """A hole of a quarter to half of each side filled with HOLE, and as last channel the mask, 255 in the hole."""
    return _masked(picture, _hole(picture))


class Maker(NamedTuple):
    """How one kind of condition is made from a picture."""

    channels: Callable[[int], int]
    """The picture's channels -> the condition's."""
    make: Callable[[Bytes], Bytes]
    """uint8 (C, H, W) -> uint8 (c, H, W), always the same for the same picture."""


MAKERS: dict[ConditionKind, Maker] = {
    "outlines": Maker(lambda channels: 1, _outlines),
    "gray": Maker(lambda channels: 1, to_gray),
    "small": Maker(lambda channels: channels, _small),
    "masked": Maker(lambda channels: channels + 1, _with_hole),
}
"""The kinds that are made from the sample itself."""
MADE = tuple(MAKERS)


def _maker(kind: ConditionKind) -> Maker:
    if kind not in MAKERS:
        raise ValueError(f"{kind} are not made from pictures")
    return MAKERS[kind]
