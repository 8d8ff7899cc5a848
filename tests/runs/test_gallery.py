"""The models of the gallery: listed, opened by name, and begun with; and half precision there and back."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from evenodds import Gan
from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.tables.codec import TableCodec
from evenodds.export.hub import export_hub, halved
from evenodds.export.pretrained import open_hub, open_run
from evenodds.runs.gallery import FOLDER, entries, folder_of
from evenodds.runs.initial_weights import find_weights
from evenodds.runs.run import Run
from evenodds.runs.source_data import store_of
from tests.conftest import Answer

ROOT = Path(__file__).parents[2]
NAMES = [entry.name for entry in entries()]
LARGEST = 25_000_000


def test_people_are_there_and_all_of_it_is_small() -> None:
    assert "people" in NAMES
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < LARGEST


def test_every_folder_has_its_facts() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == set(NAMES)
    for entry in entries():
        assert entry.seconds > 0
        assert entry.uses
        assert entry.command.startswith("evenodds train ")


def test_the_guide_names_them() -> None:
    page = (ROOT / "docs" / "guides" / "gallery.md").read_text("utf-8")
    assert all(f"`gallery:{entry.name}`" in page and f"`{entry.command}`" in page for entry in entries())


def test_the_wheel_takes_the_gallery_along() -> None:
    """As setuptools reads the patterns: relative to the package, ** for any folders."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    package = ROOT / "src" / "evenodds"
    packed = {path for pattern in data["evenodds"] for path in package.glob(pattern)}
    assert {path for path in FOLDER.rglob("*") if path.is_file()} <= packed


def test_they_are_listed(evenodds: Callable[..., Answer]) -> None:
    answer = evenodds("gallery")
    assert answer.code == 0
    for name in NAMES:
        assert f"gallery:{name}  " in answer.out
    listing = json.loads(evenodds("gallery", "--json").out)
    assert [entry["name"] for entry in listing] == NAMES
    assert all(entry["bytes"] > 10_000 and entry["license"] for entry in listing)


def test_an_unknown_name_is_told_the_others(evenodds: Callable[..., Answer], tmp_path: Path) -> None:
    others = ", ".join(f"gallery:{name}" for name in NAMES)
    for command in (
        ("sample", "gallery:peple"),
        ("train", "people", "--init", "gallery:peple", "--out", str(tmp_path / "run")),
    ):
        answer = evenodds(*command)
        assert answer.code == 2
        assert answer.err.strip() == f"evenodds: gallery:peple is not in the gallery, which has {others}"
    with pytest.raises(UserError, match="not in the gallery"):
        folder_of("gallery:../runs")


def test_nothing_is_resumed_in_the_gallery(evenodds: Callable[..., Answer]) -> None:
    answer = evenodds("train", "people", "--out", "gallery:people")
    assert answer.code == 2
    assert "cannot be resumed: give --init gallery:people" in answer.err
    with pytest.raises(UserError, match="cannot be resumed"):
        Gan(budget="1rounds").fit("people", "gallery:people")


@pytest.mark.parametrize("name", NAMES)
def test_each_is_sampled(name: str) -> None:
    gan = Gan.load(f"gallery:{name}")
    run = gan.fitted()
    fakes = gan.sample(3, seed=1)
    if isinstance(run.spec, PictureSpec):
        assert fakes.shape == (3, run.spec.height, run.spec.width, run.spec.channels)
        assert fakes.dtype == np.uint8
        assert int(fakes.max()) - int(fakes.min()) > 100
    else:
        assert tuple(fakes) == TableCodec.from_json(run.codec()).names
        assert fakes["height"].between(130, 220).all()
    if run.condition is not None and not run.condition.pictures:
        codec = TableCodec.from_json(run.stored_conditions()[1]["codec"])
        levels = [str(level) for level in codec.columns[0].to_json()["levels"]]
        first, last = (gan.sample(2, condition={codec.names[0]: level}) for level in (levels[0], levels[-1]))
        assert not np.array_equal(first, last)
        with pytest.raises(UserError):
            gan.sample(2, condition={codec.names[0]: "no such level"})


@pytest.mark.parametrize("name", NAMES)
def test_each_judges_its_own_fakes(name: str) -> None:
    gan = Gan.load(f"gallery:{name}")
    if not (folder_of(f"gallery:{name}") / "judge").is_dir():
        pytest.skip("it has no judge")
    judged = gan.judge(gan.sample(2))
    assert judged["percent_real"].between(0, 100).all()
    assert (judged["p_value"] > 0).all()


def test_the_judge_of_people_knows_people() -> None:
    gan = Gan.load("gallery:people")
    usual, strange = (
        gan.judge(row)["p_value"][0] for row in ("height=170,weight=63", "height=170,weight=190")
    )
    assert usual > 0.1 > 0.01 > strange


@pytest.mark.parametrize("name", NAMES)
def test_each_is_steered_along_its_directions(name: str) -> None:
    run = open_run(f"gallery:{name}")
    directions = sorted(path.name for path in (run.path / "directions").glob("*"))
    if not directions:
        pytest.skip("it has no directions")
    steer = Gan.load(f"gallery:{name}").steer
    strips = steer.apply(directions[0], steer.latents([1, 2]), steps=3, refined=False)
    assert strips.shape[:2] == (2, 3)
    assert not torch.equal(strips[:, 0], strips[:, 2])


