"""Checkpoints: folders of safetensors and one state.json, written aside, fsynced and renamed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from evenodds.errors import UserError

Tensors = dict[str, dict[str, Tensor]]
"""File name without suffix -> name -> tensor."""


def write(folder: Path, tensors: Tensors, state: dict[str, Any]) -> None:
    """Writes a whole checkpoint at ``folder``, or nothing. Replaces one of the same name.

    Raises OSError where the disk is full or the place is not writable.
    """
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        for name, group in tensors.items():
            save_file(
                {key: value.contiguous() for key, value in group.items()}, aside / f"{name}.safetensors"
            )
        (aside / "state.json").write_text(json.dumps(state, indent=1))
        for path in aside.iterdir():
            sync(path)
        sync(aside)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def read(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """What ``write`` wrote. Raises UserError that names the file which is missing or damaged."""
    try:
        state = json.loads((folder / "state.json").read_text())
        tensors = {path.stem: load_file(path) for path in sorted(folder.glob("*.safetensors"))}
    except (OSError, ValueError, SafetensorError) as problem:
        raise UserError(
            f"the checkpoint {folder} is damaged ({problem}), delete that folder to go back to the one before"
        ) from None
    return tensors, state


def point(link: Path, folder: Path) -> None:
    """Makes ``link`` a relative symbolic link to ``folder`` beside it, in one step."""
    aside = link.with_name(f".{link.name}.part")
    aside.unlink(missing_ok=True)
    aside.symlink_to(folder.name)
    aside.replace(link)
    sync(link.parent)


def sync(path: Path) -> None:
    """Forces a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
