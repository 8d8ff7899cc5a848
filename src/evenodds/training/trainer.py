"""A game in memory: rounds of D and G steps, and the state that a checkpoint must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from evenodds.config.settings import Recipe
from evenodds.core.bundle import Tensors
from evenodds.core.distributed import ALONE, Team
from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of, set_random
from evenodds.data.batches import Batches, Drawn
from evenodds.data.store import Store
from evenodds.game.augment import augment, jitter, mirror
from evenodds.game.cuda_graphs import CudaGraphRunner
from evenodds.game.pool import FakePool
from evenodds.game.schedule import BalanceSchedule, ScheduleState
from evenodds.game.step import Players, d_step, g_step, likelihood_step
from evenodds.networks.cascade import CascadeGenerator, EnlargerPlayer, at_stage, grained, shrink
from evenodds.networks.generate import draw
from evenodds.objectives.objective import Objective, make_objective
from evenodds.training.players import make_players, optimizer_tensors, restore_optimizer

Result = TypeVar("Result")

NEAR = 60.0
"""Weight of an enlarged picture's mean absolute distance from the real one (docs/experiments/stages.md, 2026-11-29)."""

LIKELIHOOD_RATE, LIKELIHOOD_DECAY = 2e-3, 0.1
"""Learning rate and weight decay of a G that learns by likelihood (docs/experiments/likelihood.md, 2026-11-29)."""


