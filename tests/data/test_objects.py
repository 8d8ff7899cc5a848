"""Objects in memory become stores: exact samples, known again by their content, and refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.prepare import prepare
from evenodds.data.source import find, source_of
from evenodds.data.store import Store
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.containers import contained

PLAIN = DataSettings()
COUNT = 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """uint8 (40, 16, 16, 3)."""
    return np.random.default_rng(0).integers(0, 256, (COUNT, 16, 16, 3), dtype=np.uint8)


def stored(data: Any, settings: DataSettings = PLAIN, labels: Any = None) -> Store:
    return prepare(source_of(data, settings, labels), settings)


def samples(store: Store) -> np.ndarray:
    return store.in_file_order(0, store.n_train + store.n_heldout)


def round_trip(data: Any) -> Any:
    """Rows encoded, decoded, and put back into what they came in."""
    store = stored(data)
    codec = TableCodec.from_json(store.codec_json or {})
    rows = codec.with_keys(codec.decode(samples(store), np.random.default_rng(0)), 0, 0)
    return contained(rows, store.facts["container"])


class Labelled(torch.utils.data.Dataset[Any]):
    """(picture, label), the picture a float tensor from 0 to 1 as torchvision's ToTensor gives it."""

    def __init__(self, pictures: np.ndarray, classes: list[str] | None = None) -> None:
        self.pictures = pictures
        if classes is not None:
            self.classes = classes

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, position: int) -> tuple[torch.Tensor, int]:
        return torch.tensor(self.pictures[position]).permute(2, 0, 1) / 255, position % 2


