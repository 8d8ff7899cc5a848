"""Pictures that a caller holds in memory: arrays, tensors, PIL pictures and data sets of them, one at a time."""

from __future__ import annotations

import hashlib
import io
import json
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.data.images.album import BadPicture
from evenodds.data.images.alpha import uses_alpha
from evenodds.data.images.arrays import plain
from evenodds.data.images.decoding import Header, is_gray, upright, whole

if TYPE_CHECKING:
    import pandas as pd

    from evenodds.data.images.ingest import Watch

Item = tuple[Any, Mapping[str, Any]]
"""What holds a picture, and its labels by name."""

SMALLEST, LARGEST = 8, 64
"""Sides in pixels between which the size is chosen where the caller names none."""
_SLACK = 1e-3  # resizing in floats overshoots a little


class Pictures:
    """Pictures that can be gone through again and again, looked at once.

    ``rows`` starts anew at every call; ``what`` is what the caller gave, for messages. A file in it that is damaged is
    skipped with its reason; an array that holds no picture raises UserError.
    """

    def __init__(
        self, rows: Callable[[], Iterable[Item]], what: str, watch: Watch | None = None, total: int = 0
    ) -> None:
        self._rows, self.what = rows, what
        self.skipped: list[dict[str, str]] = []
        self.sizes: list[tuple[int, int]] = []
        self.modes: Counter[str] = Counter()
        self.notes: list[str] = []
        digest = hashlib.sha256()
        labels: list[dict[str, Any]] = []
        for done, (image, label) in enumerate(self._images(self.skipped), 1):
            self.sizes.append(image.size)
            self.modes[image.mode] += 1
            labels.append({name: _scalar(value) for name, value in label.items()})
            digest.update(f"{image.mode} {image.size} {json.dumps(labels[-1], default=repr)}".encode())
            digest.update(image.tobytes())
            if watch is not None:
                watch("looking at pictures", done, max(done, total))
        if not self.sizes:
            reason = f" ({self.skipped[0]['reason']})" if self.skipped else ""
            raise UserError(f"{what} holds no picture that can be read{reason}, give one that does")
        self.digest = digest.hexdigest()
        self.labels = self._frame(labels)

    @property
    def gray(self) -> bool:
        """Whether every picture is gray."""
        return set(self.modes) <= {"L", "LA"}

    @property
    def transparent(self) -> int:
        """How many pictures use their transparency."""
        return self.modes["LA"] + self.modes["RGBA"]

    @property
    def side(self) -> int:
        """The side in pixels that they get where the caller names none: the power of two at or above their own, from 8
        to 64."""
        own = statistics.median(min(size) for size in self.sizes)
        return next((side for side in (8, 16, 32) if side >= own), LARGEST)

    def images(self) -> Iterator[Image.Image]:
        """The pictures, gray (mode L or LA) or in color (RGB or RGBA), at their own sizes."""
        return (image for image, _ in self._images([]))

    def facts(self) -> dict[str, Any]:
        """Sizes in pixels and modes of the pictures, and what was skipped, as JSON values."""
        sides = {"width": [size[0] for size in self.sizes], "height": [size[1] for size in self.sizes]}
        ranges = {
            name: {"min": min(side), "median": round(statistics.median(side)), "max": max(side)}
            for name, side in sides.items()
        }
        return {"skipped": self.skipped, **ranges, "modes": dict(self.modes.most_common())}

    def _images(self, skipped: list[dict[str, str]]) -> Iterator[tuple[Image.Image, Mapping[str, Any]]]:
        for position, (value, labels) in enumerate(self._rows()):
            try:
                yield image_of(value, f"picture {position} of {self.what}"), labels
            except BadPicture as bad:
                skipped.append({"file": f"picture {position}", "reason": str(bad)})

    def _frame(self, rows: list[dict[str, Any]]) -> pd.DataFrame | None:
        """The labels, a row for each picture; those that are no single values are left out with a note."""
        import pandas as pd

        from evenodds.data.tables.files import normalize

        columns: dict[str, pd.Series[Any]] = {}
        for name in dict.fromkeys(name for row in rows for name in row):
            values = [row.get(name) for row in rows]
            if any(value is _NOT_SCALAR for value in values):
                self.notes.append(
                    f"label {name!r} is not one number or text for each picture and is left out"
                )
            else:
                columns[name] = normalize(pd.Series(values, name=name, dtype=None if rows else object))
        return pd.DataFrame(columns) if columns else None


