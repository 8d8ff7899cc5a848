"""Pictures with alpha: networks, conditions and commands on small ones, and the alpha of real sprites."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds import Gan
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import premultiplied
from evenodds.evaluate.alpha import alpha_metrics
from evenodds.judge.corrupt_images import corrupt_images
from evenodds.runs.run import Run, write_recipe
from evenodds.runs.source_data import store_of
from evenodds.training.live import sheet
from tests.conftest import Answer
from tests.test_rectangles import FLAGS, SMALL, done

Call = Callable[..., Answer]


def badges(count: int) -> list[np.ndarray[Any, Any]]:
    """Discs of any color on nothing, 16 x 16 straight RGBA: in the left half or, every other time, in the right one."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    pictures = []
    for index in range(count):
        color, hidden = rng.integers(0, 256, 3), rng.integers(0, 256, 3)
        disc = (y - rng.integers(5, 11)) ** 2 + (x - 5 - 6 * (index % 2)) ** 2 < 16
        alpha = np.where(disc, 255, 0)[..., None]
        pictures.append(np.concatenate([np.where(alpha > 0, color, hidden), alpha], -1).astype(np.uint8))
    return pictures


@pytest.fixture(scope="module")
def icons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 such pictures in a subfolder for each half."""
    folder = tmp_path_factory.mktemp("icons")
    for index, picture in enumerate(badges(60)):
        path = folder / ("left", "right")[index % 2] / f"{index:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path)
    return folder


@pytest.fixture(scope="module")
def run(icons: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short game with alpha."""
    folder = tmp_path_factory.mktemp("alpha") / "run"
    Gan(network="dcgan", size=16, **SMALL).fit(icons, folder)
    return folder


