"""Levers of speed, each moved alone: what a round of `dcgan` as it comes costs then, beside one as it is.

    python benchmarks/levers.py [--sizes 16 64] [--repeats 7] [--seconds 1] [--try]

One thread, CPU time, pictures in colour from a store. Each lever plays right after the game as it is, again and again
in turn with the others, and the median of the ratios counts. Where a lever is not to change what is played, the first
round's losses must be those of the game as it is, or the benchmark stops. --try plays one size for a moment and records
nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.config.presets import resolve
from evenodds.config.settings import GameSettings, NetworkSettings, ObjectiveSettings, Recipe
from evenodds.data.batches import Drawn
from evenodds.data.store import Store
from evenodds.game.augment import augment
from evenodds.game.step import critic
from evenodds.networks.ema import RAMP, Average
from evenodds.networks.generate import draw
from evenodds.training.players import make_optimizer
from evenodds.training.trainer import Trainer
from memory import make
from record import record
from speed import CYCLE
from timing import seconds_each, spread

NEAR = 1e-3
"""Losses of the same game differ by rounding alone."""


def as_it_is(training: Trainer) -> None:
    """Moves nothing."""


def contiguous(training: Trainer) -> None:
    """Weights and pictures lie channel by channel, as PyTorch has them by default."""
    for player in (training.players.generator, training.players.discriminator):
        for weight in player.parameters():
            weight.data = weight.data.contiguous()
    plain = training.augment
    training.augment = lambda x: plain(x.contiguous())  # type: ignore[method-assign]


def adam(training: Trainer, **how: bool) -> None:
    """Adam as PyTorch steps it otherwise."""
    players, game = training.players, training.recipe.game
    for name, rate in (("generator", game.lr_g), ("discriminator", game.lr_d)):
        weights = getattr(players, name).parameters()
        optimizer = torch.optim.Adam(weights, lr=rate, betas=(game.beta1, game.beta2), **how)
        setattr(players, f"optimizer_{name[0]}", optimizer)


def average_singly(training: Trainer) -> None:
    """G's average follows weight by weight."""
    average = training.players.average

    @torch.no_grad()
    def follow(generator: nn.Module, batch: int, seen: int) -> None:
        weight = 1.0 - 0.5 ** (batch / max(min(average.ema_half_life, RAMP * seen), 1e-8))
        for mine, theirs in zip(average.network.parameters(), generator.parameters(), strict=True):
            mine.lerp_(theirs, weight)
        for mine, theirs in zip(average.network.buffers(), generator.buffers(), strict=True):
            mine.copy_(theirs)

    average.follow = follow  # type: ignore[method-assign]


def d_collects(training: Trainer) -> None:
    """D's weights are not frozen in G's turn: their gradients are made and thrown away."""
    discriminator = training.players.discriminator
    discriminator.requires_grad_ = lambda on=True: discriminator  # type: ignore[method-assign]


def one_pass(training: Trainer) -> None:
    """Reals and fakes go through D together, as D without batch normalisation allows."""
    players, objective = training.players, training.objective
    size = training.share

    def d_step() -> tuple[Drawn, Tensor]:
        training.seed("d")
        real = training.batches.at(training.seen, size, training.device)
        z = draw(size, training.recipe.network.latent, training.device)
        players.optimizer_d.zero_grad(set_to_none=True)
        with torch.no_grad():
            fake = training.augment(players.generator(z))
        seen = training.augment(real.x)
        loss = objective.loss.d(*players.discriminator(torch.cat([seen, fake])).chunk(2))
        total = loss
        if training.turns % objective.every == 0 and objective.penalty is not None:
            total = loss + objective.weight * objective.penalty(
                critic(players.discriminator, None), seen, fake
            )
        total.backward()
        players.optimizer_d.step()
        training.turns += 1
        training.seen += size
        return real, loss.detach()

    training.d_step = d_step  # type: ignore[method-assign]


def convolutions(training: Trainer) -> None:
    """G's first and D's last layer, which have one place alone, as convolutions and not the products that they are."""
    first, last = training.players.generator.body[0], training.players.discriminator.body[-1]
    first.forward = lambda z: F.conv_transpose2d(z, first.weight)
    last.forward = lambda x: F.conv2d(x, last.weight, last.bias)


def sub_pixel(training: Trainer) -> None:
    """Each doubling of G as an ordinary 3 x 3 convolution to four times the channels, shuffled to twice the side (Shi
    2016, 1609.05158), which begins as the same map."""
    players, game = training.players, training.recipe.game
    body = players.generator.body
    for place, layer in enumerate(body):
        if isinstance(layer, nn.ConvTranspose2d) and layer.stride == (2, 2):
            body[place] = shuffled(layer)
    players.average = Average(players.generator, game.ema_half_life)
    players.optimizer_g = make_optimizer(players.generator, game.lr_g, game)


