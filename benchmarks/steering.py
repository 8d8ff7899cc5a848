"""Steering faces, judged by a classifier that learnt the true attributes of real ones and knows nothing of the run.

    python benchmarks/steering.py faces [--budget 20m] [--size 32] [--keep RUN]

1 directions from labels and from 20 examples a side, on 500 fresh seeds; 2 sums of exemplars, in latent space and in
pixels; 3 directions that nobody named; 4 inversion of 100 held-out faces; 5 walks. Also the sheets of the README.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from classifier import Classifier, predict, train_classifier
from evenodds.data.images.arrays import to_pictures, to_tensor, write_grid
from evenodds.data.store import Store
from evenodds.metrics.image_features import Features
from evenodds.runs.run import Run
from evenodds.steer.directions import Direction
from evenodds.steer.editor import LatentEditor
from playing import train
from record import ROOT, record

FEATURES = ("glasses=yes", "beard=yes", "hair_colour=blond", "hair_length=long", "facing=right")
SEEDS = range(100_000, 100_500)
"""None of those that directions are measured on when they are found."""
POOL, SIDE = range(200_000, 202_000), 20
DRAWS = 200
EXEMPLARS = (3, 10, 30)
FACES = 100
SUM = "glasses short - no glasses short + no glasses long"
Row = dict[str, Any]
Levels = dict[str, Tensor]


class Blind(LatentEditor):
    """Steering that does not ask labels what examples differ in."""

    def separating_feature(self, with_it: Tensor, without: Tensor) -> None:
        return None


class Bench:
    """A run, and the classifier that is asked."""

    def __init__(self, steer: LatentEditor, judge: Classifier) -> None:
        self.steer, self.judge = steer, judge
        self.blind = Blind(steer.run, steer.device)
        self.z = steer.latents(SEEDS)
        self.before = self.read(steer.generate(self.z))

    def read(self, x: Tensor) -> Levels:
        """The likeliest level of each column, (n,) each."""
        return predict(self.judge, x.clone())

    def has(self, found: Levels, feature: str) -> Tensor:
        """Whether samples show a feature such as hair_colour=blond, (n,)."""
        column, level = feature.split("=")
        return found[column] == self.judge.levels[column].index(level)

    def effect(self, what: str, feature: str, direction: Direction, refined: bool, goal: str) -> Row:
        """What a step does to SEEDS: flipped, and how many keep each other column."""
        had = self.has(self.before, feature)
        lengths = torch.where(had, -direction.step, direction.step)
        after = self.read(self.steer.generate(self.steer.move(direction, self.z, lengths, refined)))
        kept = {
            name: float((after[name] == self.before[name]).float().mean())
            for name in after
            if name != feature.split("=")[0]
        }
        least = min(kept, key=lambda name: kept[name])
        flipped = float((self.has(after, feature) != had).float().mean())
        return row(1, f"{feature}, {what}", flipped, f"others kept {kept[least]:.3f} ({least} least)", goal)

    def labels(self, feature: str) -> list[Row]:
        """A direction from labels: the vector alone, and settled."""
        direction = self.steer.find(feature)
        return [
            self.effect("labels, vector alone", feature, direction, False, "0.90, kept 0.85"),
            self.effect("labels, settled", feature, direction, True, "0.90, kept 0.85"),
        ]

    def examples(self, feature: str) -> list[Row]:
        """A direction from SIDE seeds that show a feature and SIDE that do not, as a person would pick them by eye; and
        the same where nothing is known of labels."""
        has = self.has(self.read(self.steer.generate(self.steer.latents(POOL))), feature).numpy()
        seeds, name = np.asarray(POOL), f"{feature} by examples"
        sides = seeds[has][:SIDE].tolist(), seeds[~has][:SIDE].tolist()
        rows, what = [], f"{SIDE} examples a side"
        for steer, told in ((self.steer, what), (self.blind, f"{what}, labels unknown")):
            direction = steer.find_by_examples(name, *sides)
            named = told if direction.feature is None else f"{told}, told by {direction.feature}"
            rows.append(self.effect(named, feature, direction, True, "0.75, kept 0.80"))
        return rows

    def sums(self, exemplars: int) -> list[Row]:
        """SUM in latent space, alone and settled, and in pixels: how often the answer shows glasses and long hair."""
        answers, alone, pixels = [], [], []
        for seed in range(DRAWS):
            answer, terms = self.steer.mix(SUM, exemplars, seed)
            answers.append(answer)
            alone.append(self.steer.mix(SUM, exemplars, seed, refined=False)[0])
            means = [self.steer.generate(latents).mean(0) for latents in terms]
            pixels.append((means[0] - means[1] + means[2]).clamp(-1, 1))
        found = {
            "latent space, settled": self.read(self.steer.generate(torch.stack(answers))),
            "latent space": self.read(self.steer.generate(torch.stack(alone))),
            "pixel space": self.read(torch.stack(pixels)),
        }
        goals = {"latent space, settled": "0.80", "latent space": "", "pixel space": "less"}
        return [
            row(
                2,
                f"{SUM}, {space}",
                float((self.has(seen, "glasses=yes") & self.has(seen, "hair_length=long")).float().mean()),
                f"{DRAWS} draws of {exemplars} exemplars a term",
                goals[space],
            )
            for space, seen in found.items()
        ]

    def unsupervised(self, by: str) -> Row:
        """How many of ten directions go with a known attribute: the correlation of the place along them with it."""
        found = []
        for direction in self.steer.discover(10, by):
            amount = (self.z @ direction.vector.to(self.z)).double().numpy()
            corr = {
                f"{name}={level}": abs(
                    np.corrcoef(amount, (self.before[name] == place).double().numpy())[0, 1]
                )
                for name, levels in self.judge.levels.items()
                for place, level in enumerate(levels)
            }
            best = max(corr, key=lambda name: corr[name])
            found.append((corr[best], best))
        found.sort(reverse=True)
        best = ", ".join(f"{name} {amount:.2f}" for amount, name in found[:4])
        return row(3, f"10 directions by {by}", sum(amount > 0.5 for amount, _ in found), best, "3 over 0.5")

    def walks(self) -> Row:
        """The largest step's share of a walk's change of features, over the mean step's."""
        store = self.steer.store
        features = features_of(store)
        worst = 0.0
        for first in range(0, 40, 4):
            way = self.steer.generate(self.steer.walk(self.z[first : first + 4], 60))
            seen = features(way)
            steps = np.array([np.linalg.norm(b - a) for a, b in pairwise(seen)])
            worst = max(worst, float(steps.max() / steps.mean()))
        return row(5, "10 walks through 4 seeds", worst, "largest step over the mean step, of features", "3")

    def inversion(self) -> list[Row]:
        """FACES held-out faces: how near the inverted ones are, and whether glasses can be put on."""
        store = self.steer.store
        block = store.heldout(np.arange(FACES))
        x = to_tensor(block)
        pictures = np.ascontiguousarray(block.transpose(0, 2, 3, 1))
        z, error = self.steer.invert(pictures)
        tuned = self.steer.tuned(z, pictures)
        made = tuned.generate(z)
        features = features_of(store)
        real = features(x)
        nearest = np.array([np.linalg.norm(features.reals - one, axis=1).min() for one in real])

        def ratio(made: Tensor) -> float:
            return float(np.linalg.norm(features(made) - real, axis=1).mean() / nearest.mean())

        direction = self.steer.find("glasses=yes")
        put = tuned.generate(tuned.move(direction, z, torch.full((len(z),), direction.step)))
        seen, truth = self.read(put), self.read(x)
        without = ~self.has(truth, "glasses=yes")
        share = float(self.has(seen, "glasses=yes")[without].float().mean())
        kept = [float((seen[c] == truth[c])[without].float().mean()) for c in seen if c != "glasses"]
        sheet = torch.stack([x[without][:10], made[without][:10], put[without][:10]], 0).flatten(0, 1)
        write_grid(to_pictures(sheet), ROOT / "docs" / "pictures" / "steer-inverted.png", columns=10)
        held = f"{int(without.sum())} without; others as in the picture {np.mean(kept):.3f} on average"
        what = "feature distance over the nearest training picture's"
        return [
            row(
                4,
                f"{what}, G as it is",
                ratio(self.steer.generate(z)),
                f"pixels off by {error.mean():.3f}",
                "",
            ),
            row(
                4,
                f"{what}, G tuned",
                ratio(made),
                f"pixels off by {tuned.reconstruction_error(z, pictures).mean():.3f}",
                "0.5",
            ),
            row(4, "glasses put on an inverted face, tuned and settled", share, held, "0.70"),
        ]

    def sheets(self) -> None:
        """The README's: strips, a sum, a turn."""
        folder = ROOT / "docs" / "pictures"
        strips = [self.steer.apply(name, self.z[at : at + 1], steps=9) for at, name in enumerate(FEATURES)]
        write_grid(to_pictures(torch.cat(strips).flatten(0, 1)), folder / "steer-strips.png", columns=9)
        made, columns = self.steer.sheet(*self.steer.mix(SUM))
        write_grid(to_pictures(made), folder / "steer-sum.png", columns)
        write_grid(
            to_pictures(self.steer.turn(self.z[:4]).flatten(0, 1)), folder / "steer-turn.png", columns=9
        )


