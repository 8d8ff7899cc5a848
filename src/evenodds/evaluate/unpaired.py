"""How near what is made from one set comes to the other set, and what it keeps of the picture it was made from."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from evenodds.core.spec import at_most
from evenodds.data.images.arrays import to_tensor
from evenodds.data.store import Store
from evenodds.metrics.content import content
from evenodds.metrics.distribution import frechet
from evenodds.metrics.reference import reference_count, reference_features
from evenodds.networks.layers import with_channels
from evenodds.runs.conditions import turns
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler

PICTURES, PIXELS, FEWEST = 500, 8_000_000, 50
"""Held-out pictures that are looked at, at most: of large ones by their pixels."""

Bytes = NDArray[np.uint8]


def translation_scores(run: Run, store: Store, device: torch.device) -> dict[str, Any]:
    """Scores of the best G on held-out pictures of the set that it makes others from.

    pictures; distance (Fréchet, on the game's features, to held-out reals) of what it makes; ``distance_before``, that
    of the pictures themselves; and ``honoured``: the share of content, 1 for all of it and 0 for no more than chance.
    """
    most = at_most(store.spec, PICTURES, PICTURES, PIXELS, FEWEST)
    indices = np.arange(min(store.n_conditions("heldout"), most))
    inputs = cast(Bytes, store.conditions("heldout", indices))
    made = Sampler(run, device).pictures(len(indices), run.recipe.plan.seed, turns(inputs))
    fake = np.concatenate(list(made)).transpose(0, 3, 1, 2)
    features = reference_features(store, reference_count(store))
    real = features(to_tensor(store.heldout(np.arange(min(store.n_heldout, most)))))
    alike = with_channels(to_tensor(inputs), store.spec.shape[0])
    return {
        "pictures": len(indices),
        "distance": round(frechet(real, features(to_tensor(fake))), 4),
        "distance_before": round(frechet(real, features(alike)), 4),
        "honoured": {"content": round(content(inputs, fake).share, 4)},
    }
