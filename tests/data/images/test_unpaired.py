"""Two sets without partners: each with held-out pictures of its own, whatever is wrong among them named."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds import Gan
from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec
from evenodds.data.batches import Batches
from evenodds.data.doctor import examine
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.judge.predict import read_input
from evenodds.runs.conditions import resolve_condition
from evenodds.runs.run import Run
from evenodds.runs.source_data import store_of
from tests.test_rectangles import SMALL

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(folder: Path, name: str, count: int, first: int, mode: str = "RGB", side: int = 20) -> Path:
    """Pictures of one level each, ``first`` and the following."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        level = first + number
        Image.new(mode, (side, side), level if mode == "L" else (level, 0, 0)).save(
            folder / name / f"{number:02}.png"
        )
    return folder


def opened(path: Path, **settings: object) -> Store:
    return prepare(
        find(str(path)), DataSettings.model_validate({"size": 8, "condition": "unpaired", **settings})
    )


def levels(block: np.ndarray | None) -> list[int]:
    assert block is not None
    return sorted(block[:, 0, 0, 0].tolist())


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
@pytest.mark.parametrize("zipped", [False, True])
def test_both_sets_are_split_each_for_itself(direction: str, zipped: bool, tmp_path: Path) -> None:
    folder = fill(fill(tmp_path / "mine", "A", 30, 0), "B", 50, 100, "L")
    if zipped:
        with zipfile.ZipFile(tmp_path / "mine.zip", "w") as file:
            for path in sorted(folder.rglob("*.png")):
                file.write(path, f"inner/{path.relative_to(folder)}")
        folder = tmp_path / "mine.zip"
    store = opened(folder, direction=direction)
    sizes = (50, 30) if direction == "AtoB" else (30, 50)
    channels = (1, 3) if direction == "AtoB" else (3, 1)
    assert (store.n_train + store.n_heldout, store.n_heldout) == (sizes[0], sizes[0] // 10)
    assert [store.n_conditions(part) for part in ("train", "heldout")] == [
        sizes[1] - sizes[1] // 10,
        sizes[1] // 10,
    ]
    assert store.spec == PictureSpec(channels[0], 8, 8)
    assert store.condition == Condition("unpaired", PictureSpec(channels[1], 8, 8))
    made = levels(store.train(np.arange(store.n_train))) + levels(store.heldout(np.arange(store.n_heldout)))
    inputs = [
        level
        for part in ("train", "heldout")
        for level in levels(store.conditions(part, np.arange(store.n_conditions(part))))
    ]
    first, second = list(range(30)), list(range(100, 150))
    assert (sorted(inputs), sorted(made)) == ((first, second) if direction == "AtoB" else (second, first))
    assert store.facts["given"] == {
        "kind": "unpaired",
        "direction": direction,
        "train": store.n_conditions("train"),
        "heldout": store.n_conditions("heldout"),
    }
    again = Store.open(store.path)
    assert again.fingerprint == store.fingerprint
    assert levels(again.conditions("heldout", np.arange(2))) == levels(
        store.conditions("heldout", np.arange(2))
    )


def test_conditions_come_round_again(tmp_path: Path) -> None:
    store = opened(fill(fill(tmp_path / "mine", "A", 20, 0), "B", 60, 100))
    assert (store.n_heldout, store.n_conditions("heldout")) == (6, 2)
    blocks = store.conditions("heldout", np.arange(6))
    assert blocks is not None
    assert np.array_equal(blocks[:2], blocks[2:4])


def test_sets_of_their_own_are_what_is_held_out(tmp_path: Path) -> None:
    folder = tmp_path / "usual"
    for name, count, first in (("trainA", 20, 0), ("testA", 3, 50), ("trainB", 12, 100), ("testB", 5, 150)):
        fill(folder, name, count, first)
    store = opened(folder)
    assert levels(store.heldout(np.arange(store.n_heldout))) == list(range(150, 155))
    assert levels(store.train(np.arange(store.n_train))) == list(range(100, 112))
    assert levels(store.conditions("heldout", np.arange(3))) == [50, 51, 52]
    assert levels(store.conditions("train", np.arange(20))) == list(range(20))
    # Of one set alone: the other one is split by chance.
    for path in (folder / "testB").iterdir():
        path.unlink()
    store = opened(folder)
    assert levels(store.conditions("heldout", np.arange(3))) == [50, 51, 52]
    assert (store.n_train, store.n_heldout) == (10, 2)


def test_each_picture_of_both_sets_is_played_once_an_epoch_in_orders_of_their_own(tmp_path: Path) -> None:
    store = opened(fill(fill(tmp_path / "mine", "A", 20, 0), "B", 40, 100))
    batches = Batches(store, seed=3)
    drawn = [batches.at(seen, 4, CPU) for seen in range(0, 180, 4)]
    inputs = torch.cat([one.c for one in drawn if one.c is not None])[:, 0, 0, 0].tolist()
    made = torch.cat([one.x for one in drawn])[:, 0, 0, 0].tolist()
    for played, epoch in ((inputs, 18), (made, 36)):
        for start in range(0, 180, epoch):
            assert len(set(played[start : start + epoch])) == epoch
    beside = {level: {inputs[i] for i in range(180) if made[i] == level} for level in set(made)}
    assert all(len(partners) > 1 for partners in beside.values())
    later = Batches(store, seed=3).at(100, 4, CPU)
    assert torch.equal(later.x, drawn[25].x)
    assert later.c is not None
    assert later.c[:, 0, 0, 0].tolist() == inputs[100:104]
    halves = [Batches(store, 3, rank, 2).at(100, 2, CPU).c for rank in range(2)]
    assert torch.equal(torch.cat([half for half in halves if half is not None]), later.c)


def test_the_doctor_names_what_is_wrong(tmp_path: Path) -> None:
    folder = fill(fill(tmp_path / "mine", "A", 12, 0), "B", 12, 100)
    (folder / "A" / "bad.png").write_bytes(b"")
    (folder / "B" / "worse.jpg").write_bytes(b"no picture")
    fill(folder, "C", 1, 0)
    Image.new("RGB", (8, 8)).save(folder / "alone.png")
    facts = examine(find(str(folder)), DataSettings(size=8, condition="unpaired"))
    skipped = {entry["file"]: entry["reason"] for entry in facts["skipped"]}
    assert skipped.keys() == {"A/bad.png", "B/worse.jpg", "C/00.png", "alone.png"}
    assert skipped["C/00.png"] == skipped["alone.png"] == "it lies in neither of both sets"
    assert facts["given"]["kind"] == "unpaired"
    assert facts["count"] == 12
    assert all(name.startswith("B/") for group in facts["near_duplicates"]["examples"] for name in group)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("A", "C"), r"holds no two sets of pictures: give subfolders A and B, or trainA and trainB"),
        (("testA", "B"), r"holds no two sets of pictures"),
    ],
)
def test_a_set_that_is_missing_is_named(names: tuple[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        opened(fill(fill(tmp_path / "mine", names[0], 12, 0), names[1], 12, 100))


def test_too_few_of_either_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="holds 4 usable pictures to make others from and at least 10 are needed"
    ):
        opened(fill(fill(tmp_path / "few", "A", 4, 0), "B", 12, 100))
    with pytest.raises(UserError, match="holds 4 usable samples and at least 10 are needed"):
        opened(fill(fill(tmp_path / "fewer", "A", 12, 0), "B", 4, 100))


def test_a_set_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path / "mine", "B", 12, 0)
    (folder / "A").mkdir()
    (folder / "A" / "x.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"None of the 1 pictures .* can be read \(A/x.png"):
        opened(folder)


def test_digits_have_no_two_sets() -> None:
    with pytest.raises(
        UserError, match="--condition unpaired needs a folder or zip with A and B, and digits has none"
    ):
        prepare(find("digits"), DataSettings(condition="unpaired"))


def pictures_from_run(run: Run, folder: Path) -> set[bytes]:
    """A folder's pictures as the judge of a run sees them."""
    return {one.tobytes() for _, block in read_input(run, str(folder), print) for one in np.asarray(block)}


def test_pictures_of_16_bits_are_read_by_the_range_of_their_own_set(tmp_path: Path) -> None:
    """Stored, and brought by a user: by the range of its kind, A would have two levels of 255, and B four."""
    rng = np.random.default_rng(0)
    for name, low, high in (("A", 1_000, 1_470), ("B", 3_000, 4_000)):
        (tmp_path / "sets" / name).mkdir(parents=True)
        for number in range(12):
            values = rng.integers(low, high, (16, 16)).astype(np.uint16)
            Image.fromarray(values).save(tmp_path / "sets" / name / f"{number:02}.png")
    gan = Gan(condition="unpaired", network="resunet", size=16, **SMALL).fit(
        tmp_path / "sets", tmp_path / "run"
    )
    store = store_of(gan.fitted())
    inputs = store.conditions("train", np.arange(store.n_conditions("train")))
    assert inputs is not None
    for block in (store.train(np.arange(store.n_train)), inputs):
        assert block.min() == 0
        assert block.max() == 255
        assert len(np.unique(block)) > 200
    files = pictures_from_run(gan.fitted(), tmp_path / "sets" / "B")
    assert {one.tobytes() for one in store.train(np.arange(store.n_train))} <= files
    own = resolve_condition(gan.fitted(), str(tmp_path / "sets" / "A"), 0)
    assert own.pictures is not None
    assert {one.tobytes() for one in inputs} <= {one.tobytes() for one in own.pictures}
    fakes = gan.sample(2, condition=str(tmp_path / "sets" / "A"))
    assert fakes.dtype == np.uint16
    assert 2_990 <= fakes.min() <= fakes.max() <= 4_010
