"""Steering a run: directions found, applied, added up and walked along."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import at_most
from evenodds.metrics.image_features import Features
from evenodds.steer import interpolation, unsupervised
from evenodds.steer.attributes import log_odds
from evenodds.steer.boundaries import hold, incline, separate, taught
from evenodds.steer.directions import Direction, keep, recall
from evenodds.steer.effect import change, signs_of, stay, worth
from evenodds.steer.latent_space import Examples, Shares, Space
from evenodds.steer.refine import SURE, LatentRefiner

TRIED = 200
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


class Steer(Space):
    """The latent space of a run's best G, and what is done in it."""

    # Finding

    def find(self, name: str, feature: str | None = None) -> Direction:
        """The direction of a feature of labels or columns, ``name`` where no other is given, which holds the other
        columns still; kept in the run. Raises UserError for features that are unknown or too rare among fakes."""
        return self.towards(name, feature or name, "labels")

    def towards(self, name: str, feature: str, found_by: str) -> Direction:
        """As ``find``, of a feature that was found out in some way."""
        place, present = self.attributes.place(feature)
        z, shown = self.labelled_latents
        latents = z.double().cpu().numpy()
        target = self.attributes.features[place]
        mine = normal(latents, shown[:, place], target.level is None)
        others = []
        for other, known in enumerate(self.attributes.features):
            if known.column != target.column:
                try:
                    others.append(normal(latents, shown[:, other], known.level is None))
                except UserError:
                    continue  # what fakes do not show cannot be changed by mistake
        vector = hold(mine, np.array(others).reshape(-1, self.width)) * (1 if present else -1)
        return self.finish(name, vector, found_by, f"{'' if present else 'no '}{target.name}")

    def find_by_examples(self, name: str, with_it: Examples, without: Examples) -> Direction:
        """The direction from examples without a feature to examples with it. Where the data has labels and one of them
        surely parts the examples, its own; else what parts them in D's eyes, looked for in many fakes. Examples are
        seeds, latents (n, latent) or pictures uint8 (n, H, W, C) of the run's size. Kept in the run. Raises UserError
        for fewer than FEWEST of either."""
        if min(len(with_it), len(without)) < FEWEST:
            raise UserError(f"{name!r} needs at least {FEWEST} examples with it and as many without it")
        sides = [self.latents_of(examples) for examples in (with_it, without)]
        if (feature := self.parting(*sides)) is not None:
            return self.towards(name, feature, "examples")
        shown, shortfall = map(self.seen, sides)
        z = self.latents_for_fitting
        amount = taught(shown, shortfall, np.concatenate([self.seen(part) for part in torch.split(z, 512)]))
        return self.finish(name, incline(z.double().cpu().numpy(), amount), "examples", None)

    def parting(self, with_it: Tensor, without: Tensor) -> str | None:
        """The feature of labels or columns that parts latents (m, latent) from others (n, latent), if one does."""
        try:
            attributes = self.attributes
        except UserError:  # no labels: nothing can be told
            return None
        return attributes.parting(*(attributes.see(self.make(z)) for z in (with_it, without)))

    def discover(self, count: int, by: str) -> list[Direction]:
        """``count`` directions that nobody named, by "features" of fakes or by G's "weights"; kept as by-1, by-2 ..."""
        if by == "weights":
            found = unsupervised.from_weights(unsupervised.first_weights(self.generator, self.width), count)
        else:
            z = self.latents(range(at_most(self.run.spec, 2000, 2000, 2000 * 64**2, 4 * self.width)))
            features = Features(self.run.spec, [self.make(z).cpu()])
            found = unsupervised.from_features(
                z.double().cpu().numpy(), features.reals.astype(np.float64), count
            )
        return [self.finish(f"{by}-{place}", vector, by, None) for place, vector in enumerate(found, 1)]

    def finish(self, name: str, vector: Shares, found_by: str, feature: str | None) -> Direction:
        """The direction with its effect, kept."""
        unit = torch.from_numpy(vector).float()
        direction = Direction(name, unit, UNTOLD, found_by, {}, self.run.checkpoints.best().name, feature)
        if feature is not None:
            direction = self.measured(direction, feature)
        keep(self.run, direction)
        return direction

    def measured(self, direction: Direction, feature: str) -> Direction:
        """The direction with its step, and its effect on fresh seeds: by itself, and settled where that can be."""
        place, present = self.attributes.place(feature)
        z = self.latents(range(at_most(self.run.spec, TRIED, TRIED, TRIED * 64**2, 50)))
        before = self.attributes.see(self.make(z))
        signs = signs_of(before[:, place], present, self.attributes.features[place].level is None)
        found = []
        for step in STEPS:
            after = self.attributes.see(self.make(self.moved(direction, z, step * signs, settled=False)))
            found.append((step, change(self.attributes, before, after, place)))
            if found[-1][1]["flipped"] >= FLIPPED:
                break
        step, effect = max(found, key=lambda one: worth(one[1]))
        direction = replace(direction, step=step)
        if self.aim(direction) is not None:
            after = self.attributes.see(self.make(self.moved(direction, z, step * signs)))
            effect = {**change(self.attributes, before, after, place), "alone": effect}
        return replace(direction, effect=effect)

    # Using

    @property
    def refiner(self) -> LatentRefiner | None:
        """Where latents settle; None for rows, in which nothing is read differentiably."""
        if self.attributes.log_odds is None:
            return None
        z, shown = self.labelled_latents
        return LatentRefiner(
            self.make_some, self.attributes.log_odds, z, torch.from_numpy(log_odds(shown)).to(z)
        )

    def aim(self, direction: Direction) -> tuple[LatentRefiner, int, bool] | None:
        """Where steps along a direction settle, where its feature stands, and whether its presence is meant; None where
        nothing can be read of it."""
        if direction.feature is None or (refiner := self.refiner) is None:
            return None
        return refiner, *self.attributes.place(direction.feature)

    def moved(self, direction: Direction, z: Tensor, lengths: Tensor, settled: bool = True) -> Tensor:
        """Latents z (n, latent) moved by lengths (n,) along a direction. ``settled``: where its feature can be read, on
        to where other columns are as they were, and the feature is there after a whole step (see `settling`)."""
        there = z + lengths.to(z)[:, None] * direction.vector.to(z)
        aim = self.aim(direction) if settled else None
        if aim is None:
            return there
        refiner, place, present = aim
        wanted = self.staying(z, place)
        whole = (lengths.abs() >= direction.step * (1 - 1e-6)).to(wanted)
        wanted[:, place] = SURE * whole * lengths.sign().to(wanted) * (1 if present else -1)
        return refiner.refine(there, z, wanted)

    def staying(self, z: Tensor, place: int) -> Tensor:
        """What is wanted of latents z (n, latent) so that all columns stay but that of the feature at ``place``."""
        return stay(
            self.attributes, self.attributes.see(self.make(z)), self.attributes.features[place].column, SURE
        ).to(z)

    def apply(
        self, name: str, z: Tensor, reach: float | None = None, steps: int = 7, settled: bool = True
    ) -> Tensor:
        """Strips along a direction of the run, from -reach to reach (its own step when left out): (n, steps, *shape).
        ``settled`` as for ``moved``: first the ends, then the ways to them. Raises UserError for a direction that the
        run does not have."""
        direction = recall(self.run, name)
        reach = reach or direction.step
        lengths = torch.linspace(-reach, reach, steps, device=z.device)
        ends = [self.moved(direction, z, torch.full((len(z),), end), settled) for end in (-reach, reach)]
        share = (lengths / reach)[:, None]
        ways = torch.where(share < 0, -share * (ends[0] - z)[:, None], share * (ends[1] - z)[:, None])
        between = (z[:, None] + ways).flatten(0, 1)
        if settled and (aim := self.aim(direction)) is not None:
            wanted = self.staying(z, aim[1]).repeat_interleave(steps, 0)
            between = aim[0].refine(between, between, wanted)
        made = self.make(between)
        return made.view(len(z), steps, *made.shape[1:])

    def turn(self, z: Tensor, feature: str = "facing", steps: int = 9) -> Tensor:
        """Strips from one end of a feature to the other, (n, steps, *shape): along the line from the mean of latents
        that surely do not show it to the mean of those that do (Radford 2015, 1511.06434, figure 8). Raises UserError
        for an unknown feature, and where too few fakes show it."""
        self.attributes.place(feature)
        (latents, shown), ends = self.labelled_latents, []
        for words in (f"no {feature}", feature):
            ends.append(latents[torch.from_numpy(self.fitting([words], shown))])
            if len(ends[-1]) < EXEMPLARS:
                raise UserError(f"only {len(ends[-1])} of {len(latents)} fakes surely show {words!r}")
        axis = ends[1].mean(0) - ends[0].mean(0)
        unit = axis / axis.norm()
        reach = max(float((end @ unit).abs().quantile(0.8)) for end in ends)
        flat = z - (z @ unit)[:, None] * unit
        way = torch.linspace(-reach, reach, steps, device=z.device)[:, None] * unit
        made = self.make((flat[:, None] + way).flatten(0, 1))
        return made.view(len(z), steps, *made.shape[1:])

    def mix(
        self, text: str, exemplars: int = EXEMPLARS, seed: int = 0, settled: bool = True
    ) -> tuple[Tensor, list[Tensor]]:
        """The latent (latent,) of a sum such as "glasses short - no glasses short + no glasses long", and the exemplars
        of each term (m, latent), whose fakes surely show its words. ``settled``: where its words can be read, on to
        where what the sum comes to is there (here glasses, and long; short has gone out), see `settling`. Raises
        UserError where there are too few."""
        z, shown = self.labelled_latents
        order = np.random.default_rng(seed).permutation(len(z))
        terms, total = [], np.zeros(shown.shape[1])
        for sign, words in spelled(text):
            for place, present in map(self.attributes.place, words):
                total[place] += sign if present else -sign
            fits = self.fitting(words, shown)
            chosen = [int(place) for place in order if fits[place]][:exemplars]
            if len(chosen) < exemplars:
                raise UserError(
                    f"only {len(chosen)} of {len(z)} fakes show {' '.join(words)!r}, and {exemplars} are needed"
                )
            terms.append((sign, z[chosen]))
        answer = interpolation.combine(terms)
        if settled and (refiner := self.refiner) is not None:
            wanted = torch.from_numpy(SURE * np.sign(total)).to(answer)[None]
            answer = refiner.refine(answer[None], answer[None], wanted)[0]
        return answer, [latents for _, latents in terms]

    def sheet(self, answer: Tensor, terms: list[Tensor], seed: int = 0) -> tuple[Tensor, int]:
        """The samples of a sum's sheet, and its columns: a row for each term, its exemplars and their mean; then nine
        small variations of the answer, three a row."""
        rows = [torch.cat([exemplars, interpolation.shelled(exemplars.mean(0)[None])]) for exemplars in terms]
        with torch.random.fork_rng():
            set_random(seed_of(seed, "steer", "vary"), self.device)
            near = interpolation.shelled(answer + VARIED * torch.randn(9, self.width, device=self.device))
        near[4] = answer
        columns = len(rows[0])
        answers = [torch.cat([part, part[-1:].expand(columns - 3, -1)]) for part in torch.split(near, 3)]
        return self.make(torch.cat([*rows, *answers])), columns

    def fitting(self, words: list[str], shown: Shares) -> NDArray[np.bool_]:
        """Which fakes surely show all the words, (n,)."""
        fits = np.ones(len(shown), bool)
        for word in words:
            place, present = self.attributes.place(word)
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
            moved = self.differences(interpolation.spherical(first, second, even))
            ways.append(
                interpolation.spherical(first, second, interpolation.even_steps(moved, each).to(z.device))
            )
        return torch.cat(ways)

    def stroll(self, name: str, z: Tensor, steps: int) -> Tensor:
        """Latents (steps, latent) from a latent (latent,) along a direction of the run, to both sides and back,
        so that it goes round. Raises UserError for a direction that the run does not have."""
        direction = recall(self.run, name)
        lengths = direction.step * torch.sin(torch.linspace(0, 2 * torch.pi, steps + 1, device=z.device)[:-1])
        return z + lengths[:, None] * direction.vector.to(z)

    def differences(self, z: Tensor) -> Tensor:
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
