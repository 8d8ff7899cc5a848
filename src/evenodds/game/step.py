"""One round of the game: D turns, then a G turn. Imports torch and what it is handed.

A turn may be played in parts where the device's memory does not hold a whole batch: each part's loss counts by its
share of the batch, gradients are summed, and one step is taken. Losses and penalties are means over samples or over
pairs of the n-th real and the n-th fake, which stay together, so the gradient is the same. Batch normalisation alone
differs: it counts over a part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from evenodds.core.distributed import ALONE, Team
from evenodds.game.pool import FakePool
from evenodds.networks.ema import Average
from evenodds.networks.layers import with_channels
from evenodds.objectives.contrast import patch_contrast
from evenodds.objectives.objective import Objective
from evenodds.objectives.penalties import Critic
from evenodds.objectives.ssim import dissimilarity

Augment = Callable[[Tensor], Tensor]


@dataclass
class Players:
    """G and D with their optimisers, and G's moving average; and who else plays them."""

    generator: nn.Module
    discriminator: nn.Module
    average: Average
    optimizer_g: torch.optim.Optimizer
    optimizer_d: torch.optim.Optimizer
    team: Team = ALONE

    @property
    def optimizers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        """G's and D's."""
        return self.optimizer_g, self.optimizer_d


def d_step(
    players: Players,
    objective: Objective,
    augment: Augment,
    real: Tensor,
    z: Tensor,
    c: Tensor | None = None,
    *,
    with_penalty: bool,
    parts: int = 1,
    pool: FakePool | None = None,
) -> Tensor:
    """D learns to score reals (n, *shape) above G(z, c), c being the reals' own conditions (n, ...). Returns D's
    adversarial loss, a scalar without a graph.

    ``with_penalty`` is true in the turns in which the penalty is played; ``parts`` are how many the batch is cut into;
    some fakes are exchanged for those of a ``pool``.
    """
    discriminator = players.discriminator
    players.optimizer_d.zero_grad(set_to_none=True)
    losses = []
    for share, part in microbatches(Batch(real, z, c), parts):
        with torch.no_grad():
            fake = players.generator(part.z, part.c)
            fake = augment(fake if pool is None else pool.exchange(fake))
        seen = augment(part.real)
        of_real, reconstruction = score_reals(discriminator, seen, part.c)
        loss = objective.loss.d(of_real, discriminator(fake, part.c))
        total = loss if reconstruction is None else loss + reconstruction
        if with_penalty and objective.penalty is not None:
            total = total + objective.weight * objective.penalty(critic(discriminator, part.c), seen, fake)
        (total * share).backward()
        losses.append(loss.detach() * share)
    players.team.average(discriminator)
    players.optimizer_d.step()
    return torch.stack(losses).sum()


