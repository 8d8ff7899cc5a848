"""Single steps for the canvas of the Play page: a held game for each visitor and run."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

from evenodds.core.errors import UserError
from evenodds.runs.gallery import in_gallery
from evenodds.runs.run import Run
from evenodds.studio.i18n import Words
from evenodds.studio.state import Studio
from evenodds.studio.translate import problem_sentence
from evenodds.training.held import HeldGame

GAMES = 8
"""Games held at once, the last ones played; an older one starts again from the run's state."""
STEPS = 200
"""Steps at a time, at most."""
ACTIONS = ("can", "open", "trained", "untrained", "d", "g", "round", "slow")


class HeldGames:
    """What the canvas calls: [run, visitor, action, steps], answered by frames or an error."""

    def __init__(self, studio: Studio, say: Words) -> None:
        self.studio, self.say = studio, say
        self.games: OrderedDict[tuple[str, str], HeldGame] = OrderedDict()

    def answer(self, sent: Any) -> dict[str, Any]:
        """Plays what is asked for. ``slow`` is a step of D, then one of G, with a frame before, between and after."""
        try:
            name, visitor, action, steps = asked_for(sent)
            run = self.studio.run(name)
            if action == "can":
                return {"can": steps_by_hand(run)}
            with self.studio.cache.lock, torch.random.fork_rng():
                if action == "open":  # it begins from the run's state of now
                    self.games.pop((run.path.name, visitor), None)
                game = self.game(run, visitor)
                return play(game, action, steps)
        except UserError as problem:
            return {"error": problem_sentence(self.say, problem)}

    def game(self, run: Run, visitor: str) -> HeldGame:
        """The visitor's game of a run."""
        key = (run.path.name, visitor)
        if key not in self.games:
            self.games[key] = HeldGame(run, self.studio.cache.store(run))
        self.games.move_to_end(key)
        while len(self.games) > GAMES:
            self.games.popitem(last=False)
        return self.games[key]


def play(game: HeldGame, action: str, steps: int) -> dict[str, Any]:
    """The frames of an action, and what stays as it is where the game begins."""
    if action in ("trained", "untrained"):
        game.restart("untrained" if action == "untrained" else "trained")
    if action in ("open", "trained", "untrained"):
        return {"scene": game.scene(), "frames": [game.frame()]}
    frames = [game.frame()] if action == "slow" else []
    if action in ("d", "slow"):
        game.d_steps(steps)
        frames.append(game.frame())
    if action in ("g", "slow"):
        game.g_steps(steps)
        frames.append(game.frame())
    if action == "round":
        game.rounds(steps)
        frames.append(game.frame())
    return {"frames": frames}


def steps_by_hand(run: Run) -> bool:
    """Whether single steps can be shown of a run: a table of two columns that was played, here or for
    the gallery."""
    return (
        (run.path / "codec.json").exists()
        and len(run.codec()["columns"]) == 2
        and (bool(run.checks()) or in_gallery(run.name))
    )


def asked_for(sent: Any) -> tuple[Any, str, str, int]:
    """The canvas's question. Raises UserError for another."""
    if not isinstance(sent, list) or len(sent) != 4:
        raise UserError("the canvas asked for nothing that is known")
    name, visitor, action, steps = sent
    if action not in ACTIONS or not isinstance(visitor, str) or len(visitor) > 40:
        raise UserError("the canvas asked for nothing that is known")
    if type(steps) is not int or not 1 <= steps <= STEPS:
        raise UserError(f"steps are a whole number from 1 to {STEPS}")
    return name, visitor, action, steps
