"""Pictures a second of a round, against the usual DCGAN loop (`usual.py`), and what the machine could do.

    python benchmarks/speed.py [--device auto] [--repeats 5] [--seconds 20] [--try]

Arms play alternately in one process, and the median of the repeats counts; what each plays before, so that its
operations are counted, does not. Pictures are reals seen, 64 px, in colour. The loop's reals lie ready as tensors; ours
are read from the store. Floating-point operations are PyTorch's count (matrix products and convolutions, forward and
backward) over as many rounds as a penalty takes to come round. The matrix product is that of two square float32
matrices; on a GPU in TF32, which PyTorch's convolutions of float32 are played in there. A GPU also plays the default in
larger batches, and with turns that are not recorded. --try plays small pictures for a moment and records nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from evenodds.config.presets import resolve
from evenodds.config.settings import GameSettings, NetworkSettings, ObjectiveSettings, Recipe
from evenodds.core.device import find_device
from evenodds.core.spec import PictureSpec
from evenodds.data.store import Store
from evenodds.training.trainer import Trainer
from memory import make
from record import record
from usual import BATCH, PUBLISHED, Usual

SIZE = 64
PICTURES = 2_000
LARGER = (128, 512)
"""Batches that a GPU plays the default in, too."""
CYCLE = 4
"""Rounds over which operations are counted: penalties are played every fourth."""


class Arm(NamedTuple):
    """A game: what a round plays, and how many reals it sees."""

    name: str
    round: Callable[[], Any]
    batch: int


def arms(store: Store, device: torch.device, batch: int) -> list[Arm]:
    """The usual loop, ours with the same networks, loss and batch, and ours as it plays by default."""
    spec = store.spec
    assert isinstance(spec, PictureSpec)
    usual = Usual(spec, device)
    real = torch.rand(batch, *spec.shape, device=device) * 2 - 1
    same = Recipe(
        network=PUBLISHED,
        objective=ObjectiveSettings(loss="nonsaturating", penalty="none"),
        game=GameSettings(batch=batch, lr_d=2e-4, lr_g=2e-4, beta1=0.5, beta2=0.999, augment="off"),
    )
    same_batch = Recipe(network=NetworkSettings(width=PUBLISHED.width), game=GameSettings(batch=batch))
    found = [Arm("the usual loop", lambda: usual.round(real), batch)]

    def ours(name: str, wish: Recipe) -> Trainer:
        training = Trainer(resolve(wish, spec, store.n_train, "noise"), store, device)
        found.append(Arm(name, training.round, training.recipe.game.batch))
        return training

    ours("evenodds, same networks and loss", same)
    ours("evenodds, default game, same width and batch", same_batch)
    ours("evenodds, default", Recipe())
    if device.type == "cuda":
        for larger in LARGER:
            ours(f"evenodds, default, batches of {larger}", Recipe(game=GameSettings(batch=larger)))
        ours("evenodds, default, turns not recorded", Recipe()).graphs.on = False
    return found


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def pictures_a_second(arm: Arm, seconds: float, device: torch.device) -> float:
    """Reals seen a second, over whole rounds of at least so many seconds."""
    wait(device)
    start, rounds = time.monotonic(), 0
    while True:
        arm.round()
        rounds += 1
        if time.monotonic() - start >= seconds:
            wait(device)
            return rounds * arm.batch / (time.monotonic() - start)


class Counter(TorchDispatchMode):
    """Counts operations by PyTorch's own formulas. Its FlopCounterMode also says which module they are in, and for that
    hooks into gradients, which it cannot where they are differentiated again (the exact penalty)."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def operations(arm: Arm) -> float:
    """Floating-point operations of a round, a real."""
    with Counter() as counter:
        for _ in range(CYCLE):
            arm.round()
    return counter.total / (CYCLE * arm.batch)


def product_rate(device: torch.device, seconds: float) -> float:
    """What a matrix product reaches, in operations a second."""
    side = 8192 if device.type == "cuda" else 2048
    a, b = (torch.rand(side, side, device=device) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        a @ b
        wait(device)
        start, count = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            a @ b
            wait(device)
            count += 1
        return 2.0 * side**3 * count / (time.monotonic() - start)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--try", dest="trial", action="store_true")
    arguments = parser.parse_args()
    if arguments.trial:
        arguments.repeats, arguments.seconds = 1, 0.1
    size, batch, count = (32, 4, 40) if arguments.trial else (SIZE, BATCH, PICTURES)
    device = find_device(arguments.device)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "store", count, size)
        store = Store.open(Path(folder) / "store")
        playing = arms(store, device, batch)
        counted = [operations(arm) for arm in playing]  # which is the round that does not count
        speeds: list[list[float]] = [[] for _ in playing]
        products = []
        for _ in range(arguments.repeats):
            products.append(product_rate(device, arguments.seconds / 4))
            for arm, found in zip(playing, speeds, strict=True):
                found.append(pictures_a_second(arm, arguments.seconds, device))
    rate = statistics.median(products)
    base = statistics.median(speeds[0])
    rows = [
        {
            "game": arm.name,
            "batch": arm.batch,
            "pictures a second": round(statistics.median(found), 1),
            "least": round(min(found), 1),
            "most": round(max(found), 1),
            "times the usual loop": round(statistics.median(found) / base, 3),
            "GFLOP a picture": round(each / 1e9, 3),
            "share of the matrix product's rate": round(statistics.median(found) * each / rate, 3),
        }
        for arm, each, found in zip(playing, counted, speeds, strict=True)
    ]
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    summary = {"on": where, "matrix product, GFLOP/s": round(rate / 1e9, 1), "repeats": arguments.repeats}
    name = "speed-gpu" if device.type == "cuda" else "speed"
    record(name, rows, {**summary, "seconds each": arguments.seconds}, keep=not arguments.trial)


if __name__ == "__main__":
    main()
