"""`evenodds judge` on runs of people, digits and faces: what it says of things whose truth is known.

    python benchmarks/judge.py [people] [digits] [faces] [--seeds 1] [--budget 2m]

A row a question: the percent real it gives (quantiles over samples), the share it gives at most 1 %, and the share it
flags at p < 0.05, which should be 5 % for reals. Held-out reals are flagged by p-values of one half against the other.
AUC is P(a held-out real scores above such a sample). For people the best possible one is known, that of the likelihood
ratio of the law and the product of its marginals.
"""

from __future__ import annotations

import argparse
import string
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import norm

from evenodds.config.data_settings import DataSettings
from evenodds.data.builtin import people
from evenodds.data.images.arrays import fitted
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.judge.calibration import p_values
from evenodds.judge.corrupt_images import shuffle_patches
from evenodds.judge.judge import FLAG, Judge
from evenodds.judge.train import judge_of
from evenodds.metrics.odds import odds
from evenodds.runs.run import Run
from evenodds.runs.source_data import store_of
from playing import train
from record import record

FLAGS = {"people": ["15s"], "digits": ["2m"], "faces": ["8m", "--size", "64"]}
FRESH = 20_000
PICTURES = 300
LOOKALIKES = "IOSZilosztj"
"""Letters that, upside down and 8 pixels high, are a digit or all but one; asked about apart from the others."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=list(FLAGS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budget")
    chosen = parser.parse_args()
    for source in chosen.sources:
        rows: list[dict[str, Any]] = []
        summary: dict[str, Any] = {}
        for seed in range(chosen.seeds):
            with tempfile.TemporaryDirectory() as folder:
                run = trained(source, Path(folder) / "run", seed, chosen.budget)
                judge = judge_of(run, torch.device("cpu"))
                asked = of_people if source == "people" else of_pictures
                rows += [{"seed": seed, **row} for row in asked(judge, run)]
                summary |= {f"{key}, seed {seed}": value for key, value in facts_of(judge).items()}
        record(f"judge-{source}", rows, summary)


def trained(source: str, folder: Path, seed: int, budget: str | None) -> Run:
    """A run of its usual budget here, or the one asked for."""
    usual, *flags = FLAGS[source]
    train(source, folder, "--seed", str(seed), "--budget", budget or usual, *flags)
    return Run.open(folder)


def facts_of(judge: Judge) -> dict[str, Any]:
    """What the judge says of itself."""
    kept = judge.facts.to_json()
    told = {"calibration error": kept["calibration_error"], "of": kept["calibration_n"]}
    return {**told, "held out": kept["heldout_n"], "seconds to make": kept["seconds"]}


def said(judge: Judge, what: str, samples: Any, real: np.ndarray) -> dict[str, Any]:
    """A row of the table: what is said of samples, beside the scores of held-out reals."""
    score = judge.score_samples(samples)
    percent = judge.percent_real(score)
    low, middle, high = np.quantile(percent, [0.05, 0.5, 0.95])
    return {
        "what": what,
        "n": len(score),
        "% real, median": round(float(middle), 2),
        "5 % mark": round(float(low), 2),
        "95 % mark": round(float(high), 2),
        "at most 1 %": f"{(percent <= 1).mean():.1%}",
        "flagged": f"{(judge.p_value(score) < FLAG).mean():.1%}",
        "AUC": round(odds(real, score).value, 4),
    }


def by_halves(score: np.ndarray) -> str:
    """The share of held-out reals at p < FLAG, where each half is compared with the other, over 100 random halves."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        order = rng.permutation(len(score))
        found.append((p_values(score[order[::2]], np.sort(score[order[1::2]])) < FLAG).mean())
    return f"{np.mean(found):.1%}"


