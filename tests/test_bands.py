"""Pictures of bands: networks and commands on small ones, and their own values back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from evenodds import Gan
from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec, spec_from_json, spec_to_json
from evenodds.data.images.arrays import to_values
from evenodds.data.images.values import Values
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.runs.run import Run
from evenodds.steer.write import write_inverted
from tests.conftest import Answer
from tests.test_rectangles import FLAGS, SMALL, done

Call = Callable[..., Answer]
BANDS, COUNT = 5, 60
STEP = 1000.0
"""Band b lies between b and b + 0.5 times as much, from 1 on."""


def scenes() -> NDArray[np.float32]:
    """Discs in the left half or, every other time, in the right one, over a slope: (n, 16, 16, BANDS)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    made = []
    for index in range(COUNT):
        disc = (y - rng.integers(5, 11)) ** 2 + (x - 5 - 6 * (index % 2)) ** 2 < 16
        share = 0.25 * disc + 0.01 * x + rng.uniform(0, 0.05, (16, 16))
        made.append(np.stack([STEP * (band + share) for band in range(1, BANDS + 1)], -1))
    return np.stack(made).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """These as .npy files, in a subfolder for each half."""
    made = tmp_path_factory.mktemp("scenes")
    for index, scene in enumerate(scenes()):
        path = made / ("left", "right")[index % 2] / f"{index:02}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, scene)
    return made


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short game."""
    made = tmp_path_factory.mktemp("bands") / "run"
    Gan(network="dcgan", size=16, **SMALL).fit(folder, made)
    return made


def in_range(fakes: NDArray[Any]) -> bool:
    """Whether each band of fakes (..., BANDS) has values that it had."""
    low, high = scenes().min((0, 1, 2)), scenes().max((0, 1, 2))
    return bool((fakes >= low - 1).all() and (fakes <= high + 1).all())


@pytest.mark.parametrize(
    "settings",
    [
        {"network": "gan"},
        {"network": "dcgan", "augment": "on", "mirror": "on", "condition": "labels"},
        {"network": "style"},
        {"network": "fast"},
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_every_network_makes_bands(settings: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    gan = Gan(size=16, **SMALL, **settings).fit(folder, tmp_path / "run")
    assert gan.fitted().spec == PictureSpec(BANDS, 16, 16, bands=True)
    fakes = gan.sample(3)
    assert fakes.shape == (3, 16, 16, BANDS)
    assert fakes.dtype == np.float32
    assert in_range(fakes)
    np.testing.assert_array_equal(Gan.load(tmp_path / "run").sample(3), fakes)


@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_bands_is_learnt(channels: int, tmp_path: Path) -> None:
    """Four are no color with alpha, and what is stored of them is not bounded by the last one."""
    rng = np.random.default_rng(0)
    stack = rng.integers(-500, 500, (40, 16, 16, channels)).astype(np.int16)
    np.save(tmp_path / "stack.npy", stack)
    gan = Gan(network="dcgan", size=16, **SMALL).fit(tmp_path / "stack.npy")
    assert gan.fitted().spec == PictureSpec(channels, 16, 16, bands=True)
    assert gan.sample(2).shape == (2, 16, 16, channels)
    assert gan.sample(2).dtype == np.int16
    assert gan.sample(0).dtype == np.int16
    assert len(gan.judge(stack[:4])) == 4


def test_a_game_is_played_sampled_and_scored_on_the_command_line(
    folder: Path, tmp_path: Path, evenodds: Call
) -> None:
    facts = json.loads(done(evenodds("doctor", folder, "--size", 16, "--json")).out)
    assert facts["prepared"]["channels"] == BANDS
    run = tmp_path / "run"
    command = ("train", folder, "--out", run, "--size", 16, "--network", "dcgan", *FLAGS)
    done(evenodds(*command, "--budget", "4rounds"))
    done(evenodds(*command, "--budget", "6rounds"))
    assert (run / "report.html").stat().st_size > 10_000
    for name, flags in {"plain": (), "best": ("--best", "50%")}.items():
        done(evenodds("sample", run, "-n", 6, "--out", tmp_path / name, *flags))
        fakes = np.stack([np.load(path) for path in sorted((tmp_path / name).iterdir())])
        assert fakes.shape == (6, 16, 16, BANDS)
        assert in_range(fakes)
    done(evenodds("sample", run, "-n", 6, "--out", tmp_path / "fakes.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "fakes.npy"), Gan.load(run).sample(6))
    done(evenodds("sample", run, "--grid", "3x2", "--out", tmp_path / "sheet.png"))
    values = Run.open(run).values
    assert values is not None
    with Image.open(tmp_path / "sheet.png") as sheet:  # the first three bands in color
        shown = np.asarray(sheet)[:64:4, :64:4]
    assert np.abs(shown - values.levels(Gan.load(run).sample(6)[0])[..., :3].astype(int)).max() <= 1
    scores = json.loads(done(evenodds("score", run, "-n", 40, "--json")).out)
    assert "transparent_share" not in {figure["name"] for figure in scores["figures"]}
    problem = evenodds("export", run, "--format", "browser", "--out", tmp_path / "page")
    assert problem.code == 2
    assert "--format browser shows pictures in gray or color, and" in problem.err


def test_files_and_their_values_are_judged_alike(folder: Path, run: Path, evenodds: Call) -> None:
    judged = json.loads(done(evenodds("judge", run, folder / "left", "--json")).out)
    values = scenes()[::2]
    again = Gan.load(run).judge(values)
    np.testing.assert_allclose([one["percent_real"] for one in judged], again["percent_real"], atol=0.01)
    stack = folder.parent / "stack.npz"
    np.savez_compressed(stack, pictures=values, number=np.arange(len(values)))
    stacked = json.loads(done(evenodds("judge", run, stack, "--json")).out)
    assert [one["percent_real"] for one in stacked] == [one["percent_real"] for one in judged]
    assert stacked[1]["input"] == f"{stack}:2"
    assert len(Gan.load(run).outlier_detector().predict(values)) == len(values)


def test_latents_are_steered_and_exported(folder: Path, run: Path, tmp_path: Path, evenodds: Call) -> None:
    done(evenodds("steer", "walk", run, "--out", tmp_path / "walk.gif"))
    editor = Gan.load(run).steer
    made = to_values(editor.generate(editor.latents([1])), cast(Values, Run.open(run).values))
    [error] = editor.reconstruction_error(editor.latents([1]), made)
    assert error < 1 / 255
    _, pictures = editor.pictures(str(folder / "left" / "00.npy"), print)
    write_inverted(Run.open(run), pictures, [editor.generate(editor.latents([1]))], tmp_path / "inverted.png")
    shown = np.asarray(Image.open(tmp_path / "inverted.png"))[:64:4, :64:4]
    store = prepare(find(str(folder)), DataSettings(size=16))
    np.testing.assert_array_equal(shown, store.in_file_order(0, 1)[0, :3].transpose(1, 2, 0))
    done(evenodds("export", run, "--format", "hub", "--out", tmp_path / "hub"))
    np.testing.assert_array_equal(Gan.from_pretrained(tmp_path / "hub").sample(3), Gan.load(run).sample(3))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"channels": "color"},
            "--channels color is for pictures in gray or color, and those in .* have 5 bands",
        ),
        ({"condition": "outlines"}, "--condition outlines is for pictures in gray or color, and those in"),
        ({"condition": "pairs"}, "--condition pairs is for pictures in gray or color, and those in"),
        ({"condition": "unpaired"}, "--condition unpaired is for pictures in gray or color, and those in"),
    ],
    ids=str,
)
def test_what_is_for_pictures_is_refused(
    settings: dict[str, Any], says: str, folder: Path, tmp_path: Path
) -> None:
    for side in "AB":
        shutil.copytree(folder / "left", tmp_path / side)
    with pytest.raises(UserError, match=says):
        prepare(find(str(tmp_path)), DataSettings(size=16, **settings))


def test_a_picture_is_not_judged_as_bands(run: Path, tmp_path: Path, evenodds: Call) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    problem = evenodds("judge", run, tmp_path / "a.png")
    assert problem.code == 2
    assert "cannot be read (a picture, and no bands), give .npy, .npz or .tif files of 5 bands" in problem.err


def test_bands_come_back_within_a_percent_of_their_range(folder: Path) -> None:
    store = prepare(find(str(folder)), DataSettings(size=16))
    values = Values.from_json(store.facts["values"])
    made = values.of_levels(store.in_file_order(0, COUNT).transpose(0, 2, 3, 1))
    shares = np.linspace(0.01, 0.99, 99)
    off = np.abs(np.quantile(made, shares, (0, 1, 2)) - np.quantile(scenes(), shares, (0, 1, 2)))
    assert (off <= 0.01 * (np.array(values.high) - np.array(values.low))).all()


def test_a_spec_of_bands_is_written_and_one_of_color_is_as_it_was() -> None:
    bands, color = PictureSpec(4, 8, 8, bands=True), PictureSpec(4, 8, 8)
    assert not bands.alpha
    assert color.alpha
    assert spec_from_json(json.loads(json.dumps(spec_to_json(bands)))) == bands
    assert spec_to_json(color) == {"kind": "picture", "channels": 4, "height": 8, "width": 8}
    assert bands.at_side(4) == PictureSpec(4, 4, 4, bands=True)
