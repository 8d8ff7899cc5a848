"""Chooses which rows of a run and of its data are plotted side by side, and has them counted."""

from __future__ import annotations

from typing import Any

import torch

from evenodds.data.store import Store
from evenodds.data.tables.dates import DateColumn
from evenodds.evaluate.column_counts import column_plots, pair_plots
from evenodds.evaluate.tables import TableSplits, details, table_splits
from evenodds.runs.column_plots import TablePlots
from evenodds.runs.run import Run

FEW = 100
"""Held-out rows, fewer than which say too little: training rows are plotted in their place."""
FAKES = 500
"""Fakes, at most, that are made anew to be plotted where too few were scored."""


def table_plots(
    run: Run, store: Store, splits: TableSplits, alike: dict[str, Any], seed: int, device: torch.device
) -> TablePlots:
    """Every column and the worst pairs of ``splits``, whose ``details`` are ``alike``; of more rows where these are
    few."""
    on_training = False
    if len(splits.heldout.table) < FEW:
        splits = table_splits(
            run, store, max(len(splits.fake.table), min(store.n_train, FAKES)), seed, device
        )
        on_training = len(splits.heldout.table) < FEW
        if on_training:
            splits = splits._replace(heldout=splits.train)
        alike = details(splits)
    units = {
        column.name: column.unit for column in splits.codec.required_columns if isinstance(column, DateColumn)
    }
    real, fake = splits.heldout.table, splits.fake.first(len(splits.heldout.table)).table
    return TablePlots(
        checkpoint=int(run.checkpoints.best().name),
        split="train" if on_training else "held-out",
        real_n=len(real),
        fake_n=len(fake),
        columns=column_plots(real, fake, splits.kinds, units, alike["column_shapes"]),
        pairs=pair_plots(real, fake, splits.kinds, units, alike["pair_trends"]),
    )
