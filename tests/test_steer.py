"""Directions whose answer is known: separation, holding, discovery, ways and sums; and steering a real run of rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from evenodds.data.prepare import prepare
from evenodds.data.settings import DataSettings
from evenodds.data.source import find
from evenodds.errors import UserError
from evenodds.gan import Gan
from evenodds.run import Run
from evenodds.steer import discovery, paths
from evenodds.steer.directions import Direction, keep, names, recall
from evenodds.steer.eyes import Eyes, Feature
from evenodds.steer.reading import eyes_for
from evenodds.steer.separation import between, hold, incline, separate
from evenodds.steer.steering import Steer, spelled

from .conftest import Answer

CPU = torch.device("cpu")


def normals(n: int, d: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=(n, d))


def cosine(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_plane_between_two_kinds_of_fakes_is_found() -> None:
    z, w = normals(4000, 32), normals(1, 32, 1)[0]
    shown = 1 / (1 + np.exp(-3 * z @ w / np.linalg.norm(w)))
    found = separate(z, shown)
    assert np.linalg.norm(found) == pytest.approx(1)
    assert cosine(found, w) > 0.97


def test_a_feature_that_hardly_any_fake_shows_is_refused() -> None:
    z = normals(1000, 4)
    shown = np.where(np.arange(1000) < 7, 0.9, 0.1)
    with pytest.raises(UserError, match="only 7 of 1000 fakes show it"):
        separate(z, shown)
    with pytest.raises(UserError, match="only 7 of 1000 fakes do not"):
        separate(z, 1 - shown)


def test_the_way_up_a_number_is_found() -> None:
    z, w = normals(2000, 16), normals(1, 16, 1)[0]
    assert cosine(incline(z, z @ w + 0.5 * normals(2000, 1, 2)[:, 0]), w) > 0.97


def test_examples_part_along_what_they_differ_in() -> None:
    w = np.eye(8)[2]
    assert cosine(between(normals(4000, 8) + w, normals(4000, 8, 1) - w), w) > 0.99


def test_what_is_held_is_left_alone() -> None:
    direction, others = normals(1, 16)[0], normals(3, 16, 1)
    held = hold(direction / np.linalg.norm(direction), others)
    np.testing.assert_allclose(others @ held, 0, atol=1e-12)
    assert np.linalg.norm(held) == pytest.approx(1)
    assert cosine(held, direction) > 0.7
    np.testing.assert_array_equal(hold(direction, np.empty((0, 16))), direction)


def test_a_direction_that_is_all_another_ones_stays() -> None:
    direction = np.eye(4)[0]
    np.testing.assert_array_equal(hold(direction, np.eye(4)[:1] * 3), direction)


def test_the_strongest_weights_come_first() -> None:
    """A = diag(1, 5, 3) has its eigenvectors along the axes, by strength: second, third, first."""
    found = discovery.from_weights(torch.diag(torch.tensor([1.0, 5.0, 3.0])), 3)
    np.testing.assert_allclose(np.abs(found), np.eye(3)[[1, 2, 0]], atol=1e-9)


def test_the_features_that_vary_most_give_the_directions() -> None:
    z = normals(3000, 5)
    lift = np.zeros((5, 7))
    lift[3, 2], lift[1, 6] = 9.0, 4.0
    found = discovery.from_features(z, z @ lift + 0.01 * normals(3000, 7, 1), 2)
    assert abs(found[0, 3]) > 0.99
    assert abs(found[1, 1]) > 0.99


def test_the_first_layer_is_found_past_an_embedding() -> None:
    linear = nn.Linear(6, 9)
    torch.testing.assert_close(discovery.first_weights(nn.Sequential(linear), 6), linear.weight.T)
    up = nn.ConvTranspose2d(6, 3, 4)
    assert discovery.first_weights(nn.Sequential(up), 6).shape == (6, 48)
    with pytest.raises(TypeError, match="no layer"):
        discovery.first_weights(nn.Sequential(nn.ReLU()), 6)


def test_a_great_circle_is_walked_at_an_even_speed_and_length() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    way = paths.spherical(a, b, torch.linspace(0, 1, 5))
    angles = torch.atan2(way[:, 1], way[:, 0])
    torch.testing.assert_close(angles, torch.linspace(0, math.pi / 2, 5))
    torch.testing.assert_close(way.norm(dim=1), torch.linspace(2, 4, 5))


def test_equal_ends_make_no_way() -> None:
    a = torch.randn(7)
    torch.testing.assert_close(paths.spherical(a, a, torch.linspace(0, 1, 3)), a.expand(3, -1))


def test_along_moves_both_ways() -> None:
    strip = paths.along(torch.ones(3), torch.eye(3)[0], 2.0, 5)
    torch.testing.assert_close(strip[:, 0], torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0]))
    assert (strip[:, 1:] == 1).all()


def test_a_sum_of_three_means_of_three_keeps_a_latents_length() -> None:
    torch.manual_seed(0)
    terms = [(sign, torch.randn(3, 400)) for sign in (1, -1, 1)]
    raw = torch.stack([sign * latents.mean(0) for sign, latents in terms]).sum(0)
    assert raw.norm() == pytest.approx(20, rel=0.1)  # no need to stretch it
    assert paths.combine(terms).norm() == pytest.approx(20)
    assert cosine(paths.combine(terms).numpy(), raw.numpy()) == pytest.approx(1)


def test_steps_are_made_where_much_moves() -> None:
    """Nothing moves in the first half, and evenly in the second: all inner steps lie there."""
    shares = paths.even_steps(torch.tensor([0.0, 0.0, 1.0, 1.0]), 5)
    torch.testing.assert_close(shares[1:], torch.tensor([0.625, 0.75, 0.875, 1.0]))


EYES = Eyes(
    (Feature("glasses", "no"), Feature("glasses", "yes"), Feature("hair", "long"), Feature("age", None)),
    lambda x: x,
    {},
)


@pytest.mark.parametrize(
    ("name", "place", "present"),
    [
        ("glasses=yes", 1, True),
        ("glasses", 1, True),
        ("no glasses", 1, False),
        ("glasses=no", 0, True),
        ("long", 2, True),
        ("no  long", 2, False),
        ("age", 3, True),
    ],
)
def test_features_go_by_short_names_too(name: str, place: int, present: bool) -> None:
    assert EYES.place(name) == (place, present)


def test_an_unknown_feature_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UserError, match="'beard', the features are: glasses=no, glasses=yes, hair=long, age"):
        EYES.place("beard")


def test_a_sum_is_read_term_by_term() -> None:
    found = spelled("glasses short - no glasses short + no glasses long")
    assert found == [
        (1, ["glasses", "short"]),
        (-1, ["no glasses", "short"]),
        (1, ["no glasses", "long"]),
    ]
    with pytest.raises(UserError, match="no sum of features"):
        spelled(" + ")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short game of heights and weights."""
    gan = Gan(budget="400rounds", network="tabular").fit("people", tmp_path_factory.mktemp("steer") / "run")
    return gan.fitted()


