"""A game in memory: players, objective and place, all that a checkpoint must hold."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from evenodds.config.settings import Recipe
from evenodds.core.bundle import Tensors
from evenodds.core.distributed import ALONE, Team
from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import at_most
from evenodds.data.batches import Batches, Drawn, as_given, drawn
from evenodds.data.store import Part, Store
from evenodds.game.augment import augment, jitter
from evenodds.game.cuda_graphs import CudaGraphRunner
from evenodds.game.schedule import BalanceSchedule, ScheduleState
from evenodds.game.step import d_step, g_step, per_sample
from evenodds.metrics.odds import Odds, odds
from evenodds.networks.generate import draw, generate
from evenodds.objectives.objective import make_objective
from evenodds.training.players import make_players, optimizer_slots, optimizer_tensors, restore_optimizer

JUDGED_ROWS, JUDGED_PICTURES, FEWEST = 2_000, 500, 100
"""Held-out reals, and as many fakes, that a check scores at most: rows, pictures up to 64 px, the largest ones."""
COSTLIER = 3
"""A G that takes a picture in works so many times as long as one that only gives one out, and fewer are judged."""

BATCH = 256
"""Samples looked at at once, outside of turns."""

ROUND, LEAD, LEVEL, END = 1, 2, 3, 4
"""Rank 0's words: a round, one D turn, its state for all, the end."""

Turn = TypeVar("Turn")


