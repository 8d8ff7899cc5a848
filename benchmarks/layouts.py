"""What it costs to leave the layout of pictures to chance: both players' turns, beside those with all of it
channels-last.

    python benchmarks/layouts.py [--threads 1 2] [--repeats 15] [--seconds 1] [--try]

`Tensor.contiguous` finds a tensor with one channel, or a kernel of one place, channels-last as it is and leaves its
strides, by which a convolution takes it for the other layout and turns its input over. Left to chance, weights have
those strides and pictures go on as they come. Each plays D on reals and on fakes, forward and backward, in turn with
the other, and the median of the ratios counts; scores must be the same. --try plays once and records nothing.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from evenodds.config.settings import NetworkSettings
from evenodds.core.spec import Condition, PictureSpec
from evenodds.networks import r3gan, resunet
from evenodds.networks.build import build
from evenodds.networks.layers import channels_last
from record import record
from timing import seconds_each, spread

LATENT = 64


class Game(NamedTuple):
    """Networks of a width, the pictures they play on, and how many of them at once."""

    network: str
    width: int
    channels: int
    size: int
    batch: int


GAMES = (
    Game("dcgan", 32, 1, 16, 32),
    Game("dcgan", 32, 1, 32, 32),
    Game("dcgan", 32, 3, 32, 32),
    Game("r3gan", 16, 1, 32, 32),
    Game("r3gan", 16, 3, 32, 32),
    Game("resunet", 16, 3, 64, 8),
)


def chance(x: Tensor) -> Tensor:
    """x as it comes."""
    return x


def turns(game: Game, kept: bool) -> Callable[[], float]:
    """Plays a turn of each player, all channels-last or left to chance, and answers with D's score of the reals."""
    torch.manual_seed(0)
    spec = PictureSpec(game.channels, game.size, game.size)
    condition = (
        Condition("pairs", PictureSpec(1, game.size, game.size)) if game.network == "resunet" else None
    )
    settings = NetworkSettings(network=game.network, width=game.width, latent=LATENT)
    generator, discriminator = build(spec, settings, condition)
    if not kept:
        for weight in (*generator.parameters(), *discriminator.parameters()):
            if weight.dim() == 4:
                weight.data = channels_last(torch.empty(weight.shape).copy_(weight.data))
    given = () if condition is None else (torch.randn(game.batch, *condition.spec.shape),)
    real, z = channels_last(torch.randn(game.batch, *spec.shape)), torch.randn(game.batch, LATENT)

    def play() -> float:
        r3gan.channels_last = resunet.channels_last = channels_last if kept else chance
        score = discriminator(real, *given).mean()
        score.backward()
        discriminator(generator(z, *given), *given).mean().backward()
        for player in (generator, discriminator):
            player.zero_grad()
        return float(score.detach())

    return play


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    if asked.trial:
        asked.threads, asked.repeats, asked.seconds = [1], 1, 0.0
    rows: list[dict[str, Any]] = []
    for threads in asked.threads:
        torch.set_num_threads(threads)
        for game in GAMES:
            kept, left = turns(game, kept=True), turns(game, kept=False)
            if abs(kept() - left()) > 1e-4:
                raise SystemExit(f"{game} scores otherwise when its layout is left to chance")
            found = [
                (seconds_each(kept, asked.seconds), seconds_each(left, asked.seconds))
                for _ in range(asked.repeats)
            ]
            times = [theirs / mine for mine, theirs in found]
            row = {
                "network": game.network,
                "channels": game.channels,
                "px": game.size,
                "threads": threads,
                "channels-last, ms": round(1000 * statistics.median(mine for mine, _ in found), 1),
                **spread("left to chance, times", times),
            }
            print(row, flush=True)
            rows.append(row)
    summary = {"repeats": asked.repeats, "seconds each": asked.seconds, "medians over": "repeats"}
    record("layouts", rows, summary, keep=not asked.trial)


if __name__ == "__main__":
    main()
