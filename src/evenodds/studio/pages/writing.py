"""A part of the page How it works: why a recurrent network that writes is hard to train this way, in numbers."""

from __future__ import annotations

import gradio as gr
import torch
from torch import nn

from evenodds.core.rng import seed_of, seeded
from evenodds.studio import markup, plots
from evenodds.studio.cache import CPU
from evenodds.studio.i18n import Words
from evenodds.studio.pages.loading import PageState, load_when_shown

VOCABULARY, HIDDEN = 24, 32
MOST = 40
"""Words of a sentence, at most."""


def section(say: Words, state: PageState) -> None:
    """A slider for the length of a sentence, and how much of D's answer reaches its first word."""
    length = gr.Slider(2, MOST, 10, step=1, label=say("writing words"), elem_id="sentence-length")
    seen = gr.HTML(elem_id="writing")

    def show(length: float) -> str:
        return signals(say, int(length))

    load_when_shown(state, lambda name: [10, show(10)], [length, seen])
    length.input(
        show, length, seen, show_progress="hidden", trigger_mode="always_last", api_visibility="private"
    )


def signals(say: Words, length: int) -> str:
    """What reaches the first word, as a share of what reaches the last, of words mixed and of words chosen."""
    parts = []
    for key, chosen in (("writing mixed", False), ("writing chosen", True)):
        share = first_share(length, chosen=chosen)
        parts.append(plots.level(say(key), share, plots.figure(share), "fake"))
    return f'<div class="eo-levels">{"".join(parts)}</div>{markup.note(say("writing told", words=length))}'


def first_share(length: int, *, chosen: bool) -> float:
    """The norm of D's gradient at the first word's scores, as a share of that at the last word's, for a recurrent
    network that has learnt nothing. Words are mixed by their shares, or ``chosen``, as text is: whatever depends on a
    choice has no gradient."""
    with seeded(seed_of(0, "writing"), CPU):
        cell, head = nn.RNNCell(VOCABULARY, HIDDEN), nn.Linear(HIDDEN, VOCABULARY)
        state, taste = torch.randn(1, HIDDEN), torch.randn(VOCABULARY)
    scores = []
    for _ in range(length):
        scores.append(head(state))
        scores[-1].retain_grad()
        shares = scores[-1].softmax(1)
        word = nn.functional.one_hot(shares.argmax(1), VOCABULARY).float() if chosen else shares
        state = cell(word, state)
    last = (scores[-1].softmax(1) @ taste).sum()
    last.backward()
    first, final = (0.0 if one.grad is None else float(one.grad.norm()) for one in (scores[0], scores[-1]))
    return first / final
