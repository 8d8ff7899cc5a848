"""The commands that made the stored runs, spelled as the version of then spelled them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from safetensors.numpy import load_file

SAMPLES = 24
"""Fakes a run, for comparison."""


class Stored(NamedTuple):
    """One run: how it was trained, and what it was asked then."""

    source: str
    flags: tuple[str, ...]
    rounds: int
    """Where the stored copy stands."""
    later: int
    """Where the unbroken run stood when its answers were taken."""
    given: str | None = None
    """A condition to sample under."""
    judged: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    """Arguments of `steer find`; the first is the direction's name."""

    def train(self, out: Path, rounds: int) -> tuple[str, ...]:
        """The command that trains it so far."""
        return ("train", self.source, *self.flags, "--budget", f"{rounds}rounds", "--out", str(out))

    def sample(self, run: Path, to: Path) -> tuple[str, ...]:
        given = () if self.given is None else ("--given", self.given)
        return ("sample", str(run), "-n", str(SAMPLES), "--seed", "7", *given, "--to", str(to))

    def judge(self, run: Path) -> tuple[str, ...]:
        return ("judge", str(run), *self.judged, "--json")

    def score(self, run: Path) -> tuple[str, ...]:
        return ("score", str(run), "-n", "40", *self.extractor, "--json")

    def find(self, run: Path) -> tuple[str, ...]:
        return ("steer", "find", str(run), *self.found, "--json")

    def apply(self, run: Path, to: Path) -> tuple[str, ...]:
        moved = ("--seeds", "1", "2", "--steps", "3")
        return ("steer", "apply", str(run), self.found[0], *moved, "--to", str(to))

    @property
    def makes_rows(self) -> bool:
        return self.source not in ("digits", "faces")

    @property
    def keeps_judge(self) -> bool:
        """Whether the stored copy has its judge; the others make it anew, for judges are large."""
        return self.source == "people"

    @property
    def extractor(self) -> tuple[str, ...]:
        """The game's own features: those of EfficientNet are not everywhere."""
        return () if self.makes_rows else ("--extractor", "layout")

    @property
    def suffix(self) -> str:
        return ".csv" if self.makes_rows else ".png"


SMALL = ("--seed", "3", "--device", "cpu")
STORED = {
    "people": Stored(
        "people",
        (
            *SMALL,
            *("--check-every", "10", "--latent", "8", "--width", "16", "--tempo", "turns"),
            *("--rate-d", "0.01", "--rate-g", "0.001"),
        ),
        rounds=60,
        later=70,
        judged=("height=170,weight=63", "height=170,weight=150"),
        found=("weight",),
    ),
    "digits": Stored(
        "digits",
        (
            *SMALL,
            *("--given", "labels", "--size", "8", "--latent", "12", "--width", "16", "--width-d", "12"),
            *("--half-life", "2000", "--rate-d", "0.02", "--rate-g", "0.02", "--check-every", "20"),
        ),
        rounds=340,
        later=350,
        given="label=7",
        judged=("portraits/000000.png", "portraits/000001.png"),
        found=("shape", "--with", "1", "2", "3", "--without", "4", "5", "6"),
    ),
    "outlines": Stored(
        "faces",
        (
            *SMALL,
            *("--check-every", "20", "--latent", "8"),
            *("--given", "outlines", "--size", "16", "--width", "4", "--batch", "8"),
        ),
        rounds=40,
        later=44,
        given="portraits/000000.png",
        judged=("portraits/000000.png", "portraits/000001.png"),
    ),
    "customers": Stored(
        "customers.csv",
        (
            *SMALL,
            *("--latent", "8", "--width", "16", "--batch", "32", "--given", "town", "--leave-out", "remark"),
            *("--check-every", "20"),
            *("--rate-d", "0.002", "--rate-g", "0.002", "--turns-d", "2", "--turns-g", "1"),
            *("--half-life", "3000", "--penalty-by", "difference", "--join", "concat", "--end", "proof"),
        ),
        rounds=200,
        later=208,
        given="town=Ulm",
        judged=("customers.csv",),
        found=("large", "--feature", "orders"),
    ),
    "broken": Stored(
        "customers.csv",
        (
            *SMALL,
            *("--check-every", "10", "--latent", "8", "--width", "4", "--batch", "16"),
            *("--leave-out", "remark", "--leave-out", "since"),
            *("--rate-d", "5", "--rate-g", "5", "--penalty", "none", "--head-turns", "10"),
        ),
        rounds=130,
        later=140,
    ),
    "collapsed": Stored(
        "digits",
        (
            *SMALL,
            *("--given", "labels", "--size", "8", "--latent", "12", "--width", "16", "--width-d", "8"),
            *("--half-life", "2000", "--rate-d", "0.002", "--rate-g", "0.002", "--check-every", "10"),
        ),
        rounds=400,
        later=400,
        given="label=7",
    ),
}


def weights(run: Path) -> dict[str, list[float]]:
    """Sum and length of each tensor of the newest networks: what a state is known by, in few bytes."""
    folder = max(path for path in (run / "checkpoints").iterdir() if path.name.isdigit())
    found = {}
    for name in ("generator", "average", "discriminator"):
        for key, value in load_file(folder / f"{name}.safetensors").items():
            numbers = value.astype("float64")
            found[f"{name} {key}"] = [
                round(float(numbers.sum()), 6),
                round(float((numbers**2).sum() ** 0.5), 6),
            ]
    return found


def checks(journal: list[dict[str, Any]], after: int) -> list[dict[str, Any]]:
    """The lines of checks after a round."""
    return [line for line in journal if "odds" in line and line["round"] > after]
