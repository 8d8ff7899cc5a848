"""Directions whose answer is known: separation, holding, discovery, ways and sums; and steering a real run of rows."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data.images.arrays import to_pictures
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.gan import Gan
from evenodds.runs.run import Run
from evenodds.steer import interpolation, unsupervised
from evenodds.steer.attribute_classifier import attribute_reader, blurred, one_vs_rest_log_odds
from evenodds.steer.attributes import AttributeReader, Feature
from evenodds.steer.boundaries import boundary_normal, example_log_odds, project_out, regression_direction
from evenodds.steer.directions import Direction, load, names, save
from evenodds.steer.editor import LatentEditor, parse_sum
from evenodds.steer.effect import flip_signs, measure_change, preserving_log_odds
from evenodds.steer.inversion import Dissimilarity, optimize_latents
from evenodds.steer.refine import CELLS, ENOUGH, SURE, LatentRefiner, coarse
from evenodds.steer.write import mp4
from tests.conftest import Answer

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")


def normals(n: int, d: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=(n, d))


def cosine(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_plane_between_two_kinds_of_fakes_is_found() -> None:
    z, w = normals(4000, 32), normals(1, 32, 1)[0]
    shown = 1 / (1 + np.exp(-3 * z @ w / np.linalg.norm(w)))
    found = boundary_normal(z, shown)
    assert np.linalg.norm(found) == pytest.approx(1)
    assert cosine(found, w) > 0.97


def test_a_feature_that_hardly_any_fake_shows_is_refused() -> None:
    z = normals(1000, 4)
    shown = np.where(np.arange(1000) < 7, 0.9, 0.1)
    with pytest.raises(UserError, match="only 7 of 1000 fakes show it"):
        boundary_normal(z, shown)
    with pytest.raises(UserError, match="only 7 of 1000 fakes do not"):
        boundary_normal(z, 1 - shown)


def test_the_way_up_a_number_is_found() -> None:
    z, w = normals(2000, 16), normals(1, 16, 1)[0]
    assert cosine(regression_direction(z, z @ w + 0.5 * normals(2000, 1, 2)[:, 0]), w) > 0.97


def test_examples_part_along_what_they_differ_in() -> None:
    """Twenty a side that differ in one of eight numbers: many others are put in its order."""
    w = np.eye(8)[2].astype(np.float32) * 3
    sides = [normals(20, 8, seed).astype(np.float32) + sign * w for seed, sign in ((0, 1), (1, -1))]
    many = normals(2000, 8, 2).astype(np.float32)
    assert np.corrcoef(example_log_odds(*sides, many), many[:, 2])[0, 1] > 0.8


def test_what_is_held_is_left_alone() -> None:
    direction, others = normals(1, 16)[0], normals(3, 16, 1)
    projected = project_out(direction / np.linalg.norm(direction), others)
    np.testing.assert_allclose(others @ projected, 0, atol=1e-12)
    assert np.linalg.norm(projected) == pytest.approx(1)
    assert cosine(projected, direction) > 0.7
    np.testing.assert_array_equal(project_out(direction, np.empty((0, 16))), direction)


def test_a_direction_that_is_all_another_ones_stays() -> None:
    direction = np.eye(4)[0]
    np.testing.assert_array_equal(project_out(direction, np.eye(4)[:1] * 3), direction)


def test_the_strongest_weights_come_first() -> None:
    """A = diag(1, 5, 3) has its eigenvectors along the axes, by strength: second, third, first."""
    found = unsupervised.from_weights(torch.diag(torch.tensor([1.0, 5.0, 3.0])), 3)
    np.testing.assert_allclose(np.abs(found), np.eye(3)[[1, 2, 0]], atol=1e-9)


def test_the_features_that_vary_most_give_the_directions() -> None:
    z = normals(3000, 5)
    lift = np.zeros((5, 7))
    lift[3, 2], lift[1, 6] = 9.0, 4.0
    found = unsupervised.from_features(z, z @ lift + 0.01 * normals(3000, 7, 1), 2)
    assert abs(found[0, 3]) > 0.99
    assert abs(found[1, 1]) > 0.99


def test_the_first_layer_is_found_past_an_embedding() -> None:
    linear = nn.Linear(6, 9)
    torch.testing.assert_close(unsupervised.first_weights(nn.Sequential(linear), 6), linear.weight.T)
    up = nn.ConvTranspose2d(6, 3, 4)
    assert unsupervised.first_weights(nn.Sequential(up), 6).shape == (6, 48)
    with pytest.raises(TypeError, match="no layer"):
        unsupervised.first_weights(nn.Sequential(nn.ReLU()), 6)


def test_a_great_circle_is_walked_at_an_even_speed_and_length() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    way = interpolation.spherical(a, b, torch.linspace(0, 1, 5))
    angles = torch.atan2(way[:, 1], way[:, 0])
    torch.testing.assert_close(angles, torch.linspace(0, math.pi / 2, 5))
    torch.testing.assert_close(way.norm(dim=1), torch.linspace(2, 4, 5))


def test_equal_ends_make_no_way() -> None:
    a = torch.randn(7)
    torch.testing.assert_close(interpolation.spherical(a, a, torch.linspace(0, 1, 3)), a.expand(3, -1))


def test_along_moves_both_ways() -> None:
    strip = interpolation.along(torch.ones(3), torch.eye(3)[0], 2.0, 5)
    torch.testing.assert_close(strip[:, 0], torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0]))
    assert (strip[:, 1:] == 1).all()


def test_a_sum_of_three_means_of_three_keeps_a_latents_length() -> None:
    torch.manual_seed(0)
    terms = [(sign, torch.randn(3, 400)) for sign in (1, -1, 1)]
    raw = torch.stack([sign * latents.mean(0) for sign, latents in terms]).sum(0)
    assert raw.norm() == pytest.approx(20, rel=0.1)  # no need to stretch it
    assert interpolation.combine(terms).norm() == pytest.approx(20)
    assert cosine(interpolation.combine(terms).numpy(), raw.numpy()) == pytest.approx(1)


def test_steps_are_made_where_much_moves() -> None:
    """Nothing moves in the first half, and evenly in the second: all inner steps lie there."""
    shares = interpolation.even_steps(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.linspace(0, 1, 5))
    torch.testing.assert_close(shares[1:], torch.tensor([0.625, 0.75, 0.875, 1.0]))


EYES = AttributeReader(
    (Feature("glasses", "no"), Feature("glasses", "yes"), Feature("hair", "long"), Feature("age", None)),
    lambda x: x,
    {},
)


@pytest.mark.parametrize(
    ("name", "index", "present"),
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
def test_features_go_by_short_names_too(name: str, index: int, present: bool) -> None:
    assert EYES.resolve(name) == (index, present)


def test_an_unknown_feature_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UserError, match="'beard', the features are: glasses=no, glasses=yes, hair=long, age"):
        EYES.resolve("beard")


def test_a_column_of_two_levels_means_its_last() -> None:
    attributes = AttributeReader((Feature("facing", "left"), Feature("facing", "right")), lambda x: x, {})
    assert attributes.resolve("facing") == (1, True)
    assert attributes.resolve("no facing") == (1, False)


def test_log_odds_are_those_of_the_softmax() -> None:
    logits = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    share = logits.softmax(1)
    torch.testing.assert_close(one_vs_rest_log_odds(logits), torch.log(share / (1 - share)))


def test_a_step_goes_away_from_what_is_there() -> None:
    shown = np.array([0.9, 0.1])
    assert flip_signs(shown, present=True, number=False).tolist() == [-1, 1]
    assert flip_signs(shown, present=False, number=False).tolist() == [1, -1]
    assert flip_signs(shown, present=True, number=True).tolist() == [1, 1]


def test_what_a_step_did_is_counted() -> None:
    before = np.array([[0.9, 0.1, 0.8, 0.2], [0.2, 0.8, 0.1, 0.9]])
    after = np.array([[0.3, 0.7, 0.8, 0.2], [0.2, 0.8, 0.9, 0.1]])
    attributes = AttributeReader(
        tuple(Feature(*one) for one in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))), lambda x: x, {}
    )
    assert measure_change(attributes, before, after, 1) == {"seeds": 2, "flipped": 0.5, "kept": {"b": 0.5}}
    two, most = np.log(0.8 / 0.2), 2.0
    wanted = torch.tensor([[0, 0, two, 0], [0, 0, 0, most]])
    torch.testing.assert_close(preserving_log_odds(attributes, before, "a", most), wanted.float())
    sure = np.array([[1.0, 0.0, 1.0, 0.0]])
    assert preserving_log_odds(attributes, sure, "a", most).tolist() == [[0, 0, 2, 0]]


def test_settled_latents_show_what_is_wanted_and_stay_near() -> None:
    """G only scales, and a feature is the sign of a coordinate: only what is wanted moves, no farther than it must."""
    anchor = torch.tensor([[2.0, -1.0, 0.3], [-2.0, 1.0, 0.3]])
    wanted = torch.tensor([[-SURE, -2.0, 0.0], [0.0, SURE, 0.0]])
    refiner = LatentRefiner(lambda z: z / 20, lambda x: 80 * x, torch.zeros(1, 3), torch.zeros(1, 3))
    found = refiner.refine(anchor + 0.5, anchor, wanted)
    assert (wanted.sign() * 4 * found >= ENOUGH * wanted.abs()).all()
    assert found[0, 0] > -SURE / 4
    assert found[0, 1] > found[0, 0], "what was wanted less is not driven on"
    torch.testing.assert_close(found[:, 2], anchor[:, 2], atol=0.6, rtol=0)


def test_where_a_slope_ends_short_a_known_latent_is_begun_from() -> None:
    """A feature of two hills: the near one is too low for what is wanted, so only who knows the other comes there."""

    def tell(x: torch.Tensor) -> torch.Tensor:
        z = 20 * x
        return 2 * torch.exp(-z.square()) + 12 * torch.exp(-(z - 6).square()) - 1

    def make(z: torch.Tensor) -> torch.Tensor:
        return z / 20

    anchor, wanted = torch.tensor([[0.5]]), torch.tensor([[SURE]])
    known = torch.tensor([[-4.0], [5.5], [7.0]])
    lost = LatentRefiner(make, tell, known[:1], tell(make(known[:1]))).refine(anchor, anchor, wanted)
    assert (tell(make(lost)) < ENOUGH * SURE).all()
    found = LatentRefiner(make, tell, known, tell(make(known))).refine(anchor, anchor, wanted)
    assert (tell(make(found)) >= ENOUGH * SURE).all()
    assert 5 < float(found) < 6, "from the nearer of two, and no farther than it must"


def test_pictures_are_compared_by_the_means_of_their_cells() -> None:
    x = torch.arange(2 * 3 * 16 * 16, dtype=torch.float32).view(2, 3, 16, 16)
    cells = coarse(x)
    assert cells.shape == (2, 3 * CELLS**2)
    assert cells[0, 0] == x[0, 0, :2, :2].mean()
    assert torch.equal(coarse(cells), cells)


def test_a_latent_is_found_again_from_what_it_makes() -> None:
    torch.manual_seed(0)
    lift, z = torch.randn(4, 48) / 2, torch.randn(5, 4)

    def make(z: torch.Tensor) -> torch.Tensor:
        return (z @ lift).tanh().view(-1, 3, 4, 4)

    unlike = Dissimilarity(lambda x: x[:, :, ::2, ::2], make(torch.randn(64, 4)))
    assert (unlike(make(z), make(z)) == 0).all()
    found = optimize_latents(torch.zeros_like(z), make(z), make, unlike)
    torch.testing.assert_close(found, z, atol=0.15, rtol=0)


def test_a_film_as_mp4_has_its_frames(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    frames = [Image.new("RGB", (65, 64), (4 * index, 90, 200)) for index in range(12)]
    (tmp_path / "film.mp4").write_bytes(mp4(frames))
    with av.open(str(tmp_path / "film.mp4")) as film:
        decoded = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(decoded) == 12
    assert decoded[0].shape == (64, 64, 3)
    assert abs(int(decoded[11][30, 30, 0]) - 44) < 10
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match="needs the extra video"):
        mp4(frames)


def test_a_sum_is_read_term_by_term() -> None:
    found = parse_sum("glasses short - no glasses short + no glasses long")
    assert found == [
        (1, ["glasses", "short"]),
        (-1, ["no glasses", "short"]),
        (1, ["no glasses", "long"]),
    ]
    with pytest.raises(UserError, match="no sum of features"):
        parse_sum(" + ")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short game of heights and weights."""
    gan = Gan(budget="400rounds", network="tabular").fit("people", tmp_path_factory.mktemp("steer") / "run")
    return gan.fitted()