def image_of(value: Any, what: str) -> Image.Image:
    """A picture in memory, gray (mode L) or in color (RGB); where it uses its transparency, of mode LA or RGBA.

    A PIL picture, the bytes of a file as a data set holds them, an array (H, W) or (H, W, C) or a tensor (H, W) or
    (C, H, W): uint8, booleans, or floats from 0 to 1; C is 1, 3 or 4. Raises UserError for another shape, dtype or
    range, and BadPicture for a damaged file.
    """
    if isinstance(value, Image.Image):
        image = upright(value)
    elif isinstance(value, Mapping):
        content = value.get("bytes")
        image = whole(io.BytesIO(content) if content is not None else _local(value.get("path"), what))
    else:
        image = _from_array(value, what)
    gray = is_gray(Header(image.mode, *image.size, transparent=False))
    if uses_alpha(image):
        return image.convert("LA" if gray else "RGBA")
    return plain(image).convert("L" if gray else "RGB")


def is_image(value: Any) -> bool:
    """Whether a value has the form of a picture: PIL's, a file's bytes, or an array of two axes or three."""
    if isinstance(value, Mapping):
        return {"bytes", "path"} <= set(value)
    return isinstance(value, Image.Image) or getattr(value, "ndim", 0) in (2, 3)


def _from_array(value: Any, what: str) -> Image.Image:
    channels_first = hasattr(value, "detach")  # torch's order
    array = np.asarray(value.detach().cpu() if channels_first else value)
    if array.ndim == 3 and channels_first:
        array = array.transpose(1, 2, 0)
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)) or 0 in array.shape:
        order = "a tensor (H, W) or (C, H, W)" if channels_first else "an array (H, W) or (H, W, C)"
        shape = tuple(np.shape(value))
        swap = (
            ", x.transpose(0, 2, 3, 1) puts channels last"
            if not channels_first and shape[:1] in ((1,), (3,))
            else ""
        )
        raise UserError(
            f"{what} has the shape {shape}: give {order} with 1, 3 or 4 channels{swap}, or bands as a .npy file"
        )
    pixels = np.ascontiguousarray(_levels(array, what))
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def _levels(array: np.ndarray[Any, Any], what: str) -> np.ndarray[Any, Any]:
    """Pixels as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        raise UserError(
            f"{what} has the dtype {array.dtype}: give uint8 from 0 to 255, or floats from 0 to 1"
        )
    if np.isnan(array).any():
        raise UserError(f"{what} holds NaN: fill or drop it first")
    low, high = float(array.min()), float(array.max())
    if low < -_SLACK or high > 1 + _SLACK:
        raise UserError(
            f"{what} holds floats from {low:.3g} to {high:.3g}, and only 0 to 1 is taken: scale them "
            "(of -1 to 1, (x + 1) / 2; leave out a Normalize), or give uint8"
        )
    levels: np.ndarray[Any, Any] = np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8)
    return levels


def _local(path: Any, what: str) -> io.BytesIO:
    from pathlib import Path

    try:
        return io.BytesIO(Path(str(path)).read_bytes())
    except OSError as error:
        raise BadPicture((error.strerror or f"{what} cannot be opened").lower()) from error


_NOT_SCALAR = object()


def _scalar(value: Any) -> Any:
    """A label as a Python value."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    return value if value is None or isinstance(value, str | int | float | bool) else _NOT_SCALAR
