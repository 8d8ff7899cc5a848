"""What the doctor says of a source is so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.data.doctor import examine
from evenodds.data.images.duplicates import hashes, near_duplicates, thumbs
from evenodds.data.prepare import prepare
from evenodds.data.source import find

SMALL = DataSettings(size=32)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))


def scene(seed: int, width: int = 80, height: int = 60) -> Image.Image:
    """A smooth picture that differs from another seed's as photographs do."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 10, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    for kind, seeds in (("cat", range(8)), ("dog", range(8, 20))):
        (folder / kind).mkdir(parents=True)
        for seed in seeds:
            scene(seed).save(folder / kind / f"{seed:02}.png")
    scene(3).save(folder / "dog" / "again.jpg", quality=70)
    scene(3, 400, 300).save(folder / "dog" / "large.png")
    scene(30).convert("L").save(folder / "cat" / "grey.png")
    (folder / "cat" / "empty.png").write_bytes(b"")
    return folder


def test_pictures_are_described(album: Path) -> None:
    told: list[str] = []
    facts = examine(find(str(album)), SMALL, lambda what, done, total: told.append(what))
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["kind"], facts["count"], facts["train"], facts["heldout"]) == ("pictures", 23, 21, 2)
    assert facts["skipped"] == [{"file": "cat/empty.png", "reason": "zero bytes"}]
    assert facts["width"] == {"min": 80, "median": 80, "max": 400}
    assert facts["height"] == {"min": 60, "median": 60, "max": 300}
    assert facts["modes"] == {
        "RGB": {"count": 22, "treated": "as it is"},
        "L": {"count": 1, "treated": "as it is"},
    }
    assert facts["labels"] == {"label": {"levels": {"dog": 14, "cat": 9}, "missing": 0}}
    assert facts["prepared"] == {"size": 32, "channels": 3, "fit": "crop"}
    assert facts["notes"][0].startswith("23 of 23 pictures are not square")
    assert 23 * 3 * 32 * 32 < facts["prepared_bytes"] < 23 * 3 * 32 * 32 + 20_000
    assert list(dict.fromkeys(told)) == [
        "looking at pictures",
        "preparing pictures",
        "looking for duplicates",
    ]


def test_pictures_nearly_the_same_are_named(album: Path) -> None:
    found = examine(find(str(album)), SMALL)["near_duplicates"]
    assert found == {
        "groups": 1,
        "pictures": 3,
        "examples": [["cat/03.png", "dog/again.jpg", "dog/large.png"]],
    }


def test_training_starts_at_once_after_the_doctor(album: Path) -> None:
    facts = examine(find(str(album)), SMALL)
    told: list[str] = []
    store = prepare(find(str(album)), SMALL, lambda what, done, total: told.append(what))
    assert told == []
    assert facts["fingerprint"] == store.fingerprint
    assert facts["prepared_in"] == str(store.path)


def test_a_table_is_described(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "row_id": np.arange(100),
            "height": rng.normal(170, 9, 100).round(1),
            "kind": rng.choice(["a", "b", "c"], 100),
            "day": pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 100), "D"),
        }
    )
    frame.loc[:4, "height"] = None
    frame.to_parquet(tmp_path / "mine.parquet")
    facts = examine(find(str(tmp_path / "mine.parquet")), DataSettings())
    assert json.loads(json.dumps(facts)) == facts
    columns = {column["name"]: column for column in facts["columns"]}
    kinds = {name: column["kind"] for name, column in columns.items()}
    assert kinds == {"row_id": "left out", "height": "number", "kind": "category", "day": "date"}
    assert columns["height"]["missing"] == 5
    assert columns["kind"]["distinct"] == 3
    assert columns["kind"]["in_words"] == "a choice among 3 levels"
    assert facts["left_out"] == ["row_id"]
    assert any("row_id" in note for note in facts["notes"])
    assert (facts["count"], facts["heldout"], facts["duplicate_rows"]) == (100, 30, 0)


def test_duplicate_rows_are_counted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=40).round(3), "k": ["a", "b"] * 20})
    pd.concat([frame, frame.iloc[:7]]).to_csv(tmp_path / "mine.csv", index=False)
    assert examine(find(str(tmp_path / "mine.csv")), DataSettings())["duplicate_rows"] == 7


def alike_by_all_pairs(pictures: np.ndarray) -> set[tuple[int, int]]:
    small, marks = thumbs(pictures).astype(int), hashes(pictures)
    bits = np.bitwise_count(marks[:, None] ^ marks[None])
    apart = np.abs(small[:, None] - small[None]).max(axis=(2, 3))
    return {(int(a), int(b)) for a, b in np.argwhere((bits <= 2) & (apart <= 24)) if a < b}


def test_no_near_duplicate_is_missed_and_none_made_up() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(40, 215, (150, 1, 8, 9)).repeat(4, axis=2).repeat(4, axis=3)
    again = base[rng.integers(0, 150, 60)] + rng.normal(0, 6, (60, 1, 1, 1)).round().astype(int)
    again[:, :, :4, :4] += rng.integers(-30, 30, (60, 1, 1, 1))  # may turn one or two bits
    pictures = np.concatenate([base, again]).clip(0, 255).astype(np.uint8)
    groups = near_duplicates([pictures[:100], pictures[100:]])
    pairs = alike_by_all_pairs(pictures)
    assert len(pairs) > 40
    linked = {place: number for number, group in enumerate(groups) for place in group}
    assert all(linked.get(a, -1) == linked.get(b, -2) for a, b in pairs)
    assert set(linked) == {place for pair in pairs for place in pair}


def test_plain_pictures_of_other_shades_are_not_alike() -> None:
    flat = np.broadcast_to(np.array([0, 60, 65, 200], np.uint8)[:, None, None, None], (4, 3, 16, 16))
    assert near_duplicates([flat]) == [[1, 2]]


def test_drawings_of_one_pattern_are_not_alike() -> None:
    drawing = np.asarray(scene(1, 64, 64)).transpose(2, 0, 1)
    other = drawing.copy()
    other[:, 40:46, 20:40] = 255 - other[:, 40:46, 20:40] // 2  # another mouth
    assert near_duplicates([np.stack([drawing, other])]) == []


def test_thumbnails_are_the_means_of_areas() -> None:
    cells = np.random.default_rng(0).integers(0, 255, (5, 8, 9), dtype=np.uint8)
    large = cells.repeat(6, axis=1).repeat(5, axis=2)[:, None].repeat(3, axis=1)
    assert np.array_equal(thumbs(large, 8, 9), cells)
    ramp = np.tile(np.arange(8, dtype=np.uint8) * 30, (1, 1, 8, 1))
    assert hashes(ramp)[0] == np.uint64(2**64 - 1)
    assert hashes(ramp[..., ::-1])[0] == 0
