"""Looks at a game between rounds: odds, coverage, copying and distance, as one check's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import PictureSpec
from evenodds.metrics import distribution
from evenodds.metrics.check import CheckMetrics
from evenodds.metrics.image_features import Features
from evenodds.metrics.odds import odds
from evenodds.metrics.reference import REFERENCE, reference_count
from evenodds.networks.generate import draw, generate
from evenodds.training.trainer import Trainer

MET = 1_000
"""Samples a side, at most, for coverage and copying."""
DIGITS = 6
"""Decimals kept in the journal; what is decided is decided by the kept ones."""


class Checker:
    """Holds the reals as features; ``look`` compares the players' work with them."""

    def __init__(self, training: Trainer) -> None:
        self.training = training
        store = training.store
        self.pictures = isinstance(store.spec, PictureSpec)
        self.count = training.judged
        self.features = Features(store.spec, training.reals("train", reference_count(store)))
        self.train = self.features.reals
        self.joint: distribution.Cloud | None = None
        """Training reals' features with the labels they were made under beside them, where there are any."""
        if self.pictures and store.condition is not None and not store.condition.pictures:
            labels = np.asarray(store.conditions("train", np.arange(len(self.train))))
            self.scale = float(np.sqrt(self.train.var(0).sum() / max(labels.var(0).sum(), 1e-12)))
            self.joint = np.concatenate([self.train, self.scale * labels], axis=1)
        self.within = 0.0 if self.pictures else distribution.mean_self_distance(self.train[:REFERENCE])
        self.heldout = self.cloud(training.reals("heldout", self.count))
        self.own = distribution.nearest(self.heldout, self.train)
        """Held-out reals' distances to their nearest training sample."""
        # A Fréchet distance hangs on how many samples there are: that of few held-out pictures says nothing here.
        self.floor = 0.0 if self.pictures else round(max(map(self.distance, self.drawn_anew())), DIGITS)
        """The largest distance of several draws of reals themselves: below it no state is closer than another."""
        seed = training.recipe.plan.seed
        set_random(seed_of(seed, "examiner"), training.device)
        self.latents = draw(
            2 * training.most if self.pictures else REFERENCE,
            training.recipe.network.latent,
            training.device,
        )
        self.given = training.conditions(len(self.latents))

    def drawn_anew(self) -> Iterator[distribution.Cloud]:
        """Rows that the distance is not measured to: held-out ones, and as many known ones at a time as there are."""
        yield self.heldout
        for start in range(REFERENCE, len(self.train) - self.count + 1, self.count):
            yield self.train[start : start + self.count]

    def look(self) -> CheckMetrics | None:
        """This check's numbers, or None where a score or a fake is not a number."""
        training = self.training
        fakes = list(training.fakes(self.count, "odds"))
        fake = torch.cat([training.scores(*batch) for batch in fakes]).numpy()
        real = training.scores_of("heldout", self.count).numpy()
        trained = training.scores_of("train", self.count).numpy()
        cloud, averaged = self.cloud(batch.x for batch in fakes), self.cloud(self.averaged())
        if not all(np.isfinite(found).all() for found in (fake, real, trained, cloud, averaged)):
            return None
        level, known = odds(real, fake), odds(trained, fake)
        scores = np.concatenate([real, fake]).astype(np.float64)
        met = distribution.coverage_metrics(self.heldout[:MET], cloud[:MET])
        copies = distribution.copying(self.train, self.heldout, cloud[:MET], self.own)
        chance = math.sqrt(copies.expected * (1 - copies.expected) / len(cloud[:MET]))
        return CheckMetrics(
            odds=round(level.value, DIGITS),
            odds_low=round(level.low, DIGITS),
            odds_high=round(level.high, DIGITS),
            gap=round(known.value - level.value, DIGITS),
            score_range=float(f"{np.ptp(scores):.4g}"),
            score_deviation=float(f"{scores.std() / max(1.0, np.abs(scores).mean()):.4g}"),
            coverage=round(met.coverage, DIGITS),
            precision=round(met.capped_precision, DIGITS),
            identical=round(met.identical, DIGITS),
            spread=round(met.spread, DIGITS),
            closeness=round(copies.closeness.value, DIGITS),
            closeness_low=round(copies.closeness.low, DIGITS),
            nearer_train=round(copies.side, DIGITS),
            nearer_by_chance=round(copies.expected, DIGITS),
            chance=round(chance, DIGITS),
            distance=round(self.distance(averaged), DIGITS),
        )

    def averaged(self) -> Iterator[Tensor]:
        """What the averaged G makes of the same latents at every check, so that its luck does not change."""
        seed = self.training.recipe.plan.seed
        set_random(seed_of(seed, "examined"), self.training.device)
        return generate(self.training.players.average.network, self.latents, self.given)

    def cloud(self, batches: Iterable[Tensor]) -> distribution.Cloud:
        """Batches of samples as one cloud of features."""
        return np.concatenate([self.features(batch) for batch in batches])

    def distance(self, fakes: distribution.Cloud) -> float:
        """From training reals to fakes: energy distance of rows, Fréchet distance of pictures. Labels stand beside the
        features of both, at as great a variance, so that a G which does not heed them is far off (the Fréchet joint
        distance, DeVries 2019, 1907.08175, section 3)."""
        if self.joint is not None and self.given is not None:
            labels = self.scale * self.given.cpu().numpy()
            return distribution.frechet(self.joint, np.concatenate([fakes, labels], axis=1))
        if self.pictures:
            return distribution.frechet(self.train, fakes)
        return distribution.energy(self.train[:REFERENCE], fakes, self.within)
