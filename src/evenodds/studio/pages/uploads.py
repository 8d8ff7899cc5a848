"""Where a picture is dropped: it is looked at by our own guard, before anything decodes it."""

from __future__ import annotations

from typing import Any

import gradio as gr


def picture(label: str, name: str, *, visible: bool = True) -> gr.Image:
    """A place to drop a picture, or to paste one; what is asked with it gets the path of the upload."""
    made = gr.Image(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        height=220,
        visible=visible,
        elem_id=name,
    )
    made.preprocess = taken  # a class of our own would have gradio write a file beside this one
    return made


def taken(payload: Any) -> str | None:
    """The path of an upload, which gradio has seen to be one."""
    return None if payload is None else payload.path
