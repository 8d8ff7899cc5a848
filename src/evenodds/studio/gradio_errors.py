"""What goes wrong is told on the page, in one sentence."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from evenodds.core.errors import UserError
from evenodds.data.images.album import BadPicture
from evenodds.studio.i18n import Words
from evenodds.studio.translate import problem_sentence


def with_gradio_errors(answer: Callable[..., Any], say: Words) -> Callable[..., Any]:
    """The same, whose UserError becomes gradio's, which a browser shows and a client is told, in the language of
    ``say``."""

    @functools.wraps(answer)
    def answered(*arguments: Any) -> Any:
        try:
            return answer(*arguments)
        except (UserError, BadPicture) as problem:
            sentence = problem_sentence(say, problem)
            raise gr.Error(sentence, title=say("went wrong"), print_exception=False) from problem

    return answered
