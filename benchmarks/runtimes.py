"""Bulk sampling by onnxruntime against PyTorch: what a trained run's generator makes a second on the CPU.

    python benchmarks/runtimes.py [--threads 1 2] [--repeats 15] [--seconds 1] [--try]

Games of one round, whose networks are those of any longer one. PyTorch makes fakes as `evenodds sample` does, in its
batches; onnxruntime has the file that `evenodds export --format onnx` writes, whose seconds stand beside it, and
batches of the same size. Both make them in turn, and the median of the ratios counts. Writing files is not in it:
`sampling.py` has whole commands. --try makes few and records nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from evenodds.core.device import find_device
from evenodds.export.onnx import export_onnx
from evenodds.runs.run import Run
from evenodds.runs.sample import batch_of, load_generator
from playing import train
from record import record
from timing import seconds_each, spread

CPU = find_device("cpu")
GAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "dcgan, 64 px": ("digits", ("--network", "dcgan", "--size", "64")),
    "r3gan, 64 px": ("digits", ("--network", "r3gan", "--size", "64")),
    "dcgan, 16 px": ("digits", ("--network", "dcgan", "--size", "16")),
    "tabular, adult": ("../shared/data/tables/adult.csv", ()),
    "tabular, people": ("people", ()),
}


def by_torch(run: Run) -> Callable[[], Any]:
    """What makes a batch as `evenodds sample` does."""
    generator, size, latent = load_generator(run, CPU), batch_of(run, CPU), run.recipe.network.latent

    @torch.inference_mode()
    def make() -> Any:
        return generator(torch.randn(size, latent))

    return make


def by_onnxruntime(run: Run, model: Path, threads: int) -> Callable[[], Any]:
    """What makes a batch from the exported file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    size, chance = batch_of(run, CPU), np.random.default_rng(0)
    shapes = {given.name: (size, *given.shape[1:]) for given in session.get_inputs()}

    def make() -> Any:
        # G's own noise, where it has any, is an input: uniform numbers, and none of them 0.
        drawn = {
            name: chance.standard_normal(shape, np.float32)
            if name == "z"
            else 1 - chance.random(shape, np.float32)
            for name, shape in shapes.items()
        }
        return session.run(None, drawn)

    return make


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--try", dest="trial", action="store_true")
    asked = parser.parse_args()
    games = GAMES
    if asked.trial:
        asked.threads, asked.repeats, asked.seconds = [1], 1, 0.0
        games = {name: GAMES[name] for name in ("dcgan, 16 px", "tabular, people")}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (source, flags)) in enumerate(games.items()):
            place = Path(folder) / str(number)
            train(source, place / "run", "--budget", "1rounds", "--head-turns", "1", *flags)
            run, start = Run.open(place / "run"), time.monotonic()
            model = export_onnx(run, place / "onnx") / "generator.onnx"
            export, size = time.monotonic() - start, batch_of(run, CPU)
            for threads in asked.threads:
                torch.set_num_threads(threads)
                arms = by_torch(run), by_onnxruntime(run, model, threads)
                for make in arms:
                    make()
                found = [[seconds_each(make, asked.seconds) for make in arms] for _ in range(asked.repeats)]
                times = [mine / theirs for mine, theirs in found]
                row = {
                    "generator": name,
                    "threads": threads,
                    "batch": size,
                    "PyTorch, a second": round(size / statistics.median(mine for mine, _ in found)),
                    "onnxruntime, a second": round(size / statistics.median(theirs for _, theirs in found)),
                    **spread("times", times, digits=2),
                    "export, seconds": round(export, 1),
                }
                print(row, flush=True)
                rows.append(row)
    summary = {
        "repeats": asked.repeats,
        "seconds each": asked.seconds,
        "onnxruntime": onnxruntime.__version__,
    }
    record("runtimes", rows, {**summary, "medians over": "repeats"}, keep=not asked.trial)


if __name__ == "__main__":
    main()
