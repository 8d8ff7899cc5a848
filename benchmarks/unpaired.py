"""Pictures of one set from pictures of another without partners: how near they come, and what they keep.

    python benchmarks/unpaired.py cat2dog [--budget 60m] [--size 64] [--scale small] [--keep FOLDER]
    python benchmarks/unpaired.py monet2photo ...

`evenodds train SET.zip --condition unpaired`, measured on the pictures of A that are held out, against the held-out
pictures of B. Beside it the pictures of A as they are, and with B's colors: the linear map of colors that brings the
mean and the covariance of A's training pixels to B's and moves them least (Pitié and Kokaram 2007, section 3.3), which
is the closed form of color matching. A run in FOLDER is gone on with.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import to_tensor, write_grid
from evenodds.data.store import Part, Store
from evenodds.metrics.content import content
from evenodds.metrics.distribution import frechet, kernel_distance
from evenodds.metrics.efficientnet import features, load
from evenodds.metrics.reference import reference_count, reference_features
from evenodds.runs.conditions import turns
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler
from evenodds.runs.source_data import store_of
from playing import train
from record import ROOT, record

DATA = ROOT.parent / "shared" / "data"
PICTURES = ROOT / "docs" / "pictures"
SHOWN = 12
Bytes = NDArray[np.uint8]


def measure(source: str, run: Path, flags: tuple[str, ...]) -> None:
    """Trains, compares and records."""
    verdict = train(DATA / f"{source}.zip", run, *flags)
    opened = Run.open(run)
    store = store_of(opened)
    inputs = inputs_of(store, "heldout")
    made = Sampler(opened, torch.device("cpu")).pictures(len(inputs), 0, turns(inputs))
    fake = np.concatenate(list(made)).transpose(0, 3, 1, 2)
    matched = with_colors(inputs, inputs_of(store, "train"), store.train(np.arange(store.n_train)))
    answers = {"A as it is": inputs, "A in B's colors": matched, "made from A": fake}
    half = store.train(np.arange(min(store.n_train, store.n_heldout)))
    rows = [row(name, store, inputs, block) for name, block in answers.items()]
    rows.append({**row("as many training pictures of B", store, inputs[: len(half)], half), "content": None})
    sheet = np.stack([block[:SHOWN] for block in answers.values()], 1)
    order = sheet.reshape(-1, *fake.shape[1:]).transpose(0, 2, 3, 1)
    write_grid(order, PICTURES / f"unpaired-{source}.png", columns=9, scale=1)
    settings = opened.recipe
    record(
        f"unpaired-{source}",
        rows,
        {
            "network": settings.network.network,
            "width": settings.network.width,
            "size": opened.spec.side if isinstance(opened.spec, PictureSpec) else None,
            "budget": settings.plan.budget,
            "rounds": verdict["rounds"],
            "batch": settings.game.batch,
            "pictures of A held out": len(inputs),
            "pictures of B held out": store.n_heldout,
        },
    )


def inputs_of(store: Store, part: Part) -> Bytes:
    """The pictures of a part that others are made from, uint8 (n, C, H, W)."""
    found = store.conditions(part, np.arange(store.n_conditions(part)))
    assert found is not None
    return found


def row(name: str, store: Store, inputs: Bytes, block: Bytes) -> dict[str, Any]:
    """Distances of pictures from the held-out ones of B, on the game's features and on those of a network that knows
    photographs, and what they keep of the pictures they were made from.

    Of few pictures the Fréchet distance is large even where both are of one set: the last row says how large. The
    kernel distance has no such bias.
    """
    real = to_tensor(store.heldout(np.arange(store.n_heldout)))
    own = reference_features(store, reference_count(store))
    network = load(torch.device("cpu"))
    kernel = kernel_distance(features(network, real), features(network, to_tensor(block)))
    return {
        "pictures": name,
        "Fréchet distance": round(frechet(own(real), own(to_tensor(block))), 3),
        "kernel distance (EfficientNet-Lite0)": round(kernel.value, 4),
        "content": round(content(inputs, block).share, 3),
    }


def with_colors(pictures: Bytes, source: Bytes, target: Bytes) -> Bytes:
    """Pictures (n, 3, H, W) after the linear map that brings the colors of ``source`` to those of ``target``."""
    first, second = (
        block.transpose(0, 2, 3, 1).reshape(-1, 3).astype(np.float64) for block in (source, target)
    )
    root = power(np.cov(first.T), 0.5)
    inverse = power(np.cov(first.T), -0.5)
    matrix = inverse @ power(root @ np.cov(second.T) @ root, 0.5) @ inverse
    flat = pictures.transpose(0, 2, 3, 1) - first.mean(0)
    mapped = flat @ matrix + second.mean(0)
    return np.ascontiguousarray(mapped.clip(0, 255).round().astype(np.uint8).transpose(0, 3, 1, 2))


def power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """A symmetric positive matrix to a power."""
    values, vectors = np.linalg.eigh(matrix)
    raised: NDArray[np.float64] = (vectors * np.maximum(values, 1e-9) ** exponent) @ vectors.T
    return raised


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=["cat2dog", "monet2photo"])
    parser.add_argument("--budget", default="60m")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--scale", default="small")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    flags = ("--condition", "unpaired", "--size", str(asked.size), "--scale", asked.scale)
    flags += ("--budget", asked.budget, "--stop", "budget")
    with tempfile.TemporaryDirectory() as folder:
        measure(asked.source, (asked.keep or Path(folder)) / asked.source, flags)


if __name__ == "__main__":
    main()
