"""A part of the page How it works: one game twice, once kept level and once with a D that is too strong."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from evenodds.runs.answers import Answers, read_answers
from evenodds.runs.run import Run
from evenodds.studio import markup, play_view, plots
from evenodds.studio.gradio_errors import with_gradio_errors
from evenodds.studio.i18n import Words
from evenodds.studio.pages.loading import PageState
from evenodds.studio.state import Studio

EVERY = 1.5
LOSSES = ("saturating", "nonsaturating")
GAMES = {"level": "1", "strong": "8"}
"""D's turns in a round: the only difference between both games."""
PLAYED = [
    "--network", "dcgan", "--size", "16", "--width", "8", "--batch", "32", "--penalty", "none", "--tempo", "fixed",
    "--head-start", "0", "--anneal", "off", "--budget", "60rounds", "--stop", "budget", "--check-every", "10",
    "--seed", "1",
]  # fmt: skip
"""What both have in common, beside the loss. Small pictures: of two numbers fakes and reals overlap from the start, and
no D can be sure of them."""


def run_name(game: str, loss: str) -> str:
    """What a game's run is called."""
    return f"digits-{game}-{loss}"


def flags(game: str, loss: str) -> list[str]:
    """How a game is played."""
    return [*PLAYED, "--loss", loss, "--d-steps", GAMES[game]]


def section(studio: Studio, say: Words, state: PageState) -> None:
    """A choice of the loss, one button for both games, and what comes of them side by side, live."""
    with gr.Row():
        choices = [(say(f"loss {loss}"), loss) for loss in LOSSES]
        loss = gr.Radio(choices, value=LOSSES[0], label=say("loss of both"), elem_id="strong-loss")
        go = gr.Button(say("play both"), variant="primary", elem_id="play-strong", scale=0, min_width=200)
    signal = gr.HTML(elem_id="signal")
    with gr.Row():
        sides = [gr.HTML(elem_id=f"game-{game}") for game in GAMES]
    seen = gr.State(None)
    timer = gr.Timer(EVERY)

    def play(loss: str) -> None:
        for game in GAMES:
            name = run_name(game, loss if loss in LOSSES else LOSSES[0])
            if studio.trainings.pid(name) is None:
                if name in studio.names():
                    studio.trainings.delete(name)
                studio.trainings.start(name, "digits", flags(game, loss))

    def look(here: str, loss: str, before: Any) -> Any:
        if here != state.key:
            return [gr.skip()] * 4
        answers = {
            kind: {game: answers_of(studio, run_name(game, kind)) for game in GAMES} for kind in LOSSES
        }
        running = [studio.trainings.pid(run_name(game, loss)) is not None for game in GAMES]
        # As it comes back from where a session's state is kept: lists, no tuples.
        mark = [loss, running, [len(one) for games in answers.values() for one in games.values()]]
        if mark == before:
            return [gr.skip()] * 4
        views = [side(studio, say, game, loss, answers[loss][game]) for game in GAMES]
        return mark, signals(say, loss, answers, any(running)), *views

    timer.tick(
        look,
        [state.here, loss, seen],
        [seen, signal, *sides],
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
    go.click(with_gradio_errors(play, say), loss, None, api_name="too_strong")


def answers_of(studio: Studio, name: str) -> dict[int, Answers]:
    """What D answered in a game, by round; nothing where it was not played."""
    folder = studio.root / name
    if not (folder / "recipe.json").exists():
        return {}
    sheets = ((int(sheet.stem), read_answers(sheet)) for sheet in Run.open(folder).samples("png"))
    return {rounds: answers for rounds, answers in sheets if answers is not None}


def shares(level: dict[int, Answers], strong: dict[int, Answers]) -> dict[int, float]:
    """The signal under the strong D as a share of the level game's, by the rounds that both have."""
    return {
        rounds: strong[rounds].signal / level[rounds].signal
        for rounds in sorted(level.keys() & strong.keys())
        if level[rounds].signal > 0
    }


def signals(say: Words, loss: str, answers: dict[str, dict[str, dict[int, Answers]]], running: bool) -> str:
    """The newest share in a sentence and a bar, and all of them under both losses as a table."""
    by_loss = {kind: shares(games["level"], games["strong"]) for kind, games in answers.items()}
    if not any(by_loss.values()):
        return markup.note(say("begins" if running else "not played"))
    newest = ""
    if by_loss[loss]:
        rounds, share = list(by_loss[loss].items())[-1]
        text = say("signal now", round=rounds, share=plots.figure(share))
        newest = f'<p class="eo-said">{escape(text)}</p>' + plots.level(
            say("G"), share, plots.figure(share), "fake"
        )
    every = sorted({rounds for one in by_loss.values() for rounds in one})
    rows = [
        [say(f"loss {kind}"), *(plots.figure(one[rounds]) if rounds in one else "" for rounds in every)]
        for kind, one in by_loss.items()
        if one
    ]
    columns = [say("round"), *(f"{rounds:,}" for rounds in every)]
    return newest + markup.note(say("signal")) + markup.table(say("signal"), columns, rows, headed=True)


def side(studio: Studio, say: Words, game: str, loss: str, answers: dict[int, Answers]) -> str:
    """One game: what it makes now, and what D answers."""
    if not answers:
        return ""
    run = studio.run(run_name(game, loss))
    newest, last = list(run.samples("png"))[-1], list(answers.values())[-1]
    fakes = sum(last.fakes) / len(last.fakes)
    base = f"/runs/{run.path.name}/samples/{newest.name}"
    sentence = say("D answers", fakes=plots.figure(fakes), reals=plots.figure(last.reals))
    return (
        f"<h3>{escape(say(f'game {game}'))}</h3>{markup.note(sentence)}"
        + play_view.pinned(say, run, newest)
        + markup.image(f"{base}?{newest.stat().st_mtime_ns}", say("alt fakes"))
    )
