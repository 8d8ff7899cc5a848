"""Seeds for every place in a run, and the random state of the CPU and the device."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(seed: int, *labels: int | str) -> int:
    """A 63-bit seed for one place in a run, such as (rank, samples seen, turn): equal places, equal draws."""
    text = "/".join(str(part) for part in (seed, *labels))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def set_random(seed: int, device: torch.device) -> None:
    """Puts the random state of the CPU and of ``device`` where ``seed`` says.

    torch.manual_seed would do the same for every GPU, and formats a stack trace each time on a machine without one.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Puts torch's random state where ``seed`` says, and back to where it was at the end."""
    with torch.random.fork_rng():
        set_random(seed, device)
        yield
