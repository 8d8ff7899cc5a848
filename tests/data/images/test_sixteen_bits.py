"""Pictures of 16 bits: learnt by their range, and given back in their own values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds import Gan
from evenodds.config.data_settings import DataSettings
from evenodds.data.images.arrays import to_pictures, to_tensor, to_values, write_folder
from evenodds.data.images.decoding import values_of
from evenodds.data.images.values import Values
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from tests.conftest import Answer
from tests.test_rectangles import FLAGS, done

SHARES = np.linspace(0.01, 0.99, 99)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures of 16 x 16 px with whole numbers of 1,000 to 1,470, as of a scanner: noise on a slope."""
    folder = tmp_path_factory.mktemp("scans")
    rng = np.random.default_rng(0)
    slope = np.linspace(1100, 1400, 16)[None, :]
    for index in range(60):
        values = np.clip(slope + rng.normal(0, 40, (16, 16)), 1000, 1470)
        Image.fromarray(values.round().astype(np.uint16)).save(folder / f"{index:02}.png")
    return folder


def values_in(folder: Path) -> np.ndarray[Any, Any]:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


@pytest.mark.parametrize("choice", ["auto", "1000:1470"])
def test_what_is_learnt_comes_back_within_a_percent_of_the_range(
    choice: str, scans: Path, tmp_path: Path
) -> None:
    store = prepare(find(str(scans)), DataSettings(size=16, range=choice))
    low, high = store.facts["values"]
    values = Values((low,), (high,), "uint16")
    samples = to_tensor(store.in_file_order(0, 60))
    assert write_folder([to_values(samples, values)], tmp_path / "made", 60) == 60
    real, made = values_in(scans), values_in(tmp_path / "made")
    assert made.dtype == np.uint16
    off = np.abs(np.quantile(made, SHARES) - np.quantile(real, SHARES))
    assert off.max() <= 0.01 * (high - low)
    np.testing.assert_array_equal(values.of_levels(to_pictures(samples)), made[..., None])
    assert "fakes in a folder are PNG files of 16 bits, in the values of the pictures" in store.facts["notes"]


def test_values_between_the_levels_of_8_bits_come_back() -> None:
    shares = torch.linspace(-1.1, 1.1, 5_000, dtype=torch.float64).reshape(1, 1, 50, 100)
    made = to_values(shares, Values((1000,), (5000,), "uint16"))
    assert made.min() == 1000
    assert made.max() == 5000
    assert len(np.unique(made)) > 3_900


@pytest.mark.parametrize(
    ("modes", "span", "values"),
    [
        (["I;16"], (1000.0, 1470.0), (1000.0, 1470.0)),
        (["I;16", "I;16B"], None, (0.0, 65535.0)),
        (["I"], (1000.0, 1470.0), (1000.0, 1470.0)),
        (["I"], None, None),  # the range of each picture's own kind
        (["I;16", "L"], (1000.0, 1470.0), None),
        (["F"], (1000.0, 1470.0), None),
        (["I"], (-10.0, 1470.0), None),
        (["I"], (10.0, 70_000.0), None),
        (["RGB"], None, None),
    ],
)
def test_values_of_16_bits_are_those_of_whole_numbers_within_them(
    modes: list[str], span: tuple[float, float] | None, values: tuple[float, float] | None
) -> None:
    assert values_of(modes, span) == values


@pytest.mark.medium
def test_a_game_gives_back_values_and_judges_them_as_they_are(
    scans: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    run = tmp_path / "run"
    done(evenodds("train", scans, "--out", run, "--size", 16, "--budget", "4rounds", *FLAGS))
    low, high = json.loads((run / "recipe.json").read_text())["data"]["values"]
    for name, flags in {"plain": (), "best": ("--best", "50%")}.items():
        done(evenodds("sample", run, "-n", 12, "--out", tmp_path / name, *flags))
        made = values_in(tmp_path / name)
        assert made.dtype == np.uint16
        assert low - 1 <= made.min() < made.max() <= high + 1
    gan = Gan.load(run)
    fakes = gan.sample(12)
    assert fakes.dtype == gan.sample(0).dtype == np.uint16
    np.testing.assert_array_equal(fakes[..., 0], values_in(tmp_path / "plain"))
    percents = gan.judge(fakes)["percent_real"]
    judged = json.loads(done(evenodds("judge", run, tmp_path / "plain", "--json")).out)
    np.testing.assert_allclose(percents, [one["percent_real"] for one in judged], atol=0.01)
    done(evenodds("sample", run, "-n", 12, "--out", tmp_path / "sheet.png"))
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.mode == "L"
        eight = np.asarray(sheet)[:64:4, :64:4]
    again = prepare(find(str(tmp_path / "plain")), DataSettings(size=16, range=f"{low}:{high}"))
    assert np.abs(again.in_file_order(0, 1)[0, 0].astype(int) - eight).max() <= 1
