"""Attributes of samples: features by name, and how strongly each sample shows them."""

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
"""Share of examples, of either group, that a feature must classify correctly to separate the groups."""
CHANCE = 1e-3
"""Significance level over all features: with too few examples, none separates them."""

Shares = NDArray[np.float64]
TensorFn = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Feature:
    """One attribute of a sample: a level of a label or column, or the amount of a number."""

    column: str
    level: str | None
    """None for a number."""

    @property
    def name(self) -> str:
        return self.column if self.level is None else f"{self.column}={self.level}"


@dataclass(frozen=True)
class AttributeReader:
    """Reads ``features`` from samples.

    ``predict`` maps samples (n, *shape) to (n, k): probabilities in [0, 1] of levels, normal scores of numbers.
    ``accuracy`` is measured on held-out reals, by column; empty for rows, whose values are read exactly. ``log_odds``
    (n, k) of pictures are differentiable; None for rows.
    """

    features: tuple[Feature, ...]
    predict: TensorFn
    accuracy: dict[str, float]
    log_odds: TensorFn | None = None

    def read(self, x: Tensor) -> Shares:
        """As ``predict``, for any number of samples, as an array (n, k)."""
        with torch.inference_mode():
            return np.asarray(
                torch.cat([self.predict(part) for part in x.split(BATCH)]).double().cpu().numpy()
            )

    def resolve(self, name: str) -> tuple[int, bool]:
        """Resolve a name to a feature's index and whether its presence is meant.

        "glasses" and "no glasses" stand for glasses=yes and its absence, "facing" for the last of two levels. Raises
        UserError for an unknown name.
        """
        text = " ".join(name.split())
        bare, present = (text[3:], False) if text.startswith("no ") else (text, True)
        for index, feature in enumerate(self.features):
            if bare == feature.name or (bare == feature.column and str(feature.level).lower() in YES):
                return index, present
        levels = [index for index, feature in enumerate(self.features) if feature.level == bare]
        if len(levels) == 1:
            return levels[0], present
        levels = self.groups().get(bare, [])
        if len(levels) == 2:
            return levels[1], present
        names = ", ".join(feature.name for feature in self.features)
        raise UserError(f"nothing is known of {name!r}, the features are: {names}")

    def separating_feature(self, with_it: Shares, without: Shares) -> str | None:
        """Name the feature, or its absence, that separates samples with something (m, k) from samples without (n, k).

        Both are arrays of ``read``. None if no feature does so significantly (Fisher's exact test, Bonferroni's bound).
        """
        candidates: list[tuple[float, bool, str]] = []
        levels = [index for index, feature in enumerate(self.features) if feature.level is not None]
        for index in levels:
            counts = [int((group[:, index] > 0.5).sum()) for group in (with_it, without)]
            shares = counts[0] / len(with_it), counts[1] / len(without)
            table = [
                [count, len(group) - count] for count, group in zip(counts, (with_it, without), strict=True)
            ]
            if fisher_exact(table).pvalue * len(levels) > CHANCE:
                continue
            for words, right in (("", (shares[0], 1 - shares[1])), ("no ", (1 - shares[0], shares[1]))):
                if min(right) >= RIGHT:
                    candidates.append((sum(right), words == "", words + self.features[index].name))
        return max(candidates)[-1] if candidates else None

    def groups(self) -> dict[str, list[int]]:
        """Map each column to the indices of its features."""
        columns: dict[str, list[int]] = {}
        for index, feature in enumerate(self.features):
            columns.setdefault(feature.column, []).append(index)
        return columns


def log_odds(shares: Shares) -> Shares:
    """Log-odds of probabilities in [0, 1]; infinite at either end.

    >>> log_odds(np.array([0.5, 1.0]))
    array([ 0., inf])
    """
    with np.errstate(divide="ignore"):
        return np.log(shares) - np.log1p(-shares)


def row_reader(codec: TableCodec) -> AttributeReader:
    """Return the reader of encoded rows: each level of a category, and each number."""
    features: list[Feature] = []
    indices: list[int] = []
    start = 0
    for column in codec.columns:
        if isinstance(column, CategoryColumn):
            levels = [str(level).strip() for level in column.levels][: column.width]
            features += [Feature(column.name, level) for level in levels]
            indices += range(start, start + len(levels))
        else:
            features.append(Feature(column.name, None))
            indices.append(start + column.width - 1)
        start += column.width
    return AttributeReader(tuple(features), lambda x: x[:, indices], {})