def shuffled(layer: nn.ConvTranspose2d) -> nn.Sequential:
    """The sub-pixel equal of a transposed convolution of 4 x 4, stride 2, padding 1."""
    before, after = layer.in_channels, layer.out_channels
    conv = nn.Conv2d(before, 4 * after, 3, padding=1, bias=layer.bias is not None)
    # Output 2i + phase is made of input i + step by tap 1 + phase - 2 step.
    taps = {0: {-1: 3, 0: 1}, 1: {0: 2, 1: 0}}
    weight = torch.zeros(after, 2, 2, before, 3, 3)
    for a, rows in taps.items():
        for b, columns in taps.items():
            for down, row in rows.items():
                for right, column in columns.items():
                    weight[:, a, b, :, 1 + down, 1 + right] = layer.weight[:, :, row, column].detach().T
    conv.weight.data = weight.flatten(0, 2).contiguous(memory_format=torch.channels_last)
    if layer.bias is not None and conv.bias is not None:
        conv.bias.data = layer.bias.detach().repeat_interleave(4)
    return nn.Sequential(conv, nn.PixelShuffle(2))


def augmented(training: Trainer) -> None:
    """All pictures that D sees are augmented."""
    training.augment = augment  # type: ignore[method-assign]


class Lever(NamedTuple):
    """A game and what is moved in it; ``same`` where it is to play as before."""

    name: str
    move: Callable[[Trainer], None] = as_it_is
    same: bool = True
    objective: ObjectiveSettings = ObjectiveSettings()


LEVERS = (
    Lever("as it is"),
    Lever("contiguous, not channels-last", contiguous),
    Lever("Adam weight by weight, not fused", partial(adam, foreach=False)),
    Lever("Adam foreach, not fused", partial(adam, foreach=True)),
    Lever("average weight by weight, not foreach", average_singly),
    Lever("D not frozen in G's turn", d_collects),
    Lever("reals and fakes in one pass through D", one_pass),
    Lever("G's first and D's last layer as convolutions", convolutions),
    Lever("sub-pixel, not transposed convolutions", sub_pixel),
    Lever("penalty every turn, not every fourth", same=False, objective=ObjectiveSettings(penalty_every=1)),
    Lever(
        "penalty by difference, not exact",
        same=False,
        objective=ObjectiveSettings(penalty_estimator="difference"),
    ),
    Lever("no penalty", same=False, objective=ObjectiveSettings(penalty="none")),
    Lever("all pictures augmented", augmented, same=False),
)


def game(lever: Lever, store: Store) -> Trainer:
    """The game as it comes with one lever moved, a cycle of rounds old. Raises SystemExit where what is played is
    another than it should be."""
    wish = Recipe(
        network=NetworkSettings(network="dcgan"),
        objective=lever.objective,
        game=GameSettings(augment="off"),
    )
    recipe = resolve(wish, store.spec, store.n_train, "noise")
    device = torch.device("cpu")
    training, plain = (Trainer(recipe, store, device) for _ in range(2))
    lever.move(training)
    if lever.same:
        for found, wanted in zip(training.round(), plain.round(), strict=True):
            if not torch.isclose(found, wanted, rtol=NEAR, atol=NEAR):
                raise SystemExit(f"{lever.name}: a loss of {found}, as it is {wanted}")
    while training.rounds < CYCLE:
        training.round()
    return training


def milliseconds(training: Trainer, seconds: float) -> float:
    """CPU time a round, over whole cycles of at least so many seconds."""

    def cycle() -> None:
        for _ in range(CYCLE):
            training.round()

    return 1000 * seconds_each(cycle, seconds, time.process_time) / CYCLE


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    if asked.trial:
        asked.sizes, asked.repeats, asked.seconds = [16], 1, 0.0
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = [{"moved alone": lever.name} for lever in LEVERS[1:]]
    summary: dict[str, Any] = {"threads": 1, "repeats": asked.repeats, "seconds each": asked.seconds}
    for size in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "store", 500, size)
            store = Store.open(Path(folder) / "store")
            plain, *moved = [game(lever, store) for lever in LEVERS]
            found: list[list[tuple[float, float]]] = [[] for _ in moved]
            for _ in range(asked.repeats):
                for training, pairs in zip(moved, found, strict=True):
                    # Right beside each other: a machine that slows down does so for both.
                    pairs.append((milliseconds(plain, asked.seconds), milliseconds(training, asked.seconds)))
        for row, pairs in zip(rows, found, strict=True):
            times = [mine / base for base, mine in pairs]
            row |= spread("times", times, before=f"{size} px, ")
        bases = statistics.median(base for pairs in found for base, _ in pairs)
        summary[f"{size} px as it is, ms"] = round(bases, 1)
    record("levers", rows, {**summary, "medians over": "repeats"}, keep=not asked.trial)


if __name__ == "__main__":
    main()
