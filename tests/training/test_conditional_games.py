"""Every kind of condition: its game trains, is resumed bit for bit, makes fakes, and is judged; and it is learnt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.config.presets import resolve
from evenodds.config.settings import NetworkSettings, Recipe
from evenodds.core.bundle import read
from evenodds.core.spec import PictureSpec
from evenodds.data.batches import drawn
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.tables.codec import TableCodec
from evenodds.gan import Gan
from evenodds.judge.dataset import JudgeData
from evenodds.runs.run import Run
from evenodds.runs.source_data import store_of
from evenodds.training.best_state import SELECTION
from evenodds.training.checks import Checker
from evenodds.training.context import Context, Silent
from evenodds.training.loop import train
from evenodds.training.session import open_run
from evenodds.training.snapshots import SnapshotWriter, in_order
from evenodds.training.trainer import Trainer

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")
ROUNDS, EVERY = 6, 3
KEPT = ("rounds", "turns", "seen", "next_check", "pace", "distance", "steward")

GAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "labels, dcgan": ("classes", {"condition": "labels", "network": "dcgan"}),
    "labels, dcgan, as channels": (
        "classes",
        {"condition": "labels", "network": "dcgan", "conditioning": "concat"},
    ),
    "labels, coarse to fine": (
        "classes",
        {"condition": "labels", "network": "dcgan", "stages": "8,16"},
    ),
    "labels, gan": ("classes", {"condition": "labels", "network": "gan"}),
    "a category": ("penguins", {"condition": "species", "network": "tabular"}),
    "a number": ("penguins", {"condition": "flipper", "network": "tabular"}),
    "a number with gaps, a date and a category": ("penguins", {"condition": "species,bill,seen"}),
    "columns, gan": ("penguins", {"condition": "species,flipper", "network": "gan"}),
    "pairs": ("pairs", {"condition": "pairs"}),
    "pairs, the other way": ("pairs", {"condition": "pairs", "direction": "BtoA", "network": "resunet"}),
    "unpaired": ("unpaired", {"condition": "unpaired", "pool": 10, "identity": 1.0, "padding": "reflect"}),
    "outlines": ("photographs", {"condition": "outlines"}),
    "gray": ("photographs", {"condition": "gray"}),
    "small": ("photographs", {"condition": "small", "network": "resunet"}),
    "masked": ("photographs", {"condition": "masked", "augment": "off", "penalty": "r1"}),
}
JUDGED = ["labels, dcgan", "labels, gan", "pairs", "unpaired", "outlines", "gray", "small", "masked"]

Source = Callable[[str], Path]
Played = Callable[[str], Gan]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, photographs: Path, penguins: Path) -> Source:
    """The data of a game by its name."""
    folder = tmp_path_factory.mktemp("sources")
    rng = np.random.default_rng(0)
    for number in range(36):
        for place in ("classes/dark", "classes/light"):
            low = 0 if place.endswith("dark") else 180
            save(rng.integers(low, low + 60, (20, 20, 3)), folder / place / f"{number}.png")
        picture = rng.integers(0, 256, (4, 4, 3)).repeat(5, 0).repeat(5, 1)
        save(picture, folder / "pairs" / "A" / f"{number}.png")
        save(255 - picture.mean(2), folder / "pairs" / "B" / f"{number}.png")
        save(255 - picture, folder / "unpaired" / "trainB" / f"{number}.png")
    for number in range(24):
        picture = rng.integers(0, 128, (4, 4, 3)).repeat(5, 0).repeat(5, 1)
        save(picture, folder / "unpaired" / "trainA" / f"other{number}.png")
    known = {"photographs": photographs, "penguins": penguins}
    return lambda name: known.get(name, folder / name)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, source: Source) -> Played:
    """A game of ROUNDS in one go, played when it is first asked for."""
    runs: dict[str, Gan] = {}

    def play(game: str) -> Gan:
        if game not in runs:
            gan = settings(game, ROUNDS)
            runs[game] = gan.fit(source(GAMES[game][0]), tmp_path_factory.mktemp("run") / "run")
        return runs[game]

    return play


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def settings(game: str, rounds: int) -> Gan:
    name, more = GAMES[game]
    sized = {} if name == "penguins" else {"size": 16}
    small = {"width": 8, "latent": 8, "batch": 8, "check_every": EVERY, "head_turns": 20, "seed": 5}
    return Gan(**{**small, **sized, "budget": f"{rounds}rounds", **more})


def go_on(game: str, folder: Path, source: Source, rounds: int) -> Run:
    """Plays to ``rounds`` without a report."""
    recipe = settings(game, rounds).recipe
    named = str(source(GAMES[game][0]))
    store = prepare(find(named), recipe.data)
    full = resolve(recipe, store.spec, store.n_train, named, store.condition)
    run = open_run(folder, named, full, store, Silent())
    verdict = train(run, store, Context(CPU))
    assert (verdict.verdict, verdict.rounds) == ("budget", rounds)
    return run


def newest(run: Run) -> Path:
    found = run.checkpoints.last()
    assert found is not None
    return found


@pytest.mark.parametrize("game", GAMES)
def test_resumed_equals_unbroken(game: str, played: Played, source: Source, tmp_path: Path) -> None:
    unbroken = played(game).fitted()
    assert unbroken.condition is not None
    before, facts = read(newest(go_on(game, tmp_path / "run", source, EVERY)))
    assert facts["rounds"] == EVERY
    run = go_on(game, tmp_path / "run", source, ROUNDS)
    for mine, theirs in (
        (newest(run), newest(unbroken)),
        (run.checkpoints.best(), unbroken.checkpoints.best()),
    ):
        tensors, facts = read(mine)
        others, expected = read(theirs)
        assert tensors.keys() == others.keys()
        # What the best state was chosen by stands beside it alone.
        assert tensors.keys() - {SELECTION} == before.keys() - {SELECTION}
        for key in KEPT:
            assert facts[key] == expected[key], key
        for group in tensors:
            assert tensors[group].keys() == others[group].keys()
            for name, value in tensors[group].items():
                assert torch.equal(value, others[group][name]), f"{group}: {name}"
    after, _ = read(newest(run))
    for player in ("generator", "discriminator"):
        moved = [not torch.equal(after[player][name], weight) for name, weight in before[player].items()]
        assert any(moved), f"{player} did not play"
    assert [check.odds for check in run.checks()] == [check.odds for check in unbroken.checks()]
    between = [5] if "stages" in GAMES[game][1] else []  # where three quarters of the budget are spent
    assert [check.round for check in run.checks()] == [0, EVERY, *between, ROUNDS]
    sheets = [sheet.name for sheet in unbroken.samples()]
    assert len(sheets) == 2 * (3 + len(between)), "each has D's answers beside it"
    for name in sheets:
        assert (run.path / "samples" / name).read_bytes() == (unbroken.path / "samples" / name).read_bytes()


@pytest.mark.parametrize("game", GAMES)
def test_its_fakes_are_of_the_data_s_form_and_survive_saving(
    game: str, played: Played, source: Source, tmp_path: Path
) -> None:
    gan = played(game)
    run = gan.fitted()
    fakes = gan.sample(21, seed=3)
    if isinstance(fakes, pd.DataFrame):
        assert list(fakes) == list(pd.read_csv(source("penguins")))
    else:
        assert isinstance(run.spec, PictureSpec)
        assert fakes.shape == (21, 16, 16, run.spec.channels)
        assert fakes.dtype == np.uint8
        assert len(np.unique(fakes.reshape(21, -1), axis=0)) > 1
    assert len(fakes) == 21
    gan.save(tmp_path / "kept")
    again = Gan.load(tmp_path / "kept").sample(21, seed=3)
    assert np.array_equal(np.asarray(again, str), np.asarray(fakes, str))


@pytest.mark.parametrize("game", GAMES)
def test_the_run_keeps_conditions_of_its_data(game: str, played: Played) -> None:
    run = played(game).fitted()
    store = store_of(run)
    tensors, state = run.stored_conditions()
    kept = tensors["known"]["given"].numpy()
    assert store.condition == run.condition
    assert run.condition is not None
    if run.condition.pictures:
        places = np.arange(store.n_conditions("heldout"))
        assert kept.tolist() == cast(np.ndarray, store.conditions("heldout", places)).tolist()
        assert ("real" in tensors["known"]) == run.condition.paired
        assert not run.condition.paired or np.array_equal(
            tensors["known"]["real"].numpy(), store.heldout(places)
        )
        return
    train_rows = store.conditions("train", np.arange(store.n_train))
    assert train_rows is not None
    assert sorted(map(tuple, kept.tolist())) == sorted(map(tuple, train_rows.tolist()))
    assert TableCodec.from_json(state["codec"]).spec == run.condition.spec


@pytest.mark.slow
@pytest.mark.parametrize("game", ["a category", "columns, gan"])
def test_rows_are_judged(game: str, played: Played, source: Source) -> None:
    gan = played(game)
    found = gan.judge(source("penguins"))
    assert len(found) == 120
    row = "species=gentoo,bill=45.1,flipper=200,seen=2021-03-04"
    likely, odd = (gan.judge(row.replace("200", number))["percent_real"][0] for number in ("200", "260"))
    assert odd < likely
    asked = gan.sample(30, condition={"species": "gentoo"})
    assert gan.judge(asked)["p_value"].between(0, 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("game", JUDGED)
def test_pictures_are_judged(game: str, played: Played, source: Source) -> None:
    gan = played(game)
    store = store_of(gan.fitted())
    real = store.heldout(np.arange(store.n_heldout)).transpose(0, 2, 3, 1)
    ours, theirs = gan.judge(real)["percent_real"], gan.judge(gan.sample(20))["percent_real"]
    assert ours.between(0, 100).all()
    assert ours.median() > theirs.median() + 10


def test_the_judge_s_present_fakes_are_made_from_many_training_conditions(played: Played) -> None:
    gan = played("outlines")
    run = gan.fitted()
    store = store_of(run)
    wish = JudgeData(run, store, CPU).condition
    assert wish is not None
    assert wish.pictures is not None
    mine = {picture.tobytes() for picture in wish.pictures}
    train_pictures = store.conditions("train", np.arange(store.n_train))
    assert train_pictures is not None
    assert mine == {picture.tobytes() for picture in train_pictures}
    labels = played("labels, gan").fitted()
    assert (
        JudgeData(labels, store_of(labels), CPU).condition is None
    )  # their own conditions are those of the data


def test_shown_values_lie_sorted_and_pictures_as_they_come() -> None:
    values = torch.tensor([[0, 1, 0.3], [1, 0, -0.2], [0, 1, 0.9], [1, 0, 0.5]])
    shown = in_order(values)
    assert shown is not None
    assert shown.tolist() == values[[3, 1, 2, 0]].tolist()
    pictures = torch.randn(3, 1, 4, 4)
    assert in_order(pictures) is pictures
    assert in_order(None) is None


def test_a_sheet_shows_held_out_conditions_in_order(played: Played) -> None:
    run = played("labels, gan").fitted()
    store = store_of(run)
    given = store.conditions("heldout", np.arange(64) % store.n_heldout)
    assert given is not None
    assert len(np.unique(given, axis=0)) == 2
    training = Trainer(run.recipe, store, CPU)
    training.restore(*read(newest(run)))
    sheet = run.path / "samples" / f"{ROUNDS:08d}.png"
    before = sheet.read_bytes()
    gallery = SnapshotWriter(run, store, training)
    assert gallery.conditions is not None
    first = int(given[:, 0].sum())
    assert gallery.conditions.tolist() == [[1, 0]] * first + [[0, 1]] * (64 - first)
    assert gallery.write() == sheet
    assert sheet.read_bytes() == before


def learnt(frame: pd.DataFrame, folder: Path, given: str) -> Gan:
    """A short game on a table."""
    frame.to_csv(folder / "table.csv", index=False)
    gan = Gan(
        budget="200rounds",
        condition=given,
        width=32,
        latent=8,
        batch=128,
        ema_half_life=4_000,
        check_every=50,
    )
    return gan.fit(folder / "table.csv", folder / "run")


def mean_and_spread(gan: Gan, **asked: Any) -> tuple[float, float]:
    """Of b, where all rows hold what is asked."""
    rows = gan.sample(1_000, condition=asked)
    assert isinstance(rows, pd.DataFrame)
    for name, value in asked.items():
        assert (rows[name] == value).all()
    return float(rows["b"].mean()), float(rows["b"].std())


@pytest.mark.parametrize("spread", [0.3, 1.5])
def test_what_follows_from_a_category_is_learnt(spread: float, tmp_path: Path) -> None:
    """Apart, as two heaps, and overlapping, as one."""
    rng = np.random.default_rng(0)
    a = rng.choice(["x", "y"], 1_000)
    b = rng.normal(np.where(a == "x", 2, -2), spread)
    gan = learnt(pd.DataFrame({"a": a, "b": b}), tmp_path, "a")
    for level, centre in (("x", 2), ("y", -2)):
        mean, found = mean_and_spread(gan, a=level)
        assert mean == pytest.approx(centre, abs=0.4)
        assert 0.5 * spread < found < spread + 0.4


def test_what_follows_from_a_number_is_learnt(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(-3, 3, 1_000).round(2)
    gan = learnt(pd.DataFrame({"b": rng.normal(-a, 0.3), "a": a}), tmp_path, "a")
    for value in (-2.0, 0.5, 2.0):
        mean, found = mean_and_spread(gan, a=value)
        assert mean == pytest.approx(-value, abs=0.4)
        assert found < 1


def disc(ground: tuple[int, int, int], ink: tuple[int, int, int], x: int, y: int) -> np.ndarray:
    """A disc at x, y on a ground, 16 px."""
    down, across = np.mgrid[:16, :16]
    inside = (across - x) ** 2 + (down - y) ** 2 <= 9
    return np.where(inside[..., None], ink, ground).astype(np.uint8)


@pytest.mark.slow
def test_what_is_made_of_another_set_has_its_colors_and_stands_where_it_stood(tmp_path: Path) -> None:
    """White discs on dark grounds; the other set's are blue on yellow, elsewhere: G alone brings both together."""
    rng = np.random.default_rng(0)
    dark, yellow = (40, 40, 40), (220, 220, 60)
    for number in range(120):
        first, second = rng.integers(3, 13, (2, 2)).tolist()
        save(disc(dark, (230, 230, 230), *first), tmp_path / "two" / "A" / f"{number}.png")
        save(disc(yellow, (20, 20, 160), *second), tmp_path / "two" / "B" / f"{number}.png")
    gan = Gan(condition="unpaired", size=16, width=8, latent=8, batch=16, budget="250rounds", stop="budget")
    gan.fit(tmp_path / "two", tmp_path / "run")
    places = rng.integers(4, 12, (16, 2)).tolist()
    source = np.stack([disc(dark, (230, 230, 230), *one) for one in places])
    made = cast(np.ndarray, gan.sample(16, condition=source)).astype(float)
    inside = source.mean(3) > 128
    assert np.abs(made[~inside].mean(0) - yellow).max() < 40
    # Where a white disc stood it is nearer to blue than to white, after so few rounds.
    to_blue, to_white = (
        np.linalg.norm(made[inside].mean(0) - ink) for ink in ((20, 20, 160), (230, 230, 230))
    )
    assert to_blue < to_white


def test_pictures_under_the_wrong_labels_are_far_from_the_reals(tmp_path: Path, source: Source) -> None:
    """As a whole they are the same pictures: only what they were asked for tells."""
    store = prepare(find(str(source("classes"))), DataSettings(condition="labels", size=16))
    recipe = Recipe(
        data=DataSettings(condition="labels", size=16), network=NetworkSettings(network="gan", width=8)
    )
    training = Trainer(resolve(recipe, store.spec, store.n_train, "classes", store.condition), store, CPU)
    checker = Checker(training)
    assert checker.conditions is not None
    places = np.arange(len(checker.conditions)) % store.n_heldout
    reals = checker.cloud([drawn(store, "heldout", places, CPU).x])
    right = checker.distance(reals)[0]
    checker.conditions = checker.conditions.flip(1)  # dark is light, light is dark
    assert checker.distance(reals)[0] > right + 1
