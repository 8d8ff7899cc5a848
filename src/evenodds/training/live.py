"""What a game is seen by between its checks: fakes of fixed latents, D's answers, and the gradients that reach G."""

from __future__ import annotations

import base64
import math
import time
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import on_checkerboard
from evenodds.data.images.arrays import grid_image, to_visible
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.metrics.probability import probability
from evenodds.networks.generate import generate, latents_of
from evenodds.runs import live
from evenodds.runs.film import number_ranges
from evenodds.runs.run import Run
from evenodds.training.clock import Clock, seconds_left
from evenodds.training.probes import Probes
from evenodds.training.recorder import json_number
from evenodds.training.snapshots import heat_grid, in_order
from evenodds.training.trainer import Trainer

FIRST = frozenset((1, 2, 3, 5, 8, 13, 21, 34, 55, 89))
"""Rounds after which a frame is due whatever the clock says: most happens at the beginning."""
EVERY = 0.9
"""Seconds between later frames, at least."""
SHARE, GRACE = 0.02, 0.25
"""Frames take this share of the game's time at most, and so many seconds more, which its first ones need."""
PICTURES, ROWS = 16, 150
"""Fakes of a frame, and as many reals beside them."""
COARSE = (24, 32)
"""Places down and across at which D's answer is asked for two-number tables."""
PUSH = 0.5
"""How far a fake is moved along G's gradient where a wedge is drawn: encoded units for each unit of gradient."""
SHEET = 480
"""Longest side of a sheet of fakes, in pixels."""


class LiveView:
    """Makes frames of a game as it stands, and changes nothing of it but torch's random state."""

    def __init__(self, seed: int, store: Store, trainer: Trainer, *, averaged: bool = True) -> None:
        """Fakes are those of the average G, like the sheets of a check, or of G as it is."""
        self.averaged = averaged
        self.seed, self.store, self.trainer, self.probes = seed, store, trainer, Probes(trainer)
        self.codec = None if store.codec_json is None else TableCodec.from_json(store.codec_json)
        self.bands = isinstance(store.spec, PictureSpec) and store.spec.bands
        self.count = min(PICTURES if isinstance(store.spec, PictureSpec) else ROWS, store.n_heldout)
        self.latents = latents_of(range(self.count), trainer.recipe.network.latent, trainer.device)
        self.conditions = in_order(self.probes.conditions(self.count))
        [self.reals] = self.probes.pairs("heldout", self.count)
        grid = None if self.codec is None else heat_grid(self.codec, COARSE)
        self.grid = None if grid is None else torch.from_numpy(grid).to(trainer.device)
        ranges = {} if self.codec is None else number_ranges(self.codec)
        self.axes = dict(list(ranges.items())[:2])

    def scene(self) -> dict[str, Any]:
        """What stays as it is: for pictures a sheet of reals, for a table its first two numbers' names and ranges, and
        reals."""
        reals = self.reals.x.cpu()
        if self.codec is None:
            return {"kind": "pictures", "count": self.count, "reals": sheet(reals, self.bands)}
        axes = [{"name": name, "low": low, "high": high} for name, (low, high) in self.axes.items()]
        points = self.points(self.codec, reals) if len(axes) == 2 else []
        return {"kind": "table", "count": self.count, "axes": axes, "reals": points, "grid": list(COARSE)}

    def frame(self) -> dict[str, Any] | None:
        """What is seen now, for JSON; None where a score is not finite.

        ``real`` is D's P(real) of each fake, ``wins`` how often it scores a real above a fake, and
        ``signal`` the mean norm of the gradient of G's loss at each of its fakes. A table has ``points`` of the fakes,
        ``pushed`` ones after a step along that gradient, and for two numbers ``heat``, D's answer over the grid.
        """
        fakes = self.fakes()
        real_scores = self.probes.scores(*self.reals)
        fake_scores, gradient = self.probes.gradient(fakes, self.conditions, real_scores.to(fakes.device))
        if not (torch.isfinite(real_scores).all() and torch.isfinite(fake_scores).all()):
            return None
        norms = gradient.flatten(1).norm(dim=1)
        answer = partial(probability, self.trainer.recipe.objective.loss, real=real_scores, fake=fake_scores)
        frame: dict[str, Any] = {
            "real": rounded(answer(fake_scores)),
            "wins": round(float((real_scores[:, None] > fake_scores).double().mean()), 4),
            "signal": float(f"{norms.mean():.4g}"),
        }
        if self.codec is None:
            return {**frame, "sheet": sheet(fakes.cpu(), self.bands)}
        if len(self.axes) == 2:
            frame["points"] = self.points(self.codec, fakes)
            frame["pushed"] = self.points(self.codec, fakes - PUSH * gradient)
        if self.grid is not None:
            heat = answer(self.probes.scores(self.grid))
            frame["heat"] = (255 * heat).round().astype(int).tolist()
        return frame

    def fakes(self) -> Tensor:
        """What G, or its average, makes of the fixed latents now."""
        set_random(seed_of(self.seed, "hang"), self.trainer.device)
        players = self.trainer.players
        network = players.average.network if self.averaged else players.generator
        network.eval()
        fakes = torch.cat(list(generate(network, self.latents, self.conditions)))
        network.train(not self.averaged)
        return fakes

    def points(self, codec: TableCodec, encoded: Tensor) -> list[list[float | None]]:
        """The first two numbers of encoded rows (n, width)."""
        rows = codec.to_table(encoded.cpu().numpy(), np.random.default_rng(self.seed))
        return places(rows[list(self.axes)].to_numpy(float))


