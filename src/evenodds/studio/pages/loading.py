"""When a page makes itself ready: once it is in sight, and only for a run that it did not show already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class PageState:
    """A page's own key, the run that is chosen for all of them, and the key of the one that is in sight."""

    key: str
    chosen: gr.Dropdown
    here: gr.Textbox


def load_when_shown(state: PageState, fit: Callable[[str], Sequence[Any]], outputs: list[Any]) -> gr.State:
    """Has ``fit`` of the chosen run fill ``outputs`` when the page comes into sight. Gives the state of which run that
    was, whose change tells that it was done."""
    shown = gr.State(None)

    def arrive(name: str, here: str, before: str | None) -> Any:
        if here != state.key or name == before:
            return [gr.skip()] * (1 + len(outputs))
        return [name, *fit(name)]

    for event in (state.chosen.change, state.here.change):
        event(
            arrive,
            [state.chosen, state.here, shown],
            [shown, *outputs],
            show_progress="hidden",
            api_visibility="private",
        )
    return shown
