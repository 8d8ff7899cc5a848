"""Pictures with more than 8 bits a pixel: their own range is measured over all of them, said, kept and overridden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from evenodds.config.data_settings import DataSettings
from evenodds.data.images.album import Album
from evenodds.data.images.ingest import Ingest
from evenodds.data.inputs import pictures_from
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.gan import Gan
from evenodds.runs.run import Run
from evenodds.runs.source_data import store_of

LOW, HIGH = 1_000, 1_470


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))


def scans(low: float, high: float, dtype: type = np.uint16, n: int = 20) -> list[np.ndarray]:
    """Ramps (16, 16) from somewhere within the range to elsewhere; each picture holds a part of it alone."""
    rng = np.random.default_rng(0)
    ends = rng.uniform(low, high, (n, 2))
    ends[0], ends[1] = (low, high), (high, low)
    return [np.linspace(*pair, 256).reshape(16, 16).round(6).astype(dtype) for pair in ends]


def folder_of(folder: Path, pictures: list[np.ndarray], suffix: str = "png") -> Path:
    folder.mkdir()
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number:02}.{suffix}")
    return folder


def content(store: Store) -> np.ndarray:
    """All pictures of a store, (n, 1, 16, 16)."""
    return np.concatenate([store.train(np.arange(store.n_train)), store.heldout(np.arange(store.n_heldout))])


@pytest.mark.parametrize(
    ("dtype", "suffix", "low", "high"),
    [
        (np.uint16, "png", LOW, HIGH),
        (np.uint16, "tif", LOW, HIGH),
        (np.int32, "tif", -1_000, 400),
        (np.float32, "tif", -2.5, 7.5),
        (np.float32, "tif", 0.2, 0.4),
        (np.uint16, "png", 0, 255),
    ],
)
def test_a_narrow_range_is_spread_over_all_levels_and_said(
    tmp_path: Path, dtype: type, suffix: str, low: float, high: float
) -> None:
    folder = folder_of(tmp_path / "scans", scans(low, high, dtype), suffix)
    store = prepare(find(str(folder)), DataSettings(size=16))
    levels = content(store)
    if (low, high) == (0, 255):  # more than half of what 8 bits hold
        assert "range" not in store.facts
        return
    assert levels.min() <= 3
    assert levels.max() >= 252
    found = store.facts["range"]
    assert found == pytest.approx([low, high], abs=0.02 * (high - low))
    assert any(
        "go from black to white (--range takes another one, or full)" in note for note in store.facts["notes"]
    )


def test_the_range_is_that_of_all_pictures_and_not_of_each(tmp_path: Path) -> None:
    """Of what is dark in the data a dark picture comes."""
    pictures = [np.full((16, 16), 1_100 + 10 * number, np.uint16) for number in range(21)]
    store = prepare(find(str(folder_of(tmp_path / "flat", pictures))), DataSettings(size=16))
    assert len(np.unique(content(store))) == 21


def test_quantiles_come_back_within_a_percent(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [np.clip(rng.normal(1_235, 60, (16, 16)), LOW, HIGH).astype(np.uint16) for _ in range(40)]
    store = prepare(find(str(folder_of(tmp_path / "normal", pictures))), DataSettings(size=16))
    low, high = store.facts["range"]
    back = low + content(store) / 255 * (high - low)
    for share in (0.01, 0.25, 0.5, 0.75, 0.99):
        assert abs(np.quantile(back, share) - np.quantile(pictures, share)) <= 0.01 * (HIGH - LOW)


def test_full_takes_the_range_of_the_kind_and_a_range_is_taken_as_it_stands(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "scans", scans(LOW, HIGH))
    full = content(prepare(find(str(folder)), DataSettings(size=16, range="full")))
    assert full.max() <= HIGH // 257 + 1
    wide = prepare(find(str(folder)), DataSettings(size=16, range="0:2940"))
    assert wide.facts["range"] == [0, 2940]
    assert content(wide).max() == pytest.approx(128, abs=1)


def test_pictures_that_fill_their_kind_are_left_as_they_are(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "scans", scans(0, 65_535))
    with Album(folder) as album:
        assert Ingest(album).value_range() is None


def test_eight_bits_are_never_stretched(tmp_path: Path) -> None:
    pictures = [np.full((16, 16), 100 + number, np.uint8) for number in range(12)]
    store = prepare(find(str(folder_of(tmp_path / "gray", pictures))), DataSettings(size=16))
    assert sorted(np.unique(content(store))) == list(range(100, 112))


def test_a_damaged_wide_picture_is_skipped_with_its_reason(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "scans", scans(LOW, HIGH))
    whole = (folder / "05.png").read_bytes()
    (folder / "05.png").write_bytes(whole[: len(whole) // 2])
    store = prepare(find(str(folder)), DataSettings(size=16))
    assert [entry["file"] for entry in store.facts["skipped"]] == ["05.png"]
    assert store.n_train + store.n_heldout == 19


@pytest.mark.parametrize("text", ["1000", "9:1", "a:b", "1:1", "0:inf", ":"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is no range"):
        DataSettings(range=text)


def test_a_run_keeps_its_range_and_judges_by_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "scans", scans(LOW, HIGH))
    path = tmp_path / "run"
    Gan(budget="2rounds", width=8, size=16).fit(str(folder), path)
    run = Run.open(path)
    assert run.recipe.data.span == pytest.approx((LOW, HIGH), abs=10)
    store = store_of(run)
    [(_, block)] = list(pictures_from(str(folder / "00.png"), run.spec, run.recipe.data, print))  # type: ignore[arg-type]
    levels = content(store)
    assert np.abs(levels.astype(int) - block[0]).sum((1, 2, 3)).min() == 0
    Gan(budget="3rounds", width=8, size=16).fit(str(folder), path)
    assert Run.open(path).recipe.data == run.recipe.data