def of_people(judge: Judge, run: Run) -> list[dict[str, Any]]:
    """The rows of people."""
    store = store_of(run)
    assert judge.codec is not None
    held = judge.codec.decode(store.heldout(np.arange(store.n_heldout)), np.random.default_rng(0))
    real = judge.score_samples(held)
    fresh, other = people.draw(FRESH, seed=99), people.draw(FRESH, seed=98)
    rng = np.random.default_rng(0)
    shuffled = pd.DataFrame({name: rng.permutation(other[name]) for name in other})
    points = [(170, 63), (170, 150), (200, 40), (150, 110)]
    rows = [
        said(judge, f"{height} cm, {weight} kg", pd.DataFrame({"height": [height], "weight": [weight]}), real)
        for height, weight in points
    ]
    best = odds(likelihood_ratio(held), likelihood_ratio(shuffled)).value
    rows += [
        {**said(judge, "held-out rows", held, real), "flagged": by_halves(real)},
        said(judge, "fresh rows", fresh, real),
        said(judge, "columns shuffled", shuffled, real),
    ]
    # A table's columns are those of its first row.
    return [{**row, "best AUC": round(best, 4) if row is rows[-1] else ""} for row in rows]


def likelihood_ratio(rows: pd.DataFrame) -> np.ndarray:
    """The law's density over the product of its marginals, at each row."""
    heights = np.linspace(people.HEIGHT_MEAN_CM - 54, people.HEIGHT_MEAN_CM + 54, 1001)
    weights = np.linspace(1, 200, 2000)
    step = heights[1] - heights[0]
    marginal = people.density(*np.meshgrid(heights, weights, indexing="ij")).sum(0) * step
    height, weight = rows["height"].to_numpy(), rows["weight"].to_numpy()
    alone = norm.pdf(height, people.HEIGHT_MEAN_CM, people.HEIGHT_SD_CM)
    ratio: np.ndarray = people.density(height, weight) / (alone * np.interp(weight, weights, marginal))
    return ratio


def of_pictures(judge: Judge, run: Run) -> list[dict[str, Any]]:
    """The rows of digits and faces."""
    store = store_of(run)
    rng = np.random.default_rng(0)
    held = store.heldout(np.arange(store.n_heldout))
    torn = [shuffle_patches(one.astype(np.float32), one, rng).astype(np.uint8) for one in held]
    _, size, _ = judge.spec.shape
    channels = held.shape[1]
    noise = rng.integers(0, 256, (PICTURES, *held.shape[1:]), dtype=np.uint8)
    other = "faces" if run.facts["source"] == "digits" else "digits"
    settings = DataSettings(size=size, channels="gray" if channels == 1 else "color")
    strange = prepare(find(other), settings)
    asked = {
        "held-out pictures": held,
        "patches shuffled": np.stack(torn),
        "upside down": held[:, :, ::-1],
        "noise": noise,
        other: strange.heldout(np.arange(min(PICTURES, strange.n_heldout))),
    }
    for what, letters in (("letters", set(string.ascii_letters)), ("look-alike letters", set(LOOKALIKES))):
        chosen = sorted(letters if what != "letters" else letters - set(LOOKALIKES))
        asked[f"upside-down {what}"] = np.stack([upside_down_letter(one, size, channels) for one in chosen])
    real = judge.score_samples(held.transpose(0, 2, 3, 1))
    rows = [said(judge, what, block.transpose(0, 2, 3, 1), real) for what, block in asked.items()]
    return [{**rows[0], "flagged": by_halves(real)}, *rows[1:]]


def upside_down_letter(letter: str, size: int, channels: int) -> np.ndarray:
    """A letter turned by 180 degrees, white on black at 8 x 8, enlarged as digits are: uint8 (C, size, size)."""
    image = Image.new("L", (96, 96), 0)
    pen = ImageDraw.Draw(image)
    pen.text((48, 48), letter, 255, ImageFont.load_default(size=72), anchor="mm", stroke_width=2)
    image = image.transpose(Image.Transpose.ROTATE_180).crop(
        image.transpose(Image.Transpose.ROTATE_180).getbbox()
    )
    side = max(image.size)
    square = Image.new("L", (side, side), 0)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return fitted(square.resize((8, 8), Image.Resampling.BOX), size, "crop", 1 if channels == 1 else 3)


if __name__ == "__main__":
    main()
