"""`evenodds steer`: find directions in latent space, and move samples along them."""

from __future__ import annotations

from cyclopts import App

from evenodds.cli.steer_apply import apply, mix, turn, walk
from evenodds.cli.steer_find import find, invert, seeds

steer = App(
    name="steer",
    help="Find directions in a run's latent space, and move fakes or your own pictures along them.",
)
steer.command(find)
steer.command(apply)
steer.command(turn)
steer.command(invert)
steer.command(seeds)
steer.command(mix)
steer.command(walk)
