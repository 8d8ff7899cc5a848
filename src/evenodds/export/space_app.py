"""A sampling page for the model in this folder. Start it with `python app.py`; a Space does so by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "GRADIO_ANALYTICS_ENABLED", "False"
)  # before gradio is imported: nothing is looked up outside

import gradio
import numpy as np

from evenodds.errors import UserError
from evenodds.gan import Gan
from evenodds.spec import PICTURED, PictureSpec

MOST = 64
gan = Gan.from_pretrained(Path(__file__).resolve().parent)
run = gan.fitted()
PICTURES = isinstance(run.spec, PictureSpec)
GIVEN = run.condition.kind if run.condition is not None else None
FROM_PICTURE = GIVEN in PICTURED


def wish(given: Any) -> Any:
    """A condition as ``Gan.sample`` takes it, None for none."""
    if given is None or not FROM_PICTURE:
        return given or None
    return given[None]


def sample(count: float, seed: float, given: Any) -> Any:
    """Fakes as gradio shows them; what is wrong with a condition is shown as a message."""
    try:
        made = gan.sample(max(1, min(MOST, int(count))), seed=int(seed), given=wish(given))
    except UserError as problem:
        raise gradio.Error(str(problem)) from problem
    return [one.squeeze() for one in np.asarray(made)] if PICTURES else made


def page() -> gradio.Blocks:
    """The page, not yet served."""
    with gradio.Blocks(title="evenodds") as blocks:
        gradio.Markdown(f"# {run.recipe.network.network}")
        with gradio.Row():
            count = gradio.Slider(1, MOST, 1 if FROM_PICTURE else 16, step=1, label="How many")
            seed = gradio.Number(0, label="Seed", precision=0, minimum=0)
        if FROM_PICTURE:
            given: Any = gradio.Image(label=f"What goes in: {GIVEN}", type="numpy", image_mode="RGB")
        else:
            hint = "such as label=7; what the data held when left empty"
            given = gradio.Textbox(label="Given", info=hint, visible=GIVEN is not None)
        button = gradio.Button("Sample", variant="primary")
        made = gradio.Gallery(label="Fakes", columns=8) if PICTURES else gradio.Dataframe(label="Fakes")
        button.click(sample, [count, seed, given], made, api_name="sample")
    return blocks


if __name__ == "__main__":
    page().launch()
