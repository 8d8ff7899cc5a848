"""Samples and scores of a game between rounds: what a check measures, and what the referee is shown."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from evenodds.core.spec import at_most
from evenodds.data.batches import Drawn, as_given, drawn
from evenodds.data.store import Part
from evenodds.game.step import per_sample
from evenodds.metrics.odds import Odds, odds
from evenodds.networks.generate import draw, generate
from evenodds.training.trainer import Trainer

JUDGED_ROWS, JUDGED_PICTURES, FEWEST = 2_000, 500, 100
"""Held-out reals, and as many fakes, that a check scores at most: rows, pictures up to 64 px, the largest ones."""
COSTLIER = 3
"""A G that takes a picture in works so many times as long as one that only gives one out, and fewer are judged."""
SIGNALED = 16
"""Fakes at which the gradient of G's loss is measured."""
BATCH = 256
"""Samples looked at at once."""


class Probes:
    """Reads a game without changing it, but for torch's random state."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.store, self.device = trainer, trainer.store, trainer.device

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
        """Measures the odds now, on held-out reals and as many fresh fakes.

        Raises ValueError where a score is not finite.
        """
        count = self.judged
        fakes = torch.cat([self.scores(*fake) for fake in self.fakes(count, "odds")])
        return odds(self.scores_of("heldout", count).numpy(), fakes.numpy())

    def latents(self, count: int) -> Tensor:
        """``count`` latents (count, width) from torch's current random state."""
        return draw(count, self.trainer.recipe.network.latent, self.device)

    def fakes(self, count: int, purpose: str) -> Iterator[Drawn]:
        """Makes fresh fakes of G as it is now (not averaged), in batches, under the conditions of held-out reals; the
        ``purpose`` decides their latents."""
        self.trainer.seed(purpose)
        generator = self.trainer.players.generator
        latents = self.latents(count)
        generator.eval()
        for start in range(0, count, BATCH):
            chunk = latents[start : start + BATCH]
            c = self.conditions(len(chunk), start)
            yield Drawn(next(generate(generator, chunk, c, BATCH)), c)
        generator.train()

    def conditions(self, count: int, start: int = 0, part: Part = "heldout") -> Tensor | None:
        """``count`` conditions of a part's reals from ``start`` on, round and round; None where there are none."""
        many = self.store.n_conditions(part)
        conditions = self.store.conditions(part, np.arange(start, start + count) % many)
        return None if conditions is None else as_given(conditions, self.device)

    def pairs(self, part: Part, count: int) -> Iterator[Drawn]:
        """The first ``count`` reals of a part with their conditions, in batches."""
        for start in range(0, count, BATCH):
            yield drawn(self.store, part, np.arange(start, min(start + BATCH, count)), self.device)

    def reals(self, part: Part, count: int) -> Iterator[Tensor]:
        """The first ``count`` reals of a part, in batches."""
        return (pair.x for pair in self.pairs(part, count))

    def scores_of(self, part: Part, count: int) -> Tensor:
        """D's scores of the first ``count`` reals of a part: float32 (count,) on the CPU."""
        return torch.cat([self.scores(*pair) for pair in self.pairs(part, count)])

    @torch.inference_mode()
    def scores(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """D's scores of x (n, *shape) under c (n, ...): float32 (n,) on the CPU."""
        discriminator = self.trainer.players.discriminator
        discriminator.eval()
        scores = per_sample(discriminator(x, c))
        discriminator.train()
        return scores.float().cpu()

    def signal(self, latents: Tensor) -> float:
        """The mean norm of the gradient of G's adversarial loss at each of G's fakes (not averaged) of the first
        latents (n, width), under the conditions of held-out reals: what reaches G of D's answer."""
        latents = latents[: min(SIGNALED, self.judged)]
        generator = self.trainer.players.generator
        c = self.conditions(len(latents))
        generator.eval()
        made = torch.cat(list(generate(generator, latents, c)))
        generator.train()
        real = self.scores_of("heldout", len(latents)).to(self.device)
        _, gradient = self.gradient(made, c, real)
        return float(gradient.flatten(1).norm(dim=1).mean())

    def gradient(self, fakes: Tensor, c: Tensor | None, real: Tensor) -> tuple[Tensor, Tensor]:
        """D's scores of fakes (n, *shape) under c: (n,) on the CPU; and the gradient of each fake's own term of G's
        adversarial loss, (n, *shape), where the loss pairs it with a real's score ``real`` (n,)."""
        discriminator = self.trainer.players.discriminator
        x = fakes.clone().requires_grad_()  # what was made in inference mode takes no gradient
        discriminator.eval()
        with torch.enable_grad():
            scores = per_sample(discriminator(x, c))
            [gradient] = torch.autograd.grad(len(x) * self.trainer.objective.loss.g(real, scores), x)
        discriminator.train()
        return scores.detach().cpu(), gradient.detach()
