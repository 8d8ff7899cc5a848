"""The time and memory ahead, from a few rounds played for real, and what to expect of a budget's pictures."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any, NamedTuple

import numpy as np
import torch

from evenodds.config.budget import Budget
from evenodds.config.expectations import curve_of, look, next_distance, played_share
from evenodds.config.presets import SMALLER_PAYS, preset_of, resolve, scale_for, scaled
from evenodds.config.settings import Recipe
from evenodds.config.stages import stage_ends
from evenodds.core.device import find_device, threads_for
from evenodds.core.spec import PictureSpec
from evenodds.data.store import Store
from evenodds.game.cuda_graphs import WARM
from evenodds.training.probes import Probes
from evenodds.training.trainer import Trainer

ROUNDS = 5
"""Rounds that are timed, after one that warms up; on a GPU after so many that all kinds of turn are recorded."""
LONGEST = 1.0
"""Seconds after which no further round is timed."""


class Throughput(NamedTuple):
    """How fast a recipe is played, and how far its budget reaches."""

    recipe: Recipe
    """Resolved."""
    seconds_per_round: float
    """Seconds of a round."""
    rounds: int
    """Within the budget, of which checks take their share."""
    samples_per_round: int
    """Reals that D sees in a round, of all ranks."""

    @property
    def seen(self) -> int:
        """Reals that D sees within the budget."""
        return self.rounds * self.samples_per_round

    @property
    def samples_per_second(self) -> float:
        """Reals that D sees in a second of rounds."""
        return self.samples_per_round / self.seconds_per_round

    def seconds(self, seen: float, played: float) -> float:
        """What it takes until D has seen so many, where rounds take a share ``played`` of the time."""
        return seen / self.samples_per_second / played


def forecast(store: Store, recipe: Recipe, named: str, device: str) -> dict[str, Any]:
    """What training on ``store`` would take: seconds, rounds and passes over the data, memory in MB; for pictures what
    to expect of them, in words, where games of their size are on record.

    Raises UserError for a recipe that cannot be played.
    """
    torch_device = find_device(device)
    throughput = planned(recipe, store, named, torch_device, checked=True)
    expected, played = expectation(throughput, store), share_played(throughput.recipe, store)
    return {
        "network": throughput.recipe.network.network,
        "device": torch_device.type,
        "budget": throughput.recipe.plan.budget,
        "rounds": throughput.rounds,
        "seconds": round(throughput.seconds(throughput.seen, played), 1),
        "samples_a_second": round(throughput.samples_per_second, 1),
        "passes_over_the_data": round(throughput.seen / store.n_train, 1),
        "peak_memory_mb": peak_mb(),
        **({"expect": expected} if expected else {}),
    }


def planned(
    recipe: Recipe, store: Store, named: str, device: torch.device, ranks: int = 1, checked: bool = False
) -> Throughput:
    """The recipe with every open choice made, the scale by what its budget shows D on this device and as many others
    as there are ``ranks``, and its throughput. Raises UserError for a recipe that cannot be played."""

    def throughput(chosen: Recipe) -> Throughput:
        resolved = resolve(chosen, store.spec, store.n_train, named, store.condition)
        return measured(resolved, store, device, ranks, checked)

    small = throughput(recipe)
    scale = scale_for(recipe, small.recipe, store.spec, small.seen)
    if scale == small.recipe.network.scale:
        return small
    return throughput(
        recipe.model_copy(update={"network": recipe.network.model_copy(update={"scale": scale})})
    )


def measured(recipe: Recipe, store: Store, device: torch.device, ranks: int, checked: bool) -> Throughput:
    """How fast a resolved recipe is played: a few rounds are, and thrown away. A check's memory is taken, too, if
    ``checked``."""
    with torch.random.fork_rng(), threads_for(store.spec):
        trainer = Trainer(recipe, store, device)
        times = [time_round(trainer)]
        while not trainer.last_stage:
            trainer.next_stage()
            times.append(time_round(trainer))
        if checked:
            Probes(trainer).odds()
    shares = np.diff([0.0, *stage_ends(len(times))])
    budget = Budget.parse(recipe.plan.budget)
    seconds_per_round = float(shares @ times)
    if budget.unit == "seconds":
        seconds_per_round = 1 / float(shares @ (1 / np.array(times)))
    samples_per_round = recipe.game.batch * recipe.game.d_steps * ranks
    a_round = seconds_per_round / share_played(recipe, store)
    total = {"seconds": a_round, "rounds": 1.0, "seen": float(samples_per_round)}[budget.unit]
    return Throughput(recipe, seconds_per_round, max(1, round(budget.amount / total)), samples_per_round)


def share_played(recipe: Recipe, store: Store) -> float:
    """The share of a budget in seconds that rounds take: of pictures by dcgan as on record, else all of it."""
    if not isinstance(store.spec, PictureSpec) or recipe.network.network != "dcgan":
        return 1.0
    return played_share(store.spec.side, recipe.network.scale)


def foreseeable(recipe: Recipe, store: Store) -> bool:
    """Whether games of a resolved recipe's kind are on record: pictures by dcgan of a scale's own width, at once and
    from nothing."""
    spec, network = store.spec, recipe.network
    if network.network != "dcgan":
        return False
    width = scaled(preset_of("dcgan", spec, store.n_train), network.scale).network["width"]
    return (
        isinstance(spec, PictureSpec)
        and (spec.side >= SMALLER_PAYS or curve_of(spec.side, network.scale) is not None)
        and network.width == width
        and not network.sides
        and recipe.plan.init is None
    )


def expectation(throughput: Throughput, store: Store) -> str:
    """What to expect of a game of pictures, in a sentence; empty where no such games are on record."""
    if not isinstance(store.spec, PictureSpec):
        return ""
    curve = curve_of(store.spec.side, throughput.recipe.network.scale)
    if curve is None or not foreseeable(throughput.recipe, store):
        return ""
    seen = min(throughput.seen, curve.most_seen)
    distance = curve.distance(seen)
    sentence = (
        f"{throughput.recipe.plan.budget} on this machine shows D about {about(throughput.seen)} pictures; after "
        f"{about(seen)}, games of {curve.side} px on record (--scale {curve.scale}) were at a distance of "
        f"{distance:.2g}: {look(distance)}"
    )
    nearer = next_distance(distance)
    if nearer is None or curve.seen(nearer) > 2 * curve.most_seen:
        return sentence
    needed = curve.seen(nearer)
    return (
        f"{sentence}. For {look(0.99 * nearer)} it takes about {about(needed)} pictures, "
        f"{duration(throughput.seconds(needed, curve.played))} here"
    )


def about(count: float) -> str:
    """A count to two digits.

    >>> about(31_416), about(2_718_281)
    ('31,000', '2.7 million')
    """
    if count >= 1e6:
        return f"{count / 1e6:,.0f} million" if count >= 1e7 else f"{count / 1e6:.2g} million"
    unit = 10 ** max(0, len(str(round(count))) - 2)
    return f"{round(count / unit) * unit:,}"


def duration(seconds: float) -> str:
    """About how long, in words.

    >>> duration(90), duration(9_000)
    ('90 seconds', '2.5 hours')
    """
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.0f} seconds"


def time_round(trainer: Trainer) -> float:
    """Seconds of a round at the present stage."""
    times = []
    warming = WARM * trainer.objective.every + 1 if trainer.graphs.on else 1
    for played in range(warming + ROUNDS):
        start = time.perf_counter()
        _, loss = trainer.round()
        loss.item()  # waits for the device
        times.append(time.perf_counter() - start)
        if played >= warming and sum(times[warming:]) > LONGEST:
            break
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
