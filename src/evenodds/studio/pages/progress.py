"""Work that takes a while, with the seconds so far in sight."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import gradio as gr

from evenodds.studio import markup
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words

TICK = 1.0
"""Seconds between two remarks."""


def ticking(
    say: Words, answer: Callable[..., Any], outputs: int, position: int = 0
) -> Callable[..., Iterator[Any]]:
    """The answer, which fills so many ``outputs``, with a remark in the one at ``position`` (HTML) each second until it
    is there; the others keep what they show."""

    def answered(*arguments: Any) -> Iterator[Any]:
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(answer, *arguments)
            while not wait([future], TICK).done:
                note = markup.note(say("seconds so far", seconds=round(time.monotonic() - began)))
                shown = [note if index == position else gr.skip() for index in range(outputs)]
                yield shown if outputs > 1 else note
        yield with_gradio_errors(future.result, say)()

    return answered
