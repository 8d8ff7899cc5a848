"""Measures what a step along a direction does: how often it flips its feature, and what else stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evenodds.steer.attributes import AttributeReader, Shares, log_odds


def flip_signs(shares: Shares, present: bool, number: bool) -> Tensor:
    """The sign, 1 or -1 (n,), of a step that flips a feature, given how strongly samples show it (n,).

    Toward the feature for samples that lack it, away for those that show it. ``present`` is False for a direction
    toward its absence; numbers are always raised.
    """
    shows = (shares > 0.5) == present
    return torch.from_numpy(np.where(shows & (not number), -1.0, 1.0))


def measure_change(reader: AttributeReader, before: Shares, after: Shares, index: int) -> dict[str, Any]:
    """Compare attributes (n, k) before and after a step, in shares.

    A feature is flipped; a number is raised by its standard deviation or more. Other columns keep their level.
    """
    target = reader.features[index]
    if target.level is None:
        flipped = after[:, index] - before[:, index] >= before[:, index].std()
    else:
        flipped = (after[:, index] > 0.5) != (before[:, index] > 0.5)
    preserved = {
        column: round(float((after[:, indices].argmax(1) == before[:, indices].argmax(1)).mean()), 4)
        for column, indices in reader.groups().items()
        if column != target.column and len(indices) > 1
    }
    return {"seeds": len(before), "flipped": round(float(flipped.mean()), 4), "kept": preserved}


def quality(effect: dict[str, Any]) -> float:
    """The share flipped, times the mean share of other columns kept; in [0, 1].

    >>> round(quality({"flipped": 0.8, "kept": {"beard": 1.0, "hat": 0.5}}), 6)
    0.6
    """
    preserved = list(effect["kept"].values()) or [1.0]
    return float(effect["flipped"] * np.mean(preserved))


def preserving_log_odds(reader: AttributeReader, shares: Shares, column: str, most: float) -> Tensor:
    """Target log-odds (n, k) that keep all columns but one as samples with attributes (n, k) have them.

    The target of a sample's present level is its log-odds, clipped to [0, ``most``], and 0 elsewhere, which sets none.
    """
    odds = np.clip(log_odds(shares), 0, most)
    goal = torch.zeros(shares.shape, dtype=torch.float32)
    for name, indices in reader.groups().items():
        if name != column and len(indices) > 1:
            level = torch.from_numpy(np.asarray(indices)[shares[:, indices].argmax(1)])
            goal[torch.arange(len(shares)), level] = torch.from_numpy(odds)[
                torch.arange(len(shares)), level
            ].float()
    return goal
