"""Reals are mirrored where the data lets them: chosen once, written down, played the same again, compared fairly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds.config.presets import resolve
from evenodds.config.settings import Recipe
from evenodds.core.errors import UserError
from evenodds.data.prepare import prepare
from evenodds.data.source import Source, find
from evenodds.data.store import Store
from evenodds.evaluate.images import copying_metric
from evenodds.game.augment import mirror
from evenodds.metrics.mirror import FEWEST
from evenodds.runs.run import Run
from evenodds.training.checks import Checker
from evenodds.training.context import Context, Silent
from evenodds.training.mirroring import labels_of, with_mirror
from evenodds.training.session import train_run
from evenodds.training.trainer import Trainer

CPU = torch.device("cpu")
SIDE = 16
BEFORE = Path(__file__).parents[1] / "runs_before"


class Listener(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def folder_of(folder: Path, pictures: np.ndarray, classes: list[str] | None = None) -> Path:
    """Pictures (n, H, W) as PNG, of classes in a folder each."""
    for index, pixels in enumerate(pictures):
        inside = folder / classes[index] if classes else folder
        inside.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(inside / f"{index:04d}.png")
    return folder


def strokes(n: int, sides: np.ndarray) -> np.ndarray:
    """Noise with a bright stroke to the left or to the right, uint8 (n, SIDE, SIDE)."""
    pictures = np.random.default_rng(0).integers(60, 130, (n, SIDE, SIDE)).astype(np.uint8)
    pictures[sides == 0, 6:9, 1:6] = 250
    pictures[sides == 1, 6:9, 10:15] = 250
    return pictures


EITHER = np.random.default_rng(1).integers(0, 2, 500)


@pytest.fixture(scope="module")
def symmetric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 pictures, with a stroke to the left as often as to the right."""
    return folder_of(tmp_path_factory.mktemp("symmetric"), strokes(500, EITHER))


@pytest.fixture(scope="module")
def facing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in a folder for each side."""
    classes = [("left", "right")[side] for side in EITHER]
    return folder_of(tmp_path_factory.mktemp("facing"), strokes(500, EITHER), classes)


@pytest.fixture(scope="module")
def sided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 pictures with a stroke to the left."""
    return folder_of(tmp_path_factory.mktemp("sided"), strokes(500, np.zeros(500)))


def recipe_of(mirror: str = "auto", condition: str | None = None, rounds: int = 2) -> Recipe:
    values: dict[str, Any] = {
        "plan": {"budget": f"{rounds}rounds", "check_every": 1},
        "data": {"size": SIDE, "condition": condition},
        "network": {"network": "gan", "width": 8, "latent": 4},
        "game": {"batch": 16, "head_start": 0.0, "mirror": mirror},
    }
    return Recipe.model_validate(values)


def asked_of(path: Path, mirror: str = "auto", condition: str | None = None) -> tuple[str, list[str]]:
    """What was chosen for a folder, and what was said."""
    recipe, listener = recipe_of(mirror, condition), Listener()
    store = prepare(find(str(path)), recipe.data)
    resolved = resolve(recipe, store.spec, store.n_train, "x", store.condition)
    return with_mirror(resolved, store, listener.say).game.mirror, listener.said


def training_on(path: Path, mirror: str) -> Trainer:
    recipe = recipe_of(mirror)
    store = prepare(find(str(path)), recipe.data)
    return Trainer(resolve(recipe, store.spec, store.n_train, "x"), store, CPU)


def test_auto_mirrors_where_the_pictures_are_symmetric(symmetric: Path) -> None:
    chosen, said = asked_of(symmetric)
    assert chosen == "on"
    assert len(said) == 1
    assert said[0].startswith("reals are mirrored half of the time")


def test_auto_leaves_pictures_that_have_a_side(sided: Path) -> None:
    chosen, said = asked_of(sided)
    assert chosen == "off"
    assert said[0].startswith("reals are not mirrored: a classifier is right about 100%")


def test_auto_leaves_pictures_whose_label_has_a_side(facing: Path) -> None:
    assert asked_of(facing)[0] == "on"  # without the label they are symmetric
    chosen, said = asked_of(facing, condition="labels")
    assert chosen == "off"
    assert "under label" in said[0]


def test_auto_leaves_few_pictures(photographs: Path) -> None:
    chosen, said = asked_of(photographs)
    assert chosen == "off"
    assert f"too few to ask whether they look alike in a mirror, {FEWEST}" in said[0]


def test_the_user_is_followed_but_warned_of_a_label(facing: Path, sided: Path) -> None:
    assert asked_of(sided, "on") == ("on", [])
    assert asked_of(sided, "off") == ("off", [])
    chosen, said = asked_of(facing, "on", "labels")
    assert chosen == "on"
    assert said[0].startswith("mirrored as you say, though")


def test_labels_lie_where_the_condition_has_them(facing: Path) -> None:
    store = prepare(find(str(facing)), recipe_of(condition="labels").data)
    labels = labels_of(store)
    frame = store.labels("train")
    assert labels is not None
    assert frame is not None
    [(name, places)] = labels.places.items()
    levels = [labels.levels[name][code] for code in labels.c[:, places].argmax(1)]
    assert levels == frame[name].tolist()


