"""The two classic mixtures as ordinary tables, ten seeds each: are all modes there, and are the fakes on them?

    python benchmarks/modes.py ring|grid [--seeds 10] [--budget auto]

ring: 8 Gaussians on a circle of radius 1, standard deviation 0.01; grid: 25, two apart, standard deviation 0.05
(Srivastava 2017, 1705.07761, section 4.1; Lin 2017, 1712.04086). 100,000 rows go into a CSV file with columns x and y,
and `evenodds train` and `evenodds sample -n 2500` do the rest. A fake is of high quality within three standard
deviations of the nearest centre; a mode is there with one such fake. Of real rows 98.9 % are of high quality, as of any
normal law in two dimensions; so the spread of high-quality fakes stands beside, over that of reals: below 1 they are
tighter than the data.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from playing import sample, train
from record import record

ROWS, FAKES = 100_000, 2_500
REACH = 3
"""Standard deviations from its centre within which a sample is of high quality."""
GOAL = 0.99
TURN = np.arange(8) * np.pi / 4
FIVE = np.arange(-4.0, 5.0, 2.0)

Points = NDArray[np.float64]


class Mixture(NamedTuple):
    """Equal Gaussians around ``centres`` (k, 2)."""

    centres: Points
    sd: float

    def draw(self, n: int, rng: np.random.Generator) -> Points:
        """n rows, (n, 2)."""
        return self.centres[rng.integers(len(self.centres), size=n)] + rng.normal(0, self.sd, (n, 2))

    def judge(self, points: Points) -> dict[str, Any]:
        """What points (n, 2) are like: modes, high quality, least share of a mode, KL, radius of the good ones.

        KL is that of the shares of nearest centres from even ones, in nats; the radius is the root mean square
        distance of high-quality points from their centres, in standard deviations.
        """
        distances = np.linalg.norm(points[:, None] - self.centres, axis=2)
        nearest, distance = distances.argmin(1), distances.min(1)
        good = distance <= REACH * self.sd
        count = len(self.centres)
        shares = np.bincount(nearest, minlength=count) / len(points)
        good_shares = np.bincount(nearest[good], minlength=count) / len(points)
        held = shares[shares > 0]
        return {
            "modes": int((good_shares > 0).sum()),
            "high quality": float(good.mean()),
            "least share": float(good_shares.min()),
            "KL": float((held * np.log(held * count)).sum()),
            "radius": float(np.sqrt((distance[good] ** 2).mean()) / self.sd) if good.any() else float("nan"),
        }


MIXTURES = {
    "ring": Mixture(np.stack([np.cos(TURN), np.sin(TURN)], 1), 0.01),
    "grid": Mixture(np.stack(np.meshgrid(FIVE, FIVE), 2).reshape(-1, 2), 0.05),
}


def one(mixture: Mixture, table: Path, seed: int, budget: str, radius: float) -> dict[str, Any]:
    """A row of the table; ``radius`` is that of reals."""
    run, fakes = table.parent / f"run{seed}", table.parent / f"fakes{seed}.csv"
    verdict = train(table, run, "--seed", str(seed), "--budget", budget)
    sample(run, fakes, "-n", str(FAKES))
    found = mixture.judge(pd.read_csv(fakes)[["x", "y"]].to_numpy(np.float64))
    found["spread"] = found.pop("radius") / radius
    return {
        "seed": seed,
        **{name: round(value, 4) for name, value in found.items()},
        "odds": verdict["evidence"].get("odds"),
        "rounds": verdict["rounds"],
        "seconds": round(verdict["command_seconds"], 1),
        "verdict": verdict["verdict"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mixture", choices=MIXTURES)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", default="auto")
    asked = parser.parse_args()
    mixture = MIXTURES[asked.mixture]
    real = mixture.draw(ROWS, np.random.default_rng(0))
    ideal = mixture.judge(real)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / f"{asked.mixture}.csv"
        pd.DataFrame(real, columns=["x", "y"]).to_csv(table, index=False)
        rows = [one(mixture, table, seed, asked.budget, ideal["radius"]) for seed in range(asked.seeds)]
    whole = len(mixture.centres)
    reached = sum(row["modes"] == whole and row["high quality"] >= GOAL for row in rows)
    summary = {
        f"seeds with {whole} of {whole} modes and high quality of at least {GOAL}": f"{reached} of {len(rows)}",
        "high quality of reals": ideal["high quality"],
        "median seconds": statistics.median(row["seconds"] for row in rows),
        "budget": asked.budget,
    }
    record(f"modes-{asked.mixture}", rows, summary)


if __name__ == "__main__":
    main()
