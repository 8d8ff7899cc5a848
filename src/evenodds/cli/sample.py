"""`evenodds sample`: generate samples from a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from evenodds.cli.options import Device, RunFolder


def sample(
    run: RunFolder,
    *,
    n: Annotated[int | None, Parameter(alias="-n")] = None,
    out: Path | None = None,
    condition: str | None = None,
    seed: int = 0,
    device: Device = "auto",
) -> None:
    """Generate samples from a run, any number of them in constant memory.

    Under torchrun each process generates its share, into a folder or file of its own.

    Parameters
    ----------
    n:
        Number of samples; by default 64, or one for each condition picture.
    out:
        A .png sheet or a folder for pictures, a .csv or .parquet file for tables; by default RUN-fakes.png or
        RUN-fakes.csv in the current folder.
    condition:
        For runs trained with --condition: values such as label=7 or glasses=yes,beard=no, or a picture file or a folder
        of them. Unspecified columns follow the training distribution.
    seed:
        Random seed: the same seed gives the same samples.
    """
    from evenodds.core.device import find_device
    from evenodds.core.distributed import rank, size
    from evenodds.core.spec import PictureSpec
    from evenodds.export.pretrained import open_run
    from evenodds.networks.generate import Share
    from evenodds.runs.sample import SampleRequest, path_of_share, write_samples

    opened = open_run(run)
    suffix = "png" if isinstance(opened.spec, PictureSpec) else "csv"
    path = out or Path(f"{opened.path.resolve().name}-fakes.{suffix}")
    request = SampleRequest(n, path, seed, condition, Share(rank(), size()))
    count = write_samples(opened, request, find_device(device), lambda text: print(text, file=sys.stderr))
    print(f"{count:,} {'fake' if count == 1 else 'fakes'} in {path_of_share(path, request.share)}")
