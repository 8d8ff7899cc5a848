"""Pictures of any rectangle: every network, condition and command on a small one, and photographs at 128 x 72."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evenodds import Gan
from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.doctor import examine
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.runs.source_data import store_of
from tests.conftest import SHARED, Answer

Call = Callable[..., Answer]
SMALL: dict[str, Any] = {
    "budget": "4rounds",
    "width": 4,
    "latent": 8,
    "batch": 8,
    "head_start": 0,
    "check_every": 2,
    "seed": 3,
}
FLAGS = ("--width", 4, "--latent", 8, "--batch", 8, "--head-start", 0, "--seed", 3, "--check-every", 2)
SIZE, SHAPE = "24x16", (16, 24, 3)
FLOWERS = SHARED / "wide_flowers.zip"


def discs(count: int) -> list[np.ndarray[Any, Any]]:
    """Colour pictures of 48 x 32 px: a disc in the left half or, every other time, in the right one."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :48]
    pictures = []
    for index in range(count):
        down, across, colour = rng.integers(8, 24), rng.integers(8, 16), rng.integers(0, 256, 3)
        disc = (y - down) ** 2 + (x - across - 24 * (index % 2)) ** 2 < 40
        pictures.append(np.where(disc[..., None], colour, 230).astype(np.uint8))
    return pictures


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 such pictures in a subfolder for each half."""
    folder = tmp_path_factory.mktemp("wide")
    for index, picture in enumerate(discs(40)):
        path = folder / ("left", "right")[index % 2] / f"{index:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path)
    return folder


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 such pictures, each beside its negative."""
    folder = tmp_path_factory.mktemp("side_by_side")
    for index, picture in enumerate(discs(40)):
        Image.fromarray(np.concatenate([picture, 255 - picture], axis=1)).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def run(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short game of rectangles."""
    folder = tmp_path_factory.mktemp("rectangles") / "run"
    Gan(network="dcgan", size=(24, 16), **SMALL).fit(wide, folder)
    return folder


@pytest.mark.parametrize(
    "settings",
    [
        {"network": "gan"},
        {"network": "dcgan", "augment": "on", "mirror": "on"},
        {"network": "r3gan"},
        {"network": "style"},
        {"network": "fast"},
        {"network": "fast", "condition": "labels", "conditioning": "concat"},
        {"network": "dcgan", "stages": "8,16"},
        {"network": "r3gan", "stages": "8,16", "condition": "labels"},
        {"network": "dcgan", "condition": "labels"},
        {"network": "dcgan", "condition": "labels", "conditioning": "concat"},
        {"network": "pix2pix", "condition": "outlines", "augment": "on"},
        {"network": "resunet", "condition": "small"},
        {"network": "resunet", "condition": "masked"},
        {"network": "pix2pix", "condition": "gray"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_every_network_and_condition_makes_rectangles(
    settings: dict[str, Any], wide: Path, tmp_path: Path
) -> None:
    gan = Gan(size=SIZE, **SMALL, **settings).fit(wide, tmp_path / "run")
    assert gan.fitted().spec == PictureSpec(3, 16, 24)
    fakes = gan.sample(3)
    assert fakes.shape == (3, *SHAPE)
    assert fakes.std() > 0
    again = Gan.load(tmp_path / "run").sample(3)
    np.testing.assert_array_equal(again, fakes)


@pytest.mark.parametrize(("size", "spec"), [(SIZE, (3, 16, 24)), ("auto", (3, 48, 72))])
def test_pairs_side_by_side_are_cut_in_two(
    size: str, spec: tuple[int, int, int], side_by_side: Path, tmp_path: Path
) -> None:
    store = prepare(find(str(side_by_side)), DataSettings(condition="pairs", size=size))
    assert store.spec.shape == spec
    assert store.condition is not None
    assert store.condition.spec.shape == spec
    assert not store.facts["skipped"]
    samples, given = store.train(np.arange(4)), store.conditions("train", np.arange(4))
    # The right half, which is made, is the negative of the left one, but for resampling beyond black and white.
    assert np.abs(samples.astype(int) + given - 255).mean() < 2
    gan = Gan(condition="pairs", size=SIZE, **SMALL).fit(side_by_side, tmp_path / "run")
    assert gan.sample(2).shape == (2, *SHAPE)


def test_halves_of_another_aspect_are_no_pair(side_by_side: Path) -> None:
    with pytest.raises(
        UserError, match="96 × 32 px is not two pictures of the aspect 32x16 beside each other"
    ):
        prepare(find(str(side_by_side)), DataSettings(condition="pairs", size="32x16"))
    with pytest.raises(UserError, match="96 × 32 px is not twice as wide as high"):
        prepare(find(str(side_by_side)), DataSettings(condition="pairs", size=16))


def test_auto_takes_the_most_frequent_aspect_and_says_so(wide: Path) -> None:
    facts = examine(find(str(wide)), DataSettings(size="auto"))
    assert facts["prepared"]["size"] == "72x48"
    assert "--size auto takes 72x48 px: 40 of 40 pictures have about this aspect" in facts["notes"]


def test_auto_looks_at_photographs_upright(tmp_path: Path) -> None:
    """A camera that was held upright writes its pictures lying, and how they are to be turned."""
    exif = Image.Exif()
    exif[274] = 6
    for index, picture in enumerate(discs(12)):
        Image.fromarray(picture).save(tmp_path / f"{index}.jpg", exif=exif)
    store = prepare(find(str(tmp_path)), DataSettings(size="auto"))
    assert store.spec.size == (48, 72)
    assert store.facts["width"]["median"] == 32
    assert not any("aspect than" in note for note in store.facts["notes"])


def test_pictures_from_memory_are_made_rectangles() -> None:
    gan = Gan(size="auto", network="dcgan", **SMALL).fit(np.stack(discs(40)))
    assert gan.fitted().spec.shape == (3, 24, 36)
    assert Gan(size=(16, 8), network="gan", **SMALL).fit("digits").sample(2).shape == (2, 8, 16, 1)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_pictures_are_fitted_to_a_rectangle(fit: Any, tmp_path: Path) -> None:
    """A square of three bars, left to right, at 24 x 16: cut above and below, padded at the sides, or stretched."""
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[:, :32, 0], picture[:, 32:64, 1], picture[:, 64:, 2] = 255, 255, 255
    for index in range(10):
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
    store = prepare(find(str(tmp_path)), DataSettings(size=SIZE, fit=fit))
    row = store.train(np.arange(1))[0][:, 8]
    assert row.shape == (3, 24)
    bars = row.argmax(0) if fit != "pad" else row[:, 4:20].argmax(0)
    assert np.bincount(bars).tolist() == ([8, 8, 8] if fit != "pad" else [5, 6, 5])
    [note] = [note for note in store.facts["notes"] if "aspect" in note]
    assert note.startswith("10 of 10 pictures have another aspect than 24x16: ")


def test_another_rectangle_and_a_square_begin_with_the_weights_of_one(
    wide: Path, run: Path, tmp_path: Path
) -> None:
    for size, shape in (("48x32", (32, 48, 3)), (32, (32, 32, 3)), ("16x24", (24, 16, 3))):
        gan = Gan(init=run, size=size, **{**SMALL, "budget": "2rounds"}).fit(wide, tmp_path / str(size))
        assert gan.sample(2).shape == (2, *shape)
    again = Gan(init=tmp_path / "48x32", size=SIZE, **{**SMALL, "budget": "2rounds"}).fit(
        wide, tmp_path / "again"
    )
    assert again.sample(2).shape == (2, *SHAPE)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def done(answer: Answer) -> Answer:
    assert answer.code == 0, answer
    return answer


def test_a_game_is_played_sampled_and_scored_on_the_command_line(
    wide: Path, tmp_path: Path, evenodds: Call
) -> None:
    facts = json.loads(done(evenodds("doctor", wide, "--size", SIZE, "--json")).out)
    assert facts["prepared"]["size"] == SIZE
    command = ("train", wide, "--out", tmp_path / "run", "--size", SIZE, "--network", "dcgan", *FLAGS)
    done(evenodds(*command, "--budget", "4rounds"))
    done(evenodds(*command, "--budget", "6rounds"))
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["settings"]["data"]["size"] == SIZE
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
    done(evenodds("sample", tmp_path / "run", "-n", 5, "--out", tmp_path / "fakes"))
    assert {size_of(path) for path in (tmp_path / "fakes").iterdir()} == {(24, 16)}
    done(evenodds("sample", tmp_path / "run", "--grid", "4x3", "--out", tmp_path / "sheet.png"))
    assert size_of(tmp_path / "sheet.png") == (4 * (24 * 4 + 2) - 2, 3 * (16 * 4 + 2) - 2)
    scores = json.loads(done(evenodds("score", tmp_path / "run", "-n", 40, "--json")).out)
    assert 40 in {figure["fake_n"] for figure in scores["figures"]}
    assert done(evenodds("diff", tmp_path / "run", tmp_path / "run")).code == 0


def test_pictures_are_judged_at_the_size_of_the_run(wide: Path, run: Path, evenodds: Call) -> None:
    judged = json.loads(done(evenodds("judge", run, wide / "left", "--json")).out)
    assert len(judged) == 20
    with pytest.raises(UserError):
        Gan.load(run).judge(np.zeros((1, 24, 16, 3), np.uint8))


def test_latents_of_rectangles_are_steered(wide: Path, run: Path, tmp_path: Path, evenodds: Call) -> None:
    [direction] = json.loads(
        done(evenodds("steer", "find", run, "--by", "weights", "--count", 1, "--json")).out
    )
    done(evenodds("steer", "apply", run, direction["name"], "--out", tmp_path / "steered.png"))
    done(evenodds("steer", "walk", run, "--out", tmp_path / "walk.gif"))
    assert size_of(tmp_path / "walk.gif") == (24 * 16, 16 * 16)


def test_an_exported_rectangle_is_the_same(run: Path, tmp_path: Path, evenodds: Call) -> None:
    for kind in ("onnx", "hub"):
        done(evenodds("export", run, "--format", kind, "--out", tmp_path / kind))
    np.testing.assert_array_equal(Gan.from_pretrained(tmp_path / "hub").sample(3), Gan.load(run).sample(3))
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "24 x 16 px" in card


@pytest.mark.skipif(not FLOWERS.is_file(), reason="wide_flowers.zip is not here")
def test_photographs_of_flowers_are_learnt_and_made_at_128_by_72(tmp_path: Path) -> None:
    gan = Gan(size="128x72", network="dcgan", **{**SMALL, "budget": "2rounds"}).fit(FLOWERS, tmp_path / "run")
    store = store_of(gan.fitted())
    assert store.spec == PictureSpec(3, 72, 128)
    assert not any("aspect than" in note for note in store.facts["notes"])
    assert gan.sample(2).shape == (2, 72, 128, 3)
