"""Edits samples in a run's latent space: finds directions, applies them, adds them up and walks along them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evenodds.core.errors import UserError
from evenodds.core.rng import seed_of, seeded
from evenodds.core.spec import at_most
from evenodds.metrics.image_features import Features
from evenodds.runs.gallery import in_gallery
from evenodds.steer import interpolation, unsupervised
from evenodds.steer.attributes import log_odds
from evenodds.steer.boundaries import boundary_normal, example_log_odds, project_out, regression_direction
from evenodds.steer.directions import Direction, load, save
from evenodds.steer.effect import flip_signs, measure_change, preserving_log_odds, quality
from evenodds.steer.latent_space import Examples, LatentSpace, Shares
from evenodds.steer.refine import SURE, LatentRefiner

TRIED = 200
"""Fresh seeds on which a direction's effect is measured."""
STEPS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
"""Lengths of a step that are tried; a latent of d numbers has a length of about the square root of d."""
FLIPPED = 0.9
"""A direction's step is the shortest that flips its feature in this share of seeds."""
UNTOLD = 3.0
"""The step of a direction whose effect cannot be measured."""
SURELY, HARDLY = 0.8, 0.2
EXEMPLARS = 3
VARIED = 0.25
"""Standard deviation of the noise around a sum's answer; a latent's is 1."""
FEWEST = 3
"""Fewest examples of either group."""