def test_heights_rise_along_their_direction(people: Run) -> None:
    steer = LatentEditor(people, CPU)
    direction = steer.find("height")
    assert direction.effect["flipped"] > 0.85
    strips = steer.apply("height", steer.latents(range(50)), steps=5)
    assert strips.shape[:2] == (50, 5)
    shown = steer.attributes.read(strips.flatten(0, 1))[:, 0].reshape(50, 5)
    assert (np.diff(shown.mean(0)) > 0.1).all()


def test_a_direction_is_kept_and_another_states_is_refused(people: Run) -> None:
    vector = torch.eye(32)[3]
    save(people, Direction("odd one", vector, 2.0, "examples", {}, people.checkpoints.best().name))
    assert "odd one" in names(people)
    assert torch.equal(load(people, "odd one").vector, vector)
    save(people, Direction("older", vector, 2.0, "examples", {}, "00000000"))
    with pytest.raises(UserError, match="earlier state"):
        load(people, "older")
    with pytest.raises(UserError, match="no direction 'nose'"):
        load(people, "nose")
    for name in ("../up", "a/b", "", ".hidden"):
        with pytest.raises(UserError, match="is no name"):
            save(people, Direction(name, vector, 2.0, "examples", {}, "0"))


def test_a_turn_goes_from_one_end_to_the_other(people: Run) -> None:
    steer = LatentEditor(people, CPU)
    strips = steer.turn(steer.latents(range(30)), "height", 5)
    shown = steer.attributes.read(strips.flatten(0, 1))[:, 0].reshape(30, 5).mean(0)
    assert (np.diff(shown) > 0.1).all()
    assert shown[0] < -0.5
    assert shown[-1] > 0.5
    with pytest.raises(UserError, match="nothing is known of 'facing'"):
        steer.turn(steer.latents([0]))


