"""What a run is asked to sample, and whether it can."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec, Size, sides_of
from evenodds.networks.generate import WHOLE, Share
from evenodds.runs.conditions import ConditionRequest
from evenodds.runs.run import Run

SHEET = 10_000
"""Pictures in one sheet, at most."""
SHEET_PIXELS = 2**27
"""Pixels of an enlarged sheet, at most."""
STACK = ".npy"
"""Ending of a file that holds all fakes of bands."""
USUAL = 64
"""Fakes made where it is not said how many."""


@dataclass(frozen=True)
class SampleRequest:
    """What `evenodds sample` is asked for.

    Attributes
    ----------
    n:
        How many fakes; as many as pictures are given, or USUAL, when left out.
    out:
        A .png sheet or a folder of PNGs (pictures), a folder of .npy files or one of all (bands), or a .csv or .parquet
        file (tables).
    condition:
        What the fakes are made under; as the data hold it when left out.
    share:
        Which part of the fakes this process makes; it goes to its own file or folder, see ``path_of_share``.
    truncation:
        Of pictures: by how much latents are scaled towards their mean, above 0 and at most 1.
    columns:
        Of a sheet: pictures side by side; about a square when left out.
    size:
        Of what is made from the user's own pictures; the run's when left out.
    scale:
        Of a sheet: pixels of each pixel, across and down; as ``sheet_scale`` says when left out.
    """

    n: int | None
    out: Path
    seed: int = 0
    condition: ConditionRequest | None = None
    share: Share = WHOLE
    truncation: float = 1.0
    columns: int | None = None
    size: Size | None = None
    scale: int | None = None


def check_request(run: Run, request: SampleRequest) -> None:
    """Raises UserError where the path's suffix does not fit the run, or fewer fakes than none are asked for."""
    suffix, out = request.out.suffix.lower(), request.out
    if request.n is not None and request.n < 0:
        raise UserError(f"-n {request.n} is less than nothing, give 0 or more")
    table = not isinstance(run.spec, PictureSpec)
    if table and suffix not in (".csv", ".parquet"):
        raise UserError(f"{run.path} makes table rows, give --out a .csv or .parquet file and not {out}")
    if not table and suffix in (".csv", ".parquet"):
        raise UserError(f"{run.path} makes pictures, give --out a .png file or a folder and not {out}")
    if isinstance(run.spec, PictureSpec) and suffix == STACK and not run.spec.bands:
        raise UserError(
            f"{out} is for bands, and {run.path} makes pictures in gray or color: give a folder or a .png"
        )
    check_truncation(run, request.truncation)
    if suffix != ".png" and request.columns is not None:
        raise UserError("--grid is for a sheet, give --out a .png file or leave it out")
    if request.scale is not None:
        check_scale(run, request, request.scale)
    if suffix == ".png" and request.n == 0:
        raise UserError("a sheet of no pictures cannot be drawn, give -n 1 or more, or --out a folder")
    if suffix == ".png" and request.share.size > 1:
        raise UserError(
            f"a sheet is made by one process and not by {request.share.size}, give --out a folder"
        )


def check_scale(run: Run, request: SampleRequest, scale: int) -> None:
    """Raises UserError for a scale of no sheet, and for one that makes a sheet too large to open."""
    if request.out.suffix.lower() != ".png":
        raise UserError("--enlarge is for a sheet, give --out a .png file or leave it out")
    if scale < 1:
        raise UserError(f"--enlarge {scale} shows nothing, give 1 or more")
    if isinstance(run.spec, PictureSpec):
        width, height = run.spec.size if request.size is None else sides_of(request.size)
        if (request.n or USUAL) * width * height * scale**2 > SHEET_PIXELS:
            raise UserError(
                f"--enlarge {scale} makes a sheet too large to open, give fewer times or fewer pictures"
            )


def check_truncation(run: Run, truncation: float, name: str = "--truncation ") -> None:
    """Raises UserError for a truncation that is out of range, and for one of rows."""
    if not 0 < truncation <= 1:
        raise UserError(f"{name}{truncation:g} is out of range, give a number above 0 and up to 1")
    if truncation < 1 and not isinstance(run.spec, PictureSpec):
        raise UserError(f"{name}{truncation:g} is for pictures, leave it out for a table")
