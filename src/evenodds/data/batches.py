"""Batches of training samples in an order that a seed and a place decide, so that a resumed run goes on exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from evenodds.core.spec import PictureSpec, RowSpec
from evenodds.data.images.arrays import sent, to_tensor
from evenodds.data.store import Part, Store

RARE = 0.5
"""A choice is rare where it is given less than this share as often as the most frequent one."""


class Drawn(NamedTuple):
    """Samples x (n, *shape), and the conditions c (n, ...) they were made under, if there are any."""

    x: Tensor
    c: Tensor | None


class Batches:
    """Every training sample once an epoch, in an order drawn from (seed, epoch); of several ranks each takes its share
    of every batch.

    Where a choice that is given is rare, rows are drawn by it instead (``Choices``), so that it is learnt too.
    """

    def __init__(self, store: Store, seed: int, rank: int = 0, ranks: int = 1) -> None:
        self.store, self.rank, self.ranks = store, rank, ranks
        self.seed = (seed, 0)
        self.samples = Order(store.n_train, self.seed)
        self.inputs: Order | None = None
        """Of unpaired pictures, which come in an order of their own."""
        if store.condition is not None and not store.condition.paired:
            self.inputs = Order(store.n_conditions("train"), (seed, 1))
        self.choices = choices_of(store)

    def indices(self, seen: int, count: int) -> np.ndarray:
        """This rank's ``count`` of all ranks' training indices that follow ``seen`` samples, across epochs where need
        be."""
        return self.share(self.of_all(seen, self.ranks * count), count)

    def share(self, indices: np.ndarray, count: int) -> np.ndarray:
        """This rank's ``count`` of all ranks' indices."""
        first = self.rank * count
        return indices[first : first + count]

    def of_all(self, seen: int, count: int) -> np.ndarray:
        """The ``count`` training indices of all ranks that follow ``seen`` samples."""
        if self.choices is not None:
            return self.choices.draw(count, np.random.default_rng([*self.seed, seen]))
        return self.samples.at(seen, count)

    def at(self, seen: int, count: int, device: torch.device) -> Drawn:
        """The reals that follow ``seen`` samples: float32 (count, *spec.shape), and their conditions, or of unpaired
        pictures the next ones of the other set."""
        reals, inputs = self.indices(seen, count), None
        if self.inputs is not None:
            inputs = self.share(self.inputs.at(seen, self.ranks * count), count)
        return drawn(self.store, "train", reals, device, inputs)


class Order:
    """Each of ``total`` rows once an epoch, in an order drawn from (seed, epoch)."""

    def __init__(self, total: int, seed: tuple[int, int]) -> None:
        self.total, self.seed = total, seed
        self.epoch = -1
        self.order = np.empty(0, np.int64)

    def at(self, seen: int, count: int) -> np.ndarray:
        """The ``count`` rows that follow ``seen`` ones, across epochs where need be."""
        parts = []
        while count:
            epoch, start = divmod(seen, self.total)
            if epoch != self.epoch:
                self.order = np.random.default_rng([*self.seed, epoch]).permutation(self.total)
                self.epoch = epoch
            part = self.order[start : start + count]
            parts.append(part)
            seen, count = seen + len(part), count - len(part)
        return np.concatenate(parts)


class Choices:
    """Rows drawn so that rare choices are seen: a given column, then one of its choices with a probability that goes
    by the logarithm of its frequency, then a row that has it (Xu 2019, 1907.00503, section 4.3)."""

    def __init__(self, columns: list[np.ndarray]) -> None:
        """``columns`` hold each row's choice, integers (n,)."""
        self.columns = []
        for codes in columns:
            counts = np.bincount(codes)
            weight = np.log1p(counts)
            self.columns.append(
                (weight / weight.sum(), np.argsort(codes, kind="stable"), np.cumsum(counts) - counts, counts)
            )

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n rows' places, int64."""
        places = np.empty(n, np.int64)
        which = rng.integers(len(self.columns), size=n)
        for column, (share, order, first, counts) in enumerate(self.columns):
            mine = which == column
            choice = rng.choice(len(share), size=int(mine.sum()), p=share)
            places[mine] = order[first[choice] + rng.integers(counts[choice])]
        return places


def choices_of(store: Store) -> Choices | None:
    """How the training rows are drawn, or None where every choice that is given is frequent, or nothing is."""
    if store.condition is None or not isinstance(store.condition.spec, RowSpec):
        return None
    conditions = store.conditions("train", np.arange(store.n_train))
    spans = [span for span in store.condition.spec.spans if span.kind != "number"]
    columns = (
        [] if conditions is None else [conditions[:, span.start : span.stop].argmax(1) for span in spans]
    )
    counts = [np.bincount(codes) for codes in columns]
    if all(count[count > 0].min() >= RARE * count.max() for count in counts):
        return None
    return Choices(columns)


def drawn(
    store: Store, part: Part, indices: np.ndarray, device: torch.device, inputs: np.ndarray | None = None
) -> Drawn:
    """Samples of a part with their conditions, or those at ``inputs``, as the networks take them."""
    block = store.train(indices) if part == "train" else store.heldout(indices)
    conditions = store.conditions(part, indices if inputs is None else inputs)
    return Drawn(
        as_samples(store, block, device), None if conditions is None else as_given(conditions, device)
    )


def as_given(block: np.ndarray, device: torch.device) -> Tensor:
    """Stored conditions as the networks take them: pictures in [-1, 1], values as they are."""
    return as_pictures(block, device) if block.dtype == np.uint8 else sent(block, device)


def as_samples(store: Store, block: np.ndarray, device: torch.device) -> Tensor:
    """Stored samples as the networks take them: pictures in [-1, 1] and channels-last, rows as they are."""
    return as_pictures(block, device) if isinstance(store.spec, PictureSpec) else sent(block, device)


def as_pictures(block: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (n, C, H, W) in [-1, 1], channels-last."""
    return to_tensor(block, device).contiguous(memory_format=torch.channels_last)
