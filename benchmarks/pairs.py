"""Pictures from pictures: are outlines honoured, and is a GAN beside L1 worth its while?

    python benchmarks/pairs.py outlines [--budget 20m] [--network resunet|pix2pix]
    python benchmarks/pairs.py facades [--budget 20m] [--size 128] [--network ...]

outlines: `evenodds train faces --condition outlines --size 64`; the baseline answers each held-out outline with the
training picture whose (blurred) outline is nearest. facades: the 400 training pairs from label map to photograph, once
with the paper's loss and once with L1 alone, same budget each; measured on the 106 test pairs, which take no part.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from evenodds import Gan
from evenodds.config.data_settings import DataSettings
from evenodds.data.images.arrays import to_tensor, write_grid
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.evaluate.pairs import distance, psnr, ssim
from evenodds.metrics.efficientnet import features, load
from evenodds.runs.sample import as_pictures
from playing import sample, train
from record import ROOT, record

FACADES = ROOT.parent / "shared" / "data" / "facades.zip"
PICTURES = ROOT / "docs" / "pictures"
Bytes = NDArray[np.uint8]


def outlines(budget: str, network: str, keep: Path) -> None:
    """Outlines of faces."""
    run = keep / "outlines"
    flags = ("--condition", "outlines", "--size", "64", "--budget", budget, "--network", network)
    verdict = train("faces", run, *flags)
    sample(run, PICTURES / "outlines.png", "-n", "24")
    store = prepare(find("faces"), DataSettings(size=64, condition="outlines"))
    scores = verdict["pairs"]
    places = np.arange(scores["pairs"])
    real, nearest = store.heldout(places), nearest_by_outline(store, places)
    baseline = float(np.mean([ssim(a, b) for a, b in zip(real, nearest, strict=True)]))
    made = {
        "L1": scores["l1"],
        "PSNR, dB": scores["psnr"],
        "SSIM": scores["ssim"],
        "distance": scores["distance"],
    }
    rows = [
        {"answer": f"evenodds, {verdict['rounds']:,} rounds", **made, "outline F1": scores["honoured"]["f1"]},
        {
            "answer": "training picture of the nearest outline",
            "L1": round(float(np.abs(real.astype(float) - nearest).mean() / 255), 4),
            "PSNR, dB": round(float(np.mean([psnr(a, b) for a, b in zip(real, nearest, strict=True)])), 2),
            "SSIM": round(baseline, 4),
            "distance": round(distance(store, real, nearest), 4),
            "outline F1": None,
        },
    ]
    network = Gan.load(run).recipe.network.network
    record("pairs-outlines", rows, {"network": network, "budget": budget, "pairs": scores["pairs"]})


def nearest_by_outline(store: Store, places: NDArray[np.int64]) -> Bytes:
    """For each held-out outline the training picture whose outline is nearest, both blurred by a pixel."""
    asked, known = (
        np.stack([gaussian_filter(one[0].astype(np.float32), 1.0).ravel() for one in block])
        for block in (
            conditions(store, "heldout", places),
            conditions(store, "train", np.arange(store.n_train)),
        )
    )
    apart = (known**2).sum(1)[None] - 2 * asked @ known.T
    return store.train(apart.argmin(1))


def conditions(store: Store, part: Any, places: NDArray[np.int64]) -> Bytes:
    found = store.conditions(part, places)
    assert found is not None
    return found


def facades(budget: str, size: int, network: str, keep: Path) -> None:
    """Facades from label maps, with a GAN and without."""
    learn, tests = unpacked(keep / "facades", size)
    flags = ("--condition", "pairs", "--direction", "BtoA", "--size", str(size), "--network", network)
    flags += ("--batch", "4", "--ssim", "0")
    store = prepare(find(str(learn)), DataSettings(size=size, condition="pairs", direction="BtoA"))
    real = tests["photographs"]
    rows, sheets = [], [as_pictures(tests["maps"].transpose(0, 3, 1, 2), 3)[:6], real[:6]]
    for what, l1 in (("L1 + cGAN", "100"), ("L1 alone", "1e6")):
        run = keep / f"run{l1}"
        verdict = train(learn, run, *flags, "--budget", budget, "--stop", "budget", "--l1", l1)
        fake = Gan.load(run).sample(len(real), condition=tests["maps"])
        planes = [block.transpose(0, 3, 1, 2) for block in (real, fake)]
        row: dict[str, Any] = {
            "trained with": what,
            "rounds": verdict["rounds"],
            "L1": round(float(np.abs(real.astype(float) - fake).mean() / 255), 4),
            "SSIM": round(float(np.mean([ssim(a, b) for a, b in zip(*planes, strict=True)])), 4),
            "Fréchet distance": round(distance(store, *planes), 4),
        }
        rows.append({**row, **seen(*planes)})
        sheets.append(fake[:6])
    order = np.stack(sheets, 1).reshape(-1, *real.shape[1:])
    write_grid(order, PICTURES / "facades.png", columns=4, scale=1)
    played = Gan.load(run).recipe.network.network
    record(
        "pairs-facades",
        rows,
        {"network": played, "size": size, "budget of each": budget, "test pairs": len(real)},
    )


def seen(real: Bytes, fake: Bytes) -> dict[str, float]:
    """What a network that knows photographs says: mean distance of a fake's features from its real's, as a share of
    that from another real's."""
    network = load(torch.device("cpu"))
    mine, theirs = (features(network, to_tensor(block)) for block in (real, fake))
    apart = np.linalg.norm(mine - theirs, axis=1).mean()
    other = np.linalg.norm(mine - np.roll(mine, 1, axis=0), axis=1).mean()
    centre = np.linalg.norm(mine.mean(0) - theirs.mean(0)) / np.linalg.norm(mine.std(0))
    return {
        "feature distance (EfficientNet-Lite0)": round(float(apart / other), 4),
        "of the means": round(float(centre), 4),
    }


def unpacked(folder: Path, size: int) -> tuple[Path, dict[str, Bytes]]:
    """A folder with the training pairs, and the test pairs as uint8 (n, size, size, 3)."""
    learn = folder / "train"
    learn.mkdir(parents=True, exist_ok=True)
    tests: dict[str, list[NDArray[np.uint8]]] = {"photographs": [], "maps": []}
    with zipfile.ZipFile(FACADES) as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".jpg")):
            if "train/" in name:
                (learn / Path(name).name).write_bytes(archive.read(name))
            elif "test/" in name:
                image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
                half = image.width // 2
                for what, left in (("photographs", 0), ("maps", half)):
                    part = image.crop((left, 0, left + half, image.height)).resize(
                        (size, size), Image.Resampling.LANCZOS
                    )
                    tests[what].append(np.asarray(part))
    return learn, {what: np.stack(parts) for what, parts in tests.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=["outlines", "facades"])
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--network", default="auto")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep = asked.keep or Path(folder)
        if asked.source == "outlines":
            outlines(asked.budget, asked.network, keep)
        else:
            facades(asked.budget, asked.size, asked.network, keep)


if __name__ == "__main__":
    main()
