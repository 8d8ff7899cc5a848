"""Where tensors live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from evenodds.core.distributed import local_rank
from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec, SampleSpec


def find_device(name: str) -> torch.device:
    """`auto` is a CUDA GPU, else Apple's, else the CPU. Raises UserError for one that is not here."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, here in there.items() if here)
    if not there.get(name, False):
        here = ", ".join(kind for kind, available in there.items() if available)
        raise UserError(f"--device {name} is not on this machine, take one of: auto, {here}")
    if name == "cuda" and local_rank():
        if local_rank() >= torch.cuda.device_count():
            raise UserError(
                f"there is no GPU for local rank {local_rank()}, start as many ranks as there are GPUs"
            )
        torch.cuda.set_device(local_rank())
        return torch.device("cuda", local_rank())
    return torch.device(name)


@contextmanager
def threads_for(spec: SampleSpec) -> Iterator[None]:
    """One thread for rows: their matrices are so small that a second one gains a fifth, and loses tenfold where
    another program wants the core."""
    before = torch.get_num_threads()
    if isinstance(spec, RowSpec):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
