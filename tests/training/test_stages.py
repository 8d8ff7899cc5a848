"""Coarse to fine in one run: who learns when, what stays, and what the run writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evenodds.cli.main import main
from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import GameSettings, NetworkSettings, PlanSettings, Recipe
from evenodds.core.bundle import read
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.gan import Gan
from evenodds.networks.cascade import CascadeGenerator, shrink
from evenodds.training.ranks import Ranks
from evenodds.training.supervisor import Supervisor
from evenodds.training.trainer import Trainer
from tests import ranks

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")


@pytest.fixture
def trainer(photographs: Path) -> Trainer:
    recipe = Recipe(
        plan=PlanSettings(seed=5),
        data=DataSettings(size=32),
        network=NetworkSettings(network="dcgan", width=8, latent=8, stages="8,16,32"),
        game=GameSettings(batch=8),
    )
    store: Store = prepare(find(str(photographs)), recipe.data)
    return Trainer(resolve(recipe, store.spec, store.n_train, "x"), store, CPU)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    players = trainer.players
    both = {"g": players.generator, "d": players.discriminator}
    return {
        f"{name}.{key}": value.clone() for name, net in both.items() for key, value in net.named_parameters()
    }


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    """The parts of the players that learnt, by the first parts of their weights' names."""
    changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
    return {"".join(f"{part}." for part in name.split(".") if part in PARTS) for name in changed}


PARTS = {"g", "d", "coarse", "enlarge", "fine"}


def test_each_stage_teaches_its_own_players_alone(trainer: Trainer) -> None:
    expected = [
        {"g.coarse.coarse.", "d.coarse.coarse."},
        {"g.coarse.enlarge.", "d.coarse.fine."},
        {"g.enlarge.", "d.fine."},
    ]
    for stage, parts in enumerate(expected):
        assert trainer.stage == stage
        assert trainer.last_stage == (stage == 2)
        before = weights(trainer)
        trainer.round()
        trainer.round()
        assert moved(before, weights(trainer)) == parts
        if not trainer.last_stage:
            trainer.next_stage()


def test_what_was_learnt_is_sampled_on_as_its_average(trainer: Trainer) -> None:
    for _ in range(3):
        trainer.round()
    average, generator = trainer.players.average.network, trainer.players.generator
    z = torch.randn(4, 8)
    before = average(z)
    trainer.next_stage()
    # The enlarger begins as interpolation, so that nothing is lost where a stage begins.
    assert torch.allclose(average(z), before)
    assert torch.allclose(generator.eval()(z), before, atol=1e-5)
    generator.train()
    for _ in range(3):
        trainer.round()
    small = shrink(before, 8)
    assert isinstance(average, CascadeGenerator)
    assert torch.allclose(average.coarse.get_submodule("coarse")(z).mean(), small.mean(), atol=0.05)
    assert not torch.allclose(average(z), before)


def test_a_run_goes_through_its_stages_and_says_so(photographs: Path, tmp_path: Path) -> None:
    gan = Gan(
        size=16, network="dcgan", width=8, latent=8, stages="8,16", batch=8, budget="20rounds", check_every=5
    )
    run = gan.fit(photographs, tmp_path / "run").fitted()
    events = [line for line in run.journal() if line.get("event") == "stage"]
    assert [(event["round"], event["side"]) for event in events] == [(15, 16)]
    _, facts = read(run.checkpoints.last() or tmp_path)
    assert facts["stage"] == 1
    assert run.recipe.network.stages == "8,16"
    fakes = gan.sample(3)
    assert np.asarray(fakes).shape == (3, 16, 16, 3)
    assert "16 px" in (run.path / "report.html").read_text()


def test_a_stage_is_measured_at_its_own_size(trainer: Trainer) -> None:
    """Reals that were made small and enlarged again are as good as any while small ones are learnt, and not after."""
    blurred = lambda x, side: torch.nn.functional.interpolate(shrink(x, side), size=(32, 32))  # noqa: E731
    supervisor = Supervisor(trainer)
    distances = []
    for _ in range(3):
        checker = supervisor.checker
        assert checker.side == trainer.sides[trainer.stage]
        cloud = checker.cloud(blurred(x, 8) for x in checker.probes.reals("train", trainer.store.n_train))
        distances.append(checker.distance(cloud)[0] if checker.joint is None else float("nan"))
        if not trainer.last_stage:
            trainer.next_stage()
            supervisor.next_stage()
    assert distances[0] < 0.01
    assert distances[1] > 10 * max(distances[0], 1e-3)
    assert distances[2] > 10 * max(distances[0], 1e-3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ranks are forked")
def test_two_ranks_go_through_the_stages_together(photographs: Path, tmp_path: Path) -> None:
    words = ["train", str(photographs), "--out", str(tmp_path / "run"), "--size", "16", "--stages", "8,16"]
    words += [
        "--network",
        "dcgan",
        "--width",
        "8",
        "--batch",
        "8",
        "--budget",
        "8rounds",
        "--check-every",
        "2",
    ]
    said = tmp_path / "said"
    said.mkdir()

    def work(rank: int) -> None:
        def and_save(self: Ranks) -> Any:
            outcome = worker_loop(self)
            tensors, facts = self.trainer.state()
            torch.save((tensors["generator"], facts["stage"]), said / f"{rank}.pt")
            return outcome

        worker_loop = Ranks.worker_loop
        Ranks.worker_loop = and_save  # type: ignore[method-assign]
        main(words)

    codes = ranks.wait(ranks.fork(2, work, said))
    assert codes == [0, 0], [(said / f"{rank}.txt").read_text() for rank in range(2)]
    tensors, facts = read(tmp_path / "run" / "checkpoints" / "last")
    followed, stage = torch.load(said / "1.pt", weights_only=True)
    assert stage == facts["stage"] == 1
    assert tensors["generator"]["enlarge.last.weight"].any()
    assert all(torch.equal(followed[key], value) for key, value in tensors["generator"].items())
