"""The data that a judge is trained on: reals, fakes of the best G, fakes of earlier in the game, corrupted reals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of
from evenodds.core.spec import PictureSpec, RowSpec
from evenodds.data.images.alpha import premultiplied
from evenodds.data.store import Block, Store
from evenodds.data.tables.codec import TableCodec
from evenodds.judge.corrupt_images import corrupt_images
from evenodds.judge.corrupt_rows import corrupt_rows
from evenodds.judge.features import preprocess
from evenodds.runs.conditions import SamplingCondition, turns
from evenodds.runs.film import PICTURES
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler

SHARES = {"present": 0.4, "earlier": 0.2, "broken": 0.4}
"""Shares of the kinds of fakes; "broken" are corrupted reals. A run without earlier ones gives their share to the
present."""
SHEETS = 16
"""Most earlier sheets that are read."""
MAX_CONDITIONS = 500
"""Most pictures that present fakes are conditioned on, where G takes pictures in."""
TENTHS = 10
_GAP = 2  # pixels between the pictures of a sheet, as images.arrays leaves them


@dataclass(frozen=True)
class Split:
    """Reals, and the fakes to tell them from, by kind."""

    real: Block
    fakes: dict[str, Block]

    def stack(self) -> tuple[Block, NDArray[np.bool_], NDArray[np.float64]]:
        """Stack samples (n, ...), which of them are real (n,), and weights (n,): half for reals, half for fakes."""
        blocks = [self.real, *self.fakes.values()]
        counts = [len(block) for block in blocks]
        shares = np.array([0.5, *(0.5 * share for share in shares_of(self.fakes).values())])
        weight = np.repeat(shares / np.maximum(counts, 1), counts)
        block = cast(Block, np.concatenate(blocks))
        return block, np.arange(sum(counts)) < len(self.real), weight


def shares_of(fakes: dict[str, Block]) -> dict[str, float]:
    """SHARES, with the share of an empty kind added to the present fakes."""
    shares = {name: share if len(fakes[name]) else 0.0 for name, share in SHARES.items()}
    return {**shares, "present": shares["present"] + 1 - sum(shares.values())}


class JudgeData:
    """Draws splits from a run and its store, so that no fake is in two of them."""

    def __init__(self, run: Run, store: Store, device: torch.device) -> None:
        self.run, self.spec, self.device = run, store.spec, device
        self.codec = None if store.codec_json is None else TableCodec.from_json(store.codec_json)
        self.sheets = list(self._sheets())
        self.condition: SamplingCondition | None = None
        if store.condition is not None and store.condition.pictures:
            # A run stores few of its conditions that are pictures, and a judge needs many fakes.
            indices = np.random.default_rng(run.recipe.plan.seed).permutation(store.n_conditions("train"))[
                :MAX_CONDITIONS
            ]
            self.condition = turns(cast(NDArray[np.uint8], store.conditions("train", indices)))

    def split(self, name: str, real: Block, fakes: int, first: int, last: int) -> Split:
        """Draw a split with so many ``fakes``; of each earlier sheet it takes the tenths ``first`` to ``last`` - 1.

        Sheets show the same latents again and again, so a latent belongs to one split alone.
        """
        real = preprocess(self.spec, real)
        rng = np.random.default_rng(seed_of(self.run.recipe.plan.seed, "judge", name))
        parts = [real[:0]]
        for sheet in self.sheets:
            tenth = np.arange(len(sheet)) % TENTHS
            parts.append(sheet[(first <= tenth) & (tenth < last)])
        earlier: Block = rng.permutation(np.concatenate(parts))[: round(fakes * SHARES["earlier"])]
        share = shares_of({"present": real, "earlier": earlier, "broken": real})["present"]
        return Split(
            real,
            {
                "present": self.present(name, round(fakes * share)),
                "earlier": earlier,
                "broken": self.corrupted(real, round(fakes * SHARES["broken"]), rng),
            },
        )

    def present(self, name: str, n: int) -> Block:
        """Draw n fakes of the run's best G, as a user would get them: rounded, and encoded again."""
        seed = seed_of(self.run.recipe.plan.seed, "judge", name, "fakes")
        sampler = Sampler(self.run, self.device)
        if self.codec is None:
            batches = sampler.pictures(n, seed, self.condition)
            return np.concatenate(
                [
                    preprocess(self.spec, np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))
                    for batch in batches
                ]
            )
        rng = np.random.default_rng(seed)
        return np.concatenate([self.codec.encode(rows, rng) for rows in sampler.rows(n, seed)])

    def corrupted(self, real: Block, n: int, rng: np.random.Generator) -> Block:
        """Corrupt n reals."""
        if self.codec is None or not isinstance(self.spec, RowSpec):
            return corrupt_images(real.astype(np.uint8), n, rng, cast(PictureSpec, self.spec).alpha)
        widths = [column.width for column in self.codec.columns]
        return corrupt_rows(real.astype(np.float32), self.spec, widths, n, rng)

    def _sheets(self) -> Iterator[Block]:
        """Evenly spaced sheets of the run, without the newest, whose G is the present one or its neighbour; none of
        bands, of which sheets do not show all."""
        if isinstance(self.spec, PictureSpec) and self.spec.bands:
            return
        paths = list(self.run.samples("png" if self.codec is None else "csv"))[:-1]
        for index in np.unique(np.linspace(0, len(paths) - 1, SHEETS).round().astype(int)) if paths else ():
            try:
                yield self._read(paths[index])
            except (OSError, ValueError, UserError):
                continue  # a damaged sheet is no reason to judge nothing

    def _read(self, path: Path) -> Block:
        if self.codec is not None:
            return self.codec.encode(self.codec.read_sheet(path), np.random.default_rng(0))
        if not isinstance(self.spec, PictureSpec):
            raise TypeError(f"pictures of the spec {self.spec}")
        return preprocess(self.spec, cut_sheet(path, self.spec))


def cut_sheet(path: Path, spec: PictureSpec) -> NDArray[np.uint8]:
    """Cut a sheet of PICTURES that ``arrays.grid_image`` made: uint8 (n, C, H, W), at their original size."""
    with Image.open(path) as image:
        pixels = np.asarray(image)
    pixels = pixels.reshape(*pixels.shape[:2], spec.channels)
    pixels = premultiplied(pixels) if spec.alpha else pixels
    split = round(PICTURES**0.5)
    scale = ((pixels.shape[0] + _GAP) // split - _GAP) // spec.height
    step_y, step_x = spec.height * scale + _GAP, spec.width * scale + _GAP
    pictures = [
        pixels[y * step_y :, x * step_x :][: spec.height * scale : scale, : spec.width * scale : scale]
        for y in range(split)
        for x in range(split)
    ]
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
