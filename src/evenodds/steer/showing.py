"""Samples that were steered, as sheets, films and tables."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from evenodds import aside
from evenodds.data.pictures import to_pictures, write_grid
from evenodds.data.reading import write_table
from evenodds.data.tables import TableCodec
from evenodds.errors import UserError
from evenodds.run import Run
from evenodds.spec import PictureSpec

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
        raise UserError(f"{run.path} makes pictures, give --to a .png file and not {place}")
    write_grid(to_pictures(made), place, columns)
    return place


def show_walk(run: Run, made: Tensor, to: Path | None) -> Path:
    """Writes samples (n, *shape) as a film, or as rows. Raises UserError for a place that does not fit the run."""
    if not isinstance(run.spec, PictureSpec):
        return show_rows(run, made, to or Path("walk.csv"))
    place = to or Path("walk.gif")
    if place.suffix.lower() != ".gif":
        raise UserError(f"{run.path} makes pictures, give --to a .gif file and not {place}")
    times = max(1, SIDE // min(made.shape[-2:]))
    frames = [
        Image.fromarray(np.squeeze(one.repeat(times, 0).repeat(times, 1))).convert("RGB")
        for one in to_pictures(made)
    ]
    content = BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
    aside.write_bytes(place, content.getvalue())
    return place


def show_rows(run: Run, made: Tensor, place: Path) -> Path:
    """Writes rows (n, width) decoded."""
    if place.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"{run.path} makes table rows, give --to a .csv or .parquet file and not {place}")
    codec = TableCodec.from_json(run.codec())
    write_table([codec.decode(made.cpu().numpy(), np.random.default_rng(0))], place)
    return place
