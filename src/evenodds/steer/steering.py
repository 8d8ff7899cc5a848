"""Steering a run: directions found, applied, added up and walked along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evenodds.data.pictures import to_tensor
from evenodds.data.store import Store
from evenodds.errors import UserError
from evenodds.game.features import Features
from evenodds.given import wish_of
from evenodds.judge.making import store_of
from evenodds.latent import draw, seed_of, set_random
from evenodds.run import Run
from evenodds.sample import load_generator
from evenodds.spec import PictureSpec, at_most
from evenodds.steer import discovery, paths
from evenodds.steer.directions import Direction, keep, recall
from evenodds.steer.eyes import Eyes, eyes_for
from evenodds.steer.inversion import Inverter, inverter_of, look_of
from evenodds.steer.separation import between, hold, incline, separate

LEARNT = 4_000
"""Fakes that a direction is learnt from, at most: of large pictures fewer."""
TRIED = 500
"""Fresh seeds on which its effect is measured."""
STEPS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
"""Lengths of a step that are tried; a latent vector of d numbers is about the root of d long."""
FLIPPED = 0.9
"""The shortest step that flips a feature in this share of seeds is its own."""
UNTOLD = 3.0
"""The step of a direction whose effect nothing can tell."""
SURELY, HARDLY = 0.8, 0.2
EXEMPLARS = 3
VARIED = 0.25
"""Size of the noise around a sum's answer, of a latent's own 1."""
FEWEST = 3
"""Examples a side."""
BATCH = 128

Shares = NDArray[np.float64]


class Steer:
    """The latent space of a run's best G: samples are tensors (n, *shape) as G makes them, latents (n, latent)."""

    def __init__(self, run: Run, device: torch.device) -> None:
        """Raises UserError for a run whose G takes a picture in: there the picture steers."""
        if run.condition is not None and run.condition.pictures:
            raise UserError(
                f"{run.path} makes pictures from pictures, whose latent space holds little: change the picture given"
            )
        self.run, self.device = run, device
        self.width = run.recipe.network.latent
        self.generator = load_generator(run, device)
        self.given = wish_of(run, None, run.recipe.plan.seed).given

    @cached_property
    def store(self) -> Store:
        """The data that the run was trained on. Raises UserError where it is gone or has changed."""
        return store_of(self.run)

    @cached_property
    def eyes(self) -> Eyes:
        """What reads features from samples; pictures' labels are learnt the first time."""
        return eyes_for(self.store, self.run.recipe.plan.seed, self.device)

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """The latent vectors that seeds stand for, (n, latent): always the same."""
        found = []
        with torch.random.fork_rng():
            for seed in seeds:
                set_random(seed_of(seed, "steer"), self.device)
                found.append(draw(1, self.width, self.device))
        return torch.cat(found)

    @torch.inference_mode()
    def make(self, z: Tensor) -> Tensor:
        """Samples (n, *shape) of latents (n, latent); G's own noise is the same every time, and what a labelled G is
        given beside is one condition for all."""
        return torch.cat([self.make_some(part.to(self.device)) for part in torch.split(z, BATCH)])

    def make_some(self, z: Tensor) -> Tensor:
        """As ``make``, at once and differentiable."""
        c = self.condition
        with torch.random.fork_rng():
            set_random(seed_of(0, "steer", "make"), self.device)
            made: Tensor = self.generator(z, None if c is None else c.expand(len(z), -1))
        return made

    @cached_property
    def condition(self) -> Tensor | None:
        """What G is given beside latents, (1, width): the same for all."""
        c = self.given(0, 1)
        return None if c is None else c.to(self.device)

    @cached_property
    def learnt(self) -> tuple[Tensor, Shares]:
        """Latents (n, latent) and what their fakes show, (n, features)."""
        count = at_most(self.run.spec, LEARNT, LEARNT, LEARNT * 64**2, 1000)
        with torch.random.fork_rng():
            set_random(seed_of(self.run.recipe.plan.seed, "steer", "learn"), self.device)
            z = draw(count, self.width, self.device)
        return z, np.concatenate([self.eyes.see(self.make(part)) for part in torch.split(z, BATCH)])

    # Inverting

    @cached_property
    def inverter(self) -> Inverter:
        """What finds the latents of pictures; learnt the first time. Raises UserError for a run of rows."""
        if not isinstance(self.run.spec, PictureSpec):
            raise UserError(f"{self.run.path} makes table rows, only pictures are inverted")
        look = look_of(self.run, self.condition, self.device)
        return inverter_of(self.run, self.store, self.make_some, look, self.device)

    def invert(self, pictures: NDArray[np.uint8]) -> tuple[Tensor, Shares]:
        """The nearest latents (n, latent) of pictures uint8 (n, H, W, C) of the run's size, and how far G is from them:
        the root of the mean squared difference of pixels, (n,), of 1. Raises UserError for another size."""
        spec = self.run.spec
        expected = (spec.shape[-2], spec.shape[-1], spec.shape[0])
        if pictures.ndim != 4 or pictures.shape[1:] != expected or pictures.dtype != np.uint8:
            raise UserError(
                f"pictures to be inverted are uint8 of shape (n, {', '.join(map(str, expected))}) and not "
                f"{pictures.dtype} of {pictures.shape}"
            )
        x = to_tensor(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).to(self.device)
        z = self.inverter(x)
        error = (self.make(z) - x).flatten(1).square().mean(1).sqrt() / 2
        return z, error.double().cpu().numpy()

    # Finding

    def find(self, name: str, feature: str | None = None) -> Direction:
        """The direction of a feature of labels or columns, ``name`` where no other is given, which holds the other
        columns still; kept in the run. Raises UserError for features that are unknown or too rare among fakes."""
        place, present = self.eyes.place(feature or name)
        z, shown = self.learnt
        latents = z.double().cpu().numpy()
        own = self.eyes.features[place]
        mine = normal(latents, shown[:, place], own.level is None)
        others = []
        for other, known in enumerate(self.eyes.features):
            if known.column != own.column:
                try:
                    others.append(normal(latents, shown[:, other], known.level is None))
                except UserError:
                    continue  # what fakes do not show cannot be changed by mistake
        vector = hold(mine, np.array(others).reshape(-1, self.width)) * (1 if present else -1)
        return self.finish(name, vector, "labels", place)

    def find_by_examples(self, name: str, with_it: Sequence[int], without: Sequence[int]) -> Direction:
        """The direction from seeds without a feature to seeds with it; kept in the run. Raises UserError for fewer than
        FEWEST of either."""
        if min(len(with_it), len(without)) < FEWEST:
            raise UserError(f"{name!r} needs at least {FEWEST} seeds with it and as many without it")
        sides = [self.latents(seeds).double().cpu().numpy() for seeds in (with_it, without)]
        return self.finish(name, between(*sides), "examples", None)

    def discover(self, count: int, by: str) -> list[Direction]:
        """``count`` directions that nobody named, by "features" of fakes or by G's "weights"; kept as by-1, by-2 ..."""
        if by == "weights":
            found = discovery.from_weights(discovery.first_weights(self.generator, self.width), count)
        else:
            z = self.latents(range(at_most(self.run.spec, 2000, 2000, 2000 * 64**2, 4 * self.width)))
            features = Features(self.run.spec, [self.make(z).cpu()])
            found = discovery.from_features(
                z.double().cpu().numpy(), features.reals.astype(np.float64), count
            )
        return [self.finish(f"{by}-{place}", vector, by, None) for place, vector in enumerate(found, 1)]

    def finish(self, name: str, vector: Shares, found_by: str, place: int | None) -> Direction:
        """The direction with its effect, kept."""
        step, effect = (UNTOLD, {}) if place is None else self.effect(vector, place)
        unit = torch.from_numpy(vector).float()
        direction = Direction(name, unit, step, found_by, effect, self.run.best().name)
        keep(self.run, direction)
        return direction

    def effect(self, vector: Shares, place: int) -> tuple[float, dict[str, Any]]:
        """The shortest step that flips a feature in FLIPPED of fresh seeds, or the one that flips most, and what it
        does: the share flipped, and of every other column the share that stays as it was."""
        z = self.latents(range(TRIED))
        before = self.eyes.see(self.make(z))
        sign = np.where(before[:, place] > 0.5, -1.0, 1.0)
        if self.eyes.features[place].level is None:
            sign = np.ones(len(z))
        found: list[tuple[float, dict[str, Any]]] = []
        for step in STEPS:
            moved = z + torch.from_numpy(step * sign[:, None] * vector).to(z)
            found.append((step, self.change(before, self.eyes.see(self.make(moved)), place)))
            if found[-1][1]["flipped"] >= FLIPPED:
                return found[-1]
        return max(found, key=lambda one: float(one[1]["flipped"]))

    def change(self, before: Shares, after: Shares, place: int) -> dict[str, Any]:
        """What became of fakes: a feature flipped (of a number: raised by its spread or more), other columns kept."""
        own = self.eyes.features[place]
        if own.level is None:
            flipped = after[:, place] - before[:, place] >= before[:, place].std()
        else:
            flipped = (after[:, place] > 0.5) != (before[:, place] > 0.5)
        kept = {
            column: round(float((after[:, places].argmax(1) == before[:, places].argmax(1)).mean()), 4)
            for column, places in self.eyes.groups().items()
            if column != own.column and len(places) > 1
        }
        return {"seeds": len(before), "flipped": round(float(flipped.mean()), 4), "kept": kept}

    # Using

    def apply(self, name: str, z: Tensor, reach: float | None = None, steps: int = 7) -> Tensor:
        """Strips along a direction of the run, from -reach to reach (its own step when left out): (n, steps, *shape).
        Raises UserError for a direction that the run does not have."""
        direction = recall(self.run, name)
        ways = [paths.along(one, direction.vector.to(one), reach or direction.step, steps) for one in z]
        made = self.make(torch.cat(ways))
        return made.view(len(z), steps, *made.shape[1:])

    def mix(self, text: str, exemplars: int = EXEMPLARS, seed: int = 0) -> tuple[Tensor, list[Tensor]]:
        """The latent (latent,) of a sum such as "glasses short - no glasses short + no glasses long", and the exemplars
        of each term (m, latent), whose fakes surely show its words. Raises UserError where there are too few."""
        z, shown = self.learnt
        order = np.random.default_rng(seed).permutation(len(z))
        terms = []
        for sign, words in spelled(text):
            fits = self.fitting(words, shown)
            chosen = [int(place) for place in order if fits[place]][:exemplars]
            if len(chosen) < exemplars:
                raise UserError(
                    f"only {len(chosen)} of {len(z)} fakes show {' '.join(words)!r}, and {exemplars} are needed"
                )
            terms.append((sign, z[chosen]))
        return paths.combine(terms), [latents for _, latents in terms]

    def sheet(self, answer: Tensor, terms: list[Tensor], seed: int = 0) -> tuple[Tensor, int]:
        """The samples of a sum's sheet, and its columns: a row for each term, its exemplars and their mean; then nine
        small variations of the answer, three a row."""
        rows = [torch.cat([exemplars, paths.shelled(exemplars.mean(0)[None])]) for exemplars in terms]
        with torch.random.fork_rng():
            set_random(seed_of(seed, "steer", "vary"), self.device)
            near = paths.shelled(answer + VARIED * torch.randn(9, self.width, device=self.device))
        near[4] = answer
        columns = len(rows[0])
        answers = [torch.cat([part, part[-1:].expand(columns - 3, -1)]) for part in torch.split(near, 3)]
        return self.make(torch.cat([*rows, *answers])), columns

    def fitting(self, words: list[str], shown: Shares) -> NDArray[np.bool_]:
        """Which fakes surely show all the words, (n,)."""
        fits = np.ones(len(shown), bool)
        for word in words:
            place, present = self.eyes.place(word)
            fits &= shown[:, place] > SURELY if present else shown[:, place] < HARDLY
        return fits

    def walk(self, z: Tensor, steps: int) -> Tensor:
        """Latents (about steps, latent) of a smooth way through z (n, latent): on great circles, and as fast everywhere
        as fakes show it. Raises UserError for fewer than two."""
        if len(z) < 2:
            raise UserError("a walk needs at least two seeds")
        each = max(2, steps // (len(z) - 1))
        ways = []
        for first, second in pairwise(z):
            even = torch.linspace(0, 1, 4 * each, device=z.device)
            moved = self.moved(paths.spherical(first, second, even))
            ways.append(paths.spherical(first, second, paths.even_steps(moved, each).to(z.device)))
        return torch.cat(ways)

    def moved(self, z: Tensor) -> Tensor:
        """How far each fake is from the one before it, (n - 1,), by its pixels or places."""
        made = self.make(z).float().cpu().flatten(1)
        lengths: Tensor = (made[1:] - made[:-1]).norm(dim=1)
        return lengths


def normal(z: Shares, shown: Shares, number: bool) -> Shares:
    """The direction of one feature, others not yet held."""
    return incline(z, shown) if number else separate(z, shown)


def spelled(text: str) -> list[tuple[int, list[str]]]:
    """A sum's terms: sign and words, "no" with the word after it. Raises UserError for no sum."""
    terms = []
    for sign, words in re.findall(r"([+-]?)\s*([^+-]+)", text):
        found = re.findall(r"no\s+\S+|\S+", words)
        if found:
            terms.append((-1 if sign == "-" else 1, found))
    if not terms:
        raise UserError(f"{text!r} is no sum of features, write it like glasses - no glasses + beard")
    return terms