def test_heights_rise_along_their_direction(people: Run) -> None:
    steer = Steer(people, CPU)
    direction = steer.find("height")
    assert direction.effect["flipped"] > 0.9
    strips = steer.apply("height", steer.latents(range(50)), steps=5)
    assert strips.shape[:2] == (50, 5)
    shown = steer.eyes.see(strips.flatten(0, 1))[:, 0].reshape(50, 5)
    assert (np.diff(shown.mean(0)) > 0.1).all()


def test_a_direction_is_kept_and_another_states_is_refused(people: Run) -> None:
    vector = torch.eye(32)[3]
    keep(people, Direction("odd one", vector, 2.0, "examples", {}, people.best().name))
    assert "odd one" in names(people)
    assert torch.equal(recall(people, "odd one").vector, vector)
    keep(people, Direction("older", vector, 2.0, "examples", {}, "00000000"))
    with pytest.raises(UserError, match="earlier state"):
        recall(people, "older")
    with pytest.raises(UserError, match="no direction 'nose'"):
        recall(people, "nose")
    for name in ("../up", "a/b", "", ".hidden"):
        with pytest.raises(UserError, match="is no name"):
            keep(people, Direction(name, vector, 2.0, "examples", {}, "0"))


def test_a_walk_is_as_fast_everywhere(people: Run) -> None:
    steer = Steer(people, CPU)
    way = steer.walk(steer.latents([1, 2, 3]), 60)
    moved = steer.moved(way)
    assert moved.max() < 3 * moved.mean()
    with pytest.raises(UserError, match="at least two"):
        steer.walk(steer.latents([1]), 10)


def test_too_few_examples_are_refused(people: Run) -> None:
    with pytest.raises(UserError, match="at least 3 seeds"):
        Steer(people, CPU).find_by_examples("tall", [1, 2], [3, 4, 5])


