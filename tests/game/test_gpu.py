"""What runs on a GPU alone; skipped where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import GameSettings, NetworkSettings, Recipe
from evenodds.core.rng import set_random
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.game.cuda_graphs import WARM
from evenodds.training.trainer import Trainer
from tests.conftest import Answer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU")


@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan", "fast"])
def test_pictures_train_resume_and_sample_on_a_gpu(
    network: str, photographs: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    out = tmp_path / "run"
    command = (
        "train",
        photographs,
        "--out",
        out,
        "--size",
        32,
        "--network",
        network,
        "--device",
        "cuda",
        "--json",
    )
    assert evenodds(*command, "--budget", "5rounds").code == 0
    verdict = json.loads(evenodds(*command, "--budget", "20rounds").out)
    assert verdict["rounds"] == 20
    assert 0 <= verdict["evidence"]["odds"] <= 1
    # A run that was trained on a GPU is sampled without one.
    assert evenodds("sample", out, "-n", 4, "--out", tmp_path / "x.png", "--device", "cpu").code == 0
    with Image.open(tmp_path / "x.png") as sheet:
        assert sheet.width > 32


def test_rows_train_on_a_gpu(penguins: Path, tmp_path: Path, evenodds: Callable[..., Answer]) -> None:
    out = tmp_path / "run"
    assert evenodds("train", penguins, "--out", out, "--device", "cuda", "--budget", "20rounds").code == 0
    assert evenodds("sample", out, "-n", 9, "--out", tmp_path / "x.csv", "--device", "cuda").code == 0
    assert len(pd.read_csv(tmp_path / "x.csv")) == 9


CUDA = torch.device("cuda")
CYCLE = 4
"""Rounds in which both kinds of D's turn come: every fourth is played with the penalty."""


def training_on(source: Any, data: DataSettings, network: str, **game: Any) -> Trainer:
    """A small game on a GPU, not yet begun."""
    store = prepare(find(str(source)), data)
    recipe = Recipe(
        data=data, network=NetworkSettings(network=network, width=16), game=GameSettings(batch=16, **game)
    )
    return Trainer(resolve(recipe, store.spec, store.n_train, "x", store.condition), store, CUDA)


def played(training: Trainer, rounds: int) -> Tensor:
    """All weights of both players and of the average after so many rounds, in one row."""
    for _ in range(rounds):
        training.round()
    players = training.players
    networks = players.generator, players.discriminator, players.average.network
    return torch.cat([weight.detach().flatten() for network in networks for weight in network.parameters()])


def same_but_for_rounding(make: Callable[[], Trainer], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a game whose turns were recorded is the one that is played as it stands, and not as far from it as one
    with other random numbers. (Sums on a GPU come in any order, and a game makes much of little.)"""
    monkeypatch.setattr("evenodds.game.cuda_graphs.WARM", 1)
    plain, recorded, other = (make() for _ in range(3))
    plain.graphs.on = other.graphs.on = False
    start = played(plain, 0)
    monkeypatch.setattr(other, "seed", lambda turn: set_random(len(turn), CUDA))
    expected, found, elsewhere = (played(training, 2 * CYCLE + 1) for training in (plain, recorded, other))
    assert set(recorded.graphs.recorded) == {("d", True), ("d", False), "g"}
    moved = (expected - start).norm()
    assert (elsewhere - expected).norm() > 0.5 * moved
    return bool((found - expected).norm() < 0.2 * moved)


@pytest.mark.parametrize("augment", ["on", "off"])
@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan", "fast"])
def test_turns_that_were_recorded_are_those_that_would_have_been_played(
    network: str, augment: str, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataSettings(size=16)
    assert same_but_for_rounding(
        lambda: training_on(photographs, data, network, augment=augment), monkeypatch
    )


def test_rows_and_their_conditions_are_played_by_what_was_recorded(
    penguins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Draws of categories too, which are random numbers inside of a network."""
    data = DataSettings(condition="species")
    assert same_but_for_rounding(lambda: training_on(penguins, data, "tabular", d_steps=1), monkeypatch)


def test_a_pace_that_changes_is_kept_to(photographs: Path) -> None:
    training = training_on(photographs, DataSettings(size=16), "dcgan")
    played(training, CYCLE * WARM + 1)
    assert training.graphs.recorded
    training.schedule.pace.rate = 0.0
    training.apply_schedule()
    before = [weight.detach().clone() for weight in training.players.generator.parameters()]
    played(training, CYCLE * WARM + 1)
    assert training.graphs.recorded
    for one, other in zip(before, training.players.generator.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_place_that_is_gone_back_to_is_gone_on_from(photographs: Path) -> None:
    """The optimisers' memory lies elsewhere then: what was recorded would go on with the old one."""
    training = training_on(photographs, DataSettings(size=16), "dcgan")
    played(training, CYCLE * WARM + 1)
    tensors, facts = training.state()
    kept = {name: {key: value.clone() for key, value in group.items()} for name, group in tensors.items()}
    start = played(training, 0)
    first = played(training, 5)
    training.restore(kept, facts)
    assert torch.equal(played(training, 0), start)
    assert (played(training, 5) - first).norm() < 0.2 * (first - start).norm()


def test_where_a_graph_has_no_room_turns_are_played_as_they_stand(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = training_on(photographs, DataSettings(size=16), "dcgan")
    plain = training.augment

    def full(x: Tensor) -> Tensor:
        if torch.cuda.is_current_stream_capturing():
            raise torch.OutOfMemoryError("no room")
        return plain(x)

    monkeypatch.setattr(training, "augment", full)
    before = played(training, WARM)
    after = played(training, 3 * WARM)
    assert not training.graphs.on
    assert training.parts == 1
    assert not torch.equal(before, after)
