"""Samples that were steered, as sheets, films and tables."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import to_pictures, write_grid
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import write_table
from evenodds.runs.run import Run

FRAME_MS = 60
SIDE = 256
"""Pixels that a film's shorter side has at least."""


def show(run: Run, made: Tensor, columns: int, to: Path | None, name: str) -> Path:
    """Writes samples (n, *shape) as a sheet of so many columns, or as rows. Raises UserError for a place that does not
    fit the run."""
    if not isinstance(run.spec, PictureSpec):
        return show_rows(run, made, to or Path(f"{name}.csv"))
    place = to or Path(f"{name}.png")
    if place.suffix.lower() != ".png":
        raise UserError(f"{run.path} makes pictures, give --out a .png file and not {place}")
    write_grid(to_pictures(made), place, columns)
    return place


def show_inverted(pictures: NDArray[np.uint8], made: list[Tensor], to: Path | None) -> Path:
    """Writes pictures (n, H, W, C), each beside its samples (n, *shape), as a sheet. Raises UserError for a place
    that is no PNG."""
    place = to or Path("inverted.png")
    if place.suffix.lower() != ".png":
        raise UserError(f"give --out a .png file and not {place}")
    beside = np.stack([pictures, *map(to_pictures, made)], 1)
    columns = beside.shape[1] * max(1, min(4, len(pictures)))
    write_grid(beside.reshape(-1, *pictures.shape[1:]), place, columns)
    return place


def show_walk(run: Run, made: Tensor, to: Path | None) -> Path:
    """Writes samples (n, *shape) as a film, GIF or MP4, or as rows. Raises UserError for a place that does not fit the
    run."""
    if not isinstance(run.spec, PictureSpec):
        return show_rows(run, made, to or Path("walk.csv"))
    place = to or Path("walk.gif")
    writers = {".gif": gif, ".mp4": mp4}
    if place.suffix.lower() not in writers:
        raise UserError(f"{run.path} makes pictures, give --out a .gif or .mp4 file and not {place}")
    times = max(1, SIDE // min(made.shape[-2:]))
    frames = [
        Image.fromarray(np.squeeze(one.repeat(times, 0).repeat(times, 1))).convert("RGB")
        for one in to_pictures(made)
    ]
    atomic.write_bytes(place, writers[place.suffix.lower()](frames))
    return place


def gif(frames: list[Image.Image]) -> bytes:
    """Frames of one size as a film that goes round."""
    content = BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
    return content.getvalue()


def mp4(frames: list[Image.Image]) -> bytes:
    """Frames of one size as H.264 where the encoder is there, else MPEG-4. Raises UserError without the extra
    `video`."""
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
        for frame in frames:
            film.mux(stream.encode(av.VideoFrame.from_image(frame)))
        film.mux(stream.encode())
    return content.getvalue()


def show_rows(run: Run, made: Tensor, place: Path) -> Path:
    """Writes rows (n, width) decoded."""
    if place.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"{run.path} makes table rows, give --out a .csv or .parquet file and not {place}")
    codec = TableCodec.from_json(run.codec())
    write_table([codec.decode(made.cpu().numpy(), np.random.default_rng(0))], place)
    return place
