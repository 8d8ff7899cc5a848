"""The numbers of one check, as the journal holds them and the alarms read them."""

from __future__ import annotations

from typing import NamedTuple


class CheckMetrics(NamedTuple):
    """What one check saw, as plain numbers: the journal's line, and all that the alarms hang on."""

    odds: float
    odds_low: float
    odds_high: float
    gap: float
    """D's odds on trained reals less those on held-out ones."""
    score_range: float
    """From the lowest to the highest of D's scores."""
    score_deviation: float
    """Standard deviation of D's scores, beside their mean size where that is above 1."""
    coverage: float
    precision: float
    identical: float
    spread: float
    """These four as measures.Coverage has them."""
    closeness: float
    closeness_low: float
    nearer_train: float
    nearer_by_chance: float
    """These four as measures.Copying has them."""
    chance: float
    """Standard deviation of ``nearer_train`` where nothing is copied."""
    distance: float
    """From training reals to fakes of the averaged G: energy distance of rows, Fréchet distance of pictures."""
