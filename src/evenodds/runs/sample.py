"""Samples a run: as many fakes as requested, streamed with flat memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.core.observer import Say, silent
from evenodds.core.rng import seed_of
from evenodds.core.spec import PictureSpec, Size, sides_of
from evenodds.data.images import conditions
from evenodds.data.images.alpha import OPAQUE
from evenodds.data.images.arrays import (
    to_pictures,
    to_values,
    visible,
    write_folder,
    write_grid,
    write_stack,
)
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import write_table
from evenodds.networks.build import build_generator, generator_shapes
from evenodds.networks.generate import WHOLE, Share, stream
from evenodds.runs.conditions import SamplingCondition, resolve_condition
from evenodds.runs.run import Run
from evenodds.runs.sample_request import SHEET, STACK, USUAL, SampleRequest, check_request

BATCH = 256
"""Pictures made at once, at most; of rows eight times as many."""
PIXELS = BATCH * 64**2
"""Theirs together, at most."""
ON_CPU = 32 * 64**2
"""The same on a CPU, where what a layer makes of more has to be asked of the system anew each time."""
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


class Sampler:
    """Makes fakes with a run's best generator: a stream with flat memory, the same for the same n and seed."""

    def __init__(
        self,
        run: Run,
        device: torch.device,
        generator: nn.Module | None = None,
        size: Size | None = None,
        say: Say = silent,
    ) -> None:
        """``generator`` is the run's, where it was loaded already; ``size`` that of pictures where it is not the run's;
        ``say`` is told where many rows are drawn for few.

        Raises UserError for a checkpoint that is damaged, or does not fit the recipe.
        """
        self.run, self.device, self.say = run, device, say
        self.generator = generator or load_generator(run, device)
        self.batch = batch_of(run, device, size)

    def pictures(
        self,
        n: int,
        seed: int,
        condition: SamplingCondition | None = None,
        share: Share = WHOLE,
        truncation: float = 1.0,
        deep: bool = False,
    ) -> Iterator[np.ndarray]:
        """n fakes, or a share of them, as stored uint8 (m, H, W, C), a batch at a time; without a ``condition`` under
        conditions of the data. ``truncation`` is as of ``stream``; ``deep`` gives the values
        of the data and their dtype of a run that learnt pictures of 16 bits, uint16 (m, H, W, 1), or bands."""
        spec = cast(PictureSpec, self.run.spec)
        values = self.run.values if deep else None
        if n == 0:
            dtype = np.uint8 if values is None else values.dtype
            yield np.empty((0, spec.height, spec.width, spec.channels), dtype)
        for batch in self.samples(n, seed, condition or self.default_condition(seed), share, truncation):
            yield to_pictures(batch.cpu(), spec.bands) if values is None else to_values(batch, values)

    def rows(
        self, n: int, seed: int, condition: SamplingCondition | None = None, share: Share = WHOLE
    ) -> Iterator[pd.DataFrame]:
        """n fakes, or a share of them, as tables with the columns that were learnt, a batch at a time; requested values
        as they were requested."""
        codec = TableCodec.from_json(self.run.codec())
        condition = condition or self.default_condition(seed)
        if condition.matching is not None and n:
            yield from self._matching(n, seed, condition, share)
            return
        batches = self.samples(n, seed, condition, share)
        if n == 0:
            empty = np.empty((0, *self.run.spec.shape), np.float32)
            yield codec.with_keys(codec.decode(empty, np.random.default_rng(seed)), 0, seed)
        for start, batch in zip(share.starts(n, self.batch), batches, strict=True):
            rng = np.random.default_rng(seed_of(seed, "decode", start // self.batch))
            table = codec.decode(codec.mended(batch.cpu().numpy(), rng, condition.columns), rng)
            for name, value in condition.values.items():
                table[name] = pd.Series([value] * len(table), dtype=table[name].dtype)
            if condition.rows is not None:
                table = with_rows(table, condition.rows, start)
            yield codec.with_keys(table, start, seed)

    def _matching(
        self, n: int, seed: int, condition: SamplingCondition, share: Share
    ) -> Iterator[pd.DataFrame]:
        """Rows chosen by values that the run was not trained for, with ids of their own."""
        if share.size > 1:
            raise UserError(
                "values that a run was not trained for are drawn by one process, run it without torchrun"
            )
        codec, plain, start = TableCodec.from_json(self.run.codec()), replace(condition, matching=None), 0

        def draw(count: int, turn: int) -> Iterator[pd.DataFrame]:
            return self.rows(count, seed_of(seed, "draw", turn), plain)

        matching = condition.matching
        for rows in () if matching is None else matching.rows(n, draw, self.say):
            yield codec.with_ids(rows, start, seed)
            start += len(rows)

    def samples(
        self, n: int, seed: int, condition: SamplingCondition, share: Share, truncation: float = 1.0
    ) -> Iterator[Tensor]:
        """What G gives, in batches (m, *shape)."""
        width, conditions_for = self.run.recipe.network.latent, condition.conditions_for
        return stream(self.generator, n, width, seed, self.batch, conditions_for, share, truncation)

    def default_condition(self, seed: int) -> SamplingCondition:
        """Conditions as the data hold them."""
        return resolve_condition(self.run, None, seed)


def with_rows(table: pd.DataFrame, rows: pd.DataFrame, start: int) -> pd.DataFrame:
    """A batch of fakes, the first of which is number ``start``, with what rows in turn are to hold; a gap leaves what G
    gave."""
    turn = rows.iloc[np.arange(start, start + len(table)) % len(rows)]
    table = table.copy()
    for name in rows.columns:
        held = turn[name].notna().to_numpy()
        values = pd.Series(turn[name].to_numpy(object)[held].tolist(), dtype=table[name].dtype)
        if held.any():
            table.loc[held, name] = values.array
    return table


def batch_of(run: Run, device: torch.device, size: Size | None = None) -> int:
    """Samples made at once: fewer of large pictures, of a ``size`` or of the run's."""
    if not isinstance(run.spec, PictureSpec):
        return 8 * BATCH
    pixels = ON_CPU if device.type == "cpu" else PIXELS
    return max(1, min(BATCH, pixels // math.prod(run.spec.size if size is None else sides_of(size))))


Choose = Callable[[Sampler, SampleRequest, SamplingCondition], Iterator[Any]]
"""Makes as many fakes as requested under a condition, in batches as ``Sampler`` gives them: those that are wanted."""


def write_samples(
    run: Run, request: SampleRequest, device: torch.device, say: Say = silent, choose: Choose | None = None
) -> int:
    """Writes fakes, or a share of them. Returns how many were written; ``say`` is told of pictures that are left out.

    With ``choose`` those that it chooses, from noise or under values. Raises UserError for a path that does not fit the
    run or cannot be written, and for a condition that does not fit.
    """
    check_request(run, request)
    n, share = request.n, request.share
    with torch.random.fork_rng():
        condition = resolve_condition(run, request.condition, request.seed, say, request.size)
        count = 0 if condition.pictures is None else len(condition.pictures)
        count = count if condition.rows is None else len(condition.rows)
        n = (count or USUAL) if n is None else n
        out, starts = path_of_share(request.out, share), share.starts(n, batch_of(run, device, request.size))
        if n and not starts:
            return 0
        sampler = Sampler(run, device, size=request.size, say=say)
        chosen = None
        if choose is not None:
            refuse_choice(request, condition)
            chosen = choose(sampler, replace(request, n=n), condition)
        if not isinstance(run.spec, PictureSpec):
            codec = TableCodec.from_json(run.codec())
            rows = chosen or sampler.rows(n, request.seed, condition, share)
            return write_table(rows, out, codec.notations, codec.layout)
        if out.suffix.lower() == ".png":
            made = chosen or sampler.pictures(n, request.seed, condition, share, request.truncation)
            return _write_sheet(run.spec, made, replace(request, n=n), condition)
        if chosen is not None and run.values is not None:
            chosen = map(run.values.of_levels, chosen)
        made = chosen or sampler.pictures(n, request.seed, condition, share, request.truncation, deep=True)
        if out.suffix.lower() == STACK:
            return write_stack(made, out)
        names = condition.names if n == count else None
        return write_folder(made, out, n, names, starts.start, run.spec.bands)


def _write_sheet(
    spec: PictureSpec, made: Iterator[NDArray[np.uint8]], request: SampleRequest, condition: SamplingCondition
) -> int:
    """Writes fakes as one picture, of bands the visible ones. Returns how many they are."""
    n = request.n or 0
    if n > SHEET:
        raise UserError(f"a sheet of {n} pictures is too large to open, give --out a folder")
    fakes = visible(np.concatenate(list(made)), spec.bands)
    if request.condition is not None and n == 1:
        write_grid(fakes, request.out, scale=request.scale or 1)
    elif condition.pictures is not None:
        sheet, columns = beside(condition, fakes)
        write_grid(sheet, request.out, columns, request.scale)
    else:
        write_grid(fakes, request.out, request.columns, request.scale)
    return n


def refuse_choice(request: SampleRequest, condition: SamplingCondition) -> None:
    """Raises UserError where fakes cannot be chosen among: each process would choose, or each picture has one fake."""
    if request.share.size > 1:
        raise UserError("--best and --min-real choose in one process, run them without torchrun")
    if condition.matching is not None:
        raise UserError(
            f"--best and --min-real choose among fakes, and {condition.matching.text} does, too: leave one out, "
            "or train with --condition"
        )
    if condition.rows is not None:
        raise UserError(
            "--best and --min-real choose among fakes, and here each row has its own: leave them out"
        )
    if condition.pictures is not None:
        raise UserError(
            "--best and --min-real choose among fakes from noise or labels, and here each picture has its own: "
            "leave them out"
        )


def path_of_share(out: Path, share: Share) -> Path:
    """Where a share is written: fakes-00000-of-00004.csv for fakes.csv, and a folder of such a name in a folder."""
    if share.size == 1:
        return out
    part = f"{share.rank:05}-of-{share.size:05}"
    return out.with_stem(f"{out.stem}-{part}") if out.suffix.lower() in (".csv", ".parquet") else out / part


def beside(condition: SamplingCondition, fakes: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Fakes uint8 (n, H, W, C), each beside its condition and its real where there is one, for a sheet of so many
    columns."""
    count = len(fakes if condition.pictures is None else condition.pictures)
    indices = np.arange(len(fakes)) % count
    channels = fakes.shape[-1]
    columns = [fakes]
    if condition.pictures is not None:
        columns.insert(0, as_pictures(condition.pictures[indices], channels))
    if condition.reals is not None:
        columns.append(condition.reals[indices].transpose(0, 2, 3, 1))
    return np.stack(columns, 1).reshape(-1, *fakes.shape[1:]), len(columns) * ACROSS


def as_pictures(blocks: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Conditions (n, c, H, W) as stored pictures (n, H, W, channels): gray ones in color, a mask left away."""
    if blocks.shape[1] == 3 < channels:  # without alpha, beside fakes that have it
        blocks = np.concatenate([blocks, np.full_like(blocks[:, :1], OPAQUE)], 1)
    elif blocks.shape[1] < 3 <= channels:
        opaque = np.full_like(blocks[:, :1], OPAQUE)
        blocks = np.concatenate([blocks[:, :1]] * 3 + [opaque], 1)
    elif blocks.shape[1] >= 3 > channels:  # in color, beside gray fakes
        blocks = np.stack([conditions.to_gray(block[:3]) for block in blocks])
    return np.ascontiguousarray(blocks[:, :channels].transpose(0, 2, 3, 1))