def frame(rows: int = 200) -> pd.DataFrame:
    """A column of each dtype that is learnt."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "flag": rng.random(rows) < 0.5,
            "count": pd.Series(rng.integers(0, 300, rows)).astype("Int64"),
            "grade": pd.Categorical(rng.choice(["lo", "hi"], rows), ["lo", "hi", "mid"], ordered=True),
            "when": pd.date_range("2020-01-01", periods=rows, tz="Europe/Berlin"),
            "wait": pd.to_timedelta(rng.integers(0, 5000, rows), unit="s"),
            "word": pd.Series(rng.choice(["x", "y"], rows), dtype=object),
            "text": pd.Series(rng.choice(["x", "y"], rows), dtype="str"),
            "string": pd.Series(rng.choice(["x", "y"], rows), dtype="string"),
            "size": rng.normal(size=rows).astype("float32"),
            "cut": pd.cut(rng.normal(size=rows), 4),
            "day": pd.Series(pd.date_range("2020-01-01", periods=rows).date),
            "arrow": pd.Series(rng.integers(0, 9, rows), dtype="int64[pyarrow]"),
        }
    )
    table.loc[::7, "count"] = pd.NA
    table.loc[::9, "wait"] = pd.NaT
    table.loc[::5, "word"] = None
    return table


def test_a_frame_comes_back_with_its_dtypes_and_values() -> None:
    before = frame()
    after = round_trip(before)
    assert after.dtypes.to_dict() == before.dtypes.to_dict()
    assert after["grade"].cat.categories.tolist() == ["lo", "hi", "mid"]
    assert isinstance(after.index, pd.RangeIndex)
    pd.testing.assert_frame_equal(after, before, rtol=1e-5)


def test_a_named_index_is_learnt_and_comes_back_and_labels_of_columns_may_be_numbers() -> None:
    rng = np.random.default_rng(0)
    days = pd.Index(pd.date_range("2020-01-01", periods=60), name="day")
    before = pd.DataFrame({0: rng.normal(size=60), 1: rng.normal(size=60)}, index=days)
    pd.testing.assert_frame_equal(round_trip(before), before, rtol=1e-5, check_freq=False)
    store = stored(before.reset_index(drop=True).set_axis(rng.permutation(1000)[:60]))
    assert any("index has no name" in note for note in store.facts["notes"])


def test_arrow_and_polars_tables_come_back_as_such() -> None:
    polars = pytest.importorskip("polars")
    table = pa.Table.from_pandas(frame().drop(columns=["cut", "arrow"]), preserve_index=False)
    after = round_trip(table)
    assert after.schema.equals(table.schema)
    levels = polars.Series("level", ["lo", "hi"] * 100, dtype=polars.Enum(["lo", "hi", "mid"]))
    before = polars.from_arrow(table).with_columns(levels)
    after = round_trip(before)
    assert after.schema == before.schema
    assert after["count"].to_list() == before["count"].to_list()
    assert after["when"].to_list() == before["when"].to_list()


def test_an_array_of_numbers_comes_back_as_wide_as_it_was() -> None:
    before = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    before[:, 2] = 7
    after = round_trip(before)
    assert after.dtype == np.float32
    assert np.allclose(after, before, atol=1e-4)
    numbered = np.column_stack([np.arange(50), np.random.default_rng(0).integers(0, 5, 50)])
    after = round_trip(numbered)
    assert after.shape == numbered.shape
    assert not set(after[:, 0]) & set(numbered[:, 0])  # new ids in an id's stead
    assert np.array_equal(after[:, 1], numbered[:, 1])


def test_pictures_of_every_kind_are_the_same_samples(pictures: np.ndarray) -> None:
    expected = pictures.transpose(0, 3, 1, 2)
    tensor = torch.tensor(expected)
    for data in (
        pictures,
        list(pictures),
        [Image.fromarray(one) for one in pictures],
        (pictures / 255).astype(np.float32),
        tensor,
        tensor / 255,
        Labelled(pictures),
        torch.utils.data.DataLoader(Labelled(pictures), batch_size=7),
        torch.utils.data.TensorDataset(tensor),
    ):
        assert np.array_equal(samples(stored(data)), expected), type(data)
    gray = stored(pictures[..., 0])
    assert gray.spec == PictureSpec(1, 16, 16)
    assert np.array_equal(samples(gray)[:, 0], pictures[..., 0])


def test_the_side_is_the_power_of_two_at_or_above_their_own() -> None:
    for side, size in ((5, 8), (28, 32), (32, 32), (90, 64)):
        assert stored(np.zeros((12, side, side), np.uint8)).spec == PictureSpec(1, size, size)
    assert stored(np.zeros((12, 28, 28), np.uint8), DataSettings(size=28)).spec == PictureSpec(1, 28, 28)


def test_labels_come_with_pictures_or_beside_them(pictures: np.ndarray) -> None:
    def labels(store: Store) -> pd.DataFrame:
        found = store.labels()
        assert found is not None
        return found

    assert labels(stored(Labelled(pictures, ["cat", "dog"])))["label"].tolist()[:2] == ["cat", "dog"]
    part = torch.utils.data.Subset(Labelled(pictures, ["cat", "dog"]), range(1, 21))
    assert labels(stored(part))["label"].tolist()[:2] == ["dog", "cat"]
    loader = torch.utils.data.DataLoader(Labelled(pictures), batch_size=3)
    assert labels(stored(loader))["label"].tolist() == [0, 1] * (COUNT // 2)
    beside = stored(pictures, DataSettings(condition="labels"), ["a", "b"] * (COUNT // 2))
    assert beside.condition is not None
    assert labels(beside)["label"].tolist() == ["a", "b"] * (COUNT // 2)
    with pytest.raises(UserError, match="3 labels for 40 pictures"):
        stored(pictures, labels=[1, 2, 3])


def test_a_shuffling_loader_gives_the_same_data_every_time(pictures: np.ndarray) -> None:
    torch.manual_seed(5)
    first, second = (
        source_of(torch.utils.data.DataLoader(Labelled(pictures), batch_size=7, shuffle=True), PLAIN)
        for _ in range(2)
    )
    assert first.address == second.address
    before = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), before), "torch's own random numbers are left alone"


def test_data_is_found_again_by_its_content_until_it_is_pruned(pictures: np.ndarray, cache: Path) -> None:
    for data in (pictures, frame()):
        address = source_of(data, PLAIN).address
        assert source_of(data.copy(), PLAIN).address == address
        assert prepare(source_of(data, PLAIN), PLAIN).fingerprint == prepare(find(address), PLAIN).fingerprint
    assert source_of(pictures[::-1], PLAIN).address != source_of(pictures, PLAIN).address
    assert source_of(frame().astype({"flag": object}), PLAIN).address != source_of(frame(), PLAIN).address
    (cache / "stores").rename(cache / "gone")
    with pytest.raises(UserError, match="call fit again with the same data"):
        prepare(find(address), PLAIN)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (np.zeros((20, 8, 8), np.int64), "dtype int64: give uint8"),
        (np.full((20, 8, 8), -1.0), r"from -1 to -1, and only 0 to 1 is taken"),
        (np.full((20, 8, 8), np.nan), "holds NaN"),
        (np.zeros((20, 3, 8, 8), np.uint8), "transpose"),
        (np.zeros((0, 8, 8), np.uint8), "holds no picture"),
        (np.zeros((3, 8, 8), np.uint8), "at least 10"),
        (np.zeros((2, 2, 2, 2, 2)), r"shape \(2, 2, 2, 2, 2\)"),
        (np.arange(5), "reshape"),
        (np.array([["a", 1]], dtype=object), "dtype object"),
        (torch.zeros(20, 8, 8, 3), "channels"),
        (pd.DataFrame({"a": []}), "0 rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns named 'a'"),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), "several levels"),
        (pd.Series([1, 2]), "to_frame"),
        ([], "empty"),
        ([[1, 2], [3]], "cannot be learnt from"),
        ([{"a": 1}], "records"),
        ({"a": [1]}, r"pd\.DataFrame\(x\)"),
        (Image.new("L", (8, 8)), r"\[x, \.\.\.\]"),
        (None, "None cannot be learnt from"),
        (7, "an int cannot be learnt from"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(data: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        stored(data)


def test_settings_that_a_source_does_not_know_are_refused(pictures: np.ndarray, photographs: Path) -> None:
    with pytest.raises(UserError, match="--condition pairs"):
        stored(pictures, DataSettings(condition="pairs"))
    with pytest.raises(UserError, match="--split"):
        prepare(find("digits"), DataSettings(split="train"))
    with pytest.raises(UserError, match="--columns"):
        prepare(find(str(photographs)), DataSettings(columns=("label",)))
    table = stored(frame(), DataSettings(columns=("size", "flag")))
    assert table.facts["columns"] == ["size", "flag"]
    with pytest.raises(UserError, match="no column 'nothing'"):
        stored(frame(), DataSettings(columns=("nothing",)))
