"""As many fakes as asked from a run, streamed with flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from evenodds import checkpoint
from evenodds.data.pictures import to_pictures, write_folder, write_grid
from evenodds.data.reading import write_table
from evenodds.data.tables import TableCodec
from evenodds.errors import UserError
from evenodds.latent import seed_of, stream
from evenodds.networks.build import build
from evenodds.run import Run
from evenodds.spec import PictureSpec

SHEET = 10_000
"""Pictures in one sheet, at most."""
BATCH = 256


def load_generator(run: Run, device: torch.device) -> nn.Module:
    """The run's best G, averaged, ready to sample."""
    with torch.random.fork_rng():
        generator, _ = build(run.spec, run.recipe.network)
    tensors, _ = checkpoint.read(run.best())
    generator.load_state_dict(tensors["average"])
    return generator.eval().requires_grad_(False).to(device)


def pictures(run: Run, n: int, seed: int, device: torch.device) -> Iterator[np.ndarray]:
    """n fakes as uint8 arrays (m, H, W, C), a batch at a time."""
    generator = load_generator(run, device)
    for batch in stream(generator, n, run.recipe.network.latent, seed, BATCH):
        yield to_pictures(batch.cpu())


def rows(run: Run, n: int, seed: int, device: torch.device) -> Iterator[pd.DataFrame]:
    """n fakes as tables with the columns that were learnt, a batch at a time."""
    generator = load_generator(run, device)
    codec = TableCodec.from_json(run.codec())
    for place, batch in enumerate(stream(generator, n, run.recipe.network.latent, seed, 8 * BATCH)):
        rng = np.random.default_rng(seed_of(seed, "decode", place))
        yield codec.decode(batch.cpu().numpy(), rng)


def write_samples(run: Run, n: int, to: Path, seed: int, device: torch.device) -> int:
    """Writes n fakes to a .png sheet or a folder of PNGs (pictures), or a .csv or .parquet file (tables).

    Returns how many were written. Raises UserError for a place that does not fit the run or cannot be written.
    """
    suffix = to.suffix.lower()
    if n < 1:
        raise UserError(f"-n {n} asks for nothing, give 1 or more")
    with torch.random.fork_rng():
        if not isinstance(run.spec, PictureSpec):
            if suffix not in (".csv", ".parquet"):
                raise UserError(
                    f"{run.path} makes table rows, give --to a .csv or .parquet file and not {to}"
                )
            return write_table(rows(run, n, seed, device), to)
        if suffix in (".csv", ".parquet"):
            raise UserError(f"{run.path} makes pictures, give --to a .png file or a folder and not {to}")
        if suffix != ".png":
            return write_folder(pictures(run, n, seed, device), to, n)
        if n > SHEET:
            raise UserError(f"a sheet of {n} pictures is too large to open, give --to a folder")
        write_grid(np.concatenate(list(pictures(run, n, seed, device))), to)
        return n
