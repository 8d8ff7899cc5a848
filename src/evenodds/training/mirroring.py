"""Chooses whether reals are mirrored half of the time: ``--mirror auto`` asks the data, once, when a run begins.

The reals that a check, the referee and scores compare with are never mirrored. Where auto mirrors, they are symmetric
already; where a user does so against the data, their figures say what that costs, on the scale of a run without it.
"""

from __future__ import annotations

import numpy as np
import torch

from evenodds.config.settings import Recipe
from evenodds.core.observer import Say
from evenodds.core.spec import at_most
from evenodds.data.batches import as_samples
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn
from evenodds.metrics.mirror import FEWEST, LIMIT, Labels, MirrorTest, mirror_test, shrunk

MOST, PIXELS, LEAST = 2_000, 100_000_000, 500
"""Training pictures that are looked at, at most: of large ones as many as have these pixels, but LEAST of them."""
AT_ONCE = 2**22
"""Pixels that are read at once."""


def with_mirror(recipe: Recipe, store: Store, say: Say) -> Recipe:
    """The recipe, resolved, with ``mirror`` on or off, and one sentence on why where the data was asked.

    Under labels ``mirror`` on stays the user's word, but a label that changes in the mirror is told of.
    """
    labels = labels_of(store)
    if recipe.game.mirror == "on" and labels is not None and store.n_train >= FEWEST:
        ruling = test_store(store, labels)
        if ruling.label is not None and not ruling.symmetric:
            say(f"mirrored as you say, though {sentence(ruling)}: fakes will not heed {ruling.label} there")
    if recipe.game.mirror != "auto":
        return recipe
    if store.n_train < FEWEST:
        mirror = False
        say(
            f"reals are not mirrored: {store.n_train} pictures are too few to ask whether they look alike in a mirror, "
            f"{FEWEST} are needed (--mirror on mirrors them)"
        )
    else:
        ruling = test_store(store, labels)
        mirror = ruling.symmetric
        say(reason(ruling))
    game = recipe.game.model_copy(update={"mirror": "on" if mirror else "off"})
    return recipe.model_copy(update={"game": game})


def test_store(store: Store, labels: Labels | None) -> MirrorTest:
    """Asks the first training pictures of a store, which come in random order, under their labels if there are any."""
    return mirror_test(pictures_of(store, asked_count(store)), labels)


def asked_count(store: Store) -> int:
    """How many training pictures are looked at."""
    return min(store.n_train, at_most(store.spec, MOST, MOST, PIXELS, LEAST))


def pictures_of(store: Store, count: int) -> torch.Tensor:
    """The first ``count`` training pictures, made small."""
    batch = max(1, AT_ONCE // int(np.prod(store.spec.shape)))
    parts = (np.arange(start, min(start + batch, count)) for start in range(0, count, batch))
    return torch.cat(
        [shrunk(as_samples(store, store.train(part), torch.device("cpu"))).contiguous() for part in parts]
    )


def labels_of(store: Store) -> Labels | None:
    """The labels that the pictures are made under, None where there are none."""
    values = store.conditions("train", np.arange(asked_count(store)))
    if store.condition is None or store.condition.kind != "labels" or values is None:
        return None
    places: dict[str, slice] = {}
    levels: dict[str, tuple[str, ...]] = {}
    start = 0
    for column in TableCodec.from_json(store.condition_codec or {}).columns:
        places[column.name] = slice(start, start + column.width)
        if isinstance(column, CategoryColumn):
            levels[column.name] = tuple(str(level) for level in column.levels[: column.alone])
        start += column.width
    return Labels(torch.from_numpy(values), places, levels)


def reason(ruling: MirrorTest) -> str:
    """One sentence on what was chosen, and why."""
    if ruling.symmetric:
        return (
            f"reals are mirrored half of the time (--mirror off leaves them): {sentence(ruling)}, "
            f"{ruling.bound:.0%} at most"
        )
    if ruling.significant:
        return f"reals are not mirrored: {sentence(ruling)}"
    return (
        f"reals are not mirrored (--mirror on mirrors them): {sentence(ruling)}, but with so few pictures it may be "
        f"{ruling.bound:.0%}, and {LIMIT:.0%} would be too much"
    )


def sentence(ruling: MirrorTest) -> str:
    """How well mirror images are told."""
    which = f" under {ruling.by}" if ruling.label is not None else ""
    return (
        f"a classifier is right about {ruling.right:.0%} of {ruling.pictures:,} pairs of a picture and its mirror image"
        f"{which}, where a coin is about 50%"
    )
