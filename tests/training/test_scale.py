"""The scale is chosen by what a budget shows D, where a run begins, and what to expect is said beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds.config.presets import SMALL_PAYS, resolve, scale_for
from evenodds.config.settings import NetworkSettings, PlanSettings, Recipe
from evenodds.core.spec import PictureSpec
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.runs.run import Run
from evenodds.training.context import Context, Silent
from evenodds.training.forecast import about, duration, expectation, planned
from evenodds.training.session import train_run

CPU = torch.device("cpu")
FEW, MANY = SMALL_PAYS - 1, SMALL_PAYS


class Listener(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, text: str) -> None:
        self.sentences.append(text)


def recipe(budget: str, **network: Any) -> Recipe:
    return Recipe(plan=PlanSettings(budget=budget), network=NetworkSettings(**network))


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40 pictures of noise, 64 px."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    for index in range(40):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(folder / f"{index:02d}.png")
    return folder


@pytest.mark.parametrize(
    ("network", "side", "seen", "scale"),
    [
        ({}, 64, FEW, "tiny"),
        ({}, 64, MANY, "small"),
        ({}, 128, FEW, "tiny"),
        ({}, 32, FEW, "small"),
        ({"scale": "base"}, 64, FEW, "base"),
        ({"width": 20}, 64, FEW, "small"),
        ({"network": "r3gan"}, 64, FEW, "small"),
        ({"stages": "32,64"}, 64, FEW, "small"),
    ],
)
def test_auto_takes_tiny_for_photographs_that_are_seen_seldom(
    network: dict[str, Any], side: int, seen: int, scale: str
) -> None:
    spec, asked = PictureSpec(3, side, side), Recipe(network=NetworkSettings(**network))
    assert scale_for(asked, resolve(asked, spec, 5000, "photos"), spec, seen) == scale


@pytest.mark.parametrize(("budget", "scale"), [(f"{FEW // 36}rounds", "tiny"), (f"{MANY}rounds", "small")])
def test_a_budget_is_looked_at_in_any_unit(noise: Path, budget: str, scale: str) -> None:
    store = prepare(find(str(noise)), recipe(budget).data)
    pace = planned(recipe(budget), store, "noise", CPU)
    assert pace.recipe.network.scale == scale
    assert pace.rounds == int(budget.removesuffix("rounds"))
    assert pace.seen == pace.rounds * pace.recipe.game.batch * pace.recipe.game.d_steps
    assert pace.samples_per_second == pytest.approx(pace.samples_per_round / pace.seconds_per_round)


def test_as_many_ranks_see_as_many_times_more(noise: Path) -> None:
    asked = recipe("100rounds")
    store = prepare(find(str(noise)), asked.data)
    assert planned(asked, store, "noise", CPU, ranks=2).seen == 2 * planned(asked, store, "noise", CPU).seen


def trained(source: Path, run: Path, wish: Recipe) -> tuple[NetworkSettings, list[str]]:
    """The networks of a run that a training began or went on with, and what was said."""
    listener = Listener()
    train_run(find(str(source)), "noise", wish, run, Context(CPU, observer=listener))
    return Run.open(run).recipe.network, [text for text in listener.sentences if "on record" in text]


def test_training_says_what_to_expect_of_the_scale_that_it_takes(noise: Path, tmp_path: Path) -> None:
    network, sentences = trained(noise, tmp_path / "run", recipe("2rounds"))
    assert (network.scale, network.width) == ("tiny", 16)
    assert len(sentences) == 1


def test_a_run_that_goes_on_keeps_its_scale(noise: Path, tmp_path: Path) -> None:
    begun, _ = trained(noise, tmp_path / "run", recipe("2rounds", scale="small"))
    network, sentences = trained(noise, tmp_path / "run", recipe("3rounds"))
    assert network == begun
    assert (network.scale, network.width) == ("small", 32)
    assert not sentences


def test_what_is_not_on_record_is_not_foretold(noise: Path) -> None:
    for asked in (
        recipe("2rounds", network="r3gan"),
        recipe("2rounds", stages="32,64"),
        recipe("2rounds", width=20),
    ):
        store = prepare(find(str(noise)), asked.data)
        assert expectation(planned(asked, store, "noise", CPU), store) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(61, "61 seconds"), (600, "10 minutes"), (10_000, "2.8 hours"), (500_000, "5.8 days")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(7, "7"), (31_416, "31,000"), (999_999, "1,000,000"), (25e6, "25 million")]
)
def test_counts_in_words(count: float, words: str) -> None:
    assert about(count) == words
