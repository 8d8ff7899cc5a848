"""The data that a run was trained on, found again."""

from __future__ import annotations

from evenodds.core.errors import UserError
from evenodds.data.images.ingest import Watch
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.runs.gallery import in_gallery
from evenodds.runs.run import Run


def store_of(run: Run, watch: Watch | None = None) -> Store:
    """The data that the run was trained on; ``watch`` as in ``prepare``. Raises UserError where it is gone or has
    changed."""
    named = run.facts["source"]
    try:
        store = prepare(find(named, run.recipe.data), run.recipe.data, watch)
    except UserError as problem:
        if in_gallery(run.name):
            raise UserError(
                f"this needs the data that {run.name} was trained on ({named}), which the gallery does not hold: train "
                f"a run of your own, which --init {run.name} may begin"
            ) from None
        raise UserError(f"this needs the data that {run.path} was trained on: {problem}") from None
    if store.fingerprint != run.facts["data"]["fingerprint"]:
        raise UserError(
            f"{named} has changed since {run.path} was trained on it, give back the old data or train anew"
        )
    return store
