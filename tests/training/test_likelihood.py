"""Likelihood before the game: its bins and frequencies, its own early stop, and what a run says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch

from evenodds.config.presets import resolve
from evenodds.config.settings import Recipe
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import NumberColumn
from evenodds.data.tables.dates import DateColumn
from evenodds.data.tables.quantiles import bins_of
from evenodds.gan import Gan
from evenodds.networks.autoregressive import BINS, AutoregressiveGenerator
from evenodds.runs.messages import event_sentence
from evenodds.training.bins import calibrate, counted, frequencies
from evenodds.training.likelihood import MEASURE_AFTER, PATIENCE, Likelihood
from evenodds.training.trainer import Trainer

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")


@pytest.fixture
def store(penguins: Path) -> Store:
    return prepare(find(str(penguins)), Recipe().data)


def trainer_of(store: Store) -> Trainer:
    recipe = Recipe.model_validate(
        {"network": {"network": "autoregressive", "width": 4}, "game": {"batch": 32}}
    )
    return Trainer(resolve(recipe, store.spec, store.n_train, "penguins.csv"), store, CPU)


def generator_of(trainer: Trainer) -> AutoregressiveGenerator:
    return cast(AutoregressiveGenerator, trainer.players.generator)


def test_bins_are_whole_stretches_of_values_that_repeat() -> None:
    values = np.repeat([1.0, 2.0, 5.0], [50, 30, 20])
    column = NumberColumn.fit("n", pd.Series(values), np.random.default_rng(0))
    edges = bins_of(column.scores, 8)
    np.testing.assert_allclose(edges, [0, 0.5, 0.8, 1, 1, 1, 1, 1, 1], atol=1e-6)
    many = bins_of(tuple(np.repeat(np.linspace(-3, 3, 101), 2)[1:-1].tolist()), 8)
    assert (np.diff(many) >= 0).all()
    assert (many[0], many[-1], len(many)) == (0, 1, 9)
    np.testing.assert_allclose(bins_of((), 4), [0, 0.25, 0.5, 0.75, 1])


def test_it_begins_at_the_frequencies_of_each_column(store: Store) -> None:
    trainer = trainer_of(store)
    generator = generator_of(trainer)
    assert store.codec_json is not None
    columns = TableCodec.from_json(store.codec_json).columns
    inner = [column.inner if isinstance(column, DateColumn) else column for column in columns]
    numbers = [column for column in inner if isinstance(column, NumberColumn)]
    np.testing.assert_allclose(
        generator.edges, np.array([bins_of(column.scores, BINS) for column in numbers]), atol=1e-6
    )
    with torch.no_grad():
        generator.last.weight.zero_()  # without what comes before
        rows = counted(store, generator)
        for at, p in enumerate(generator.probabilities(rows[:3])):
            torch.testing.assert_close(p[0], frequencies(generator, at, rows), atol=1e-4, rtol=0)


def test_calibration_has_choices_come_as_often_as_rows_have_them(store: Store) -> None:
    generator = generator_of(trainer_of(store)).eval()
    rows = counted(store, generator)

    def apart() -> float:
        with torch.no_grad():
            means = [p.mean(0) for p in generator.probabilities(rows)]
        return max(
            float((mean - frequencies(generator, at, rows)).abs().max()) for at, mean in enumerate(means)
        )

    with torch.no_grad():
        generator.last.weight.mul_(3)
    before = apart()
    calibrate(generator, store)
    assert apart() < before / 3


def test_it_stops_where_held_out_rows_become_no_likelier_and_goes_back_to_the_best(store: Store) -> None:
    trainer = trainer_of(store)
    likelihood = Likelihood(trainer)
    likelihood.begin()
    measured = iter([5.0, 4.0, *[6.0] * PATIENCE, 7.0])
    likelihood.measure = lambda: next(measured)  # type: ignore[method-assign]
    steps = 0
    while not likelihood.over:
        trainer.likelihood_step()
        likelihood.after_step()
        steps += 1
        if steps == 2 * MEASURE_AFTER:  # the second measurement, the best
            average = trainer.players.average.network.state_dict()
            best = {name: tensor.clone() for name, tensor in average.items()}
    assert likelihood.stale == PATIENCE
    assert likelihood.end()["best"] == 4.0
    for name, tensor in trainer.players.generator.state_dict().items():
        assert torch.equal(tensor, trainer.players.average.network.state_dict()[name])
        if name != "frequencies":  # which are calibrated
            assert torch.equal(tensor, best[name])
    assert trainer.players.optimizer_g.param_groups[0]["lr"] == trainer.recipe.game.lr_g


def test_a_run_says_what_likelihood_brought(penguins: Path, tmp_path: Path) -> None:
    small: dict[str, Any] = {"network": "autoregressive", "width": 4, "batch": 32, "head_start": 0}
    gan = Gan(**small, budget="120rounds", likelihood=0.9, check_every=60).fit(penguins, tmp_path / "run")
    assert gan.run is not None
    [line] = [line for line in gan.run.journal() if line.get("event") == "likelihood"]
    assert line["best"] < line["first"]
    assert line["steps"] == 108
    assert event_sentence(line).startswith(f"likelihood first: {line['first']:.2f} → {line['best']:.2f} nats")
    assert len(gan.sample(50)) == 50
    without = Gan(**small, budget="2rounds", likelihood=0).fit(penguins, tmp_path / "no")
    assert without.run is not None
    assert not [line for line in without.run.journal() if line.get("event") == "likelihood"]
