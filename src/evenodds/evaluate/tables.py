"""The figures of a run that makes table rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from evenodds.core.rng import seed_of
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.evaluate.copies import write_rows
from evenodds.evaluate.metric import Metric, Stamp
from evenodds.metrics.columns import Kind, comparable, kinds_of, shapes, trends
from evenodds.metrics.distribution import Cloud, copying, density_coverage, energy, precision_recall
from evenodds.metrics.membership import membership
from evenodds.metrics.records import closest, usefulness
from evenodds.metrics.referee import MOST_ROWS, Lesson, rule
from evenodds.metrics.reference import REFERENCE, reference_count
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler

MODELS = {"trees": "trees", "logistic": "logistic regression"}
FEWEST = 4
"""Held-out rows, at least, beside which fakes are measured."""


class TableSplit(NamedTuple):
    """Rows of one kind: as a user sees them, with columns that compare, and encoded (n, width)."""

    shown: pd.DataFrame
    table: pd.DataFrame
    cloud: Cloud

    def first(self, count: int) -> TableSplit:
        """The first ones."""
        return TableSplit(self.shown[:count], self.table[:count], self.cloud[:count])


class TableSplits(NamedTuple):
    """Training rows, held-out rows and fakes, with what their columns are and how they are encoded."""

    train: TableSplit
    heldout: TableSplit
    fake: TableSplit
    kinds: dict[str, Kind]
    codec: TableCodec


def table_splits(run: Run, store: Store, n: int, seed: int, device: torch.device) -> TableSplits:
    """n fakes, as a user gets them, beside as many held-out rows where there are, and the training rows known."""
    codec = TableCodec.from_json(run.codec())

    def split(shown: pd.DataFrame, cloud: Cloud) -> TableSplit:
        return TableSplit(shown, comparable(shown, codec), cloud)

    def real(cloud: Cloud) -> TableSplit:
        return split(codec.to_table(cloud, np.random.default_rng(0)), cloud)

    made = pd.concat(list(Sampler(run, device).rows(n, seed)), ignore_index=True)
    fake = split(made, codec.encode(made, np.random.default_rng(seed_of(seed, "score"))))
    train = real(store.train(np.arange(reference_count(store))))
    heldout = real(store.heldout(np.arange(min(n, store.n_heldout))))
    return TableSplits(train, heldout, fake, kinds_of(codec), codec)


def lesson_for(run: Run, splits: TableSplits, seed: int, device: torch.device) -> Lesson:
    """Training rows and as many fakes, others than those scored, from which the referee learns too."""
    rows = splits.train.cloud[:MOST_ROWS]
    made = pd.concat(list(Sampler(run, device).rows(len(rows), seed_of(seed, "lesson"))), ignore_index=True)
    fake = splits.codec.encode(made, np.random.default_rng(seed_of(seed, "lesson")))
    return Lesson(torch.from_numpy(rows), torch.from_numpy(fake))


def figures(splits: TableSplits, lesson: Lesson, store: Store, target: str | None) -> Iterator[Metric]:
    """Distance, neighbours, columns, usefulness and the referee."""
    yield distance(splits)
    if len(splits.heldout.cloud) >= FEWEST:
        yield from neighbours(splits)
        yield from columns(splits)
        if target is not None:
            yield from usefulness_metrics(splits, target)
        yield referee_metric(splits, lesson, store)


def distance(splits: TableSplits) -> Metric:
    """The energy distance of encoded rows, as the game's checks have it."""
    train, heldout, fake = (split.cloud[:REFERENCE] for split in splits[:3])
    stamp = Stamp("encoded rows", "none", "train", len(train), len(fake))
    reals = energy(train, heldout) if len(heldout) == len(fake) else None
    return Metric("energy_distance", "energy distance", energy(train, fake), stamp, "lower", reals=reals)


def neighbours(splits: TableSplits) -> Iterator[Metric]:
    """How encoded fakes and held-out rows lie among each other, beside training rows in the fakes' place."""
    count = len(splits.heldout.cloud)
    train, heldout, fake = (split.cloud[:count] for split in splits[:3])
    stamp = Stamp("encoded rows", "none", "held-out", count, len(fake))
    names = ("precision", "recall", "density", "coverage")
    values = (*precision_recall(heldout, fake), *density_coverage(heldout, fake))
    reals = (*precision_recall(heldout, train), *density_coverage(heldout, train))
    for name, value, real in zip(names, values, reals, strict=True):
        yield Metric(name, name, value, stamp, "higher", reals=real)


def columns(splits: TableSplits) -> Iterator[Metric]:
    """The means of shapes and of trends over columns and pairs."""
    count = len(splits.heldout.table)
    train, heldout, fake = (split.first(count).table for split in splits[:3])
    stamp = Stamp("columns", "none", "held-out", count, len(fake))
    for name, title, compare in (
        ("column_shapes", "column shapes", shapes),
        ("pair_trends", "column pair trends", trends),
    ):
        value, reals = (mean_of(compare(heldout, split, splits.kinds)) for split in (fake, train))
        if not np.isnan(value):
            yield Metric(name, title, value, stamp, "higher", reals=reals)


