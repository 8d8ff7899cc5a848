"""DCGAN's own test (Radford 2015, 1511.06434, section 5.1): what has D learnt of pictures that nobody labelled?

    python benchmarks/svm.py mnist|fashion [--budget 10m] [--width 32] [--count 60000] [--try]

D of `evenodds train` on the training pictures without their labels, 28 px. The outputs of all its convolutions but
the last, max-pooled to 4 x 4 and laid side by side, feed a linear L2-SVM, whose C is chosen on 10,000 training
pictures, having learnt 10,000 others; it then learns all of them, and the 10,000 test pictures are told once. Beside
it raw pixels, the same D before its first turn, and the published networks and loss played for as long. It needs the
data folder beside the project. --try plays little and records nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn
from torch.nn import functional as F

from evenodds.core import bundle
from evenodds.data.images.arrays import to_tensor
from evenodds.networks.build import build
from evenodds.networks.dcgan import ConvDiscriminator
from evenodds.runs.run import Run
from labels import pictures, save
from playing import train
from record import record

SIZE, POOLED, BATCH = 28, 4, 500
APART, TOLERANCE = 10_000, 1e-2
STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2)
PUBLISHED = (
    "--norm-d",
    "batch",
    "--loss",
    "nonsaturating",
    "--batch",
    "128",
    "--beta1",
    "0.5",
    "--beta2",
    "0.999",
)
PUBLISHED += ("--lr-d", "2e-4", "--lr-g", "2e-4", "--latent", "100", "--augment", "off")


@torch.inference_mode()
def known(discriminator: ConvDiscriminator, x: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures (n, H, W) as D's features (n, k): each layer's output, max-pooled to POOLED x POOLED."""
    discriminator.eval()
    found = []
    for start in range(0, len(x), BATCH):
        out = to_tensor(np.ascontiguousarray(x[start : start + BATCH, None]))
        pooled: list[Tensor] = []
        for layer in list(discriminator.body)[:-1]:
            out = layer(out)
            if isinstance(layer, nn.LeakyReLU):
                pooled.append(F.adaptive_max_pool2d(out, POOLED).flatten(1))
        found.append(torch.cat(pooled, 1))
    return np.asarray(torch.cat(found).numpy())


def players_of(run: Path, *, trained: bool) -> ConvDiscriminator:
    """D of a run's best state, or as it was before its first turn."""
    opened = Run.open(run)
    torch.manual_seed(0)
    _, discriminator = build(opened.spec, opened.recipe.network)
    if trained:
        tensors, _ = bundle.read(opened.checkpoints.best())
        discriminator.load_state_dict(tensors["discriminator"])
    return cast(ConvDiscriminator, discriminator)


def told(learn: NDArray[Any], y: NDArray[Any], test: NDArray[Any], truth: NDArray[Any]) -> dict[str, Any]:
    """The accuracy of a linear L2-SVM on the test pictures, and the C that was best on pictures kept apart."""
    scaler = StandardScaler().fit(learn)
    learn, test = scaler.transform(learn), scaler.transform(test)
    apart = min(APART, len(learn) // 4)

    def fitted(strength: float, some: slice) -> LinearSVC:
        return LinearSVC(C=strength, dual=True, tol=TOLERANCE, random_state=0).fit(learn[some], y[some])

    checked = {
        strength: fitted(strength, slice(apart, 2 * apart)).score(learn[:apart], y[:apart])
        for strength in STRENGTHS
    }
    best = max(checked, key=lambda strength: checked[strength])
    accuracy = fitted(best, slice(None)).score(test, truth)
    return {"features": learn.shape[1], "C": f"{best:g}", "accuracy": round(float(accuracy), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("mnist", "fashion"))
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    if arguments.trial:
        arguments.budget, arguments.width, arguments.count = "2rounds", 4, 200
    x, y = (side[: arguments.count] for side in pictures(arguments.name))
    test, truth = (side[: arguments.count] for side in pictures(arguments.name, "test"))
    rows = [{"what": "raw pixels", **told(x.reshape(len(x), -1), y, test.reshape(len(test), -1), truth)}]
    with tempfile.TemporaryDirectory() as keep:
        source = Path(keep) / "pictures"
        save(x, source)
        common = ("--size", str(SIZE), "--network", "dcgan", "--width", str(arguments.width))
        common += ("--budget", arguments.budget, "--stop", "budget")
        for what, flags in (("evenodds", ()), ("published networks and loss", PUBLISHED)):
            run = Path(keep) / what.split()[0]
            verdict = train(source, run, *common, *flags)
            for trained in (True, False) if not flags else (True,):
                discriminator = players_of(run, trained=trained)
                found = told(known(discriminator, x), y, known(discriminator, test), truth)
                name = f"D of {what}" if trained else "D before its first turn"
                rows.append({"what": name, **found, "rounds": verdict["rounds"] if trained else 0})
    for row in rows:
        row.setdefault("rounds", "")
    summary = {
        "budget": arguments.budget,
        "width": arguments.width,
        "pictures": len(x),
        "tested on": len(test),
    }
    record(f"svm-{arguments.name}", rows, summary, keep=not arguments.trial)


if __name__ == "__main__":
    main()