def test_a_stroll_comes_back(people: Run) -> None:
    steer = LatentEditor(people, CPU)
    steer.find("height")
    z = steer.latents([3])[0]
    way = steer.stroll("height", z, 8)
    torch.testing.assert_close(way[0], z)
    torch.testing.assert_close(way[4], z, atol=1e-5, rtol=0)
    torch.testing.assert_close(way[2] + way[6], 2 * z)
    assert (way[2] - z).norm() == pytest.approx(load(people, "height").step, rel=1e-4)


def test_a_walk_is_as_fast_everywhere(people: Run) -> None:
    steer = LatentEditor(people, CPU)
    way = steer.walk(steer.latents([1, 2, 3]), 60)
    moved = steer.differences(way)
    assert moved.max() < 3 * moved.mean()
    with pytest.raises(UserError, match="at least two"):
        steer.walk(steer.latents([1]), 10)
    with pytest.raises(UserError, match="of 2 steps does not pass 3 seeds"):
        steer.walk(steer.latents([1, 2, 3]), 2)


@pytest.mark.parametrize("loop", [False, True])
def test_a_walk_passes_each_latent_and_repeats_without_a_seam(loop: bool, people: Run) -> None:
    steer = LatentEditor(people, CPU)
    z = steer.latents([1, 2, 3])
    way = steer.walk(z, 40, loop=loop)
    assert way.shape == (40, z.shape[1])
    assert ((way - z[:, None]).abs().amax(2).amin(1) < 1e-5).all()
    torch.testing.assert_close(way[0], z[0])
    moved = steer.differences(torch.cat([way, way[:1]]))
    assert moved[:-1].min() > 0, "no step stands still"
    if loop:
        assert moved.max() < 3 * moved.mean(), "the step back to the first one is like the others"
    else:
        torch.testing.assert_close(way[-1], z[2])


