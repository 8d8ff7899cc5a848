"""Named directions, kept in the run with their measured effect."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.runs.run import Run

NAME = re.compile(r"[\w=.<> -]{1,60}", re.UNICODE)


@dataclass(frozen=True)
class Direction:
    """A unit vector (latent,) on the CPU, and what is known of it."""

    name: str
    vector: Tensor
    step: float
    """How far a latent is moved for the feature to flip."""
    found_by: str
    effect: dict[str, Any]
    """Measured over fresh seeds: what was flipped, and which other columns were kept, in shares."""
    checkpoint: str
    """The state of the run that it was found on: another one's latents mean other things."""
    feature: str | None = None
    """The feature of labels or columns that it moves, where it is known."""


def keep(run: Run, direction: Direction) -> None:
    """Writes a direction into the run, over an older one of its name. Raises UserError for a name that is none."""
    if not NAME.fullmatch(direction.name) or direction.name.strip(". ") != direction.name:
        raise UserError(f"{direction.name!r} is no name: take letters, digits and = < > - _ of at most 60")
    facts = asdict(direction)
    vector = facts.pop("vector")
    bundle.write(run.path / "directions" / direction.name, {"direction": {"vector": vector}}, facts)


def recall(run: Run, name: str) -> Direction:
    """The run's direction of that name. Raises UserError where there is none, naming those that are there, and where it
    was found on another state of the run."""
    known = names(run)
    if name not in known:
        has = f"it has {', '.join(known)}" if known else "it has none yet"
        raise UserError(
            f"{run.path} has no direction {name!r} ({has}): evenodds steer find {run.path} {name}"
        )
    tensors, facts = bundle.read(run.path / "directions" / name)
    direction = Direction(vector=tensors["direction"]["vector"], **facts)
    if direction.checkpoint != run.checkpoints.best().name:
        raise UserError(f"the direction {name!r} is of an earlier state of {run.path}, find it again")
    return direction


def names(run: Run) -> list[str]:
    """The directions that a run has."""
    folder = run.path / "directions"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