class Trainer:
    """Plays rounds on a store. All randomness comes from (seed, rank, place): a place is a state.

    Of a team, rank 0 calls ``round`` and ``lead`` and takes over states; the others ``follow``. A batch is the team's:
    each rank takes its share of the samples, and draws its own latents. Raises UserError for a batch without as large a
    share for each.
    """

    def __init__(self, recipe: Recipe, store: Store, device: torch.device, team: Team = ALONE) -> None:
        self.recipe, self.store, self.device, self.team = recipe, store, device, team
        if recipe.game.batch % team.size:
            raise UserError(
                f"--batch {recipe.game.batch} has no equal shares for {team.size} ranks, take a multiple of {team.size}"
            )
        self.share = recipe.game.batch // team.size
        self.parts = 1
        """Into how many each batch is cut, since the device's memory does not hold it whole."""
        self.stop = threading.Event()
        """Set once any rank is asked to stop."""
        self.objective = make_objective(recipe.objective)
        self.weight = self.objective.weight  # of the penalty, before the tempo's factor
        self.batches = Batches(store, recipe.plan.seed, team.rank, team.size)
        pace = ScheduleState(augment=float(recipe.game.augment == "on"))
        self.tempo = BalanceSchedule(recipe.game, pace, penalised=self.objective.penalty is not None)
        self.players = make_players(recipe, store, device)
        self.players.team = team
        # What ranks tell each other is no part of a graph.
        self.graphs = CudaGraphRunner(device, self.players.optimizers, on=team.size == 1)
        self.jitters = (
            store.condition is not None and store.condition.pictures and recipe.game.augment == "on"
        )
        self.rounds = self.turns = self.seen = 0
        self.seconds = 0.0

    def round(self) -> tuple[Tensor, Tensor]:
        """D turns, then G turns, as many as the tempo says. Returns D's and G's last losses on this rank's share,
        scalars on the device."""
        self.say(ROUND)
        return self.play()

    def play(self) -> tuple[Tensor, Tensor]:
        """A round that was announced."""
        d_steps, g_steps = self.tempo.turns
        for _ in range(d_steps):
            real, loss_d = self.d_step()
        for turn in range(g_steps):
            loss_g = self.g_step(real, turn)
        players = self.players
        players.team.average_buffers(players.generator, players.discriminator)
        players.average.follow(players.generator, self.recipe.game.batch * d_steps, self.seen)
        self.rounds += 1
        return loss_d, loss_g

    def lead(self) -> None:
        """One D turn, before G's first."""
        self.say(LEAD)
        self.d_step()

    def d_step(self) -> tuple[Drawn, Tensor]:
        """One D turn. Returns the reals that it was played on, and D's loss."""
        with_penalty = self.turns % self.objective.every == 0

        def learn(x: Tensor, c: Tensor | None) -> Tensor:
            z = draw(self.share, self.recipe.network.latent, self.device)
            return d_step(
                self.players,
                self.objective,
                self.augment,
                x,
                z,
                c,
                with_penalty=with_penalty,
                parts=self.parts,
            )

        def play() -> tuple[Drawn, Tensor]:
            self.seed("d")
            real = self.batches.at(self.seen, self.share, self.device)
            if self.jitters and real.c is not None:
                real = Drawn(*jitter(real.x, real.c))
            return real, self.graphs.play(("d", with_penalty), learn, *real)

        found = self.fitting(play)
        self.turns += 1
        self.seen += self.recipe.game.batch
        return found

    def g_step(self, real: Drawn, turn: int) -> Tensor:
        """The ``turn``-th G turn of a round. Returns G's loss."""

        def learn(x: Tensor, c: Tensor | None) -> Tensor:
            z = draw(self.share, self.recipe.network.latent, self.device)
            return g_step(self.players, self.objective, self.augment, x, z, c, parts=self.parts)

        def play() -> Tensor:
            self.seed("g" if not turn else f"g{turn}")
            return self.graphs.play("g", learn, *real)

        return self.fitting(play)

    def fitting(self, play: Callable[[], Turn]) -> Turn:
        """What ``play`` gives; where the device's memory does not hold a batch, it is cut into more parts, and played
        anew from the same random state. Nothing was learnt before: a turn's one step is its end.

        Raises UserError where not even one sample fits.
        """
        while True:
            try:
                return play()
            except torch.OutOfMemoryError:
                if self.parts >= self.share:
                    raise UserError(
                        "the device's memory does not hold one sample's turn, take a smaller --size or --width"
                    ) from None
            self.parts = min(2 * self.parts, self.share)
            self.graphs.invalidate()
            for optimizer in self.players.optimizers:
                optimizer.zero_grad(set_to_none=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    # The team

    def say(self, code: int) -> int:
        """Announces what rank 0 does next; the others hear it. Whoever is asked to stop has all of them know."""
        if self.team.size == 1:
            return code
        code, stop = self.team.word(code, self.stop.is_set())
        if stop:
            self.stop.set()
        return code

    def level(self) -> None:
        """Makes this very place that of rank 0 on all ranks: where the game begins, is resumed, or was moved."""
        if self.team.size == 1:
            return
        self.say(LEVEL)
        self.receive_state()

    def receive_state(self) -> None:
        """Rank 0's place, on all ranks."""
        tensors, facts = self.state()
        named = self.team.share({**facts, "slots": sorted(optimizer_slots(tensors))})
        slots = named.pop("slots")
        if not self.team.leads:
            tensors = {**tensors, **self.optimizer_room(slots)}
        self.team.share_tensors(
            [value for _, group in sorted(tensors.items()) for _, value in sorted(group.items())]
        )
        if not self.team.leads:
            self.restore(tensors, named)

    def optimizer_room(self, slots: list[list[str]]) -> Tensors:
        """Room for both optimisers' memory, of which this rank has none yet: names ``slots`` as rank 0 has them."""
        room: Tensors = {"optimizer_g": {}, "optimizer_d": {}}
        for group, name in slots:
            optimizer = self.players.optimizer_g if group == "optimizer_g" else self.players.optimizer_d
            weights = optimizer.param_groups[0]["params"]
            place, kind = name.split(".")
            room[group][name] = torch.zeros(()) if kind == "step" else torch.zeros_like(weights[int(place)])
        return room

    def follow(self) -> Any:
        """Plays along with rank 0 until it ends the game. Returns what it says then."""
        while True:
            code = self.say(0)
            if code == ROUND:
                self.play()
            elif code == LEAD:
                self.d_step()
            elif code == LEVEL:
                self.receive_state()
            else:
                return self.team.share()

    def augment(self, x: Tensor) -> Tensor:
        """Changes as large a share of pictures as the tempo says; none where D sees a picture they must fit."""
        return x if self.jitters else augment(x, self.tempo.pace.augment)

    def take_pace(self) -> None:
        """Makes rates and penalty what the tempo says, here alone: ``level`` tells the team."""
        pace, game = self.tempo.pace, self.recipe.game
        rates = (
            (self.players.optimizer_g, game.lr_g),
            (self.players.optimizer_d, game.lr_d),
        )
        for optimizer, rate in rates:
            for group in optimizer.param_groups:
                group["lr"] = rate * pace.rate
        self.objective = replace(self.objective, weight=self.weight * pace.penalty)
        self.graphs.invalidate()

    @property
    def cost(self) -> int:
        """What a fake costs, beside one that is made from noise alone."""
        condition = self.store.condition
        return COSTLIER if condition is not None and condition.pictures else 1

    @property
    def most(self) -> int:
        """How many samples a side are looked at: fewer of larger pictures, so that a check costs about the same."""
        pictures = JUDGED_PICTURES // self.cost
        return at_most(self.store.spec, JUDGED_ROWS, pictures, pictures * 64**2, FEWEST)

    @property
    def judged(self) -> int:
        """How many samples a side a check scores."""
        return min(self.most, self.store.n_heldout)

    def odds(self) -> Odds:
        """The odds now, on held-out reals and as many fresh fakes.

        Raises ValueError where a score is not finite.
        """
        count = self.judged
        fakes = torch.cat([self.scores(*fake) for fake in self.fakes(count, "odds")])
        return odds(self.scores_of("heldout", count).numpy(), fakes.numpy())

    def fakes(self, count: int, what: str) -> Iterator[Drawn]:
        """Fresh fakes of G as it is now (not averaged), in batches, under the conditions of held-out reals; ``what``
        they are for decides their latents."""
        self.seed(what)
        generator = self.players.generator
        latents = draw(count, self.recipe.network.latent, self.device)
        generator.eval()
        for start in range(0, count, BATCH):
            here = latents[start : start + BATCH]
            c = self.conditions(len(here), start)
            yield Drawn(next(generate(generator, here, c, BATCH)), c)
        generator.train()

    def conditions(self, count: int, start: int = 0) -> Tensor | None:
        """``count`` conditions of held-out reals from ``start`` on, round and round; None where there are none."""
        places = np.arange(start, start + count) % self.store.n_heldout
        given = self.store.conditions("heldout", places)
        return None if given is None else as_given(given, self.device)

    def scores_of(self, part: Part, count: int) -> Tensor:
        """D's scores of the first ``count`` reals of a part: float32 (count,) on the CPU."""
        return torch.cat([self.scores(*real) for real in self.known(part, count)])

    def known(self, part: Part, count: int) -> Iterator[Drawn]:
        """The first ``count`` reals of a part with their conditions, in batches."""
        for start in range(0, count, BATCH):
            yield drawn(self.store, part, np.arange(start, min(start + BATCH, count)), self.device)

    def reals(self, part: Part, count: int) -> Iterator[Tensor]:
        """The first ``count`` reals of a part, in batches."""
        return (real.x for real in self.known(part, count))

    @torch.inference_mode()
    def scores(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """D's scores of x (n, *shape) under c (n, ...): float32 (n,) on the CPU."""
        discriminator = self.players.discriminator
        discriminator.eval()
        scores = per_sample(discriminator(x, c))
        discriminator.train()
        return scores.float().cpu()

    def seed(self, turn: str) -> None:
        """Makes torch's random state that of this place in the game."""
        set_random(seed_of(self.recipe.plan.seed, self.team.rank, self.seen, turn), self.device)

    def state(self) -> tuple[Tensors, dict[str, Any]]:
        """Tensors and facts from which ``restore`` goes on exactly."""
        players = self.players
        tensors = {
            "generator": players.generator.state_dict(),
            "discriminator": players.discriminator.state_dict(),
            "average": players.average.network.state_dict(),
            "optimizer_g": optimizer_tensors(players.optimizer_g),
            "optimizer_d": optimizer_tensors(players.optimizer_d),
        }
        places = {"rounds": self.rounds, "turns": self.turns, "seen": self.seen, "seconds": self.seconds}
        return tensors, {**places, "pace": self.tempo.state(), "parts": self.parts, "ranks": self.team.size}

    def restore(self, tensors: Tensors, facts: dict[str, Any]) -> None:
        """Takes over what ``state`` gave. Raises ValueError, KeyError, TypeError or RuntimeError for anything else."""
        places = [facts[name] for name in ("rounds", "turns", "seen", "parts", "ranks")]
        if not all(type(place) is int and 0 <= place < 2**62 for place in places) or not facts["parts"]:
            raise ValueError(f"{places} are no place in a game")
        self.take_players(tensors)
        self.rounds, self.turns, self.seen = facts["rounds"], facts["turns"], facts["seen"]
        self.seconds, self.parts = facts["seconds"], facts["parts"]
        self.tempo.restore(facts["pace"])
        self.take_pace()

    def take_players(self, tensors: Tensors) -> None:
        """Takes over the players of another place, and stays at this one: what follows is drawn anew."""
        players = self.players
        players.generator.load_state_dict(tensors["generator"])
        players.discriminator.load_state_dict(tensors["discriminator"])
        players.average.network.load_state_dict(tensors["average"])
        restore_optimizer(players.optimizer_g, tensors["optimizer_g"])
        restore_optimizer(players.optimizer_d, tensors["optimizer_d"])
        self.graphs.invalidate()


def end(team: Team, said: Any) -> None:
    """Rank 0's last word to the others, a JSON value."""
    if team.size > 1:
        team.word(END)
        team.share(said)
