"""The formats that a run is exported in, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.runs.run import Run

Form = Literal["onnx", "hub", "browser", "space"]
FORMS: tuple[Form, ...] = get_args(Form)


def export(
    run: Run,
    form: Form,
    to: Path,
    reals: bool = False,
    license: str | None = None,
    *,
    half: bool = False,
    discriminator: bool = False,
) -> None:
    """Export a run to the folder ``to``.

    ``reals`` includes what holds real samples; ``license`` is the hub's identifier of one, such as mit. ``half`` and
    ``discriminator`` are for hub: weights in half precision, and D's beside G's.

    Raises UserError where the run has no state yet, ``to`` is not empty, a page cannot show what it makes, or a form's
    packages are missing: each is imported here and not above.
    """
    if form in ("browser", "space") and isinstance(run.spec, PictureSpec) and run.spec.bands:
        raise UserError(
            f"--format {form} shows pictures in gray or color, and {run.path} makes {run.spec.channels} bands: "
            "give onnx or hub"
        )
    if form == "onnx":
        from evenodds.export.onnx import export_onnx

        export_onnx(run, to, reals)
    elif form == "hub":
        from evenodds.export.hub import export_hub

        export_hub(run, to, reals, license, half=half, discriminator=discriminator)
    elif form == "browser":
        from evenodds.export.browser import export_browser

        export_browser(run, to, reals)
    else:
        from evenodds.export.space import export_space

        export_space(run, to, reals, license)