def mean_of(measured: dict[Any, float]) -> float:
    """The mean of what could be compared; nan where nothing could."""
    values = [value for value in measured.values() if not np.isnan(value)]
    return float(np.mean(values)) if values else float("nan")


def details(splits: TableSplits) -> dict[str, Any]:
    """Shapes and trends of each column and pair, those that could be compared; the least alike first."""
    fake, heldout = splits.fake.first(len(splits.heldout.table)).table, splits.heldout.table
    alike = least_first(shapes(heldout, fake, splits.kinds))
    pairs = least_first(trends(heldout, fake, splits.kinds))
    return {"column_shapes": dict(alike), "pair_trends": [[*names, value] for names, value in pairs]}


def least_first(measured: dict[Any, float]) -> list[tuple[Any, float]]:
    """What could be compared, the least alike first."""
    splits = [(name, round(value, 4)) for name, value in measured.items() if not np.isnan(value)]
    return sorted(splits, key=lambda one: one[1])


def usefulness_metrics(splits: TableSplits, target: str) -> Iterator[Metric]:
    """F1 on held-out rows of classifiers that learnt from fakes, beside as many training rows."""
    train, heldout, fake = (split.table for split in splits[:3])
    count = min(len(train), len(fake))
    values, reals = (usefulness(split[:count], heldout, splits.kinds, target) for split in (fake, train))
    stamp = Stamp(f"classifier of {target}", "none", "held-out", len(heldout), count)
    for name, value in values.items():
        yield Metric(
            f"f1_{name}", f"F1 of {MODELS[name]} for {target}", value, stamp, "higher", reals=reals[name]
        )


def referee_metric(splits: TableSplits, lesson: Lesson, store: Store) -> Metric:
    """The referee's word on encoded rows and on their values."""
    count = len(splits.heldout.cloud)
    real, fake = (torch.from_numpy(split.cloud) for split in (splits.heldout, splits.fake))
    ruling = rule(store.spec, real, fake, codec=splits.codec, lesson=lesson, most=count)
    stamp = Stamp("values" if "values" in ruling.by else "encoded rows", "none", "held-out", count, len(fake))
    bounds = (ruling.low, ruling.high, ruling.p_value)
    return Metric("referee", f"referee ({ruling.by})", ruling.auc, stamp, "half", *bounds)


def copying_metrics(splits: TableSplits, path: Path) -> Iterator[Metric]:
    """Whether fakes lie nearer to training rows than held-out ones do, and how near; writes the nearest as a table."""
    train, heldout, fake, kinds, _ = splits
    measured = copying(train.cloud, heldout.cloud, fake.cloud)
    stamp = Stamp("encoded rows", "none", "train", len(train.cloud), len(fake.cloud))
    bounds = (measured.closeness.low, measured.closeness.high, measured.p_value)
    yield Metric("copying", "copying", measured.closeness.value, stamp, "half", *bounds)
    distances, indices = closest(fake.table, train.table, kinds)
    reals, _ = closest(heldout.table, train.table, kinds)
    stamp = Stamp("columns", "none", "train", len(train.table), len(fake.table))
    yield Metric(
        "closest_record",
        "distance to closest record, median",
        float(np.median(distances)),
        stamp,
        "reals",
        reals=float(np.median(reals)),
    )
    write_rows(fake.shown, train.shown, distances, indices, path)


def membership_metrics(splits: TableSplits) -> Iterator[Metric]:
    """What fakes tell of who was trained on: the attack by distance, and the share of fakes nearer to a training row
    than to one of as many held-out rows."""
    train, heldout, fake, kinds = splits.train.table, splits.heldout.table, splits.fake.table, splits.kinds
    count = min(len(train), len(heldout))
    chosen = train.iloc[np.random.default_rng(0).choice(len(train), count, replace=False)]
    reals = pd.concat([train, heldout])
    to_fake = [closest(rows, fake, kinds, reals)[0] for rows in (train, heldout)]
    to_reals = [closest(fake, rows, kinds, reals)[0] for rows in (chosen, heldout.iloc[:count])]
    measured = membership(*to_fake, *to_reals)
    stamp = Stamp("columns", "none", "train", len(train), len(fake))
    yield Metric(
        "membership", "membership attack, AUC", measured.attack.value, stamp, "half", *measured.attack[1:]
    )
    stamp = Stamp("columns", "none", "train", count, len(fake))
    name = "nearer to training than to held-out rows"
    yield Metric("nearer_training", name, measured.nearer.value, stamp, "half", *measured.nearer[1:])
