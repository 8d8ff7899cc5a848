"""A part of the form on the page Play: settings of both players, chosen by hand."""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from evenodds.config.settings import LossName
from evenodds.studio.i18n import Words

NAMES = (
    "width", "width_d", "layers", "layers_d", "latent", "lr_g", "lr_d", "d_steps", "g_steps", "head_start",
    "penalty_weight",
)  # fmt: skip
"""Settings that are written as numbers, beside the loss."""


def section(say: Words) -> list[gr.Dropdown | gr.Textbox]:
    """A field for the loss and one for each of NAMES, all empty: the preset's own."""
    with gr.Accordion(say("own settings"), open=False, elem_id="own-settings"), gr.Row():
        losses = [(say("own preset"), ""), *get_args(LossName)]
        loss = gr.Dropdown(losses, value="", label=say("setting loss"), min_width=180, elem_id="own-loss")
        fields = [
            gr.Textbox(
                label=say(f"setting {name}"),
                placeholder=say("own preset"),
                max_lines=1,
                min_width=180,
                elem_id=f"own-{name.replace('_', '-')}",
            )
            for name in NAMES
        ]
    return [loss, *fields]


def chosen(values: tuple[str, ...]) -> dict[str, Any]:
    """What the fields hold, by the settings' names, as text; an empty field is left to the preset."""
    texts = dict(zip(("loss", *NAMES), (str(value or "").strip() for value in values), strict=True))
    return {name: text for name, text in texts.items() if text}
