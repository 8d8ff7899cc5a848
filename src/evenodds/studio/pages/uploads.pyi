"""Where a picture is dropped: it is looked at by our own guard, before anything decodes it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from gradio.events import Dependency

class Picture(gr.Image):
    """gradio's picture, handed on as the path of what was uploaded."""

    is_template = True  # of gr.Image, for what runs in the browser

    def preprocess(self, payload: Any) -> str | None:
        return None if payload is None else payload.path
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


def picture(label: str, name: str, *, visible: bool = True) -> Picture:
    """A place to drop a picture, or to paste one."""
    return Picture(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        height=220,
        visible=visible,
        elem_id=name,
    )