def test_a_picture_is_mirrored_or_left_as_often() -> None:
    torch.manual_seed(0)
    x = torch.rand(2000, 2, 4, 6).contiguous(memory_format=torch.channels_last)
    out = mirror(x)
    same, turned = ((out == other).flatten(1).all(1) for other in (x, x.flip(3)))
    assert (same ^ turned).all()
    assert 0.45 < turned.float().mean() < 0.55
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_a_place_in_the_game_mirrors_the_same_pictures(sided: Path) -> None:
    one, other, without = (training_on(sided, mirror) for mirror in ("on", "on", "off"))
    for _ in range(3):
        reals, again, plain = (training.d_step()[0].x for training in (one, other, without))
        assert torch.equal(reals, again)
        turned = (reals != plain).flatten(1).any(1)
        assert 0 < turned.sum() < len(turned)
        assert torch.equal(reals[turned], plain[turned].flip(3))


def test_a_mirrored_copy_is_a_copy(sided: Path) -> None:
    """A fake that is a training picture in the mirror lies at a distance of nothing, where the game mirrors."""
    for setting, near in (("on", True), ("off", False)):
        checker = Checker(training_on(sided, setting))
        train, heldout = checker.copied
        assert len(train) % len(checker.train) == len(heldout) % len(checker.heldout) == 0
        twin = checker.features(next(iter(checker.probes.reals("train", 3))).flip(3))
        distances = np.linalg.norm(train[None] - twin[:, None], axis=2).min(1)
        assert (distances < 1e-3).all() == near


def test_a_score_finds_mirrored_copies(sided: Path, tmp_path: Path) -> None:
    store = prepare(find(str(sided)), recipe_of().data)
    fake = np.ascontiguousarray(store.train(np.arange(100))[..., ::-1])
    found, missed = (copying_metric(store, fake, tmp_path / "s.png", mirrored) for mirrored in (True, False))
    assert found.value > 0.95
    assert missed.value < 0.6
    assert (tmp_path / "s.png").is_file()


def trained(source: Source, recipe: Recipe, folder: Path) -> list[str]:
    """Trains, and returns what was said."""
    listener = Listener()
    train_run(source, source.name, recipe, folder, Context(CPU, observer=listener))
    return listener.said


def mirrored_lines(said: list[str]) -> list[str]:
    return [text for text in said if "mirrored" in text]


@pytest.mark.medium
def test_a_run_says_which_and_goes_on_without_asking_again(symmetric: Path, tmp_path: Path) -> None:
    source, run = find(str(symmetric)), tmp_path / "run"
    assert len(mirrored_lines(trained(source, recipe_of(), run))) == 1
    assert Run.open(run).facts["settings"]["game"]["mirror"] == "on"
    assert not mirrored_lines(trained(source, recipe_of(rounds=4), run))
    assert Run.open(run).recipe.game.mirror == "on"
    assert max(check.round for check in Run.open(run).checks()) == 4
    with pytest.raises(UserError, match=r"game\.mirror: on -> off"):
        trained(source, recipe_of("off", rounds=6), run)


@pytest.mark.medium
def test_a_run_of_before_is_not_mirrored(symmetric: Path, tmp_path: Path) -> None:
    """Its recipe has no such setting; what its pictures are now is not asked."""
    import json

    from evenodds.core import checksums
    from evenodds.runs.run import write_recipe

    source, run = find(str(symmetric)), tmp_path / "run"
    trained(source, recipe_of("off"), run)
    facts = checksums.read_verified(run / "recipe.json")
    del facts["settings"]["game"]["mirror"]
    write_recipe(run, facts)
    assert "mirror" not in json.loads((run / "recipe.json").read_text())["settings"]["game"]
    assert Run.open(run).recipe.game.mirror == "off"
    assert not mirrored_lines(trained(source, recipe_of(rounds=4), run))
    assert Run.open(run).recipe.game.mirror == "off"
    assert max(check.round for check in Run.open(run).checks()) == 4


@pytest.mark.parametrize("name", ["digits", "people", "outlines"])
def test_stored_runs_of_before_are_not_mirrored(name: str) -> None:
    assert Run.open(BEFORE / name).recipe.game.mirror == "off"


def test_it_is_asked_within_seconds(symmetric: Path) -> None:
    """Two thousand pictures at most are looked at, however many there are."""
    from evenodds.training.mirroring import LEAST, MOST, asked_count

    store = prepare(find(str(symmetric)), recipe_of().data)
    assert asked_count(store) == store.n_train
    assert asked_count(like(store, 60_000, SIDE)) == MOST
    assert asked_count(like(store, 60_000, 1024)) == LEAST


def like(store: Store, n_train: int, side: int) -> Store:
    """The facts of a larger store."""
    from types import SimpleNamespace

    from evenodds.core.spec import PictureSpec

    return SimpleNamespace(n_train=n_train, spec=PictureSpec(3, side, side))  # type: ignore[return-value]