class LatentEditor(LatentSpace):
    """Finds and applies directions in the latent space of a run's best G."""

    # Finding

    def find(self, name: str, feature: str | None = None, *, refined: bool = True) -> Direction:
        """Find the direction of a feature of labels or columns, by default ``name``, and store it in the run.

        Other columns are projected out. Without ``refined`` the effect is measured of plain steps alone, for who takes
        no others: refining the steps of as many fakes takes most of the time. Raises UserError for a feature that is
        unknown or too rare among fakes.
        """
        return self.find_feature(name, feature or name, "labels", refined)

    def find_feature(self, name: str, feature: str, found_by: str, refined: bool = True) -> Direction:
        """As ``find``; ``found_by`` says how the feature was chosen."""
        index, present = self.attributes.resolve(feature)
        z, shares = self.labelled_latents
        latents = z.double().cpu().numpy()
        target = self.attributes.features[index]
        direction = feature_direction(latents, shares[:, index], target.level is None)
        others = []
        for other, candidate in enumerate(self.attributes.features):
            if candidate.column != target.column:
                try:
                    others.append(feature_direction(latents, shares[:, other], candidate.level is None))
                except UserError:
                    continue  # fakes do not show it, so it cannot be changed by mistake
        vector = project_out(direction, np.array(others).reshape(-1, self.width)) * (1 if present else -1)
        named = f"{'' if present else 'no '}{target.name}"
        return self.measure_and_save(name, vector, found_by, named, refined)

    def find_by_examples(
        self, name: str, with_it: Examples, without: Examples, *, refined: bool = True
    ) -> Direction:
        """Find the direction from examples without a feature to examples with it, and store it in the run.

        If one label separates the examples, that label is used; otherwise a classifier of D's features, applied to many
        fakes. ``refined`` is as for ``find``. Examples are seeds, latents (n, latent) or pictures uint8 (n, H, W, C) of
        the run's size. Raises UserError for fewer than FEWEST of either.
        """
        if min(len(with_it), len(without)) < FEWEST:
            raise UserError(f"{name!r} needs at least {FEWEST} examples with it and as many without it")
        latents_by_group = [self.latents_of(examples) for examples in (with_it, without)]
        if (feature := self.separating_feature(*latents_by_group)) is not None:
            return self.find_feature(name, feature, "examples", refined)
        with_features, without_features = map(self.fake_features, latents_by_group)
        z = self.latents_for_fitting
        features = np.concatenate([self.fake_features(part) for part in torch.split(z, 512)])
        amount = example_log_odds(with_features, without_features, features)
        vector = regression_direction(z.double().cpu().numpy(), amount)
        return self.measure_and_save(name, vector, "examples", None)

    def separating_feature(self, with_it: Tensor, without: Tensor) -> str | None:
        """The feature of labels or columns that separates latents (m, latent) from others (n, latent), or None."""
        try:
            attributes = self.attributes
        except UserError:  # the data has no labels
            return None
        return attributes.separating_feature(*(attributes.read(self.generate(z)) for z in (with_it, without)))

    def discover(self, count: int, by: str) -> list[Direction]:
        """Find ``count`` unnamed directions, by "features" of fakes or by G's "weights"; stored as by-1, by-2 ..."""
        if by == "weights":
            results = unsupervised.from_weights(unsupervised.first_weights(self.generator, self.width), count)
        else:
            z = self.latents(range(at_most(self.run.spec, 2000, 2000, 2000 * 64**2, 4 * self.width)))
            features = Features(self.run.spec, [self.generate(z).cpu()])
            results = unsupervised.from_features(
                z.double().cpu().numpy(), features.reals.astype(np.float64), count
            )
        return [
            self.measure_and_save(f"{by}-{index}", vector, by, None)
            for index, vector in enumerate(results, 1)
        ]

    def measure_and_save(
        self, name: str, vector: Shares, found_by: str, feature: str | None, refined: bool = True
    ) -> Direction:
        """Measure a direction's effect, and store it in the run."""
        unit = torch.from_numpy(vector).float()
        direction = Direction(name, unit, UNTOLD, found_by, {}, self.run.checkpoints.best().name, feature)
        if feature is not None:
            direction = self.measure(direction, feature, refined)
        save(self.run, direction)
        return direction

    def measure(self, direction: Direction, feature: str, refined: bool = True) -> Direction:
        """Measure a direction's step and effect on fresh seeds, by itself, and if ``refined`` and the feature can be
        read, of refined steps too."""
        index, present = self.attributes.resolve(feature)
        z = self.latents(range(at_most(self.run.spec, TRIED, TRIED, TRIED * 64**2, 50)))
        before = self.attributes.read(self.generate(z))
        signs = flip_signs(before[:, index], present, self.attributes.features[index].level is None)
        results = []
        for step in STEPS:
            after = self.attributes.read(self.generate(self.move(direction, z, step * signs, refined=False)))
            results.append((step, measure_change(self.attributes, before, after, index)))
            if results[-1][1]["flipped"] >= FLIPPED:
                break
        step, effect = max(results, key=lambda one: quality(one[1]))
        direction = replace(direction, step=step)
        if refined and self.refinement(direction) is not None:
            after = self.attributes.read(self.generate(self.move(direction, z, step * signs)))
            effect = {**measure_change(self.attributes, before, after, index), "alone": effect}
        return replace(direction, effect=effect)

    # Using

    @property
    def refiner(self) -> LatentRefiner | None:
        """What refines latents; None for rows, whose attributes are not differentiable, and for a model of the gallery
        whose data is not there."""
        if in_gallery(self.run.name) and self.models.attributes_at_hand is None and not self.has_data:
            return None
        if self.attributes.log_odds is None:
            return None
        z, shares = self.labelled_latents
        return LatentRefiner(
            self.generate_batch, self.attributes.log_odds, z, torch.from_numpy(log_odds(shares)).to(z)
        )

    def refinement(self, direction: Direction) -> tuple[LatentRefiner, int, bool] | None:
        """The refiner of a direction's steps, its feature's index, and whether its presence is meant.

        None if its feature cannot be read differentiably.
        """
        if direction.feature is None or (refiner := self.refiner) is None:
            return None
        return refiner, *self.attributes.resolve(direction.feature)

    def move(self, direction: Direction, z: Tensor, lengths: Tensor, refined: bool = True) -> Tensor:
        """Move latents z (n, latent) by lengths (n,) along a direction.

        If ``refined`` and the feature can be read, each step is then refined so that all other attributes keep their
        values, and a whole step reaches the feature (see ``refine``).
        """
        moved = z + lengths.to(z)[:, None] * direction.vector.to(z)
        refinement = self.refinement(direction) if refined else None
        if refinement is None:
            return moved
        refiner, index, present = refinement
        goal = self.preserving_target(z, index)
        whole = (lengths.abs() >= direction.step * (1 - 1e-6)).to(goal)
        goal[:, index] = SURE * whole * lengths.sign().to(goal) * (1 if present else -1)
        return refiner.refine(moved, z, goal)

    def preserving_target(self, z: Tensor, index: int) -> Tensor:
        """The goal (n, k) that keeps all columns of latents z (n, latent) but that of the feature at ``index``."""
        return preserving_log_odds(
            self.attributes,
            self.attributes.read(self.generate(z)),
            self.attributes.features[index].column,
            SURE,
        ).to(z)

    def apply(
        self, name: str, z: Tensor, reach: float | None = None, steps: int = 7, refined: bool = True
    ) -> Tensor:
        """Generate strips along a direction of the run, from -reach to reach: (n, steps, *shape).

        ``reach`` is the direction's step by default. ``refined`` as for ``move``: first the ends, then the paths to
        them. Raises UserError for a direction that the run does not have.
        """
        direction = load(self.run, name)
        reach = reach or direction.step
        lengths = torch.linspace(-reach, reach, steps, device=z.device)
        ends = [self.move(direction, z, torch.full((len(z),), end), refined) for end in (-reach, reach)]
        share = (lengths / reach)[:, None]
        ways = torch.where(share < 0, -share * (ends[0] - z)[:, None], share * (ends[1] - z)[:, None])
        between = (z[:, None] + ways).flatten(0, 1)
        if refined and (refinement := self.refinement(direction)) is not None:
            goal = self.preserving_target(z, refinement[1]).repeat_interleave(steps, 0)
            between = refinement[0].refine(between, between, goal)
        made = self.generate(between)
        return made.view(len(z), steps, *made.shape[1:])

    def turn(self, z: Tensor, feature: str = "facing", steps: int = 9) -> Tensor:
        """Generate strips from one end of a feature to the other, (n, steps, *shape).

        Along the line from the mean of latents that surely do not show it to the mean of those that do (Radford 2015,
        1511.06434, figure 8). Raises UserError for an unknown feature, and if too few fakes show it.
        """
        self.attributes.resolve(feature)
        (latents, shares), ends = self.labelled_latents, []
        for words in (f"no {feature}", feature):
            ends.append(latents[torch.from_numpy(self.showing([words], shares))])
            if len(ends[-1]) < EXEMPLARS:
                raise UserError(f"only {len(ends[-1])} of {len(latents)} fakes surely show {words!r}")
        axis = ends[1].mean(0) - ends[0].mean(0)
        unit = axis / axis.norm()
        reach = max(float((end @ unit).abs().quantile(0.8)) for end in ends)
        flat = z - (z @ unit)[:, None] * unit
        way = torch.linspace(-reach, reach, steps, device=z.device)[:, None] * unit
        made = self.generate((flat[:, None] + way).flatten(0, 1))
        return made.view(len(z), steps, *made.shape[1:])

    def mix(
        self, text: str, exemplars: int = EXEMPLARS, seed: int = 0, refined: bool = True
    ) -> tuple[Tensor, list[Tensor]]:
        """Add features, as in "glasses short - no glasses short + no glasses long".

        Returns the latent (latent,) of the sum, and the exemplars of each term (m, latent), whose fakes surely show its
        words. If ``refined`` and the words can be read, the answer is refined to show what the sum comes to (here
        glasses, and long; short cancels). Raises UserError if too few fakes show a term.
        """
        z, shares = self.labelled_latents
        order = np.random.default_rng(seed).permutation(len(z))
        terms, total = [], np.zeros(shares.shape[1])
        for sign, words in parse_sum(text):
            for index, present in map(self.attributes.resolve, words):
                total[index] += sign if present else -sign
            fits = self.showing(words, shares)
            chosen = [int(index) for index in order if fits[index]][:exemplars]
            if len(chosen) < exemplars:
                raise UserError(
                    f"only {len(chosen)} of {len(z)} fakes show {' '.join(words)!r}, and {exemplars} are needed"
                )
            terms.append((sign, z[chosen]))
        answer = interpolation.combine(terms)
        if refined and (refiner := self.refiner) is not None:
            goal = torch.from_numpy(SURE * np.sign(total)).to(answer)[None]
            answer = refiner.refine(answer[None], answer[None], goal)[0]
        return answer, [latents for _, latents in terms]

    def sheet(self, answer: Tensor, terms: list[Tensor], seed: int = 0) -> tuple[Tensor, int]:
        """Generate the samples of a sum's sheet, and its number of columns.

        A row for each term, its exemplars and their mean; then nine small variations of the answer, three a row.
        """
        rows = [
            torch.cat([exemplars, interpolation.rescaled(exemplars.mean(0)[None])]) for exemplars in terms
        ]
        with seeded(seed_of(seed, "steer", "vary"), self.device):
            near = interpolation.rescaled(answer + VARIED * torch.randn(9, self.width, device=self.device))
        near[4] = answer
        columns = len(rows[0])
        answers = [torch.cat([part, part[-1:].expand(columns - 3, -1)]) for part in torch.split(near, 3)]
        return self.generate(torch.cat([*rows, *answers])), columns

    def showing(self, words: list[str], shares: Shares) -> NDArray[np.bool_]:
        """Which fakes, with attributes ``shares`` (n, k), surely show all the words, (n,)."""
        fits = np.ones(len(shares), bool)
        for word in words:
            index, present = self.attributes.resolve(word)
            fits &= shares[:, index] > SURELY if present else shares[:, index] < HARDLY
        return fits

    def walk(self, z: Tensor, steps: int, *, loop: bool = False, ease: bool = False) -> Tensor:
        """Walk through z (n, latent) on great circles: latents (steps, latent), each of z among them.

        Steps are spaced so that fakes change equally fast everywhere, or with ``ease`` slowly near each of z. ``loop``
        goes on to the first of z, and stops a step before it: repeated, the walk has no seam. Raises UserError for
        fewer than two latents, and for fewer steps than latents.
        """
        if len(z) < 2:
            raise UserError("a walk needs at least two seeds")
        if steps < len(z):
            raise UserError(
                f"a walk of {steps} steps does not pass {len(z)} seeds, take as many steps or fewer seeds"
            )
        stops = torch.cat([z, z[:1]]) if loop else z
        counts = interpolation.frames_of_ways(steps if loop else steps - 1, len(stops) - 1)
        ways = []
        for (first, second), count in zip(pairwise(stops), counts, strict=True):
            even = torch.linspace(0, 1, 4 * count + 1, device=z.device)
            move = self.differences(interpolation.spherical(first, second, even))
            targets = torch.linspace(0, 1, count + 1)[:-1]
            shares = interpolation.even_steps(move, interpolation.eased(targets) if ease else targets)
            ways.append(interpolation.spherical(first, second, shares.to(z.device)))
        return torch.cat(ways if loop else [*ways, z[-1:]])

    def stroll(self, name: str, z: Tensor, steps: int) -> Tensor:
        """Walk from a latent (latent,) along a direction of the run, to both sides and back: latents (steps, latent).

        The walk ends where it starts. Raises UserError for a direction that the run does not have.
        """
        direction = load(self.run, name)
        lengths = direction.step * torch.sin(torch.linspace(0, 2 * torch.pi, steps + 1, device=z.device)[:-1])
        return z + lengths[:, None] * direction.vector.to(z)

    def differences(self, z: Tensor) -> Tensor:
        """The distance of each fake from the one before it, (n - 1,), by pixels or encoded values."""
        made = self.generate(z).float().cpu().flatten(1)
        lengths: Tensor = (made[1:] - made[:-1]).norm(dim=1)
        return lengths


def feature_direction(z: Shares, shares: Shares, number: bool) -> Shares:
    """The direction of one feature, before others are projected out."""
    return regression_direction(z, shares) if number else boundary_normal(z, shares)


def parse_sum(text: str) -> list[tuple[int, list[str]]]:
    """Parse a sum into terms: sign and words, "no" with the word after it. Raises UserError for no sum.

    >>> parse_sum("glasses - no glasses + beard")
    [(1, ['glasses']), (-1, ['no glasses']), (1, ['beard'])]
    """
    terms = []
    for sign, words in re.findall(r"([+-]?)\s*([^+-]+)", text):
        parts = re.findall(r"no\s+\S+|\S+", words)
        if parts:
            terms.append((-1 if sign == "-" else 1, parts))
    if not terms:
        raise UserError(f"{text!r} is no sum of features, write it like glasses - no glasses + beard")
    return terms
