"""What a step along a direction does: which feature it flips, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evenodds.steer.attributes import AttributeReader, Shares, log_odds


def signs_of(shown: Shares, present: bool, number: bool) -> Tensor:
    """Which way along its direction a feature flips, (n,) of 1 or -1, given how far it is shown (n,): towards it where
    it is not there, away where it is. ``present`` is False for a direction towards its absence; numbers are raised."""
    there = (shown > 0.5) == present
    return torch.from_numpy(np.where(there & (not number), -1.0, 1.0))


def change(eyes: AttributeReader, before: Shares, after: Shares, place: int) -> dict[str, Any]:
    """What became of fakes, in shares: flipped (a number: raised by its spread or more), and other columns kept."""
    own = eyes.features[place]
    if own.level is None:
        flipped = after[:, place] - before[:, place] >= before[:, place].std()
    else:
        flipped = (after[:, place] > 0.5) != (before[:, place] > 0.5)
    kept = {
        column: round(float((after[:, places].argmax(1) == before[:, places].argmax(1)).mean()), 4)
        for column, places in eyes.groups().items()
        if column != own.column and len(places) > 1
    }
    return {"seeds": len(before), "flipped": round(float(flipped.mean()), 4), "kept": kept}


def worth(effect: dict[str, Any]) -> float:
    """How good an effect is: the share flipped, times the mean share of other columns kept."""
    kept = list(effect["kept"].values()) or [1.0]
    return float(effect["flipped"] * np.mean(kept))


def stay(eyes: AttributeReader, shown: Shares, column: str, most: float) -> Tensor:
    """What is wanted of fakes that show (n, k) so that all columns but one stay: (n, k), the log-odds that each one's
    own level has, from 0 to ``most``. What was in doubt may stay so."""
    odds = np.clip(log_odds(shown), 0, most)
    wanted = torch.zeros(shown.shape, dtype=torch.float32)
    for name, places in eyes.groups().items():
        if name != column and len(places) > 1:
            level = torch.from_numpy(np.asarray(places)[shown[:, places].argmax(1)])
            wanted[torch.arange(len(shown)), level] = torch.from_numpy(odds)[
                torch.arange(len(shown)), level
            ].float()
    return wanted
