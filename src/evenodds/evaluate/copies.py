"""The fakes that lie nearest to what was trained on, each beside it, to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import visible, write_grid
from evenodds.data.store import Store
from evenodds.data.tables.files import write_table
from evenodds.metrics.distribution import Cloud

SHOWN = 24
"""Fakes shown, at most."""
ACROSS = 4
"""Groups of fake, nearest training and nearest held-out picture side by side."""


class Suspects(NamedTuple):
    """Places of the fakes nearest to training samples, the nearest first, and of those that they are nearest to."""

    fakes: NDArray[np.int64]
    train: NDArray[np.int64]
    heldout: NDArray[np.int64]


def suspects(train: Cloud, heldout: Cloud, fake: Cloud) -> Suspects:
    """The fakes (n, k) most worth a look: those nearest to a training sample."""
    distances, indices = nearest_of(fake, train)
    worst = np.argsort(distances, kind="stable")[:SHOWN]
    _, other = nearest_of(fake[worst], heldout)
    return Suspects(worst, indices[worst], other)


def nearest_of(of: Cloud, among: Cloud) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances (n,) to the nearest rows of another cloud, and these rows' places."""
    distances, indices = NearestNeighbors(n_neighbors=1).fit(among).kneighbors(of)
    return distances[:, 0], indices[:, 0].astype(np.int64)


def write_sheet(store: Store, fakes: NDArray[np.uint8], suspects_found: Suspects, path: Path) -> None:
    """A PNG of stored fakes (n, C, H, W), each left of its nearest training and its nearest held-out picture."""
    columns = [
        fakes[suspects_found.fakes],
        store.train(suspects_found.train),
        store.heldout(suspects_found.heldout),
    ]
    sheet = np.stack(columns, 1).reshape(-1, *fakes.shape[1:]).transpose(0, 2, 3, 1)
    write_grid(visible(sheet, cast(PictureSpec, store.spec).bands), path, columns=3 * ACROSS)


def write_rows(
    fakes: pd.DataFrame,
    train: pd.DataFrame,
    distances: NDArray[np.float64],
    indices: NDArray[Any],
    path: Path,
) -> None:
    """A table of the fakes closest to a training row, each above that row: what it is, the distance, the columns."""
    worst = np.argsort(distances, kind="stable")[:SHOWN]
    parts = []
    for what, rows in (("fake", fakes.iloc[worst]), ("training row", train.iloc[indices[worst]])):
        head = pd.DataFrame({"what": what, "distance": distances[worst].round(6)})
        parts.append(pd.concat([head, rows.reset_index(drop=True)], axis=1))
    both = pd.concat(parts).sort_index(kind="stable")
    write_table([both], path)
