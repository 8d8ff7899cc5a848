"""Writes a run as a folder for the hub: safetensors, JSON and a model card.

Exports contain no training data unless asked. Downloaded files are never executed.
"""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch

from evenodds.core import atomic, bundle
from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.core.spec import PictureSpec
from evenodds.data.images.arrays import visible, write_grid
from evenodds.export.model_card import SHEET, card, init_name, license_of, source_name
from evenodds.judge.train import fresh_judge
from evenodds.runs.hub_folder import DISCRIMINATOR, FORMAT, WEIGHTS
from evenodds.runs.run import EYES, JUDGE, Run, write_json
from evenodds.runs.sample import Sampler
from evenodds.steer.directions import names

SHOWN = 64


def export_hub(
    run: Run,
    to: Path,
    reals: bool = False,
    license: str | None = None,
    *,
    half: bool = False,
    discriminator: bool = False,
) -> Path:
    """Write ``to``: model.safetensors (the averaged G), config.json, README.md (the card), sheet.png for pictures, and
    what sampling needs.

    ``reals`` takes along what holds real samples: the judge, if it was made, and the pictures given. ``license`` is the
    hub's word for one. ``half`` stores weights in half precision; they are float32 again once opened.
    ``discriminator`` takes D along, with which other games may begin.

    Raises UserError where the run has no state yet or ``to`` is not empty.
    """
    tensors, state = bundle.read(run.checkpoints.best())
    with atomic.folder(to) as part, atomic.reporting_write_errors(to.parent):
        weights = {WEIGHTS: tensors["average"]}
        if discriminator:
            weights[DISCRIMINATOR] = tensors["discriminator"]
        for file, group in weights.items():
            bundle.write(part / "written", {"weights": halved(group) if half else group}, {})
            (part / "written" / "weights.safetensors").replace(part / file)
            shutil.rmtree(part / "written")
        write_json(part / "config.json", config(run, state))
        for name in ("verdict.json", "scores.json", "codec.json"):
            if (run.path / name).exists():
                shutil.copyfile(run.path / name, part / name)
        take_conditions(run, part, reals)
        take_directions(run, part)
        take_readers(run, part, half)
        judge = fresh_judge(run) if reals else None
        if judge is not None:
            judge.save(part / JUDGE)
            if half:
                kept_tensors, facts = bundle.read(part / JUDGE)
                bundle.write(
                    part / JUDGE, {name: halved(group) for name, group in kept_tensors.items()}, facts
                )
        if isinstance(run.spec, PictureSpec):
            show(run, part / SHEET)
        (part / "README.md").write_text(card(run, license, reals), "utf-8")
    return to


def config(run: Run, state: dict[str, Any]) -> dict[str, Any]:
    """config.json: the recipe, without names of files and paths of the machine that trained it."""
    facts = copy.deepcopy(run.facts)
    facts["source"] = source_name(run)
    if "init" in facts:  # what it began with lies there, and is part of what is exported
        facts["init"]["source"] = init_name(run)
        facts["settings"]["plan"]["init"], facts["settings"]["game"]["freeze_d"] = None, 0
    source_facts = facts["data"].get("told") or {}
    facts["data"]["told"] = {"counts": source_facts.get("counts"), "license": license_of(source_facts)}
    network = run.recipe.network.network
    return {
        "library_name": "evenodds",
        "model_type": network,
        "format": FORMAT,
        "checkpoint": {"rounds": state.get("rounds", 0), "seen": state.get("seen", 0)},
        "run": facts,
    }


def take_conditions(run: Run, part: Path, reals: bool) -> None:
    """Write what sampling needs of the conditions; pictures, which are real, only if ``reals``."""
    if run.condition is None:
        return
    tensors, state = run.stored_conditions()
    if run.condition.pictures and not reals:
        tensors = {"known": {name: block[:0] for name, block in tensors["known"].items()}}
    bundle.write(part / "condition", tensors, state)


def take_directions(run: Run, part: Path) -> None:
    """Write the directions of the best state: unit vectors of latent space, and what they do."""
    best = run.checkpoints.best().name
    for name in names(run):
        tensors, state = bundle.read(run.path / "directions" / name)
        if state["checkpoint"] == best:
            bundle.write(part / "directions" / name, tensors, state)


def take_readers(run: Run, part: Path, half: bool) -> None:
    """Write the networks that read labels from pictures, where they were trained: with them features are found without
    the data."""
    if (run.path / EYES).is_dir():
        tensors, state = bundle.read(run.path / EYES)
        bundle.write(
            part / EYES, {name: halved(group) if half else group for name, group in tensors.items()}, state
        )


def halved(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of float32 in half precision; as they are where its range is too small for them, and others."""
    half = {name: value.half() for name, value in tensors.items() if value.dtype == torch.float32}
    return {**tensors, **{name: value for name, value in half.items() if value.isfinite().all()}}


def show(run: Run, path: Path) -> None:
    """Write a sheet of fakes."""
    made = list(Sampler(run, torch.device("cpu")).pictures(SHOWN, 0))
    write_grid(visible(np.concatenate(made), cast(PictureSpec, run.spec).bands), path)


def push(folder: Path, name: str, kind: Literal["model", "space"]) -> str:
    """Upload a folder to the hub as ``name``, a model or a Space, with the hub's own client and the login that it
    finds, and returns its address. Raises UserError where that fails."""
    hub = need("huggingface_hub", "hub", "pushing")
    try:
        api = hub.HfApi()
        sdk = "gradio" if kind == "space" else None
        api.create_repo(name, repo_type=kind, space_sdk=sdk, exist_ok=True)
        return str(api.upload_folder(folder_path=folder, repo_id=name, repo_type=kind))
    except Exception as problem:  # the client's own errors and its transport's have no common base
        first = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise UserError(
            f"{folder} was made but not pushed to {name} ({first}): log in with `hf auth login` and push it again"
        ) from problem
