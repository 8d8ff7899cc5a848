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
    format: Literal["onnx", "hub", "browser", "space"],
    out: Path | None = None,
    with_reals: Annotated[bool, Parameter(negative="")] = False,
    license: str | None = None,
    push: str | None = None,
) -> None:
    """Take a trained run elsewhere: as ONNX, a Hugging Face folder, a page for any web server, or a Gradio Space.

    No real sample leaves with it unless you say so.

    Parameters
    ----------
    format:
        onnx (any runtime), hub (safetensors and a model card), browser (a static page) or space (an app over hub's).
    out:
        The folder to make; RUN-FORMAT in the current one when left out.
    with_reals:
        Take along what holds real samples of the data: the judge, if it was made, and the pictures given.
    license:
        For the card: the hub's word for the model's license, such as mit.
    push:
        Upload a hub or space folder as NAME/MODEL, with the login that huggingface_hub finds.
    """
    if push is not None and format not in ("hub", "space"):
        raise UserError(f"--push goes with --format hub or --format space and not with --format {format}")
    from evenodds.export.formats import export as write
    from evenodds.runs.run import Run

    opened = Run.open(run)
    folder = out or Path(f"{opened.path.resolve().name}-{format}")
    write(opened, format, folder, with_reals, license)
    print(f"{run} is in {folder}")
    if push is not None:
        from evenodds.export.hub import push as upload

        print(f"pushed to {upload(folder, push, 'space' if format == 'space' else 'model')}")