def test_a_walk_slows_down_at_its_ends_by_the_cubic(people: Run) -> None:
    """At a quarter of the frames 5/32 of the change is behind, by 3 t^2 - 2 t^3; evenly a quarter would be."""
    steer = LatentEditor(people, CPU)
    for ease, quarter in ((True, 5 / 32), (False, 1 / 4)):
        moved = steer.differences(steer.walk(steer.latents([1, 2]), 41, ease=ease))
        assert moved[:10].sum() / moved.sum() == pytest.approx(quarter, abs=0.01)
        assert moved[30:].sum() / moved.sum() == pytest.approx(quarter, abs=0.01)


def test_too_few_examples_are_refused(people: Run) -> None:
    with pytest.raises(UserError, match="at least 3 examples"):
        LatentEditor(people, CPU).find_by_examples("tall", [1, 2], [3, 4, 5])


def test_a_seed_is_always_the_same_latent(people: Run) -> None:
    steer = LatentEditor(people, CPU)
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
        ("apply", people.path, "weight", "--seeds", 1, 2, "--steps", 5, "--out", tmp_path / "strips.csv"),
        ("walk", people.path, "--seeds", 1, 2, 3, "--steps", 20, "--out", tmp_path / "walk.csv"),
        ("mix", people.path, "height - weight", "--out", tmp_path / "mix.csv"),
    ):
        answer = evenodds("steer", *command)
        assert answer.code == 0, answer.err
    assert len(pd.read_csv(tmp_path / "strips.csv")) == 10
    assert len(pd.read_csv(tmp_path / "walk.csv")) == 20
    wrong = evenodds("steer", "apply", people.path, "weight", "--out", tmp_path / "strips.png")
    assert wrong.code == 2
    assert "makes table rows, give --out a .csv or .parquet file" in wrong.err
    wrong = evenodds("steer", "invert", people.path, tmp_path / "strips.csv")
    assert wrong.code == 2
    assert "makes table rows, only pictures are inverted" in wrong.err


