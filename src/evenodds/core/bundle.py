"""Checkpoints: folders of safetensors and one state.json with their checksums, written aside, fsynced and renamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from evenodds.core import atomic, checksums
from evenodds.core.errors import UserError

Tensors = dict[str, dict[str, Tensor]]
"""File name without suffix -> name -> tensor."""


def write(folder: Path, tensors: Tensors, state: dict[str, Any]) -> None:
    """Writes a whole checkpoint at ``folder``, or nothing. Replaces one of the same name.

    Raises Unwritable where the disk is full or the place is not writable.
    """
    atomic.sweep(folder)
    with atomic.folder(folder, replace=True) as part, atomic.reporting_write_errors(folder.parent):
        for name, group in tensors.items():
            whole = {key: value.contiguous() for key, value in group.items()}
            try:
                save_file(whole, part / f"{name}.safetensors")
            except SafetensorError as problem:
                raise atomic.Unwritable(folder.parent, str(problem)) from problem
        sums = {name: checksums.checksum_of(part / f"{name}.safetensors") for name in sorted(tensors)}
        (part / "state.json").write_text(
            json.dumps(checksums.with_checksum({"tensors": sums, "state": state}), indent=1)
        )


def read(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """What ``write`` wrote. Raises UserError that names the file which is missing or damaged."""
    path = folder / "state.json"
    try:
        facts = checksums.read_verified(path)
        sums, state = facts["tensors"], facts["state"]
        if not isinstance(state, dict):
            raise ValueError("its state is no JSON object")
        tensors = {}
        for name, expected in sums.items():
            path = folder / Path(name).with_suffix(".safetensors").name
            if checksums.checksum_of(path) != expected:
                raise ValueError("its checksum does not fit")
            tensors[name] = load_file(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as problem:
        raise UserError(
            f"the checkpoint {folder} is damaged: {path.name} does not read ({problem}), "
            "the same train command again goes back to the one before"
        ) from problem
    return tensors, state


def best_of(folder: Path) -> int:
    """The round of the best state at the time of a checkpoint that was just written."""
    return int(checksums.load(folder / "state.json")["state"]["best"])


def fits(shapes: dict[str, torch.Size], tensors: dict[str, Tensor]) -> bool:
    """Whether tensors have these names and shapes."""
    return shapes == {name: value.shape for name, value in tensors.items()}


def point(link: Path, folder: Path) -> None:
    """Makes ``link`` a relative symbolic link to ``folder`` beside it, in one step."""
    with atomic.reporting_write_errors(link.parent):
        new = link.with_name(f".{link.name}.part")
        new.unlink(missing_ok=True)
        new.symlink_to(folder.name)
        new.replace(link)
        atomic.sync(link.parent)