class LiveWriter:
    """Writes frames of a game while somebody watches it, as a bounded share of the game's time."""

    def __init__(self, run: Run, store: Store, trainer: Trainer, clock: Clock) -> None:
        self.run, self.store, self.trainer, self.clock = run, store, trainer, clock
        self.view: LiveView | None = None
        self.number = 0
        self.began = time.monotonic()
        self.last = -math.inf
        self.spent = self.cost = 0.0
        self.off = False

    def begin(self) -> None:
        """Makes room for frames: from now on the game can be watched."""
        live.begin(self.run.path)

    def after_round(self, losses: tuple[Tensor, Tensor]) -> None:
        """Writes a frame where one is due."""
        if self.is_due(self.trainer.rounds in FIRST):
            self.write({"loss_d": json_number(losses[0]), "loss_g": json_number(losses[1])})

    def after_head_start(self) -> None:
        """Writes a frame of D's head start, in which G stands still, where one is due."""
        if self.is_due():
            self.write({"alone": self.trainer.turns})

    def is_due(self, early: bool = False) -> bool:
        """Whether it is time for a frame, there is time for it, and somebody watches."""
        now = time.monotonic()
        if self.off or (not early and now - self.last < EVERY):
            return False
        if self.spent + self.cost > SHARE * (now - self.began) + GRACE:
            return False
        return live.is_watched(self.run.path)

    def write(self, more: dict[str, Any]) -> None:
        """Writes a frame; a disk that refuses it, or memory that does not hold it, ends the frames, never the game."""
        try:
            if self.view is None:  # made once, and not counted among what a frame takes
                self.view = LiveView(self.run.recipe.plan.seed, self.store, self.trainer)
                live.write_scene(self.run.path, {"source": self.run.facts["source"], **self.view.scene()})
            began = time.monotonic()
            frame = self.view.frame()
            if frame is not None:
                self.number += 1
                live.write_frame(self.run.path, self.number, {**self.where(), **more, **frame})
        except (OSError, RuntimeError, ValueError):
            self.off = True
            return
        self.last = time.monotonic()
        self.cost = self.last - began
        self.spent += self.cost

    def where(self) -> dict[str, Any]:
        """The place in the game: round, seconds played, and seconds left if it goes on as it went."""
        seconds, spent = self.clock.seconds(), self.clock.spent(self.trainer)
        left = seconds_left(seconds, spent)
        return {
            "round": self.trainer.rounds,
            "seconds": round(seconds, 2),
            "left": round(left, 1) if math.isfinite(left) else None,
            "spent": round(min(spent, 1.0), 4),
        }

    def clear(self) -> None:
        """Takes the frames away: from now on the game's checks say what it came to."""
        live.clear(self.run.path)


def rounded(values: NDArray[np.float64]) -> list[float]:
    """Numbers for JSON."""
    return [round(float(value), 4) for value in values]


def places(values: NDArray[np.float64]) -> list[list[float | None]]:
    """Pairs of numbers (n, 2) for JSON, None where one is missing."""
    return [[float(f"{a:.6g}") if math.isfinite(a) else None for a in pair] for pair in values]


def sheet(pictures: Tensor, bands: bool = False) -> str:
    """Pictures (n, C, H, W) in [-1, 1] side by side, a PNG as a data URL."""
    image = on_checkerboard(grid_image(to_visible(pictures, bands)))
    if max(image.size) > SHEET:
        image.thumbnail((SHEET, SHEET), Image.Resampling.BILINEAR)
    content = BytesIO()
    image.save(content, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
