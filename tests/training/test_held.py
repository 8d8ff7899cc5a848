"""A game played by hand: each step is the trainer's own, moves one player alone, and leaves the run as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from evenodds.core.errors import UserError
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.gan import Gan
from evenodds.runs.run import Run
from evenodds.training.held import HeldGame
from evenodds.training.trainer import Trainer
from tests.conftest import Answer


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people") / "run"
    Gan(budget="20rounds", stop="budget").fit("people", path)
    return path


def held(path: Path) -> HeldGame:
    run = Run.open(path)
    return HeldGame(run, prepare(find("people"), run.recipe.data))


def mean(shares: list[float]) -> float:
    return sum(shares) / len(shares)


def test_d_learns_while_the_fakes_stand_still_and_g_answers(people: Path) -> None:
    game = held(people)
    game.restart("untrained")
    start = game.frame()
    game.d_steps(30)
    taught = game.frame()
    assert taught["points"] == start["points"], "G stands still"
    assert mean(taught["real"]) < mean(start["real"]) - 0.05, "the fakes are called fake"
    assert taught["signal"] > start["signal"]
    weights = [weight.clone() for weight in game.trainer.players.discriminator.parameters()]
    game.g_steps(30)
    answered = game.frame()
    after = game.trainer.players.discriminator.parameters()
    assert all(torch.equal(a, b) for a, b in zip(weights, after, strict=True)), "D stands still"
    assert mean(answered["real"]) > mean(taught["real"]) + 0.05, "the same fakes pass more often"


def test_rounds_by_hand_are_those_of_a_game(people: Path) -> None:
    game = held(people)
    game.restart("untrained")
    game.rounds(3)
    game.frame()
    game.rounds(2)
    whole = Trainer(Run.open(people).recipe, game.store, torch.device("cpu"))
    for _ in range(5):
        whole.round()
    mine, theirs = game.trainer.state()[0], whole.state()[0]
    for player in ("generator", "discriminator", "average"):
        assert all(torch.equal(mine[player][name], theirs[player][name]) for name in theirs[player])


def test_it_begins_where_the_run_is_and_leaves_it_there(people: Path) -> None:
    before = {path: path.read_bytes() for path in people.rglob("*") if path.is_file()}
    game = held(people)
    assert game.trainer.rounds > 0
    assert len(game.scene()["noise"]) == len(game.frame()["points"])
    game.rounds(1)
    assert {path: path.read_bytes() for path in people.rglob("*") if path.is_file()} == before


def test_other_data_are_refused_in_a_sentence(tmp_path: Path, evenodds: Callable[..., Answer]) -> None:
    assert evenodds("train", "digits", "--out", tmp_path, "--budget", "2rounds", "--json").code in (0, 3)
    run = Run.open(tmp_path)
    with pytest.raises(UserError, match="table of two numbers"):
        HeldGame(run, prepare(find("digits"), run.recipe.data))
