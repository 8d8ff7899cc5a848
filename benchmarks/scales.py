"""How near fakes come by what D has seen, for sizes of pictures and of networks, and how well that is foretold.

    python benchmarks/scales.py [--keep FOLDER] [--try]

Games of one thread, two at a time: cats and faces at 16, 32 and 64 px for 2, 4 and 15 minutes, each as tiny and small,
up to 32 px as base too. Through the checks of each side and scale goes a curve, distance = floor + a (seen / 10,000)
** -b; curves and points are written to src/evenodds/config/curves.json, which `doctor` and `train` read. Then games
that no curve was fitted to: before each, `doctor` says how many pictures its budget shows D, the curve what distance
that comes to; beside it stands what came. cats and the games foretold need the data folder beside the project. --keep
has games stay, and those there are not played again. --try plays for a moment and writes nothing down.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evenodds.config.expectations import UNIT, Curve
from evenodds.config.settings import ScaleName
from labels import DATA
from playing import train
from record import ROOT, machine, record

CURVES = ROOT / "src" / "evenodds" / "config" / "curves.json"
SOURCES = {
    "faces": "faces",
    "cats": str(DATA / "cats256.zip"),
    "caltech": str(DATA / "caltech_faces.zip"),
    "flowers": str(DATA / "wide_flowers.zip"),
    "emoji": str(DATA / "noto_emoji.zip"),
    "monet": str(DATA / "monet2photo.zip"),
    "sprites": str(DATA / "sprites.zip"),
}
FEWEST = 10
"""Checks that a curve is fitted to, at least."""
MINUTES = {16: 2.0, 32: 4.0, 64: 15.0}
"""Of a game, by the side of its pictures in pixels."""
SCALES: dict[int, tuple[ScaleName, ...]] = {
    16: ("tiny", "small", "base"),
    32: ("tiny", "small", "base"),
    64: ("tiny", "small"),
}
LEAST_SEEN = 3_000
"""Before so many pictures a distance says nothing about what comes."""
LATEST = 10.0
"""Seconds after the budget within which its last check counts."""
AT_A_TIME = 2


class Game(NamedTuple):
    """Pictures of a source at a side, by networks of a scale."""

    source: str
    side: int
    scale: ScaleName
    seed: int = 0

    def flags(self, trial: bool) -> tuple[str, ...]:
        """What `train` and `doctor` are given."""
        seconds = 6 if trial else 60 * MINUTES[self.side]
        of = {
            "size": self.side,
            "channels": "color",
            "scale": self.scale,
            "seed": self.seed,
            "budget": f"{seconds:g}s",
            "stop": "budget",
        }
        return tuple(part for name, value in of.items() for part in (f"--{name}", str(value)))


FITTED = [
    Game(source, side, scale) for side in MINUTES for source in ("cats", "faces") for scale in SCALES[side]
]
FORETOLD = [
    Game("caltech", 64, "tiny"),
    Game("caltech", 64, "small"),
    Game("monet", 32, "tiny"),
    Game("flowers", 32, "small"),
    Game("emoji", 32, "small"),
    Game("sprites", 16, "tiny"),
    Game("monet", 16, "small"),
]


def play(game: Game, trial: bool, keep: Path) -> dict[str, Any]:
    """A game's points (seen, seconds, distance), and beforehand what `doctor` says it will have seen."""
    folder = keep / "-".join(map(str, game if game.seed else game[:3]))
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / "doctor.json"
    source, flags = SOURCES[game.source], game.flags(trial)
    if not before.exists():
        command = [sys.executable, "-m", "evenodds", "doctor", source, "--json", *flags]
        before.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    run = folder / "run"
    if not (run / "verdict.json").exists():
        train(source, run, *flags)
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text("utf-8").splitlines()]
    within = 60 * MINUTES[game.side] + LATEST
    checks = [line for line in lines if "distance" in line and line["seconds"] < within]
    return {
        "ahead": json.loads(before.read_text())["ahead"],
        "points": [(check["seen"], check["seconds"], check["distance"]) for check in checks],
    }