@pytest.mark.medium
def test_a_game_begins_with_people(tmp_path: Path) -> None:
    initial = find_weights("gallery:people")
    tensors = initial.read()
    assert set(tensors) == {"average", "discriminator"}
    assert {value.dtype for group in tensors.values() for value in group.values()} == {torch.float32}
    gan = Gan(init="gallery:people", budget="3rounds", head_start=0.0).fit("people", tmp_path / "run")
    run = gan.fitted()
    assert run.facts["init"] == {"source": "gallery:people", "fingerprint": initial.fingerprint}
    taken = next(line["reason"] for line in run.journal() if line.get("event") == "init")
    assert taken["taken_g"] == taken["of_g"]
    assert taken["taken_d"] == taken["of_d"]
    assert gan.sample(500)["height"].mean() == pytest.approx(170, abs=8)


def test_what_needs_absent_data_is_told_in_a_sentence(tmp_path: Path) -> None:
    run = open_run("gallery:people")
    run.facts["source"] = str(tmp_path / "gone.csv")
    with pytest.raises(UserError, match="which the gallery does not hold: train a run of your own"):
        store_of(run)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Run:
    gan = Gan(network="dcgan", budget="2rounds", width=8, latent=8, batch=8, head_start=0.0)
    return gan.fit("digits", tmp_path_factory.mktemp("half") / "run").fitted()


@pytest.mark.medium
def test_half_precision_makes_the_same_pictures(pictures: Run, tmp_path: Path) -> None:
    whole = export_hub(pictures, tmp_path / "whole", discriminator=True)
    half = export_hub(pictures, tmp_path / "half", half=True, discriminator=True)
    for file in ("model.safetensors", "discriminator.safetensors"):
        assert (half / file).stat().st_size < 0.75 * (whole / file).stat().st_size
    made = [Gan._of_run(open_hub(folder), "cpu").sample(64).astype(float) for folder in (whole, half)]
    assert abs(made[0] - made[1]).max() / 255 < 0.01
    opened = find_weights(str(half)).read()
    assert {value.dtype for group in opened.values() for value in group.values()} <= {
        torch.float32,
        torch.int64,
    }


def test_what_half_precision_cannot_hold_stays() -> None:
    tensors = {"small": torch.ones(3), "large": torch.full((3,), 1e6), "counted": torch.arange(3)}
    kinds = {name: value.dtype for name, value in halved(tensors).items()}
    assert kinds == {"small": torch.float16, "large": torch.float32, "counted": torch.int64}


@pytest.mark.parametrize("flag", ["--half", "--with-discriminator"])
def test_half_is_of_the_hub_s_form(flag: str, evenodds: Callable[..., Answer]) -> None:
    answer = evenodds("export", "gallery:people", "--format", "onnx", flag)
    assert answer.code == 2
    assert "go with --format hub" in answer.err


def test_faces_have_the_hair_that_is_asked_for() -> None:
    """The nine nearest real pictures, by their upper half, tell a fake's hair color."""
    store = prepare(find("faces"), DataSettings(size=32))
    labels = store.labels("train")
    assert labels is not None
    colors, hair = np.unique(labels["hair_colour"][:6000], return_inverse=True)

    def upper(pictures: np.ndarray) -> np.ndarray:
        return (
            pictures[:, :, :16].reshape(len(pictures), 3, 8, 2, 16, 2).mean((3, 5)).reshape(len(pictures), -1)
            / 255
        )

    known = upper(store.train(np.arange(6000)))

    def read(pictures: np.ndarray) -> np.ndarray:
        seen = upper(pictures)
        distances = (seen**2).sum(1)[:, None] - 2 * seen @ known.T + (known**2).sum(1)
        nearest = np.argsort(distances, 1)[:, :9]
        return np.array([colors[np.bincount(hair[one]).argmax()] for one in nearest])

    heldout = store.labels("heldout")
    assert heldout is not None
    assert np.mean(read(store.heldout(np.arange(400))) == heldout["hair_colour"][:400].to_numpy()) > 0.95
    gan = Gan.load("gallery:faces")
    for color in colors:
        fakes = gan.sample(60, condition={"hair_colour": color}).transpose(0, 3, 1, 2)
        assert np.mean(read(fakes) == color) > 0.9, color


def test_a_conditional_model_is_opened_without_torchs_compiler() -> None:
    """Which takes seconds to be imported, and is where weights without memory are filled with normal numbers."""
    opening = (
        "import sys; from evenodds.export.pretrained import open_run; run = open_run('gallery:faces'); "
        "assert run.condition is not None; print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", opening], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_faces_come_with_what_reads_their_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path))
    steer = Gan.load("gallery:faces").steer
    reader = steer.attributes
    assert {feature.column for feature in reader.features} > {"glasses", "beard", "hair_length"}
    assert min(reader.accuracy.values()) > 0.95
    column = [feature.name for feature in reader.features].index("glasses=yes")
    strips = steer.apply("glasses=yes", steer.latents(range(8)), steps=3, refined=False)
    without, with_it = (reader.read(strips[:, end])[:, column].mean() for end in (0, 2))
    assert without < 0.3 < 0.6 < with_it
    assert not list(tmp_path.iterdir()), "no data was made"
