"""Where the device's memory does not hold a batch, it is played in parts: the same mathematics, and it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.data.builtin import people
from evenodds.game import step as rounds
from evenodds.runs.run import Run
from evenodds.training.trainer import Trainer
from tests.conftest import Answer
from tests.games import training_on

pytestmark = pytest.mark.medium

BATCH, FITS = 64, 20
OBJECTIVES: list[dict[str, Any]] = [
    *({"loss": loss} for loss in ("nonsaturating", "hinge", "leastsquares", "relativistic")),
    {"loss": "wasserstein", "penalty": "r1"},
    {"penalty": "none"},
]


def game(folder: Path, objective: dict[str, Any]) -> Trainer:
    """A game whose steps are as long as its gradients, so that they can be compared."""
    folder.mkdir()
    with_penalty = {"penalty_every": 1, "penalty_estimator": "exact"}
    training = training_on(
        people.draw(400, 1), folder, {"penalty": "r1r2", **with_penalty, **objective}, batch=BATCH
    )
    players = training.players
    players.optimizer_d = torch.optim.SGD(players.discriminator.parameters(), lr=0.05)
    players.optimizer_g = torch.optim.SGD(players.generator.parameters(), lr=0.05)
    return training


def full_beyond(training: Trainer, fits: int) -> None:
    """D finds no memory for more than so many samples at once."""

    def look(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if len(given[0]) > fits:
            raise torch.OutOfMemoryError("planted")

    training.players.discriminator.register_forward_pre_hook(look)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: "-".join(objective.values()))
def test_a_batch_in_parts_gives_the_same_weights(objective: dict[str, Any], tmp_path: Path) -> None:
    whole, split = game(tmp_path / "whole", objective), game(tmp_path / "split", objective)
    before = [weight.detach().clone() for weight in whole.players.generator.parameters()]
    full_beyond(split, FITS)
    for _ in range(3):
        losses = whole.round(), split.round()
        torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-5)
    assert whole.parts == 1
    assert split.parts in (4, 8), "8 where a penalty looks at reals and fakes together"
    for name in ("generator", "discriminator"):
        mine, theirs = (getattr(training.players, name).parameters() for training in (whole, split))
        for one, other in zip(mine, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    moved = [
        float((now - then).detach().abs().max())
        for now, then in zip(whole.players.generator.parameters(), before, strict=True)
    ]
    assert max(moved) > 1e-4, "something was learnt"


def test_pairs_stay_pairs_and_shares_are_those_of_uneven_parts() -> None:
    real, z = torch.arange(10.0), torch.arange(10.0) * 100
    parts = list(rounds.microbatches(rounds.Batch(real, z, None), 4))
    assert [round(share, 3) for share, _ in parts] == [0.3, 0.3, 0.3, 0.1]
    assert all(torch.equal(part.real * 100, part.z) for _, part in parts)
    assert torch.equal(torch.cat([part.real for _, part in parts]), real)


def test_where_one_sample_does_not_fit_it_is_the_users_to_hear_of(tmp_path: Path) -> None:
    training = game(tmp_path / "game", {})
    full_beyond(training, 0)
    with pytest.raises(UserError, match="does not hold one sample's turn, take a smaller --size or --width"):
        training.round()


def test_the_journal_and_the_report_say_so(
    tmp_path: Path, penguins: Path, evenodds: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(*arguments: Any, parts: int, **named: Any) -> Tensor:
        if parts < 2:
            raise torch.OutOfMemoryError("planted")
        return rounds.d_step(*arguments, parts=parts, **named)

    monkeypatch.setattr("evenodds.training.trainer.d_step", planted)
    command = ("train", penguins, "--out", tmp_path / "run", "--width", 8)
    assert evenodds(*command, "--budget", "3rounds").code == 0
    assert evenodds(*command, "--budget", "6rounds").code == 0
    told = [line["parts"] for line in Run.open(tmp_path / "run").journal() if line.get("event") == "split"]
    assert told == [2], "once: a resumed game knows"
    assert "a batch is played in 2 parts" in (tmp_path / "run" / "report.html").read_text()
