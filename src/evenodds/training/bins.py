"""Where a generator that knows the likelihood of rows begins: at each column's own frequencies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.quantiles import bins_of
from evenodds.networks.autoregressive import BINS, AutoregressiveGenerator

COUNTED = 20_000
"""Rows that are counted, at most."""
UNSEEN = 0.1
"""Rows that a choice counts as more than it has."""
NEVER = -30.0
"""The logarithm of nothing."""
MOST = 1.0
"""By how much a frequency's logarithm is moved, at most: a bin without width stays never chosen."""
BATCH = 1_000


@torch.no_grad()
def begin_at_frequencies(generator: AutoregressiveGenerator, store: Store) -> None:
    """Gives numbers the bins that their codecs suggest, and every choice the frequency that it has in training rows."""
    if store.codec_json is not None and len(generator.numbers):
        codec = TableCodec.from_json(store.codec_json)
        inner = (column.inner if isinstance(column, DateColumn) else column for column in codec.columns)
        numbers = [column for column in inner if isinstance(column, NumberColumn)]
        edges = np.array([bins_of(column.scores, BINS) for column in numbers])
        starts = [span.start for span in codec.spec.spans if span.kind == "number"]
        order = [starts.index(span.start) for span in generator.numbers]
        generator.edges.copy_(torch.from_numpy(edges[order]))
    widths = generator.edges.diff()
    rows = counted(store, generator)
    for at, span in enumerate(generator.spans):
        begin, end = generator.choices[at : at + 2]
        shares = frequencies(generator, at, rows).log()
        if span.kind == "number":  # a bin without width is never chosen
            shares[widths[generator.number_of[at]] == 0] = NEVER
        generator.frequencies[begin:end] = shares


@torch.no_grad()
def calibrate(generator: AutoregressiveGenerator, store: Store) -> None:
    """Has each choice be as likely, on average after training rows, as it is frequent among them. What a network learnt
    of a column by those before it leaves its frequencies a little off, which a referee tells by the column alone."""
    rows = counted(store, generator)
    expected = [torch.zeros(stop - start) for start, stop in pairwise(generator.choices)]
    for part in torch.split(rows, BATCH):
        for total, p in zip(expected, generator.probabilities(part), strict=True):
            total += p.sum(0).cpu() / len(rows)
    for at, mean in enumerate(expected):
        begin, end = generator.choices[at : at + 2]
        ratio = frequencies(generator, at, rows) / mean.to(rows.device).clamp(min=1e-9)
        generator.frequencies[begin:end] += ratio.log().clamp(-MOST, MOST)


def counted(store: Store, generator: AutoregressiveGenerator) -> Tensor:
    """Training rows that are counted, where G is."""
    rows = store.train(np.arange(min(COUNTED, store.n_train)))
    return torch.from_numpy(rows).to(generator.edges.device)


def frequencies(generator: AutoregressiveGenerator, at: int, rows: Tensor) -> Tensor:
    """How frequent the choices of a span are among rows, (choices,)."""
    count = generator.choices[at + 1] - generator.choices[at]
    chosen = generator.chosen(at, generator.part_of(generator.spans[at], rows))
    return (torch.bincount(chosen, minlength=count) + UNSEEN) / (len(rows) + UNSEEN * count)
