"""Data sets of Hugging Face: from memory, from a folder that they left, and from a folder of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec
from evenodds.data.prepare import prepare
from evenodds.data.source import find, source_of

datasets = pytest.importorskip("datasets")

PLAIN = DataSettings()
COUNT = 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """uint8 (40, 16, 16, 3)."""
    return np.random.default_rng(0).integers(0, 256, (COUNT, 16, 16, 3), dtype=np.uint8)


def of_pictures(pixels: np.ndarray) -> Any:
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "box": datasets.List(datasets.Value("int64")),
        }
    )
    columns = {
        "image": [Image.fromarray(one) for one in pixels],
        "label": [place % 2 for place in range(COUNT)],
        "box": [[1, 2]] * COUNT,
    }
    return datasets.Dataset.from_dict(columns, features=features)


def of_rows() -> Any:
    rng = np.random.default_rng(0)
    features = datasets.Features(
        {
            "height": datasets.Value("float32"),
            "count": datasets.Value("int64"),
            "kind": datasets.ClassLabel(names=["a", "b"]),
        }
    )
    count = [None if place % 5 == 0 else int(n) for place, n in enumerate(rng.integers(0, 300, COUNT))]
    columns = {"height": rng.normal(size=COUNT), "count": count, "kind": rng.integers(0, 2, COUNT)}
    return datasets.Dataset.from_dict(columns, features=features)


def test_pictures_from_memory_with_the_names_of_their_classes(pixels: np.ndarray) -> None:
    dataset = of_pictures(pixels)
    store = prepare(source_of(dataset, PLAIN), PLAIN)
    assert np.array_equal(store.in_file_order(0, COUNT), pixels.transpose(0, 3, 1, 2))
    labels = store.labels()
    assert labels is not None
    assert labels["label"].tolist()[:2] == ["cat", "dog"]
    assert store.facts["notes"] == ["label 'box' is not one number or text for each picture and is left out"]
    parts = datasets.DatasetDict({"train": dataset, "test": dataset.select(range(12))})
    test = DataSettings(split="test", columns=("image",))
    store = prepare(source_of(parts, test), test)
    assert store.n_train + store.n_heldout == 12
    assert store.labels() is None


def test_rows_become_a_frame_with_gaps_and_class_names() -> None:
    store = prepare(source_of(of_rows(), PLAIN), PLAIN)
    assert isinstance(store.spec, RowSpec)
    columns = {name: facts["dtype"] for name, facts in store.facts["container"]["columns"]}
    assert columns == {"height": "float32", "count": "Int64", "kind": "str"}


def test_a_folder_that_was_saved_is_a_source_and_is_not_read_twice(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    datasets.DatasetDict({"train": of_pictures(pixels)}).save_to_disk(tmp_path / "saved")
    source = find(f"hf:{tmp_path / 'saved'}")
    first = prepare(source, PLAIN)
    assert source.name == "saved"
    assert np.array_equal(first.in_file_order(0, COUNT), pixels.transpose(0, 3, 1, 2))
    written = (first.path / "samples.npy").stat().st_mtime_ns
    again = prepare(find(f"hf:{tmp_path / 'saved'}"), PLAIN)
    assert (again.path / "samples.npy").stat().st_mtime_ns == written


def test_a_folder_of_classes_is_a_source(pixels: np.ndarray, tmp_path: Path) -> None:
    for place, one in enumerate(pixels):
        folder = tmp_path / "album" / ("cat", "dog")[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(folder / f"{place:02}.png")
    labels = prepare(find(f"hf:{tmp_path / 'album'}"), PLAIN).labels()
    assert labels is not None
    assert sorted(labels["label"].unique()) == ["cat", "dog"]


def test_a_damaged_picture_is_skipped_and_no_other_format_is_opened(pixels: np.ndarray) -> None:
    rows = of_pictures(pixels).cast_column("image", datasets.Image(decode=False)).to_list()
    rows[3]["image"]["bytes"] = rows[3]["image"]["bytes"][:100]
    rows[4]["image"]["bytes"] = b"%!PS-Adobe-3.0 EPSF-3.0\n"
    dataset = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    store = prepare(source_of(dataset, PLAIN), PLAIN)
    assert [entry["file"] for entry in store.facts["skipped"]] == ["picture 3", "picture 4"]
    assert store.n_train + store.n_heldout == COUNT - 2


def test_what_cannot_be_had_is_said(pixels: np.ndarray, tmp_path: Path) -> None:
    of_pictures(pixels).save_to_disk(tmp_path / "saved")
    with pytest.raises(UserError, match=r"no column 'breed', name some of its columns: image, label, box"):
        find(f"hf:{tmp_path / 'saved'}", DataSettings(columns=("breed",)))
    with pytest.raises(UserError, match="is no folder"):
        find("hf:./nowhere")
    parts = datasets.DatasetDict({"train": of_rows(), "test": of_rows()})
    with pytest.raises(UserError, match=r"no split 'valid', name one of its splits: train, test"):
        source_of(parts, DataSettings(split="valid"))
    with pytest.raises(UserError, match="streamed"):
        source_of(of_rows().to_iterable_dataset(), PLAIN)
