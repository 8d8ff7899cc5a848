"""The built-in table ``people``: height and weight, drawn from a known law, so that a judge can be judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS = 20_000
SEED = 1609

HEIGHT_MEAN_CM = 169.0
HEIGHT_SD_CM = 9.0
KG_PER_CM = 0.9
"""Weight's middle is this times the height above 100 cm (Broca's rule, the lean version)."""
WEIGHT_SPREAD = 0.1
"""Standard deviation of the weight as a share of its middle."""


def draw(rows: int = ROWS, seed: int = SEED) -> pd.DataFrame:
    """Rows of ``height`` (cm) and ``weight`` (kg), both to one decimal; equal for equal seeds.

    Heights are Normal(169, 9), mean and spread of a US survey of 1,566 adults (NHEFS), rounded. Weights
    are (height - 100) * 0.9 * (1 + 0.1 N) with N standard normal.
    """
    rng = np.random.default_rng(seed)
    height = rng.normal(HEIGHT_MEAN_CM, HEIGHT_SD_CM, rows)
    weight = KG_PER_CM * (height - 100) * rng.normal(1, WEIGHT_SPREAD, rows)
    return pd.DataFrame({"height": np.round(height, 1), "weight": np.round(weight, 1)})


def density(height: NDArray[Any], weight: NDArray[Any]) -> NDArray[np.float64]:
    """The law's density at heights (cm) and weights (kg) of one shape, in 1 / (cm kg), before rounding."""
    middle = KG_PER_CM * (np.asarray(height, np.float64) - 100)
    return _normal(height, HEIGHT_MEAN_CM, HEIGHT_SD_CM) * _normal(
        weight, middle, WEIGHT_SPREAD * np.abs(middle)
    )


def _normal(x: Any, mean: Any, sd: Any) -> NDArray[np.float64]:
    """The density of Normal(mean, sd) at x."""
    z = (x - mean) / sd
    return np.asarray(np.exp(-z * z / 2) / (sd * np.sqrt(2 * np.pi)), np.float64)
