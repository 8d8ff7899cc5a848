"""The time and memory ahead, from a few rounds played for real."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np
import torch

from evenodds.config.budget import Budget
from evenodds.config.presets import resolve
from evenodds.config.settings import Recipe
from evenodds.config.stages import stage_ends
from evenodds.core.device import find_device, threads_for
from evenodds.data.store import Store
from evenodds.game.cuda_graphs import WARM
from evenodds.training.probes import Probes
from evenodds.training.trainer import Trainer

ROUNDS = 5
"""Rounds that are timed, after one that warms up; on a GPU after so many that all kinds of turn are recorded."""


def forecast(store: Store, recipe: Recipe, named: str, device: str) -> dict[str, Any]:
    """What training on ``store`` would take: seconds, rounds and passes over the data, and memory in MB.

    Raises UserError for a recipe that cannot be played.
    """
    torch_device = find_device(device)
    recipe = resolve(recipe, store.spec, store.n_train, named, store.condition)
    with torch.random.fork_rng(), threads_for(store.spec):
        trainer = Trainer(recipe, store, torch_device)
        times = [time_round(trainer)]
        while not trainer.last_stage:
            trainer.next_stage()
            times.append(time_round(trainer))
        Probes(trainer).odds()
    shares = np.diff([0.0, *stage_ends(len(times))])
    per_round = recipe.game.batch * recipe.game.d_steps
    budget = Budget.parse(recipe.plan.budget)
    a_round = float(shares @ times)
    if budget.unit == "seconds":
        a_round = 1 / float(shares @ (1 / np.array(times)))
    total = {"seconds": a_round, "rounds": 1.0, "seen": float(per_round)}[budget.unit]
    rounds = round(budget.amount / total)
    return {
        "network": recipe.network.network,
        "device": torch_device.type,
        "budget": recipe.plan.budget,
        "rounds": rounds,
        "seconds": round(rounds * a_round, 1),
        "samples_a_second": round(per_round / a_round, 1),
        "passes_over_the_data": round(rounds * per_round / store.n_train, 1),
        "peak_memory_mb": peak_mb(),
    }


def time_round(trainer: Trainer) -> float:
    """Seconds of a round at the present stage."""
    times = []
    warming = WARM * trainer.objective.every + 1 if trainer.graphs.on else 1
    for _ in range(warming + ROUNDS):
        start = time.perf_counter()
        _, loss = trainer.round()
        loss.item()  # waits for the device
        times.append(time.perf_counter() - start)
    return statistics.median(times[warming:])


def peak_mb() -> int | None:
    """This process's largest resident set so far, in MB; None on Windows, which does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))
