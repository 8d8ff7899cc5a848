"""`evenodds sample`: generate samples from a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from evenodds.cli.options import Device, RunFolder
from evenodds.cli.remarks import say
from evenodds.config.sizes import AUTO, read_size, size_of
from evenodds.core.errors import UserError
from evenodds.core.spec import Size

if TYPE_CHECKING:
    import torch

    from evenodds.judge.selection import Selection
    from evenodds.runs.run import Run


def sample(
    run: RunFolder,
    *,
    n: Annotated[int | None, Parameter(alias="-n")] = None,
    out: Path | None = None,
    condition: str | None = None,
    truncation: float = 1.0,
    best: str | None = None,
    min_real: float | None = None,
    grid: str | None = None,
    enlarge: int | None = None,
    size: str | None = None,
    seed: int = 0,
    device: Device = "auto",
) -> None:
    """Generate samples from a run, any number of them in constant memory.

    Under torchrun each process generates its share, into a folder or file of its own.

    Parameters
    ----------
    n:
        Number of samples; by default 64, or one for each condition picture or row.
    out:
        A .png sheet or a folder for pictures, a folder of .npy files or a single one for bands, a .csv or .parquet file
        for tables; by default RUN-fakes.png or RUN-fakes.csv in the current folder.
    condition:
        For runs trained with --condition: values such as label=7 or glasses=yes,beard=no, a table file of which each
        row asks for one fake, or a picture file or a folder of them. Unspecified columns and empty cells follow the
        training distribution.
    truncation:
        For pictures: 0.7, say, moves latents towards their mean, so that samples vary less.
    best:
        A share such as 10%: ten times as many samples are made, and the judge chooses the best tenth.
    min_real:
        A percentage such as 30: samples are made until enough of them are at least so real by the judge.
    grid:
        Columns and rows of a sheet, such as 8x4; sets the number of samples.
    enlarge:
        How many times a sheet shows each pixel, across and down; by default until a picture has 64 on its shorter side.
    size:
        With pictures of your own as --condition: a side in pixels, or width x height such as 640x480, of what is made;
        by default the size that was trained on.
    seed:
        Random seed: the same seed gives the same samples.
    """
    from evenodds.core import distributed
    from evenodds.core.device import find_device
    from evenodds.core.spec import PictureSpec
    from evenodds.export.pretrained import open_run
    from evenodds.networks.generate import Share
    from evenodds.runs.sample import path_of_share, write_samples
    from evenodds.runs.sample_request import SampleRequest

    opened = open_run(run)
    suffix = "png" if isinstance(opened.spec, PictureSpec) else "csv"
    path = out or Path(f"{opened.path.resolve().name}-fakes.{suffix}")
    columns, n = (None, n) if grid is None else grid_of(grid, n)
    share = Share(distributed.rank(), distributed.size())
    request = SampleRequest(n, path, seed, condition, share, truncation, columns, pixels_of(size), enlarge)
    found_device = find_device(device)
    selection = selection_of(opened, best, min_real, found_device)
    choose = None if selection is None else selection.choose
    count = write_samples(opened, request, found_device, say, choose)
    chosen = "" if selection is None else f", chosen by the judge among {selection.made:,}"
    print(f"{count:,} {'fake' if count == 1 else 'fakes'} in {path_of_share(path, request.share)}{chosen}")


def pixels_of(text: str | None) -> Size | None:
    """The size that a flag names, if any. Raises UserError for another text, and for auto."""
    if text is None:
        return None
    try:
        size = read_size(text)
    except ValueError as problem:
        raise UserError(f"--size {text}: {problem}") from None
    if size == AUTO:
        raise UserError("--size auto is for train, give a side such as 256 or width x height such as 640x480")
    return size_of(size)


def grid_of(text: str, n: int | None) -> tuple[int, int]:
    """Columns, and how many samples, of a grid such as 8x4. Raises UserError for another text, and where ``n`` is not
    as many."""
    columns, _, rows = text.lower().replace("×", "x").partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and int(columns) and int(rows)):
        raise UserError(f"--grid {text} is no grid, give columns and rows such as 8x4")
    count = int(columns) * int(rows)
    if n not in (None, count):
        raise UserError(f"--grid {text} holds {count} samples and -n asks for {n}, leave one of them out")
    return int(columns), count


def selection_of(
    run: Run, best: str | None, min_real: float | None, device: torch.device
) -> Selection | None:
    """Who chooses among more fakes; None where every fake is taken."""
    if best is None and min_real is None:
        return None
    from evenodds.judge.selection import Rule, Selection
    from evenodds.judge.train import judge_of

    return Selection(Rule.parse(best, min_real), judge_of(run, device, say))
