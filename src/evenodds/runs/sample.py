"""As many fakes as asked from a run, streamed with flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of
from evenodds.core.spec import PictureSpec
from evenodds.data.images import conditions
from evenodds.data.images.arrays import to_pictures, write_folder, write_grid
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import write_table
from evenodds.networks.build import build_generator, generator_shapes
from evenodds.networks.generate import WHOLE, Share, stream
from evenodds.runs.conditions import SamplingCondition, Wanted, resolve_condition
from evenodds.runs.run import Run

SHEET = 10_000
"""Pictures in one sheet, at most."""
BATCH = 256
"""Pictures made at once, at most; of rows eight times as many."""
PIXELS = BATCH * 64**2
"""Theirs together, at most."""
ON_CPU = 32 * 64**2
"""The same on a CPU, where what a layer makes of more has to be asked of the system anew each time."""
USUAL = 64
"""Fakes made where it is not said how many."""
ACROSS = 4
"""Groups of condition, fake and real side by side in a sheet."""


def load_generator(run: Run, device: torch.device) -> nn.Module:
    """The run's best G, averaged, ready to sample. Raises UserError for a checkpoint that is damaged, or none of such a
    recipe: what the checkpoint does not hold is given no memory, whatever the recipe says."""
    best = run.checkpoints.best()
    tensors, _ = bundle.read(best)
    average = tensors.get("average", {})
    if not bundle.fits(generator_shapes(run.spec, run.recipe.network, run.condition), average):
        raise UserError(
            f"the checkpoint {best} does not fit the recipe of {run.path}, restore both or train anew"
        )
    with torch.random.fork_rng():
        generator = build_generator(run.spec, run.recipe.network, run.condition)
    generator.load_state_dict(average)
    return generator.eval().requires_grad_(False).to(device)


def pictures(
    run: Run,
    n: int,
    seed: int,
    device: torch.device,
    wish: SamplingCondition | None = None,
    generator: nn.Module | None = None,
    share: Share = WHOLE,
) -> Iterator[np.ndarray]:
    """n fakes, or a share of them, as uint8 arrays (m, H, W, C), a batch at a time; without a ``wish`` under conditions
    of the data.

    ``generator`` is the run's, where it was loaded already.
    """
    generator = generator or load_generator(run, device)
    given = (wish or resolve_condition(run, None, seed)).given
    for batch in stream(generator, n, run.recipe.network.latent, seed, batch_of(run, device), given, share):
        yield to_pictures(batch.cpu())


def batch_of(run: Run, device: torch.device) -> int:
    """Samples made at once: fewer of large pictures."""
    if not isinstance(run.spec, PictureSpec):
        return 8 * BATCH
    pixels = ON_CPU if device.type == "cpu" else PIXELS
    return max(1, min(BATCH, pixels // (run.spec.height * run.spec.width)))


def rows(
    run: Run,
    n: int,
    seed: int,
    device: torch.device,
    wish: SamplingCondition | None = None,
    generator: nn.Module | None = None,
    share: Share = WHOLE,
) -> Iterator[pd.DataFrame]:
    """n fakes, or a share of them, as tables with the columns that were learnt, a batch at a time; what is wished for
    as it was asked.

    ``generator`` is the run's, where it was loaded already.
    """
    generator = generator or load_generator(run, device)
    codec = TableCodec.from_json(run.codec())
    wish = wish or resolve_condition(run, None, seed)
    size = batch_of(run, device)
    made = stream(generator, n, run.recipe.network.latent, seed, size, wish.given, share)
    for start, batch in zip(share.starts(n, size), made, strict=True):
        rng = np.random.default_rng(seed_of(seed, "decode", start // size))
        table = codec.decode(batch.cpu().numpy(), rng)
        for name, value in wish.values.items():
            table[name] = pd.Series([value] * len(table), dtype=table[name].dtype)
        yield table


def write_samples(
    run: Run,
    n: int | None,
    to: Path,
    seed: int,
    device: torch.device,
    wanted: Wanted | None = None,
    say: Callable[[str], None] = lambda text: None,
    share: Share = WHOLE,
) -> int:
    """Writes n fakes, or a share of them, to a .png sheet or a folder of PNGs (pictures), or a .csv or .parquet file
    (tables); a share to its own file or folder, see ``place_of``.

    ``wanted`` is the condition they are made under; n is as many as pictures were given, or USUAL, when left out.
    Returns how many were written. Raises UserError for a place that does not fit the run or cannot be written, and for
    a condition that does not fit it.
    """
    suffix = to.suffix.lower()
    if n is not None and n < 1:
        raise UserError(f"-n {n} asks for nothing, give 1 or more")
    table = not isinstance(run.spec, PictureSpec)
    if table and suffix not in (".csv", ".parquet"):
        raise UserError(f"{run.path} makes table rows, give --out a .csv or .parquet file and not {to}")
    if not table and suffix in (".csv", ".parquet"):
        raise UserError(f"{run.path} makes pictures, give --out a .png file or a folder and not {to}")
    if suffix == ".png" and share.size > 1:
        raise UserError(f"a sheet is made by one process and not by {share.size}, give --out a folder")
    with torch.random.fork_rng():
        wish = resolve_condition(run, wanted, seed, say)
        given = 0 if wish.pictures is None else len(wish.pictures)
        n = n or given or USUAL
        to, starts = place_of(to, share), share.starts(n, batch_of(run, device))
        if not starts:
            return 0
        if table:
            return write_table(rows(run, n, seed, device, wish, share=share), to)
        made = pictures(run, n, seed, device, wish, share=share)
        if suffix != ".png":
            return write_folder(made, to, n, wish.names if n == given else None, starts.start)
        if n > SHEET:
            raise UserError(f"a sheet of {n} pictures is too large to open, give --out a folder")
        fakes = np.concatenate(list(made))
        if wanted is not None and n == 1:
            write_grid(fakes, to, scale=1)
        elif wish.pictures is not None:
            sheet, columns = beside(wish, fakes)
            write_grid(sheet, to, columns)
        else:
            write_grid(fakes, to)
        return n


def place_of(to: Path, share: Share) -> Path:
    """Where a share is written: fakes-00000-of-00004.csv for fakes.csv, and a folder of such a name in a folder."""
    if share.size == 1:
        return to
    part = f"{share.rank:05}-of-{share.size:05}"
    return to.with_stem(f"{to.stem}-{part}") if to.suffix.lower() in (".csv", ".parquet") else to / part


def beside(wish: SamplingCondition, fakes: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Fakes uint8 (n, H, W, C), each beside its condition and the real where that is known, for a sheet of so many
    columns."""
    places = np.arange(len(fakes)) % len(wish.pictures if wish.pictures is not None else fakes)
    channels = fakes.shape[-1]
    columns = [fakes]
    if wish.pictures is not None:
        columns.insert(0, shown(wish.pictures[places], channels))
    if wish.reals is not None:
        columns.append(wish.reals[places].transpose(0, 2, 3, 1))
    return np.stack(columns, 1).reshape(-1, *fakes.shape[1:]), len(columns) * ACROSS


def shown(given: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Conditions (n, c, H, W) as pictures (n, H, W, channels): grey ones in colour, a mask left away."""
    if given.shape[1] >= 3 > channels:  # in colour, beside grey fakes
        given = np.stack([conditions.to_gray(one[:3]) for one in given])
    picture = given[:, :channels] if given.shape[1] >= channels else given[:, :1].repeat(channels, 1)
    return np.ascontiguousarray(picture.transpose(0, 2, 3, 1))
