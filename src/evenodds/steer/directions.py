"""Named directions, stored in the run with their measured effect."""

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
    """A unit vector (latent,) on the CPU, with how it was made and what it does."""

    name: str
    vector: Tensor
    step: float
    """The distance that a latent is moved for the feature to flip."""
    found_by: str
    effect: dict[str, Any]
    """Measured over fresh seeds, in shares: flipped, and by column the samples that kept their level."""
    checkpoint: str
    """The run's checkpoint that it is of: in another one, latents mean other things."""
    feature: str | None = None
    """The feature of labels or columns that it changes, if it is known."""


def save(run: Run, direction: Direction) -> None:
    """Store a direction in the run, over an older one of its name. Raises UserError for a name that is no file name."""
    if not NAME.fullmatch(direction.name) or direction.name.strip(". ") != direction.name:
        raise UserError(f"{direction.name!r} is no name: take letters, digits and = < > - _ of at most 60")
    facts = asdict(direction)
    vector = facts.pop("vector")
    bundle.write(run.path / "directions" / direction.name, {"direction": {"vector": vector}}, facts)


def load(run: Run, name: str) -> Direction:
    """Load the run's direction of that name.

    Raises UserError if there is none, naming those that exist, and if it is of another checkpoint.
    """
    existing = names(run)
    if name not in existing:
        has = f"it has {', '.join(existing)}" if existing else "it has none yet"
        raise UserError(
            f"{run.path} has no direction {name!r} ({has}): evenodds steer find {run.path} {name}"
        )
    tensors, facts = bundle.read(run.path / "directions" / name)
    direction = Direction(vector=tensors["direction"]["vector"], **facts)
    if direction.checkpoint != run.checkpoints.best().name:
        raise UserError(f"the direction {name!r} is of an earlier state of {run.path}, find it again")
    return direction


def names(run: Run) -> list[str]:
    """List the names of a run's directions."""
    folder = run.path / "directions"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def usable(run: Run) -> list[Direction]:
    """The run's directions that hold for its best state, by name."""
    directions = []
    for name in names(run):
        try:
            directions.append(load(run, name))
        except UserError:  # of an earlier state
            continue
    return directions
