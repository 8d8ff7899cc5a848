"""Planted faults: each is caught within two checks, and called by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import read_table
from evenodds.game.alarms import LOST_GROUP
from evenodds.objectives.losses import Loss, relativistic_d, relativistic_g
from evenodds.training.supervisor import LASTS, TRIES, Decision, Measurement, Supervisor
from evenodds.training.trainer import Trainer
from tests.conftest import SHARED
from tests.games import grid, play, replace_generator, training_on

pytestmark = pytest.mark.medium

ROUNDS = 300


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[Trainer, Supervisor]]:
    """A game on 25 Gaussians, well on its way and without a fault, made anew at each call."""
    folder = tmp_path_factory.mktemp("grid")
    begun = training_on(grid(), folder, {})
    supervisor = Supervisor(begun)
    found = play(begun, supervisor, 3, ROUNDS // 3)
    assert kinds(found) == [set(), set(), set()], "no alarm in a sound game"
    tensors, facts = begun.state()
    before = list(supervisor.before)

    def make() -> tuple[Trainer, Supervisor]:
        training = training_on(grid(), folder, {})
        training.restore({name: dict(group) for name, group in tensors.items()}, facts)
        again = Supervisor(training)
        again.before, again.stopping.warmed_up = list(before), True
        return training, again

    return make


Healthy = Callable[[], tuple[Trainer, Supervisor]]


Checked = tuple[Measurement, Decision]


def kinds(found: list[Checked]) -> list[set[str]]:
    return [{alarm.kind for alarm in measurement.alarms} for measurement, _ in found]


def test_a_generator_frozen_to_a_constant_has_collapsed(healthy: Healthy) -> None:
    training, supervisor = healthy()
    constant = torch.from_numpy(training.store.train(np.arange(1)))
    replace_generator(training, lambda z: constant.expand(len(z), -1))
    found = play(training, supervisor, 2, 5)
    assert "collapse" in set().union(*kinds(found))
    assert any(alarm.reason.code == "identical" for alarm in found[-1][0].alarms)


def test_a_generator_that_knows_3_of_25_modes_has_collapsed(healthy: Healthy) -> None:
    training, supervisor = healthy()
    of_three = of_three_modes(training)
    numbers = torch.zeros(of_three.shape[1])
    for span in training.store.spec.spans:
        numbers[span.start : span.stop] = span.kind == "number"

    def make(z: Tensor) -> Tensor:
        known = of_three[(z[:, 0].abs() * 1e5).long() % len(of_three)]
        return known + 0.01 * z[:, : len(numbers)] * numbers  # none twice

    replace_generator(training, make)
    found = play(training, supervisor, 2, 5)
    assert "collapse" in set().union(*kinds(found))
    assert any(alarm.reason.code == "few_kinds" for alarm in found[-1][0].alarms)


def of_three_modes(training: Trainer) -> Tensor:
    """Training rows, encoded, of 3 of the 25 modes."""
    known = training.store.train(np.arange(training.store.n_train))
    assert training.store.codec_json is not None
    rows = TableCodec.from_json(training.store.codec_json).decode(known, np.random.default_rng(0))
    chosen = (rows["x"].abs() < 1) & (rows["y"].abs() < 3)
    return torch.from_numpy(known[chosen.to_numpy()])


def test_a_zeroed_discriminator_is_dead_and_never_even(healthy: Healthy) -> None:
    training, supervisor = healthy()
    found = []
    for _ in range(6):
        for weight in training.players.discriminator.parameters():
            weight.data.zero_()
        found.append(supervisor.check(seconds=1e6, every=5))
    assert "dead D" in kinds(found)[0]
    assert all(decision.verdict != "even" for _, decision in found)
    metrics = found[0][0].metrics
    assert metrics is not None
    assert metrics.odds == 0.5, "odds alone would have said even"
    assert found[LASTS - 1][1].fault is not None


def test_a_generator_that_replays_training_rows_copies(healthy: Healthy) -> None:
    training, supervisor = healthy()
    known = torch.from_numpy(training.store.train(np.arange(training.store.n_train)))
    replace_generator(training, lambda z: known[(z[:, 0].abs() * 1e5).long() % len(known)])
    found = play(training, supervisor, 2, 5)
    assert "copying" in kinds(found)[0]
    assert not {"collapse", "divergence"} & set().union(*kinds(found))


def test_a_weight_that_is_no_number_is_divergence_and_play_goes_back(healthy: Healthy) -> None:
    training, supervisor = healthy()
    next(training.players.generator.parameters()).data[0, 0] = float("nan")
    found = play(training, supervisor, 1, 5)
    assert kinds(found) == [{"divergence"}]
    assert found[0][1].fault is not None
    assert found[0][1].verdict is None, "there are tries left"


def test_a_fault_that_stays_ends_the_game_after_its_tries(healthy: Healthy) -> None:
    training, supervisor = healthy()
    weight = next(training.players.generator.parameters())
    for attempt in range(TRIES + 1):
        weight.data[0, 0] = float("nan")
        _, decision = supervisor.check(seconds=1e6, every=5)
        assert decision.fault is not None
        if attempt < TRIES:
            assert decision.verdict is None
            supervisor.mend(decision.fault)
    assert decision.verdict == "diverged"
    assert training.schedule.pace.rate == pytest.approx(1e-3), "a tenth of the rates at each try"


def test_a_rate_a_thousand_times_too_high_is_divergence(tmp_path: Path) -> None:
    training = training_on(grid(), tmp_path, {}, lr_d=1.0, lr_g=1.0)
    found = play(training, Supervisor(training), 2)
    assert "divergence" in set().union(*kinds(found))


def test_swapped_labels_are_named(healthy: Healthy) -> None:
    training, supervisor = healthy()
    swapped = Loss(lambda real, fake: relativistic_d(fake, real), relativistic_g, g_needs_real=True)
    training.objective = replace(training.objective, loss=swapped)
    found = play(training, supervisor, 2, 60)
    assert "misled D" in kinds(found)[-1]
    assert all(decision.verdict != "even" for _, decision in found)


@pytest.mark.parametrize(
    ("table", "column", "level"),
    [("churn", "internet_service", "No"), ("adult", "sex", "Female"), ("penguins", "species", "Chinstrap")],
)
@pytest.mark.parametrize("left", [0.0, 0.05, 1.0])
def test_a_level_that_fakes_lack_is_named_at_the_third_check(
    table: str, column: str, level: str, left: float, tmp_path: Path
) -> None:
    path = SHARED / "tables" / f"{table}.csv"
    if not path.exists():
        pytest.skip("the shared tables are not here")
    training = training_on(read_table(path)[:12_000], tmp_path, {})
    known = thinned(training, column, level, left)
    replace_generator(training, lambda z: known[(z[:, 0].abs() * 1e5).long() % len(known)])
    supervisor = Supervisor(training)
    found = play(training, supervisor, 2, 1)
    resumed = Supervisor(training)
    resumed.restore(json.loads(json.dumps(supervisor.state())), [])
    found += play(training, resumed, 1, 1)
    named = [[alarm for alarm in measurement.alarms if alarm.kind == LOST_GROUP] for measurement, _ in found]
    assert [len(alarms) for alarms in named] == [0, 0, left < 1]
    if left < 1:
        reason = named[2][0].reason
        assert (reason.code, reason.facts["column"], reason.facts["level"]) == ("lost_level", column, level)
        assert resumed.stopping.level == 0, "and the game is not even"


def thinned(training: Trainer, column: str, level: str, left: float) -> Tensor:
    """Training rows, encoded, without a level but for a share that is left of it."""
    rows = training.store.train(np.arange(training.store.n_train))
    assert training.store.codec_json is not None
    rng = np.random.default_rng(0)
    decoded = TableCodec.from_json(training.store.codec_json).decode(rows, rng)
    kept = (decoded[column] != level).to_numpy(np.bool_) | (rng.random(len(rows)) < left)
    return torch.from_numpy(rows[kept])
