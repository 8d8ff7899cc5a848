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
from evenodds.metrics.records import closest, usefulness
from evenodds.metrics.referee import rule
from evenodds.metrics.reference import REFERENCE, known_count
from evenodds.runs import sample
from evenodds.runs.run import Run

MODELS = {"trees": "trees", "logistic": "logistic regression"}
FEWEST = 4
"""Held-out rows, at least, beside which fakes are measured."""


class Side(NamedTuple):
    """Rows of one kind: as a user sees them, with columns that compare, and encoded (n, width)."""

    shown: pd.DataFrame
    table: pd.DataFrame
    cloud: Cloud

    def first(self, count: int) -> Side:
        """The first ones."""
        return Side(self.shown[:count], self.table[:count], self.cloud[:count])


class Sides(NamedTuple):
    """Training rows, held-out rows and fakes, with what their columns are."""

    train: Side
    heldout: Side
    fake: Side
    kinds: dict[str, Kind]


def sides(run: Run, store: Store, n: int, seed: int, device: torch.device) -> Sides:
    """n fakes, as a user gets them, beside as many held-out rows where there are, and the training rows known."""
    codec = TableCodec.from_json(run.codec())

    def side(shown: pd.DataFrame, cloud: Cloud) -> Side:
        return Side(shown, comparable(shown, codec), cloud)

    def real(cloud: Cloud) -> Side:
        return side(codec.decode(cloud, np.random.default_rng(0)), cloud)

    made = pd.concat(list(sample.rows(run, n, seed, device)), ignore_index=True)
    fake = side(made, codec.encode(made, np.random.default_rng(seed_of(seed, "score"))))
    train = real(store.train(np.arange(known_count(store))))
    heldout = real(store.heldout(np.arange(min(n, store.n_heldout))))
    return Sides(train, heldout, fake, kinds_of(codec))


def figures(known: Sides, store: Store, target: str | None) -> Iterator[Metric]:
    """Distance, neighbours, columns, usefulness and the referee."""
    yield distance(known)
    if len(known.heldout.cloud) >= FEWEST:
        yield from neighbours(known)
        yield from columns(known)
        if target is not None:
            yield from useful(known, target)
        yield ruled(known, store)


def distance(known: Sides) -> Metric:
    """The energy distance of encoded rows, as the game's checks have it."""
    train, heldout, fake = (side.cloud[:REFERENCE] for side in known[:3])
    stamp = Stamp("encoded rows", "none", "train", len(train), len(fake))
    reals = energy(train, heldout) if len(heldout) == len(fake) else None
    return Metric("energy_distance", "energy distance", energy(train, fake), stamp, "lower", reals=reals)


def neighbours(known: Sides) -> Iterator[Metric]:
    """How encoded fakes and held-out rows lie among each other, beside training rows in the fakes' place."""
    count = len(known.heldout.cloud)
    train, heldout, fake = (side.cloud[:count] for side in known[:3])
    stamp = Stamp("encoded rows", "none", "held-out", count, len(fake))
    names = ("precision", "recall", "density", "coverage")
    values = (*precision_recall(heldout, fake), *density_coverage(heldout, fake))
    reals = (*precision_recall(heldout, train), *density_coverage(heldout, train))
    for name, value, real in zip(names, values, reals, strict=True):
        yield Metric(name, name, value, stamp, "higher", reals=real)


def columns(known: Sides) -> Iterator[Metric]:
    """The means of shapes and of trends over columns and pairs."""
    count = len(known.heldout.table)
    train, heldout, fake = (side.first(count).table for side in known[:3])
    stamp = Stamp("columns", "none", "held-out", count, len(fake))
    for name, title, compare in (
        ("column_shapes", "column shapes", shapes),
        ("pair_trends", "column pair trends", trends),
    ):
        value, reals = (mean_of(compare(heldout, side, known.kinds)) for side in (fake, train))
        if not np.isnan(value):
            yield Metric(name, title, value, stamp, "higher", reals=reals)


def mean_of(found: dict[Any, float]) -> float:
    """The mean of what could be compared; nan where nothing could."""
    values = [value for value in found.values() if not np.isnan(value)]
    return float(np.mean(values)) if values else float("nan")


def details(known: Sides) -> dict[str, Any]:
    """Shapes and trends of each column and pair, those that could be compared; the least alike first."""
    fake, heldout = known.fake.first(len(known.heldout.table)).table, known.heldout.table
    alike = least_first(shapes(heldout, fake, known.kinds))
    pairs = least_first(trends(heldout, fake, known.kinds))
    return {"column_shapes": dict(alike), "pair_trends": [[*names, value] for names, value in pairs]}


def least_first(found: dict[Any, float]) -> list[tuple[Any, float]]:
    """What could be compared, the least alike first."""
    known = [(name, round(value, 4)) for name, value in found.items() if not np.isnan(value)]
    return sorted(known, key=lambda one: one[1])


def useful(known: Sides, target: str) -> Iterator[Metric]:
    """F1 on held-out rows of classifiers that learnt from fakes, beside as many training rows."""
    train, heldout, fake = (side.table for side in known[:3])
    count = min(len(train), len(fake))
    values, reals = (usefulness(side[:count], heldout, known.kinds, target) for side in (fake, train))
    stamp = Stamp(f"classifier of {target}", "none", "held-out", len(heldout), count)
    for name, value in values.items():
        yield Metric(
            f"f1_{name}", f"F1 of {MODELS[name]} for {target}", value, stamp, "higher", reals=reals[name]
        )


def ruled(known: Sides, store: Store) -> Metric:
    """The referee's word on encoded rows."""
    count = len(known.heldout.cloud)
    real, fake = (torch.from_numpy(side.cloud[:count]) for side in (known.heldout, known.fake))
    ruling = rule(store.spec, real, fake)
    stamp = Stamp("encoded rows", "none", "held-out", count, len(fake))
    bounds = (ruling.low, ruling.high, ruling.p_value)
    return Metric("referee", f"referee ({ruling.by})", ruling.auc, stamp, "half", *bounds)


def copied(known: Sides, path: Path) -> Iterator[Metric]:
    """Whether fakes lie nearer to training rows than held-out ones do, and how near; writes the nearest as a table."""
    train, heldout, fake, kinds = known
    found = copying(train.cloud, heldout.cloud, fake.cloud)
    stamp = Stamp("encoded rows", "none", "train", len(train.cloud), len(fake.cloud))
    bounds = (found.closeness.low, found.closeness.high, found.p_value)
    yield Metric("copying", "copying", found.closeness.value, stamp, "half", *bounds)
    apart, place = closest(fake.table, train.table, kinds)
    reals, _ = closest(heldout.table, train.table, kinds)
    stamp = Stamp("columns", "none", "train", len(train.table), len(fake.table))
    yield Metric(
        "closest_record",
        "distance to closest record, median",
        float(np.median(apart)),
        stamp,
        "reals",
        reals=float(np.median(reals)),
    )
    write_rows(fake.shown, train.shown, apart, place, path)
