"""Measures a game between rounds: odds, coverage, copying and distance, as one check's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import PictureSpec
from evenodds.data.store import Part
from evenodds.data.tables.codec import TableCodec
from evenodds.metrics import distribution
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.groups import Lost, TableGroups
from evenodds.metrics.image_features import Features
from evenodds.metrics.odds import odds
from evenodds.metrics.reference import REFERENCE, reference_count
from evenodds.metrics.selection import Selection
from evenodds.networks.cascade import shrink
from evenodds.networks.generate import generate
from evenodds.training.probes import Probes
from evenodds.training.trainer import Trainer

MET = 1_000
"""Samples a side, at most, for coverage and copying."""
DIGITS = 6
"""Decimals kept in the journal; what is decided is decided by the kept ones."""


class Checker:
    """Holds the reals as features; ``measure`` compares the players' work with them, at the size of the stage that is
    played when it is made."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.probes = trainer, Probes(trainer)
        store, recipe = trainer.store, trainer.recipe
        self.pictures = isinstance(store.spec, PictureSpec)
        self.count = self.probes.judged
        self.side = trainer.sides[trainer.stage] if trainer.sides else 0
        reals = self.probes.reals("train", reference_count(store))
        self.features = Features(store.spec, map(self.sized, reals))
        self.train = self.features.reals
        self.joint: distribution.Cloud | None = None
        """Training reals' features with the labels they were made under beside them, where there are any."""
        if self.pictures and store.condition is not None and not store.condition.pictures:
            labels = np.asarray(store.conditions("train", np.arange(len(self.train))))
            self.scale = float(np.sqrt(self.train.var(0).sum() / max(labels.var(0).sum(), 1e-12)))
            self.joint = np.concatenate([self.train, self.scale * labels], axis=1)
        self.among_reals = np.empty(0)
        """Of rows: the mean distance of each to the others."""
        if not self.pictures:
            self.among_reals = distribution.distances_to_others(self.train[:REFERENCE])
        self.heldout = self.cloud(self.probes.reals("heldout", self.count))
        self.copied = self.train, self.heldout
        """Training and held-out samples that a fake may copy: where the game mirrors, in the mirror too."""
        if trainer.mirrors:
            self.copied = self.with_mirrored("train"), self.with_mirrored("heldout")
        self.heldout_nearest = distribution.nearest(self.heldout, self.copied[0])
        """Held-out reals' distances to the nearest training sample that could have been copied."""
        set_random(seed_of(recipe.plan.seed, "examiner"), trainer.device)
        self.latents = self.probes.latents(2 * self.probes.most if self.pictures else REFERENCE)
        self.conditions = self.probes.conditions(len(self.latents))
        self.codec = None if store.codec_json is None else TableCodec.from_json(store.codec_json)
        self.groups = None if self.codec is None else TableGroups(self.codec, self.train)
        self.lost: list[Lost] = []
        """Groups of a table that the averaged G had lost when it was last measured."""

    def measure(self) -> tuple[CheckMetrics, Selection] | None:
        """Measures this check's numbers, and what the best state is chosen by. Returns None where a score or a fake is
        not a number."""
        probes = self.probes
        fakes = list(probes.fakes(self.count, "odds"))
        fake = torch.cat([probes.scores(*batch) for batch in fakes]).numpy()
        real = probes.scores_of("heldout", self.count).numpy()
        trained = probes.scores_of("train", self.count).numpy()
        cloud, averaged = self.cloud(batch.x for batch in fakes), self.cloud(self.averaged())
        if not all(np.isfinite(values).all() for values in (fake, real, trained, cloud, averaged)):
            return None
        if self.groups is not None:  # fakes under conditions of held-out reals vary as much as those do
            draws = None if self.conditions is None else self.probes.store.n_heldout
            self.lost = self.groups.lost(averaged, draws)
        heldout_odds, trained_odds = odds(real, fake), odds(trained, fake)
        scores = np.concatenate([real, fake]).astype(np.float64)
        coverage = distribution.coverage_metrics(self.heldout[:MET], cloud[:MET])
        copies = distribution.copying(*self.copied, cloud[:MET], self.heldout_nearest)
        chance = math.sqrt(copies.expected * (1 - copies.expected) / len(cloud[:MET]))
        distance, selection = self.distance(averaged)
        metrics = CheckMetrics(
            odds=round(heldout_odds.value, DIGITS),
            odds_low=round(heldout_odds.low, DIGITS),
            odds_high=round(heldout_odds.high, DIGITS),
            gap=round(trained_odds.value - heldout_odds.value, DIGITS),
            score_range=float(f"{np.ptp(scores):.4g}"),
            score_deviation=float(f"{scores.std() / max(1.0, np.abs(scores).mean()):.4g}"),
            coverage=round(coverage.coverage, DIGITS),
            precision=round(coverage.capped_precision, DIGITS),
            identical=round(coverage.identical, DIGITS),
            spread=round(coverage.spread, DIGITS),
            closeness=round(copies.closeness.value, DIGITS),
            closeness_low=round(copies.closeness.low, DIGITS),
            nearer_train=round(copies.side, DIGITS),
            nearer_by_chance=round(copies.expected, DIGITS),
            chance=round(chance, DIGITS),
            distance=round(distance, DIGITS),
        )
        return metrics, selection

    def averaged(self) -> Iterator[Tensor]:
        """What the averaged G makes of the same latents at every check, so that its luck does not change."""
        trainer = self.trainer
        set_random(seed_of(trainer.recipe.plan.seed, "examined"), trainer.device)
        return generate(trainer.players.average.network, self.latents, self.conditions)

    def with_mirrored(self, part: Part) -> distribution.Cloud:
        """A part's reals as features, and then their mirror images."""
        own = self.train if part == "train" else self.heldout
        return np.concatenate([own, self.cloud(x.flip(3) for x in self.probes.reals(part, len(own)))])

    def cloud(self, batches: Iterable[Tensor]) -> distribution.Cloud:
        """Batches of samples as one cloud of features."""
        return np.concatenate([self.features(self.sized(batch)) for batch in batches])

    def sized(self, x: Tensor) -> Tensor:
        """Pictures as large as the stage learns them: detail that it cannot have would hide what it gains."""
        return shrink(x, self.side) if self.side else x

    def distance(self, fakes: distribution.Cloud) -> tuple[float, Selection]:
        """From training reals to fakes, and as states are chosen by it: energy distance of rows, Fréchet distance of
        pictures. Labels stand beside the features of both, at as great a variance, so that a G which does not heed
        them is far off (the Fréchet joint distance, DeVries 2019, 1907.08175, section 3)."""
        if self.joint is not None and self.conditions is not None:
            labels = self.scale * self.conditions.cpu().numpy()
            value = distribution.frechet(self.joint, np.concatenate([fakes, labels], axis=1))
            return value, Selection(value)
        if self.pictures:
            value = distribution.frechet(self.train, fakes)
            return value, Selection(value)
        estimate = distribution.energy_estimate(self.train[:REFERENCE], fakes, self.among_reals)
        return estimate.distance, Selection(estimate.squared, estimate.influence, estimate.fakes)
