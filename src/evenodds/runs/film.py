"""The film of a run: its samples in time, or its cloud of points closing in over D's score."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from evenodds.config.settings import LossName
from evenodds.core import atomic
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import on_checkerboard
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import NumberColumn
from evenodds.runs.heat import Axes, heat_of
from evenodds.runs.run import Run

FRAMES = 48
"""Frames of a film, at most; more checks are thinned evenly."""
FRAME_MS = 120
LAST_MS = 2500
SIDE = 400
"""Longest side of a picture film in pixels."""
PICTURES = 64
"""Pictures of a sheet."""
ROWS = 500
"""Rows of a sheet."""
GRID = (48, 64)
"""Places down and across at which D's score is asked for two-number tables."""
REAL, FAKE = "#20262e", "#e4572e"
"""Colours of real and fake points, in every plot."""
GROUND = "#e9edf1"
"""Colour of the ground of a cloud, on which white is seen."""


def make_film(run: Run, real: pd.DataFrame | None, axes: Axes) -> Path | None:
    """Writes RUN/film.gif and says where, or None where there is nothing to show (a table with fewer than two numbers).

    ``real`` are real rows and ``axes`` the number columns with their ranges, both for tables alone.
    """
    if real is None:
        frames = list(picture_frames(thinned(list(run.samples("png")))))
    elif len(axes) >= 2:
        two = dict(list(axes.items())[:2])
        frames = list(cloud_frames(thinned(list(run.samples("csv"))), real, two, run.recipe.objective.loss))
    else:
        return None
    if not frames:
        return None
    content = BytesIO()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    atomic.write_bytes(run.path / "film.gif", content.getvalue())
    return run.path / "film.gif"


def film_rounds(run: Run) -> list[int]:
    """The rounds of the film's frames, in their order."""
    kind = "png" if isinstance(run.spec, PictureSpec) else "csv"
    return [int(path.stem) for path in thinned(list(run.samples(kind)))]


def thinned(paths: list[Path]) -> list[Path]:
    """At most FRAMES of them, evenly, the first and the last among them."""
    indices = np.unique(np.linspace(0, len(paths) - 1, min(FRAMES, len(paths))).round().astype(int))
    return [paths[index] for index in indices]


def picture_frames(sheets: list[Path]) -> Iterator[Image.Image]:
    """The sheets themselves, made smaller where they are large."""
    for sheet in sheets:
        with Image.open(sheet) as image:
            image.load()
            image.thumbnail((SIDE, SIDE))
            yield few_colours(on_checkerboard(image).convert("RGB"))


def cloud_frames(tables: list[Path], real: pd.DataFrame, axes: Axes, loss: LossName) -> Iterator[Image.Image]:
    """Fake points over real ones and, where it was written, D's score as a heat map."""
    import matplotlib as mpl  # takes a second, and a game starts without it
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    (x, (left, right)), (y, (low, high)) = axes.items()
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(5.6, 4.2), dpi=100, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        plot = figure.add_subplot(xlim=(left, right), ylim=(low, high), xlabel=literal(x), ylabel=literal(y))
        plot.set_facecolor(GROUND)
        heat = plot.imshow(
            np.zeros((2, 2, 4), np.uint8), extent=(left, right, low, high), origin="lower", aspect="auto",
            interpolation="bilinear",
        )  # fmt: skip
        plot.scatter(real[x], real[y], s=5, c=REAL, alpha=0.35, linewidths=0)
        fakes = plot.scatter([], [], s=7, c=FAKE, alpha=0.75, linewidths=0)
        for table in tables:
            rows = pd.read_csv(table)
            fakes.set_offsets(rows[[x, y]].to_numpy(float))
            scores = table.with_suffix(".npy")
            if scores.exists():
                plane = np.load(scores, allow_pickle=False)
                heat.set_data(heat_of(loss, plane, axes, real, rows).rgba())
            plot.set_title(f"{int(table.stem):,}")  # no words: a film is for readers of any language
            canvas.draw()
            yield few_colours(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))


def literal(name: str) -> str:
    """A column's name as it is: matplotlib reads what stands between dollar signs as mathematics."""
    return name.replace("$", r"\$")


def few_colours(image: Image.Image) -> Image.Image:
    """The frame in 128 colours that keep the rare ones (points over a heat map), undithered: GIFs pack dither badly."""
    return image.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def number_ranges(codec: TableCodec) -> dict[str, tuple[float, float]]:
    """The columns that are plain numbers, with their least and greatest value."""
    return {
        column.name: (float(column.knots[0]), float(column.knots[-1]))
        for column in codec.required_columns
        if isinstance(column, NumberColumn)
    }