def row(point: int, what: str, measured: float, beside: str, goal: str) -> Row:
    """A line of the table."""
    return {
        "point": point,
        "what": what,
        "measured": round(float(measured), 4),
        "beside": beside,
        "goal": goal,
    }


@cache
def features_of(store: Store) -> Features:
    """The check's features, fitted to the training reals."""
    places = np.array_split(np.arange(store.n_train), max(1, store.n_train // 500))
    return Features(store.spec, [to_tensor(store.train(part)) for part in places])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=["faces"])
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--size", default="32")
    parser.add_argument("--keep", type=Path, help="a run to steer; trained there where there is none")
    asked = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        run = asked.keep or Path(folder) / "run"
        if not (run / "recipe.json").exists():
            train(
                asked.source,
                run,
                "--size",
                asked.size,
                "--budget",
                asked.budget,
                "--stop",
                "budget",
                "--latent",
                "64",
            )
        steer = LatentEditor(Run.open(run), torch.device("cpu"))
        judge, accuracy = train_classifier(steer.store, 400, seed=1)
        bench = Bench(steer, judge)
        rows: list[Row] = []
        summary = {
            "the classifier's least accuracy on held-out reals": min(accuracy.values()),
            "seeds": len(SEEDS),
            "size": steer.run.spec.shape[-1],
            "network": steer.run.recipe.network.network,
            "latent": steer.width,
            "rounds": int(steer.run.checkpoints.best().name),
        }
        for part in (
            *(lambda feature=feature: bench.labels(feature) for feature in FEATURES),
            *(lambda feature=feature: bench.examples(feature) for feature in FEATURES),
            *(lambda count=count: bench.sums(count) for count in EXEMPLARS),
            lambda: [bench.unsupervised("features"), bench.unsupervised("weights"), bench.walks()],
            bench.inversion,
        ):
            rows += part()
            record("steering-faces", sorted(rows, key=lambda one: one["point"]), summary)
        bench.sheets()


if __name__ == "__main__":
    main()
