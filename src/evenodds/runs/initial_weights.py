"""The networks of another run, with which a game may begin: found by `--init`, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evenodds.config.settings import NetworkSettings, Recipe
from evenodds.core import bundle, checksums
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, SampleSpec, condition_from_json, spec_from_json
from evenodds.data.source import HUB
from evenodds.runs.gallery import folder_of, in_gallery
from evenodds.runs.hub_folder import (
    DAMAGE,
    DISCRIMINATOR,
    WEIGHTS,
    fetch,
    read_config,
    read_discriminator,
    read_weights,
    unreadable,
)
from evenodds.runs.run import Run, is_run


@dataclass(frozen=True)
class InitialWeights:
    """Networks as a game left them.

    Attributes
    ----------
    name:
        What the user called them.
    settings, spec, condition:
        What they were built from.
    fingerprint:
        The checksum of what ``read`` gives: other weights have another one.
    read:
        Reads the tensors of ``generator``, ``discriminator`` and ``average``, or of the average alone. Raises UserError
        where they are damaged.
    """

    name: str
    settings: NetworkSettings
    spec: SampleSpec
    condition: Condition | None
    fingerprint: str
    read: Callable[[], bundle.Tensors]


def find_weights(name: str) -> InitialWeights:
    """The networks that ``name`` stands for: a run folder, a folder that `export --format hub` wrote, hf:user/name,
    or gallery:NAME.

    Raises UserError where nothing is there, or what is there does not read.
    """
    if name.startswith(HUB):
        return of_hub_folder(fetch(name.removeprefix(HUB)), name)
    if in_gallery(name):
        return of_hub_folder(folder_of(name), name)
    path = Path(name).expanduser()
    if is_run(path):
        return of_run(path, name)
    if (path / "config.json").is_file():
        return of_hub_folder(path, name)
    there = f"{name} holds no networks" if path.exists() else f"{name} is not there"
    raise UserError(
        f"--init {there}: give a run folder, a folder that export --format hub wrote, hf:user/name, or gallery:NAME"
    )


def of_run(path: Path, name: str) -> InitialWeights:
    """The best state of a run. Raises UserError where it has none yet."""
    run = Run.open(path)
    folder = run.checkpoints.best()
    fingerprint = checksums.checksum_of(folder / "state.json")
    return InitialWeights(
        name, run.recipe.network, run.spec, run.condition, fingerprint, lambda: bundle.read(folder)[0]
    )


def of_hub_folder(folder: Path, name: str) -> InitialWeights:
    """What was exported for the hub: the average of G, and D where it was exported, too.

    Raises UserError where the folder does not fit together.
    """
    try:
        facts = read_config(folder)["run"]
        settings = Recipe.model_validate(facts["settings"]).network
        spec = spec_from_json(facts["data"]["spec"])
        condition = condition_from_json(facts["data"].get("condition"))
        fingerprint = checksums.checksum_of(folder / WEIGHTS)
        tensors = {"average": read_weights(folder, spec, settings, condition)}
        discriminator = read_discriminator(folder)
        if discriminator is not None:
            tensors["discriminator"] = discriminator
            fingerprint += "+" + checksums.checksum_of(folder / DISCRIMINATOR)
    except (*DAMAGE, UserError) as problem:
        raise unreadable(folder, problem) from None
    return InitialWeights(name, settings, spec, condition, fingerprint, lambda: dict(tensors))