def score_reals(discriminator: nn.Module, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """D's scores of reals as it sees them, and what a D that also reconstructs them (Liu 2021, 2101.04775, equation 2)
    adds to its loss, as it stands there."""
    if getattr(discriminator, "reconstructs", False):
        both: tuple[Tensor, Tensor] = cast(Any, discriminator).score_and_reconstruct(x, c)
        return both
    return discriminator(x, c), None


class Batch(NamedTuple):
    """Reals (n, *shape), as many latents (n, width), and the conditions (n, ...) of both, if there are any."""

    real: Tensor
    z: Tensor
    c: Tensor | None


def microbatches(batch: Batch, parts: int) -> Iterator[tuple[float, Batch]]:
    """A batch in parts, each with its share of the samples."""
    real, z, c = batch
    conditions = [None] * len(real) if c is None else c.chunk(parts)
    for x, latents, condition in zip(real.chunk(parts), z.chunk(parts), conditions, strict=False):
        yield len(x) / len(real), Batch(x, latents, condition)


def critic(discriminator: nn.Module, c: Tensor | None) -> Critic:
    """D as a penalty takes it: one score a sample, of samples that repeat the order of the conditions c."""

    def score(x: Tensor) -> Tensor:
        repeated = None if c is None else c.repeat(len(x) // len(c), *[1] * (c.dim() - 1))
        return per_sample(discriminator(x, repeated))

    return score


def per_sample(scores: Tensor) -> Tensor:
    """Scores (n,), or (n, p) of patches -> (n,): D's word on the whole sample."""
    return scores.flatten(1).mean(1) if scores.dim() > 1 else scores


def g_step(
    players: Players,
    objective: Objective,
    augment: Augment,
    real: Tensor,
    z: Tensor,
    c: Tensor | None = None,
    *,
    parts: int = 1,
) -> Tensor:
    """G learns to raise D's score of G(z, c), and to come near the real that c was taken from where the objective asks
    for that (Isola 2016, 1611.07004, equations 3 and 4; Zhao 2017, 1511.08861). Returns G's loss, a scalar without a
    graph.

    D's weights that learn are frozen meanwhile: their gradients would be thrown away.
    """
    learning = [weight for weight in players.discriminator.parameters() if weight.requires_grad]
    require_gradients(learning, False)
    players.optimizer_g.zero_grad(set_to_none=True)
    losses = []
    try:
        for share, part in microbatches(Batch(real, z, c), parts):
            loss = loss_g(players, objective, augment, part) * share
            loss.backward()
            losses.append(loss.detach())
    finally:
        require_gradients(learning, True)
    players.team.average(players.generator)
    players.optimizer_g.step()
    return torch.stack(losses).sum()


def likelihood_step(players: Players, real: Tensor, rate: float, decay: float) -> None:
    """A G that knows ``log_likelihood`` raises that of reals (n, *shape). Weights, but no biases, decay besides
    (Loshchilov 2017, 1711.05101)."""
    for group in players.optimizer_g.param_groups:
        group["lr"] = rate
    players.optimizer_g.zero_grad(set_to_none=True)
    loss: Tensor = -cast(Any, players.generator).log_likelihood(real).mean()
    loss.backward()
    players.team.average(players.generator)
    with torch.no_grad():
        weights: list[Tensor] = [weight for weight in players.generator.parameters() if weight.dim() > 1]
        torch._foreach_mul_(weights, 1 - rate * decay)
    players.optimizer_g.step()


def require_gradients(weights: Iterable[nn.Parameter], required: bool) -> None:
    """Has gradients of weights taken, or not."""
    for weight in weights:
        weight.requires_grad_(required)


def loss_g(players: Players, objective: Objective, augment: Augment, batch: Batch) -> Tensor:
    """What G is to lower, a scalar."""
    fake, loss_of_content = make_fakes(players.generator, objective, batch)
    fake_scores = players.discriminator(augment(fake), batch.c)
    real_scores = fake_scores
    if objective.loss.g_needs_real:
        with torch.no_grad():
            real_scores = players.discriminator(augment(batch.real), batch.c)
    loss = objective.loss.g(real_scores, fake_scores)
    if loss_of_content is not None:
        loss = loss + loss_of_content
    if objective.pixels:
        loss = loss + objective.pixels * (fake - batch.real).abs().mean()
    if objective.structure:
        loss = loss + objective.structure * dissimilarity(fake, batch.real)
    return loss


def make_fakes(generator: nn.Module, objective: Objective, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Fakes G(z, c), and what G loses where they do not keep c's content, or where it changes a real that is like what
    it makes (Park 2020, 2007.15651, equation 3; Zhu 2017, 1703.10593, section 5.2)."""
    real, z, c = batch
    if c is None or not (objective.contrast or objective.identity):
        return generator(z, c), None
    fake, maps = cast(Any, generator).with_maps(z, c)
    loss = fake.new_zeros(())
    if objective.contrast:
        levels = cast(Any, generator).compare(maps, with_channels(fake, c.shape[1]))
        loss = loss + objective.contrast * patch_contrast(levels)
    if objective.identity:
        same = generator(z, with_channels(real, c.shape[1]))
        loss = loss + objective.identity * (same - real).abs().mean()
    return fake, loss
