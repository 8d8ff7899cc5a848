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
from evenodds.training.likelihood import CUT, MEASURE_AFTER, PATIENCE, Likelihood, cut_before
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

    before = apart()
    calibrate(generator, store)
    assert apart() < before / 3


def test_each_column_goes_back_to_its_own_best_and_it_stops_where_none_becomes_better(store: Store) -> None:
    trainer = trainer_of(store)
    likelihood = Likelihood(trainer)
    generator = generator_of(trainer)
    spans = len(generator.spans)
    first, rest = [5.0] * spans, [6.0] * (spans - 1)
    # The first column is best at the first measurement after the beginning, all others at the second.
    measured = iter([first, [3.0, *rest], [4.0, *[2.0] * (spans - 1)], *[[7.0] * spans] * PATIENCE, first])
    likelihood.measure = lambda: next(measured)  # type: ignore[method-assign]
    likelihood.begin()
    states = []
    while not likelihood.over:
        trainer.likelihood_step()
        likelihood.after_step()
        if trainer.likelihood_steps in (MEASURE_AFTER, 2 * MEASURE_AFTER):
            average = trainer.players.average.network.state_dict()
            states.append({name: tensor.clone() for name, tensor in average.items()})
    assert likelihood.stale == PATIENCE
    assert likelihood.end()["best"] == 3.0 + 2.0 * (spans - 1)
    state = generator.state_dict()
    for name, span in generator.span_of_rows().items():
        if name != "frequencies":  # which are calibrated
            for own, best in zip((span == 0, span > 0), states, strict=True):
                assert torch.equal(state[name][own], best[name][own])
    for name, tensor in state.items():
        assert torch.equal(tensor, trainer.players.average.network.state_dict()[name])
    assert trainer.players.optimizer_g.param_groups[0]["lr"] == trainer.recipe.game.lr_g


def test_a_run_says_what_likelihood_brought(penguins: Path, tmp_path: Path) -> None:
    small: dict[str, Any] = {"network": "autoregressive", "width": 4, "batch": 32, "head_start": 0}
    gan = Gan(**small, budget="120rounds", likelihood=0.9, check_every=60).fit(penguins, tmp_path / "run")
    assert gan.run is not None
    [line] = [line for line in gan.run.journal() if "likelihood" in line.get("event", "")]
    assert line["event"] == CUT
    assert line["best"] < line["first"]
    assert line["steps"] == 108
    assert event_sentence(line).startswith("likelihood first, for its share of the budget: ")
    assert f"{line['first']:.2f} → {line['best']:.2f} nats a row" in event_sentence(line)
    assert len(gan.sample(50)) == 50
    assert cut_before(gan.run, 0.5)  # resumed with twice the budget
    assert not cut_before(gan.run, 0.95)
    without = Gan(**small, budget="2rounds", likelihood=0).fit(penguins, tmp_path / "no")
    assert without.run is not None
    assert not [line for line in without.run.journal() if "likelihood" in line.get("event", "")]