def fitted(side: int, scale: ScaleName, points: list[tuple[float, float]]) -> Curve:
    """The curve through points (seen, distance), by least squares of logarithms for the best of many floors."""
    seen, distance = np.array(points).T
    best: tuple[float, Curve] | None = None
    for floor in np.linspace(0, 0.98 * distance.min(), 50):
        slope, height = np.polyfit(np.log(seen / UNIT), np.log(distance - floor), 1)
        curve = Curve(side, scale, float(floor), float(np.exp(height)), float(-slope), float(seen.max()), 1.0)
        error = sum(math.log(curve.distance(at) / came) ** 2 for at, came in points)
        if best is None or error < best[0]:
            best = error, curve
    assert best is not None
    return best[1]


def last(points: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    """What a game had come to: seen and seconds at its end, the median distance of its last three checks."""
    return points[-1][0], points[-1][1], float(np.median([distance for _, _, distance in points[-3:]]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", type=Path, help="where the games are, or will be")
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    fit, foretold = FITTED, FORETOLD
    if asked.trial:
        fit, foretold = [Game("faces", 16, "tiny")], [Game("faces", 16, "tiny", 1)]
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_A_TIME) as pool:
        keep = (asked.keep or Path(folder)).resolve()
        playing = {game: pool.submit(play, game, asked.trial, keep) for game in [*fit, *foretold]}
        played = {game: future.result() for game, future in playing.items()}
    least, fewest = (0, 1) if asked.trial else (LEAST_SEEN, FEWEST)
    points = {
        (side, scale): [
            (seen, distance)
            for game in fit
            if (game.side, game.scale) == (side, scale)
            for seen, _, distance in played[game]["points"]
            if seen > least
        ]
        for side, scale in dict.fromkeys((game.side, game.scale) for game in fit)
    }
    points = {key: of for key, of in points.items() if len(of) >= fewest}
    curves = {
        key: fitted(*key, of)._replace(
            played=share_played([played[game] for game in fit if game[1:3] == key])
        )
        for key, of in points.items()
    }
    rows = [row(game, played[game], curves, game in foretold) for game in played]
    for one in rows:
        print(one, flush=True)
    if not asked.trial:
        content = [{**curve._asdict(), "points": points[key]} for key, curve in curves.items()]
        CURVES.write_text(json.dumps({"machine": machine(), "curves": content}, indent=1) + "\n", "utf-8")
    factors = [one["came / foretold"] for one in rows if one["fitted"] == "no"]
    worst = max(max(factor, 1 / factor) for factor in factors)
    summary = {"threads a game": 1, "games at a time": AT_A_TIME, "games foretold": len(factors)}
    within = sum(max(factor, 1 / factor) <= 1.5 for factor in factors)
    summary |= {"foretold within 1.5 times": within, "worst factor": worst}
    record("scales", rows, summary, keep=not asked.trial)


def without_checks(played: dict[str, Any]) -> float:
    """How many pictures D would see by what `doctor` says of a second, if all of the budget went to rounds."""
    return float(played["ahead"]["samples_a_second"] * played["ahead"]["seconds"])


def share_played(games: list[dict[str, Any]]) -> float:
    """The share of their budgets that rounds took, in the middle."""
    return float(np.median([played["points"][-1][0] / without_checks(played) for played in games]))


def row(
    game: Game, played: dict[str, Any], curves: dict[tuple[int, ScaleName], Curve], foretold: bool
) -> dict[str, Any]:
    """A game in the table."""
    seen, seconds, distance = last(played["points"])
    curve = curves.get((game.side, game.scale))
    expected_seen = without_checks(played) * (1 if curve is None else curve.played)
    expected = None if curve is None else curve.distance(min(expected_seen, curve.most_seen))
    return {
        "pictures": game.source,
        "px": game.side,
        "scale": game.scale,
        "fitted": "no" if foretold else "yes",
        "pictures a second": seen / seconds,
        "seen, foretold": round(expected_seen),
        "seen": round(seen),
        "distance, foretold": expected,
        "distance": distance,
        "came / foretold": None if expected is None else distance / expected,
    }


if __name__ == "__main__":
    main()
