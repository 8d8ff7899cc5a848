"""Which state of a game is the best so far, and what a checkpoint holds of how it was chosen."""

from __future__ import annotations

from typing import Any

import torch

from evenodds.core.bundle import Tensors
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.selection import Selection
from evenodds.runs.checkpoints import Snapshot

SELECTION = "selection"
"""What a checkpoint calls the numbers by which the best state was chosen."""


def is_better(metrics: CheckMetrics, selection: Selection, best: Snapshot) -> bool:
    """Whether a state is better than the best one so far, beyond noise."""
    tensors, facts = best
    if "selection" not in facts:  # of a version before 0.2
        return bool(facts["distance"] is None or metrics.distance < facts["distance"])
    influence = tensors.get(SELECTION, {}).get("influence")
    before = Selection(facts["selection"], None if influence is None else influence.numpy(), selection.fakes)
    return selection.better_than(before)


def stored(selection: Selection) -> tuple[Tensors, dict[str, Any]]:
    """What a state was chosen by, as its checkpoint holds it."""
    influence = selection.influence
    tensors = {} if influence is None else {SELECTION: {"influence": torch.from_numpy(influence)}}
    return tensors, {"selection": selection.value}