class Trainer:
    """Plays rounds on a store.

    All randomness comes from (seed, rank, samples seen, step): a place in the game is a state. A batch is the team's:
    each rank takes its share of the samples, and draws its own latents; ``ranks.Ranks`` has all ranks play alike.

    Attributes
    ----------
    rounds, turns, seen:
        Rounds and D steps played, and samples seen by the whole team.
    likelihood_steps:
        Steps before the first round, in which G learnt by the likelihood of reals.
    stage:
        Which of the recipe's stages is played, from 0; the only one where pictures are learnt at once.
    stage_began:
        The round at which it began.
    parts:
        Into how many each batch is cut, since the device's memory does not hold it whole.
    on_split:
        Called with ``parts`` whenever they become more.
    """

    def __init__(
        self,
        recipe: Recipe,
        store: Store,
        device: torch.device,
        team: Team = ALONE,
        *,
        players: Players | None = None,
        objective: Objective | None = None,
    ) -> None:
        """``players`` and ``objective`` take the place of those that the recipe describes.

        Raises UserError for a batch without an equal share for each rank.
        """
        self.recipe, self.store, self.device, self.team = recipe, store, device, team
        if recipe.game.batch % team.size:
            raise UserError(
                f"--batch {recipe.game.batch} has no equal shares for {team.size} ranks, take a multiple of {team.size}"
            )
        self.share = recipe.game.batch // team.size
        self.objective = objective or make_objective(recipe.objective)
        self.penalty_weight = self.objective.weight  # before the schedule's factor
        self.batches = Batches(store, recipe.plan.seed, team.rank, team.size)
        state = ScheduleState(augment=float(recipe.game.augment == "on"))
        self.schedule = BalanceSchedule(recipe.game, state, penalised=self.objective.penalty is not None)
        self.players = players or make_players(recipe, store, device)
        self.players.team = team
        self.pool = FakePool(recipe.game.pool, store.spec.shape, device) if recipe.game.pool else None
        # What ranks send each other is no part of a graph, nor is a pool that fills.
        recordable = team.size == 1 and self.pool is None
        self.graphs = CudaGraphRunner(device, self.players.optimizers, on=recordable)
        pictured = store.condition is not None and store.condition.pictures
        self.jitters = pictured and recipe.game.augment == "on"
        self.mirrors = not pictured and recipe.game.mirror == "on"
        self.rounds = self.turns = self.seen = self.likelihood_steps = 0
        self.sides, self.stage_began = recipe.network.sides, 0
        self.set_stage(0)
        self.parts = 1
        self.on_split: Callable[[int], None] = lambda parts: None

    # Steps

    def round(self) -> tuple[Tensor, Tensor]:
        """Plays D steps, then G steps, as many as the schedule says.

        Returns D's and G's last losses on this rank's share, scalars on the device. Raises UserError where the device's
        memory does not hold one sample's step.
        """
        d_steps, g_steps = self.schedule.turns
        for _ in range(d_steps):
            reals, loss_d = self.d_step()
        for step in range(g_steps):
            loss_g = self.g_step(reals, step)
        players = self.players
        players.team.average_buffers(players.generator, players.discriminator)
        seen = self.seen + self.likelihood_steps * self.recipe.game.batch
        players.average.follow(players.generator, self.recipe.game.batch * d_steps, seen)
        self.rounds += 1
        return loss_d, loss_g

    def d_step(self) -> tuple[Drawn, Tensor]:
        """Plays one D step. Returns the reals that it was played on, and D's loss."""
        with_penalty = self.turns % self.objective.every == 0
        learn = partial(self.learn_d, with_penalty)

        def attempt() -> tuple[Drawn, Tensor]:
            self.seed("d")
            reals = self.batches.at(self.seen, self.share, self.device)
            if self.jitters and reals.c is not None:
                reals = Drawn(*jitter(reals.x, reals.c))
            if self.mirrors:
                reals = reals._replace(x=mirror(reals.x))
            if self.sides:
                reals = self.at_size(reals)
            return reals, self.graphs.play(("d", with_penalty), learn, *reals)

        reals, loss = self.within_memory(attempt)
        self.turns += 1
        self.seen += self.recipe.game.batch
        return reals, loss

    def g_step(self, reals: Drawn, step: int) -> Tensor:
        """Plays the ``step``-th G step of a round. Returns G's loss."""

        def attempt() -> Tensor:
            self.seed("g" if not step else f"g{step}")
            return self.graphs.play("g", self.learn_g, *reals)

        return self.within_memory(attempt)

    def likelihood_step(self) -> None:
        """Plays a step of a G that knows the likelihood of reals, which D has no part in."""
        seen = self.likelihood_steps * self.recipe.game.batch
        self.seed(f"likelihood {self.likelihood_steps}")
        reals = self.batches.at(seen, self.share, self.device)
        likelihood_step(self.players, reals.x, LIKELIHOOD_RATE, LIKELIHOOD_DECAY)
        self.players.average.follow(self.players.generator, self.recipe.game.batch, seen)
        self.likelihood_steps += 1

    def learn_d(self, with_penalty: bool, x: Tensor, c: Tensor | None) -> Tensor:
        """Updates D on reals x under c and as many fakes. Returns D's loss."""
        return d_step(
            self.playing,
            self.objective,
            self.augment,
            x,
            self.latents(),
            c,
            with_penalty=with_penalty,
            parts=self.parts,
            pool=self.pool,
        )

    def learn_g(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Updates G under c, beside the reals x. Returns G's loss."""
        objective = self.objective
        if self.stage:  # what is enlarged has a real that it is to come near
            objective = replace(objective, pixels=objective.pixels + NEAR)
        return g_step(self.playing, objective, self.augment, x, self.latents(), c, parts=self.parts)

    def latents(self) -> Tensor:
        """Latents for this rank's share of a batch, from torch's current random state."""
        return draw(self.share, self.recipe.network.latent, self.device)

    def augment(self, x: Tensor) -> Tensor:
        """Changes as large a share of pictures as the schedule says; none where D sees a picture they must fit."""
        return x if self.jitters else augment(x, self.schedule.pace.augment)

    def seed(self, step: str) -> None:
        """Makes torch's random state that of this place in the game."""
        set_random(seed_of(self.recipe.plan.seed, self.team.rank, self.seen, step), self.device)

    def within_memory(self, attempt: Callable[[], Result]) -> Result:
        """Returns what ``attempt`` does; a batch that the device's memory does not hold is cut into more parts, and
        tried anew from the same random state. Nothing was learnt before: a step's one update is its end.

        Raises UserError where not even one sample fits.
        """
        while True:
            try:
                return attempt()
            except torch.OutOfMemoryError:
                if self.parts >= self.share:
                    raise UserError(
                        "the device's memory does not hold one sample's turn, take a smaller --size or --width"
                    ) from None
            self.parts = min(2 * self.parts, self.share)
            self.on_split(self.parts)
            self.graphs.invalidate()
            for optimizer in self.players.optimizers:
                optimizer.zero_grad(set_to_none=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    # Stages

    def at_size(self, reals: Drawn) -> Drawn:
        """Reals as the stage learns them: made small, and where they are to be enlarged, with smaller ones as their
        condition."""
        x = shrink(reals.x, self.sides[self.stage])
        if not self.stage:
            return Drawn(x, reals.c)
        return Drawn(x, grained(shrink(x, self.sides[self.stage - 1])))

    @property
    def last_stage(self) -> bool:
        """Whether pictures are learnt as they are, and no longer made small."""
        return self.stage >= len(self.sides) - 1

    def set_stage(self, stage: int) -> None:
        """Plays a stage from now on: the first by G and D of its size, each later one by what enlarges the pictures of
        the one before, which stays as it is."""
        self.stage, self.playing = stage, self.players
        self.graphs.invalidate()
        if not self.sides:
            return
        left = len(self.sides) - 1 - stage
        generator, discriminator, average = (
            at_stage(player, left)
            for player in (
                self.players.generator,
                self.players.discriminator,
                self.players.average.network,
            )
        )
        if isinstance(generator, CascadeGenerator):
            generator.coarse.load_state_dict(average.get_submodule("coarse").state_dict())
            generator = EnlargerPlayer(generator.enlarge)
            discriminator = discriminator.get_submodule("fine")
        self.playing = replace(self.players, generator=generator, discriminator=discriminator)

    def next_stage(self) -> None:
        """Goes from what was learnt of small pictures to the next larger ones, whose players move at the recipe's
        pace."""
        augmented = self.schedule.pace.augment
        self.schedule.pace = ScheduleState(augment=augmented)
        self.stage_began = self.rounds
        self.set_stage(self.stage + 1)
        self.apply_schedule()

    # State

    def apply_schedule(self) -> None:
        """Makes learning rates and penalty what the schedule says, on this rank alone."""
        pace, game = self.schedule.pace, self.recipe.game
        rates = ((self.players.optimizer_g, game.lr_g), (self.players.optimizer_d, game.lr_d))
        for optimizer, rate in rates:
            for group in optimizer.param_groups:
                group["lr"] = rate * pace.rate
        self.objective = replace(self.objective, weight=self.penalty_weight * pace.penalty)
        self.graphs.invalidate()

    def state(self) -> tuple[Tensors, dict[str, Any]]:
        """Tensors and facts from which ``restore`` goes on exactly."""
        players = self.players
        tensors = {
            "generator": players.generator.state_dict(),
            "discriminator": players.discriminator.state_dict(),
            "average": players.average.network.state_dict(),
            "optimizer_g": optimizer_tensors(players.optimizer_g),
            "optimizer_d": optimizer_tensors(players.optimizer_d),
            **({} if self.pool is None else {"pool": self.pool.state()}),
        }
        counts = {"rounds": self.rounds, "turns": self.turns, "seen": self.seen}
        if self.likelihood_steps:
            counts["likelihood_steps"] = self.likelihood_steps
        return tensors, {
            **counts,
            "pace": self.schedule.state(),
            "parts": self.parts,
            "ranks": self.team.size,
            **({"stage": self.stage, "stage_began": self.stage_began} if self.sides else {}),
        }

    def restore(self, tensors: Tensors, facts: dict[str, Any]) -> None:
        """Takes over what ``state`` gave. Raises ValueError, KeyError, TypeError or RuntimeError for anything else."""
        counts = [facts[name] for name in ("rounds", "turns", "seen", "parts", "ranks")]
        counts.append(facts.get("likelihood_steps", 0))
        if not all(type(count) is int and 0 <= count < 2**62 for count in counts) or not facts["parts"]:
            raise ValueError(f"{counts} are no place in a game")
        stage, began = facts.get("stage", 0), facts.get("stage_began", 0)
        if type(stage) is not int or not 0 <= stage < max(1, len(self.sides)) or type(began) is not int:
            raise ValueError(f"{stage} is no stage of the game")
        self.stage, self.stage_began = stage, began
        self.load_players(tensors)
        if self.pool is not None:
            self.pool.restore(tensors["pool"])
        self.rounds, self.turns, self.seen = facts["rounds"], facts["turns"], facts["seen"]
        self.likelihood_steps = counts[-1]
        self.parts = facts["parts"]
        self.schedule.restore(facts["pace"])
        self.apply_schedule()

    def load_players(self, tensors: Tensors) -> None:
        """Takes over the players of another place, and stays at this one: what follows is drawn anew."""
        players = self.players
        players.generator.load_state_dict(tensors["generator"])
        players.discriminator.load_state_dict(tensors["discriminator"])
        players.average.network.load_state_dict(tensors["average"])
        restore_optimizer(players.optimizer_g, tensors["optimizer_g"])
        restore_optimizer(players.optimizer_d, tensors["optimizer_d"])
        self.set_stage(self.stage)