def test_a_seed_is_always_the_same_latent(people: Run) -> None:
    steer = Steer(people, CPU)
    first = steer.latents([5, 9])
    torch.manual_seed(1)
    assert torch.equal(first, steer.latents([5, 9]))
    assert torch.equal(first[1:], steer.latents([9]))


def test_rows_are_steered_from_the_command_line(
    people: Run, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    found = evenodds("steer", "find", people.path, "weight", "--json")
    assert found.code == 0, found.err
    (told,) = json.loads(found.out)
    assert told["name"] == "weight"
    assert told["flipped"] > 0.9
    for command in (
        ("apply", people.path, "weight", "--seeds", 1, 2, "--steps", 5, "--to", tmp_path / "strips.csv"),
        ("walk", people.path, "--seeds", 1, 2, 3, "--steps", 20, "--to", tmp_path / "walk.csv"),
        ("mix", people.path, "height - weight", "--to", tmp_path / "mix.csv"),
    ):
        answer = evenodds("steer", *command)
        assert answer.code == 0, answer.err
    assert len(pd.read_csv(tmp_path / "strips.csv")) == 10
    assert len(pd.read_csv(tmp_path / "walk.csv")) == 20
    wrong = evenodds("steer", "apply", people.path, "weight", "--to", tmp_path / "strips.png")
    assert wrong.code == 2
    assert "makes table rows, give --to a .csv or .parquet file" in wrong.err


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Run:
    """A short game of pictures without labels."""
    settings = {"network": "gan", "size": 16, "width": 8, "latent": 6, "batch": 8, "budget": "20rounds"}
    return Gan(**settings).fit(photographs, tmp_path_factory.mktemp("steer") / "discs").fitted()


def test_pictures_without_labels_are_steered_by_what_nobody_named(
    discs: Run, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    for by in ("features", "weights"):
        found = evenodds("steer", "find", discs.path, "--by", by, "--count", 2)
        assert found.code == 0, found.err
        assert f"{by}-2" in names(discs)
    sheet = tmp_path / "strip.png"
    answer = evenodds("steer", "apply", discs.path, "features-1", "--seeds", 4, 5, "--to", sheet)
    assert answer.code == 0, answer.err
    with Image.open(sheet) as image:
        assert image.size == (7 * 66 - 2, 2 * 66 - 2)  # 16 px enlarged to 64, 2 px apart
    film = tmp_path / "walk.gif"
    assert evenodds("steer", "walk", discs.path, "--steps", 12, "--to", film).code == 0
    with Image.open(film) as image:
        assert image.size == (256, 256)
        assert image.n_frames > 1
    refused = evenodds("steer", "find", discs.path, "glasses")
    assert refused.code == 2
    assert "has no labels to learn features from" in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("find", "RUN"), "find what"),
        (("apply", "RUN", "nose"), "has no direction 'nose'"),
        (("find", "RUN", "tall", "--with", "1", "--without", "2"), "at least 3 seeds"),
        (("walk", "RUN", "--seeds", "1"), "at least two seeds"),
        (("find", "nowhere", "tall"), "is no run"),
    ],
)
def test_what_cannot_be_steered_is_refused_in_a_sentence(
    arguments: tuple[str, ...], words: str, discs: Run, evenodds: Callable[..., Answer]
) -> None:
    answer = evenodds("steer", *(str(discs.path) if part == "RUN" else part for part in arguments))
    assert answer.code == 2
    assert words in answer.err
    assert answer.err.count("\n") == 1


def test_eyes_learn_labels_from_real_pictures(tmp_path: Path) -> None:
    """Dark or light, and a label of one level that is nothing to steer."""
    rng = np.random.default_rng(0)
    rows = []
    for place in range(60):
        low = 180 * (place % 2)
        picture = rng.integers(low, low + 60, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{place}.png")
        rows.append({"file_name": f"{place}.png", "tone": ("dark", "light")[place % 2], "by": "me"})
    pd.DataFrame(rows).to_csv(tmp_path / "metadata.csv", index=False)
    store = prepare(find(str(tmp_path)), DataSettings(size=16))
    eyes = eyes_for(store, 0, CPU)
    assert [feature.name for feature in eyes.features] == ["tone=dark", "tone=light"]
    assert eyes.accuracy == {"tone": 1.0}
    seen = eyes.see(torch.stack([torch.full((3, 16, 16), level) for level in (-0.8, 0.7)]))
    assert seen[0, 0] > 0.9
    assert seen[1, 1] > 0.9
