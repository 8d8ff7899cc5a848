"""`evenodds steer`: find what a direction in latent space means, and use it."""

from __future__ import annotations

from cyclopts import App

from evenodds.cli.steer_apply import apply, mix, turn, walk
from evenodds.cli.steer_find import find, invert, seeds

steer = App(
    name="steer",
    help="Find directions in a run's latent space: nudge a feature, add and subtract, walk, invert.",
)
steer.command(find)
steer.command(apply)
steer.command(turn)
steer.command(invert)
steer.command(seeds)
steer.command(mix)
steer.command(walk)
