"""What a sample shows: features by name, and how far each is there; of rows, read from the row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import fisher_exact
from torch import Tensor

from evenodds.core.errors import UserError
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn

BATCH = 256
YES = ("yes", "true", "1")
RIGHT = 0.8
"""Share of examples, of either side, that a feature must put where they are to be what parts them."""
CHANCE = 1e-3
"""Chance, over all features, that one does so by itself: what so few examples cannot tell is not told."""

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
class AttributeReader:
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

    def parting(self, with_it: Shares, without: Shares) -> str | None:
        """The name of the feature, or of its absence, that parts samples with something (m, k) from samples without it
        (n, k), by what is told of them; None where none does surely (Fisher's exact test, Bonferroni's bound)."""
        found: list[tuple[float, bool, str]] = []
        levels = [place for place, feature in enumerate(self.features) if feature.level is not None]
        for place in levels:
            counts = [int((side[:, place] > 0.5).sum()) for side in (with_it, without)]
            shares = counts[0] / len(with_it), counts[1] / len(without)
            table = [
                [count, len(side) - count] for count, side in zip(counts, (with_it, without), strict=True)
            ]
            if fisher_exact(table).pvalue * len(levels) > CHANCE:
                continue
            for words, right in (("", (shares[0], 1 - shares[1])), ("no ", (1 - shares[0], shares[1]))):
                if min(right) >= RIGHT:
                    found.append((sum(right), words == "", words + self.features[place].name))
        return max(found)[-1] if found else None

    def groups(self) -> dict[str, list[int]]:
        """The places of each column's features."""
        found: dict[str, list[int]] = {}
        for place, feature in enumerate(self.features):
            found.setdefault(feature.column, []).append(place)
        return found


def log_odds(shown: Shares) -> Shares:
    """Log-odds of shares in [0, 1], without bound at either end."""
    with np.errstate(divide="ignore"):
        return np.log(shown) - np.log1p(-shown)


def of_rows(codec: TableCodec) -> AttributeReader:
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
    return AttributeReader(tuple(features), lambda x: x[:, places], {})
