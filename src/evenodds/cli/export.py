"""`evenodds export`: a run in a form that others' programs open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from evenodds.cli.options import RunFolder
from evenodds.core.errors import UserError


def export(
    run: RunFolder,
    *,
    to: Literal["onnx", "hub", "browser", "space"],
    out: Path | None = None,
    with_reals: Annotated[bool, Parameter(negative="")] = False,
    licence: str | None = None,
    push: str | None = None,
) -> None:
    """Take a trained run elsewhere: as ONNX, a Hugging Face folder, a page for any web server, or a Gradio Space.

    No real sample leaves with it unless you say so.

    Parameters
    ----------
    to:
        onnx (any runtime), hub (safetensors and a model card), browser (a static page) or space (an app over hub's).
    out:
        The folder to make; RUN-TO in the current one when left out.
    with_reals:
        Take along what holds real samples of the data: the judge, if it was made, and the pictures given.
    licence:
        For the card: the hub's word for the model's licence, such as mit.
    push:
        Upload a hub or space folder as NAME/MODEL, with the login that huggingface_hub finds.
    """
    if push is not None and to not in ("hub", "space"):
        raise UserError(f"--push goes with --to hub or --to space and not with --to {to}")
    from evenodds.export.formats import export as write
    from evenodds.runs.run import Run

    found = Run.open(run)
    place = out or Path(f"{found.path.resolve().name}-{to}")
    write(found, to, place, with_reals, licence)
    print(f"{run} is in {place}")
    if push is not None:
        from evenodds.export.hub import push as upload

        print(f"pushed to {upload(place, push, 'space' if to == 'space' else 'model')}")
