"""Whether fakes give away which rows were trained on: an attack by distance, and how near fakes lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenodds.metrics.odds import LEVEL, Odds, odds

Distances = NDArray[np.float64]


class Membership(NamedTuple):
    """What an attacker learns from fakes about who was trained on."""

    attack: Odds
    """AUC of the attack that takes the rows nearest to a fake for trained ones: 0.5 where nothing can be told."""
    nearer: Odds
    """Share of fakes nearer to a training row than to any of as many held-out ones, with a 95 % interval."""


def membership(
    train_to_fake: Distances, heldout_to_fake: Distances, fake_to_train: Distances, fake_to_heldout: Distances
) -> Membership:
    """The attack by distance to the nearest fake (Chen 2020, 1909.03935, section 4.1, in the black box), and the share
    of fakes nearer to a training row than to a held-out one (Platzer 2021, Frontiers in Big Data 4), ties half.

    ``train_to_fake`` and ``heldout_to_fake`` are distances of rows of each kind to their nearest fake; those of fakes
    to the nearest of as many rows of each kind are ``fake_to_train`` and ``fake_to_heldout`` (n,). The intervals are
    those of rows and fakes that are drawn independently.
    """
    attack = odds(-train_to_fake, -heldout_to_fake)
    wins = (fake_to_train < fake_to_heldout).sum() + (fake_to_train == fake_to_heldout).sum() / 2
    return Membership(attack, share_of(float(wins), len(fake_to_train)))


def share_of(wins: float, count: int) -> Odds:
    """A share with its score interval (Wilson 1927)."""
    from scipy.stats import norm

    z = float(norm.isf(LEVEL / 2))
    share, weight = wins / count, z * z / count
    middle = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * float(np.sqrt(share * (1 - share) / count + weight / (4 * count)))
    return Odds(share, max(0.0, middle - reach), min(1.0, middle + reach))
