"""What many GPUs would gain, on paper, and what two processes do here.

    python benchmarks/scaling.py [--try]

On paper: a ring all-reduce sends 2 (n - 1) / n times the gradients' bytes over each rank's link and takes 2 (n - 1)
steps (Patarasuk and Yuan 2009), once a D turn and once a G turn; nothing overlaps with the computation. The batch of
each rank is kept, so efficiency is t / (t + communication) with t a rank's time for a round's arithmetic.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from evenodds.config.settings import NetworkSettings
from evenodds.core import distributed
from evenodds.core.spec import PictureSpec
from evenodds.networks.build import build
from record import record

BYTES = 4
"""Of a gradient."""
WORD = 16
"""Bytes that a round's word takes beside."""


class Link(NamedTuple):
    """What joins ranks: bytes a second each way for one rank, and seconds of a message's latency."""

    name: str
    bandwidth: float
    latency: float


NVLINK = Link("one machine, NVLink 4: 450 GB/s", 450e9, 5e-6)
FABRIC = Link("eight GPUs a machine, 400 Gbit/s a GPU", 50e9, 10e-6)
ETHERNET = Link("eight GPUs a machine, 25 Gbit/s for all of them", 25e9 / 8 / 8, 50e-6)

GAMES = [
    ("dcgan", 64, 32, 64),
    ("dcgan", 64, 64, 64),
    ("r3gan", 64, 64, 64),
    ("r3gan", 256, 64, 16),
]
"""Network, side in pixels, width, and the batch of a rank."""
ARITHMETIC = 20e12
"""Operations a second of one GPU that these small convolutions reach in float32 (TF32), assumed; 5 % of its peak."""


def main() -> None:
    """The table, and a measurement of gloo on this machine."""
    rows = [
        paper(*game, link, ranks)
        for game in GAMES
        for link, ranks in ((NVLINK, 8), (FABRIC, 64), (ETHERNET, 64))
    ]
    record("scaling", rows, here(), keep="--try" not in sys.argv)


def paper(network: str, side: int, width: int, batch: int, link: Link, ranks: int) -> dict[str, Any]:
    """Bytes against arithmetic of one round (a D turn and a G turn)."""
    spec = PictureSpec(3, side, side)
    settings = NetworkSettings(network=network, width=width, latent=128)  # type: ignore[arg-type]
    with torch.device("meta"):
        generator, discriminator = build(spec, settings)
    weights = sum(weight.numel() for player in (generator, discriminator) for weight in player.parameters())
    sent = 2 * (ranks - 1) / ranks * weights * BYTES + WORD
    talk = sent / link.bandwidth + 2 * 2 * (ranks - 1) * link.latency
    work = operations(generator, discriminator, batch) / ARITHMETIC
    return {
        "network": f"{network} {side} px, width {width}",
        "batch a GPU": batch,
        "GPUs": ranks,
        "link": link.name,
        "MB sent a round": round(sent / 1e6, 1),
        "GFLOP a round": round(work * ARITHMETIC / 1e9, 1),
        "ms of work": round(1000 * work, 2),
        "ms of talk": round(1000 * talk, 2),
        "efficiency": round(work / (work + talk), 3),
    }


def operations(generator: torch.nn.Module, discriminator: torch.nn.Module, batch: int) -> float:
    """Of one round: G forward twice and backward once, D forward four times (real and fake, in both turns) and backward
    three times; a backward pass costs two forward ones, one where the weights are frozen."""
    from torch.utils.flop_counter import FlopCounterMode

    latent = torch.zeros(batch, 128, device="meta")
    with FlopCounterMode(display=False) as made:
        fake = generator(latent)
    with FlopCounterMode(display=False) as judged:
        discriminator(fake)
    g, d = made.get_total_flops(), judged.get_total_flops()
    return float(g * (2 + 2) + d * (4 + 2 * 2 + 1))


def here() -> dict[str, Any]:
    """Two processes on this machine, over gloo: the time of averaging 4 MB of gradients, and of a word."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        said = Path(place) / "said"
        children = [fork(rank, port, said) for rank in range(2)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert codes == [0, 0], codes
        average, word = (float(text) for text in said.read_text().split())
    return {"gloo, 2 processes here, ms for 4 MB": 1000 * average, "ms for a word": 1000 * word}


def fork(rank: int, port: int, said: Path) -> int:
    """One of the two."""
    child = os.fork()
    if child:
        return child
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    code = 1
    try:
        with distributed.team(torch.device("cpu")) as team:
            network = torch.nn.Linear(1000, 1000)
            for weight in network.parameters():
                weight.grad = torch.ones_like(weight)
            times = [timed(lambda: team.average(network)), timed(lambda: team.word(1))]
        if rank == 0:
            said.write_text(" ".join(map(str, times)))
        code = 0
    finally:
        os._exit(code)


def timed(work: Any, times: int = 20) -> float:
    """The median of some."""
    found = []
    for _ in range(times):
        start = time.monotonic()
        work()
        found.append(time.monotonic() - start)
    return sorted(found)[times // 2]


if __name__ == "__main__":
    main()
