"""What a sample shows: features by name, and how far each is there; of rows, read from the row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evenodds.data.columns import CategoryColumn
from evenodds.data.tables import TableCodec
from evenodds.errors import UserError

BATCH = 256
YES = ("yes", "true", "1")

Shares = NDArray[np.float64]
Tell = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Feature:
    """One thing that a sample may show: a level of a label or column, or how much of a number."""

    column: str
    level: str | None
    """None for a number."""

    @property
    def name(self) -> str:
        return self.column if self.level is None else f"{self.column}={self.level}"


@dataclass(frozen=True)
class Eyes:
    """``tell`` says how far samples (n, *shape) show each of ``features``: (n, k), shares in [0, 1] of levels, normal
    scores of numbers. ``accuracy`` is that on held-out reals, by column; empty for rows, which say it themselves.
    ``log_odds`` (n, k) of pictures are differentiable; None for rows."""

    features: tuple[Feature, ...]
    tell: Tell
    accuracy: dict[str, float]
    log_odds: Tell | None = None

    def see(self, x: Tensor) -> Shares:
        """As ``tell``, of any number of samples, as an array."""
        with torch.inference_mode():
            return np.asarray(torch.cat([self.tell(part) for part in x.split(BATCH)]).double().cpu().numpy())

    def place(self, name: str) -> tuple[int, bool]:
        """Where a feature stands, and whether its presence is meant: "glasses" and "no glasses" do for glasses=yes and
        its absence, "facing" for the last of two levels. Raises UserError for what no sample shows."""
        text = " ".join(name.split())
        bare, present = (text[3:], False) if text.startswith("no ") else (text, True)
        for place, feature in enumerate(self.features):
            if bare == feature.name or (bare == feature.column and str(feature.level).lower() in YES):
                return place, present
        levels = [place for place, feature in enumerate(self.features) if feature.level == bare]
        if len(levels) == 1:
            return levels[0], present
        levels = self.groups().get(bare, [])
        if len(levels) == 2:
            return levels[1], present
        known = ", ".join(feature.name for feature in self.features)
        raise UserError(f"nothing is known of {name!r}, the features are: {known}")

    def groups(self) -> dict[str, list[int]]:
        """The places of each column's features."""
        found: dict[str, list[int]] = {}
        for place, feature in enumerate(self.features):
            found.setdefault(feature.column, []).append(place)
        return found


def of_rows(codec: TableCodec) -> Eyes:
    """Each level of a category, and each number."""
    features: list[Feature] = []
    places: list[int] = []
    start = 0
    for column in codec.columns:
        if isinstance(column, CategoryColumn):
            levels = [str(level).strip() for level in column.levels][: column.width]
            features += [Feature(column.name, level) for level in levels]
            places += range(start, start + len(levels))
        else:
            features.append(Feature(column.name, None))
            places.append(start + column.width - 1)
        start += column.width
    return Eyes(tuple(features), lambda x: x[:, places], {})
