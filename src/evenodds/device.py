"""Where tensors live."""

from __future__ import annotations

import torch

from evenodds.errors import UserError


def find_device(name: str) -> torch.device:
    """`auto` is a CUDA GPU, else Apple's, else the CPU. Raises UserError for one that is not here."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, here in there.items() if here)
    if not there.get(name, False):
        here = ", ".join(kind for kind, found in there.items() if found)
        raise UserError(f"--device {name} is not on this machine, take one of: auto, {here}")
    return torch.device(name)