def test_examples_that_a_feature_parts_are_told_by_it_and_few_are_not() -> None:
    both = AttributeReader(
        (Feature("hat", "no"), Feature("hat", "yes"), Feature("age", None)), lambda x: x, {}
    )
    rng = np.random.default_rng(0)

    def some(count: int, hats: int) -> np.ndarray[Any, Any]:
        hat = (np.arange(count) < hats).astype(float)
        return np.stack([1 - hat, hat, rng.normal(size=count)], 1)

    assert both.separating_feature(some(20, 18), some(20, 1)) == "hat=yes"
    assert both.separating_feature(some(20, 1), some(20, 18)) == "hat=no"
    assert both.separating_feature(some(20, 20), some(20, 8)) is None, "of those without it too many wear one"
    assert both.separating_feature(some(4, 4), some(4, 0)) is None, "that may be chance"
    assert (
        AttributeReader((Feature("age", None),), lambda x: x, {}).separating_feature(
            some(20, 1)[:, 2:], some(20, 1)[:, 2:]
        )
        is None
    )


@pytest.fixture(scope="module")
def birds(penguins: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short game of rows with a category."""
    gan = Gan(budget="300rounds", network="tabular").fit(penguins, tmp_path_factory.mktemp("steer") / "birds")
    return gan.fitted()


def test_examples_that_a_column_parts_are_its_direction(birds: Run, evenodds: Callable[..., Answer]) -> None:
    steer = LatentEditor(birds, CPU)
    index, _ = steer.attributes.resolve("species=gentoo")
    z = steer.latents(range(200))
    # What G draws for itself goes by a row's place: those are taken which are of their kind wherever they stand.
    shown = [
        np.roll(steer.attributes.read(steer.generate(z.roll(by, 0)))[:, index] > 0.5, -by) for by in range(12)
    ]
    with_it, without = np.flatnonzero(np.all(shown, 0))[:10], np.flatnonzero(~np.any(shown, 0))[:10]
    sides = "--with", *with_it, "--without", *without
    found = evenodds("steer", "find", birds.path, "at home", *sides)
    assert found.code == 0, found.err
    assert "at home (species=gentoo parts the examples): a step" in found.out
    direction = load(birds, "at home")
    assert (direction.feature, direction.found_by) == ("species=gentoo", "examples")
    torch.testing.assert_close(direction.vector, steer.find("species=gentoo").vector)
    few = evenodds("steer", "find", birds.path, "few", *sides[:4], "--without", *without[:3], "--json")
    assert json.loads(few.out)[0]["feature"] is None


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
    answer = evenodds("steer", "apply", discs.path, "features-1", "--seeds", 4, 5, "--out", sheet)
    assert answer.code == 0, answer.err
    with Image.open(sheet) as image:
        assert image.size == (7 * 66 - 2, 2 * 66 - 2)  # 16 px enlarged to 64, 2 px apart
    film = tmp_path / "walk.gif"
    assert evenodds("steer", "walk", discs.path, "--steps", 12, "--out", film).code == 0
    with Image.open(film) as image:
        assert image.size == (256, 256)
        assert image.n_frames > 1
    film = tmp_path / "walk.webp"
    walk = ("steer", "walk", discs.path, "--seeds", 1, 2, "--steps", 12, "--loop", "--ease", "--out", film)
    assert evenodds(*walk).code == 0
    steer = LatentEditor(discs, CPU)
    frames = to_pictures(steer.generate(steer.walk(steer.latents([1, 2]), 12, loop=True, ease=True)))
    with Image.open(film) as image:
        assert (image.n_frames, image.info["loop"]) == (12, 0)
        for index, frame in enumerate(frames):
            image.seek(index)
            np.testing.assert_array_equal(np.asarray(image.convert("RGB"))[::16, ::16], frame)
    refused = evenodds("steer", "find", discs.path, "glasses")
    assert refused.code == 2
    assert "has no labels to learn features from" in refused.err


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that hardly learns: what is tested is what becomes of its answer."""
    monkeypatch.setattr("evenodds.steer.inversion.STEPS", 20)
    monkeypatch.setattr("evenodds.steer.inversion.DESCENT", 60)
    monkeypatch.setattr("evenodds.steer.pivotal_tuning.VISITS", 100)
    monkeypatch.setattr("evenodds.steer.latent_space.MAX_FAKES", 1000)


@pytest.mark.usefixtures("hurried")
def test_a_picture_is_inverted_and_then_edited(
    discs: Run, photographs: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    gan = Gan.load(discs.path, device="cpu")
    pictures = to_pictures(gan.steer.generate(gan.steer.latents(range(6))))
    z, error = gan.steer.invert(pictures)
    assert z.shape == (6, 6)
    assert error.shape == (6,)
    other = np.roll(pictures, 1, 0).astype(float) - pictures
    assert error.mean() < 0.5 * np.sqrt((other**2).mean((1, 2, 3))).mean() / 255
    torch.testing.assert_close(gan.steer.invert(pictures)[0], z)
    with pytest.raises(UserError, match=r"uint8 of shape \(n, 16, 16, 3\)"):
        gan.steer.invert(pictures[:, :8])
    again = Gan.load(discs.path, device="cpu").steer
    again.find_by_examples("seen", [1, 2, 3], [4, 5, 6])  # what D made of fakes is no hindrance
    torch.testing.assert_close(again.invert(pictures)[0], z)

    examples = [str(path) for path in sorted(photographs.glob("*.png"))[:3]]
    found = evenodds("steer", "find", discs.path, "round", "--with", *examples, "--without", 1, 2, 3)
    assert found.code == 0, found.err
    for command, sheet in (
        (("invert", discs.path, examples[0]), "inverted.png"),
        (("apply", discs.path, "round", "--picture", examples[0], "--steps", 3), "strip.png"),
        (("seeds", discs.path, "--count", 20), "seeds.png"),
    ):
        answer = evenodds("steer", *command, "--out", tmp_path / sheet)
        assert answer.code == 0, answer.err
    with Image.open(tmp_path / "strip.png") as image:
        assert image.size == (3 * 66 - 2, 64)
    with Image.open(tmp_path / "seeds.png") as image:
        assert image.size == (10 * 66 - 2, 2 * 66 - 2)
    told = evenodds("steer", "invert", discs.path, photographs, "--json", "--out", tmp_path / "all.png")
    assert all(0 < one["tuned"] < one["error"] < 1 for one in json.loads(told.out))


@pytest.mark.usefixtures("hurried")
def test_a_g_tuned_to_pictures_makes_them_and_elsewhere_what_it_made(discs: Run, photographs: Path) -> None:
    steer = Gan.load(discs.path, device="cpu").steer
    _, pictures = steer.pictures(str(photographs), lambda text: None)
    pictures, strangers = pictures[:4], steer.latents(range(20))
    z, error = steer.invert(pictures)
    before = steer.generate(strangers)
    to_samples = steer.tuned(z, pictures)
    assert (to_samples.reconstruction_error(z, pictures) < 0.7 * error).all()
    torch.testing.assert_close(steer.generate(strangers), before, atol=0, rtol=0)
    moved = (to_samples.generate(strangers) - before).square().mean()
    assert moved < 0.2 * (to_samples.generate(z) - steer.generate(z)).square().mean()
    assert torch.equal(steer.tuned(z, pictures).generate(z), to_samples.generate(z)), "the same every time"
    assert to_samples.run is steer.run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("find", "RUN"), "find what"),
        (("invert", "RUN", "no/such.png"), "is not there"),
        (("apply", "RUN", "features-1", "--steps", "1"), "makes no strip"),
        (("seeds", "RUN", "--count", "0"), "are no seeds"),
        (("walk", "RUN", "--out", "walk.avi"), "a .gif, .webp or .mp4 file"),
        (("walk", "RUN", "--along", "features-1", "--loop"), "leave --loop and --ease out"),
        (("turn", "RUN"), "has no labels to learn features from"),
        (("apply", "RUN", "nose"), "has no direction 'nose'"),
        (("find", "RUN", "tall", "--with", "1", "--without", "2"), "at least 3 examples"),
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


def test_blur_is_the_mean_of_nine_pixels() -> None:
    x = torch.randn(2, 3, 7, 5)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    torch.testing.assert_close(blurred(x), torch.nn.functional.avg_pool2d(padded, 3, 1))


def test_eyes_learn_labels_from_real_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dark or light, and a label of one level that is nothing to steer."""
    rng = np.random.default_rng(0)
    rows = []
    for index in range(60):
        low = 180 * (index % 2)
        picture = rng.integers(low, low + 60, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
        rows.append({"file_name": f"{index}.png", "tone": ("dark", "light")[index % 2], "by": "me"})
    pd.DataFrame(rows).to_csv(tmp_path / "metadata.csv", index=False)
    store = prepare(find(str(tmp_path)), DataSettings(size=16))
    # dark and light are soon learnt
    monkeypatch.setattr("evenodds.steer.attribute_classifier.CYCLES", (150,))
    attributes = attribute_reader(store, 0, CPU)
    assert [feature.name for feature in attributes.features] == ["tone=dark", "tone=light"]
    assert attributes.accuracy == {"tone": 1.0}
    again = attribute_reader(store, 1, CPU, tmp_path / "eyes")
    kept = attribute_reader(store, 2, CPU, tmp_path / "eyes")
    grey = torch.linspace(-1, 1, 9)[:, None, None, None].expand(-1, 3, 16, 16)
    np.testing.assert_array_equal(again.read(grey), kept.read(grey))
    seen = attributes.read(torch.stack([torch.full((3, 16, 16), level) for level in (-0.8, 0.7)]))
    assert seen[0, 0] > 0.9
    assert seen[1, 1] > 0.9
    monkeypatch.setattr("evenodds.steer.attribute_classifier.VERSION", 99)
    assert (attribute_reader(store, 2, CPU, tmp_path / "eyes").read(grey) != kept.read(grey)).any(), (
        "learnt anew"
    )
