"""Which state of a game is the best so far, and what a checkpoint holds of how it was chosen."""

from __future__ import annotations

from typing import Any

import torch

from evenodds.core.bundle import Tensors
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.referee import Ruling
from evenodds.metrics.selection import Selection
from evenodds.runs.checkpoints import Snapshot

SELECTION = "selection"
"""What a checkpoint calls the numbers by which the best state was chosen."""


def is_better(
    metrics: CheckMetrics,
    selection: Selection,
    best: Snapshot,
    ruling: Ruling | None = None,
    *,
    refereed: bool = False,
) -> bool:
    """Whether a state is better than the best one so far, beyond noise. Where ``refereed``, the referee has ruled on
    the best one, and is to tell a better one's fakes less often: a game that goes on from what likelihood left may
    lose what a distance does not show."""
    tensors, facts = best
    if refereed:
        before = facts["steward"]["record"]["ruling"]
        return ruling is not None and (before is None or ruling.auc < before["auc"])
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
