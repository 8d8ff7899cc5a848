"""Writes steered samples as sheets, films and tables."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import on_checkerboard, premultiplied
from evenodds.data.images.arrays import to_image, to_visible, visible, write_grid
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import write_table
from evenodds.runs.run import Run

FRAME_MS = 60
SIDE = 256
"""Least pixels of a film's shorter side."""


def write_samples(run: Run, made: Tensor, columns: int, to: Path | None, name: str) -> Path:
    """Write samples (n, *shape) as a sheet of so many columns, or as rows, and return the path.

    Raises UserError for a suffix that does not fit the run.
    """
    if not isinstance(run.spec, PictureSpec):
        return write_rows(run, made, to or Path(f"{name}.csv"))
    path = to or Path(f"{name}.png")
    if path.suffix.lower() != ".png":
        raise UserError(f"{run.path} makes pictures, give --out a .png file and not {path}")
    write_grid(to_visible(made, run.spec.bands), path, columns)
    return path


def write_inverted(run: Run, pictures: NDArray[np.uint8], made: list[Tensor], to: Path | None) -> Path:
    """Write a run's pictures (n, H, W, C), each beside its samples (n, *shape), as a sheet, and return the path.

    Raises UserError for a suffix other than .png.
    """
    path = to or Path("inverted.png")
    if path.suffix.lower() != ".png":
        raise UserError(f"give --out a .png file and not {path}")
    spec = cast(PictureSpec, run.spec)
    pictures = visible(premultiplied(pictures) if spec.alpha else pictures, spec.bands)
    beside = np.stack([pictures, *(to_visible(one, spec.bands) for one in made)], 1)
    columns = beside.shape[1] * max(1, min(4, len(pictures)))
    write_grid(beside.reshape(-1, *pictures.shape[1:]), path, columns)
    return path


def write_film(run: Run, made: Tensor, to: Path | None) -> Path:
    """Write samples (n, *shape) as a film, GIF, WebP or MP4, or as rows, and return the path.

    Raises UserError for a suffix that does not fit the run.
    """
    if not isinstance(run.spec, PictureSpec):
        return write_rows(run, made, to or Path("walk.csv"))
    path = to or Path("walk.gif")
    writers = {".gif": gif, ".webp": webp, ".mp4": mp4}
    if path.suffix.lower() not in writers:
        raise UserError(f"{run.path} makes pictures, give --out a .gif, .webp or .mp4 file and not {path}")
    times = max(1, SIDE // min(made.shape[-2:]))
    frames = [to_image(one.repeat(times, 0).repeat(times, 1)) for one in to_visible(made, run.spec.bands)]
    atomic.write_bytes(path, writers[path.suffix.lower()](frames))
    return path


def opaque(frames: list[Image.Image]) -> list[Image.Image]:
    """Frames for a format without alpha: on a checkerboard where they have it."""
    return [on_checkerboard(frame).convert("RGB") for frame in frames]


def gif(frames: list[Image.Image]) -> bytes:
    """Encode frames of one size as a GIF that repeats."""
    content = BytesIO()
    first, *others = opaque(frames)
    first.save(content, "GIF", save_all=True, append_images=others, duration=FRAME_MS, loop=0)
    return content.getvalue()


def webp(frames: list[Image.Image]) -> bytes:
    """Encode frames of one size as an animated WebP that repeats, each pixel and its alpha as they are."""
    content = BytesIO()
    frames[0].save(
        content,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=FRAME_MS,
        loop=0,
        lossless=True,
        exact=True,
    )
    return content.getvalue()


def mp4(frames: list[Image.Image]) -> bytes:
    """Encode frames of one size as H.264 if PyAV has an encoder, else MPEG-4.

    Raises UserError without the extra `video`.
    """
    try:
        import av
    except ImportError:
        raise UserError(
            "MP4 needs the extra video: pip install 'evenodds[video]', or give --out a .gif"
        ) from None
    content = BytesIO()
    with av.open(content, "w", format="mp4") as film:
        codec = next(name for name in ("libx264", "libopenh264", "mpeg4") if name in av.codecs_available)
        stream = film.add_stream(codec, rate=round(1000 / FRAME_MS))
        # Colours are halved both ways, so sides are even.
        stream.width, stream.height = (side - side % 2 for side in frames[0].size)
        stream.pix_fmt = "yuv420p"
        for frame in opaque(frames):
            film.mux(stream.encode(av.VideoFrame.from_image(frame)))
        film.mux(stream.encode())
    return content.getvalue()


def write_rows(run: Run, made: Tensor, path: Path) -> Path:
    """Decode rows (n, width) and write them as a table."""
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"{run.path} makes table rows, give --out a .csv or .parquet file and not {path}")
    codec = TableCodec.from_json(run.codec())
    rows = codec.to_table(made.cpu().numpy(), np.random.default_rng(0))
    write_table([rows], path, codec.notations, codec.layout)
    return path
