"""What fixed latents give, round by round: the samples a run keeps, from which its film is made."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from evenodds.core import atomic
from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import to_visible, write_grid
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import NumberColumn
from evenodds.metrics.probability import probability
from evenodds.networks.generate import generate, latents_of
from evenodds.runs.answers import Answers, write_answers
from evenodds.runs.film import GRID, PICTURES, ROWS, number_ranges
from evenodds.runs.run import Run
from evenodds.training.probes import Probes
from evenodds.training.trainer import Trainer

HOTTEST = 65_504.0
"""The largest score that float16 holds."""


class SnapshotWriter:
    """Writes samples/ROUND.png for pictures, samples/ROUND.csv for tables.

    Beside them samples/ROUND.json: the probability by which D calls each of them real, as JSON. For tables of two
    numbers also samples/ROUND.npy: D's score as float16 over GRID, which spans both columns' ranges.
    """

    def __init__(self, run: Run, store: Store, trainer: Trainer) -> None:
        self.run, self.trainer, self.probes = run, trainer, Probes(trainer)
        self.codec = None if store.codec_json is None else TableCodec.from_json(store.codec_json)
        count = PICTURES if isinstance(store.spec, PictureSpec) else ROWS
        self.latents = latents_of(range(count), run.recipe.network.latent, trainer.device)
        self.conditions = in_order(self.probes.conditions(count))
        self.bands = isinstance(store.spec, PictureSpec) and store.spec.bands
        self.grid = None if self.codec is None else heat_grid(self.codec)

    def write(self) -> Path:
        """Writes what the average G makes of the fixed latents now. Returns the path."""
        trainer = self.trainer
        # Gumbel draws come from the random state: the same ones every time.
        set_random(seed_of(self.run.recipe.plan.seed, "hang"), trainer.device)
        network = trainer.players.average.network
        made = torch.cat(list(generate(network, self.latents, self.conditions))).cpu()
        stem = self.run.path / "samples" / f"{trainer.rounds:08d}"
        write_answers(stem, self.answers(made))
        if self.codec is None:
            sheet = stem.with_suffix(".png")
            write_grid(to_visible(made, bands=self.bands), sheet)
            return sheet
        rows = self.codec.to_table(made.numpy(), np.random.default_rng(self.run.recipe.plan.seed))
        sheet = stem.with_suffix(".csv")
        atomic.write_bytes(sheet, rows.to_csv(index=False).encode())
        if self.grid is not None:
            heat = self.probes.scores(torch.from_numpy(self.grid).to(trainer.device))
            content = BytesIO()
            scores = heat.numpy().clip(-HOTTEST, HOTTEST).astype(np.float16).reshape(GRID)
            np.save(content, scores, allow_pickle=False)
            atomic.write_bytes(stem.with_suffix(".npy"), content.getvalue())
        return sheet

    def answers(self, made: torch.Tensor) -> Answers:
        """What D answers on the samples made (n, *shape) now."""
        fake = self.probes.scores(made.to(self.trainer.device), self.conditions).numpy()
        real = self.probes.scores_of("heldout", min(len(fake), self.probes.judged)).numpy()
        loss = self.run.recipe.objective.loss
        reals = float(probability(loss, real, real, fake).mean())
        return Answers(tuple(probability(loss, fake, real, fake)), reals, self.probes.signal(self.latents))


def in_order(conditions: torch.Tensor | None) -> torch.Tensor | None:
    """Conditions as they are shown: values (n, width) sorted, so that like stands beside like."""
    if conditions is None or conditions.dim() > 2:
        return conditions
    return conditions[torch.from_numpy(np.lexsort(conditions.cpu().numpy().T[::-1])[::-1].copy())]


def heat_grid(codec: TableCodec, grid: tuple[int, int] = GRID) -> np.ndarray | None:
    """Encoded rows over a grid (down, across) of both columns' ranges, for tables of just two numbers; None for
    others."""
    ranges = number_ranges(codec)
    if len(ranges) != 2 or [isinstance(column, NumberColumn) for column in codec.columns] != [True, True]:
        return None
    (first, (left, right)), (second, (low, high)) = ranges.items()
    up, across = grid
    y, x = np.meshgrid(np.linspace(low, high, up), np.linspace(left, right, across), indexing="ij")
    frame = pd.DataFrame({first: x.ravel(), second: y.ravel()})
    return codec.encode(frame, np.random.default_rng(0))