@pytest.mark.parametrize(
    "settings",
    [
        {"network": "gan"},
        {"network": "dcgan", "augment": "on", "mirror": "on"},
        {"network": "style"},
        {"network": "fast"},
        {"network": "pix2pix", "condition": "outlines", "augment": "on"},
        {"network": "resunet", "condition": "masked"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_every_network_and_condition_makes_alpha(
    settings: dict[str, Any], icons: Path, tmp_path: Path
) -> None:
    gan = Gan(size=16, **SMALL, **settings).fit(icons, tmp_path / "run")
    assert gan.fitted().spec == PictureSpec(4, 16, 16)
    fakes = gan.sample(3)
    assert fakes.shape == (3, 16, 16, 4)
    assert fakes[..., 3].std() > 0
    np.testing.assert_array_equal(Gan.load(tmp_path / "run").sample(3), fakes)
    if gan.fitted().condition is not None and gan.fitted().condition.pictures:  # type: ignore[union-attr]
        assert gan.sample(2, condition=np.stack(badges(2))).shape == (2, 16, 16, 4)


def mode_of(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def test_a_game_is_played_sampled_and_scored_on_the_command_line(
    icons: Path, tmp_path: Path, evenodds: Call
) -> None:
    facts = json.loads(done(evenodds("doctor", icons, "--size", 16, "--json")).out)
    assert facts["prepared"]["channels"] == 4
    command = ("train", icons, "--out", tmp_path / "run", "--size", 16, "--network", "dcgan", *FLAGS)
    done(evenodds(*command, "--budget", "4rounds"))
    done(evenodds(*command, "--budget", "6rounds"))
    assert {mode_of(path) for path in (tmp_path / "run" / "samples").glob("*.png")} == {"RGBA"}
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
    done(evenodds("sample", tmp_path / "run", "-n", 5, "--out", tmp_path / "fakes"))
    assert {mode_of(path) for path in (tmp_path / "fakes").iterdir()} == {"RGBA"}
    done(evenodds("sample", tmp_path / "run", "--grid", "4x3", "--out", tmp_path / "sheet.png"))
    assert mode_of(tmp_path / "sheet.png") == "RGBA"
    scores = json.loads(done(evenodds("score", tmp_path / "run", "-n", 40, "--json")).out)
    assert {"transparent_share", "alpha_distance"} <= {figure["name"] for figure in scores["figures"]}


def test_a_file_and_its_pixels_are_judged_alike(icons: Path, run: Path, evenodds: Call) -> None:
    folder = icons / "left"
    judged = json.loads(done(evenodds("judge", run, folder, "--json")).out)
    pixels = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])
    again = Gan.load(run).judge(pixels)
    np.testing.assert_allclose([one["percent_real"] for one in judged], again["percent_real"], atol=0.01)


def test_latents_are_steered_and_pictures_inverted(
    icons: Path, run: Path, tmp_path: Path, evenodds: Call
) -> None:
    [direction] = json.loads(
        done(evenodds("steer", "find", run, "--by", "weights", "--count", 1, "--json")).out
    )
    done(evenodds("steer", "apply", run, direction["name"], "--out", tmp_path / "steered.png"))
    assert mode_of(tmp_path / "steered.png") == "RGBA"
    for name, mode in (("walk.gif", "P"), ("walk.webp", "RGBA")):
        done(evenodds("steer", "walk", run, "--steps", 8, "--out", tmp_path / name))
        assert mode_of(tmp_path / name) == mode
    done(evenodds("steer", "invert", run, icons / "left" / "00.png", "--out", tmp_path / "inverted.png"))
    shown = np.asarray(Image.open(tmp_path / "inverted.png"))[:64:4, :64:4]
    np.testing.assert_array_equal(premultiplied(shown), premultiplied(badges(1)[0]))
    editor = Gan.load(run).steer
    [error] = editor.reconstruction_error(editor.latents([1]), Gan.load(run).sample(1))
    assert error > 0


def test_exports_sample_the_same(run: Path, tmp_path: Path, evenodds: Call) -> None:
    for kind in ("onnx", "hub", "space"):
        done(evenodds("export", run, "--format", kind, "--out", tmp_path / kind))
    np.testing.assert_array_equal(Gan.from_pretrained(tmp_path / "hub").sample(3), Gan.load(run).sample(3))
    assert mode_of(tmp_path / "hub" / "sheet.png") == "RGBA"


def test_weights_of_color_begin_a_game_with_alpha(icons: Path, run: Path, tmp_path: Path) -> None:
    color = Gan(network="dcgan", size=16, channels="color", **SMALL).fit(icons, tmp_path / "color")
    assert color.sample(1).shape == (1, 16, 16, 3)
    gan = Gan(init=tmp_path / "color", size=16, **{**SMALL, "budget": "2rounds"}).fit(icons, tmp_path / "run")
    assert gan.sample(1).shape == (1, 16, 16, 4)


def test_alpha_is_told_by_its_own_figures(run: Path) -> None:
    """Known answers: other reals have the reals' figures; all opaque, all clear and moved alpha have not."""
    store = store_of(Run.open(run))
    held = store.heldout(np.arange(store.n_heldout))
    same = {one.name: one for one in alpha_metrics(store, held)}
    share = float((np.stack(badges(60))[..., 3] < 128).mean())
    assert (
        same["transparent_share"].value == same["transparent_share"].reals == pytest.approx(share, abs=0.05)
    )
    assert same["alpha_distance"].value == same["alpha_distance"].reals
    for alpha, expected in ((255, 0.0), (0, 1.0)):
        planted = held.copy()
        planted[:, 3] = alpha
        wrong = {one.name: one.value for one in alpha_metrics(store, planted)}
        assert wrong["transparent_share"] == expected
        assert wrong["alpha_distance"] > 2 * same["alpha_distance"].value
    moved = {one.name: one.value for one in alpha_metrics(store, np.roll(held, 6, 2))}
    assert moved["transparent_share"] == same["transparent_share"].value
    assert moved["alpha_distance"] > 2 * same["alpha_distance"].value


def test_what_a_judge_learns_from_could_be_a_picture() -> None:
    stored = premultiplied(np.stack(badges(20))).transpose(0, 3, 1, 2)
    broken = (
        corrupt_images(stored, 60, np.random.default_rng(0), alpha=True).transpose(0, 2, 3, 1).astype(int)
    )
    assert (np.abs(broken[..., :3] - 128) <= np.ceil(128 * broken[..., 3:] / 255)).all()


def test_a_recipe_of_before_lies_on_white(icons: Path, tmp_path: Path) -> None:
    gan = Gan(network="dcgan", size=16, channels="opaque", **SMALL).fit(icons, tmp_path / "run")
    facts = dict(gan.fitted().facts)
    facts["settings"] = json.loads(json.dumps(facts["settings"]))
    facts["settings"]["data"]["channels"] = "auto"
    del facts["settings"]["data"]["range"], facts["settings"]["data"]["frames"]
    write_recipe(tmp_path / "run", facts)
    again = Run.open(tmp_path / "run")
    assert again.recipe.data.channels == "opaque"
    Gan(network="dcgan", size=16, **{**SMALL, "budget": "6rounds"}).fit(icons, tmp_path / "run")
    assert Run.open(tmp_path / "run").checks()[-1].round == 6
    np.testing.assert_array_equal(
        store_of(again).train(np.arange(3)), store_of(gan.fitted()).train(np.arange(3))
    )


def test_sheets_of_a_live_game_are_seen_on_a_checkerboard() -> None:
    content = base64.b64decode(sheet(-torch.ones(1, 4, 16, 16)).partition(",")[2])
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "RGB"
        assert {color for _, color in image.getcolors()} == {(255, 255, 255), (204, 204, 204)}
