"""`evenodds export`: write a run in a format that other programs open."""

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
    half: Annotated[bool, Parameter(negative="")] = False,
    with_discriminator: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Export a run as ONNX, a Hugging Face folder, a static web page, or a Gradio Space.

    Exports contain no training data, except with --with-reals.

    Parameters
    ----------
    format:
        onnx (for any runtime), hub (safetensors and a model card), browser (a static page), or space (hub and an app).
    out:
        Folder to create; by default RUN-FORMAT in the current folder.
    with_reals:
        Include what contains real samples: the judge, if there is one, and condition pictures.
    license:
        The model's license for the model card, by its identifier on the Hub, such as mit.
    push:
        Upload a hub or space folder as NAME/MODEL, with the login that huggingface_hub finds.
    half:
        Store the weights of a hub folder in half precision: half the size; they are float32 again once opened.
    with_discriminator:
        Include D in a hub folder, so that --init begins with both networks.
    """
    if push is not None and format not in ("hub", "space"):
        raise UserError(f"--push goes with --format hub or --format space and not with --format {format}")
    if (half or with_discriminator) and format != "hub":
        raise UserError(
            f"--half and --with-discriminator go with --format hub and not with --format {format}"
        )
    from evenodds.export.formats import export as write
    from evenodds.export.pretrained import open_run

    opened = open_run(run)
    folder = out or Path(f"{opened.path.resolve().name}-{format}")
    write(opened, format, folder, with_reals, license, half=half, discriminator=with_discriminator)
    print(f"{run} is in {folder}")
    if push is not None:
        from evenodds.export.hub import push as upload

        print(f"pushed to {upload(folder, push, 'space' if format == 'space' else 'model')}")
