"""Pairs in both layouts, with everything wrong among them, come as partners or are named."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec
from evenodds.data.doctor import examine
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store

FACADES = Path(__file__).parents[3].parent / "shared" / "data" / "facades.zip"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def plain(number: int, side: str, size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Image.Image:
    """Of one colour: A has its number in red, B ten times its number in green (grey where the mode is)."""
    level = number if side == "A" else 10 * number
    return Image.new(mode, size, level if mode == "L" else (level, 0, 0) if side == "A" else (0, level, 0))


def apart(folder: Path, count: int = 12, names: tuple[str, str] = ("A", "B"), mode_b: str = "RGB") -> Path:
    for side, name in zip("AB", names, strict=True):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            suffix = "bmp" if side == "A" else "png"
            plain(number, side, mode=mode_b if side == "B" else "RGB").save(
                folder / name / f"{number:02}.{suffix}"
            )
    return folder


def side_by_side(folder: Path, count: int = 12) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        both = Image.new("RGB", (32, 16))
        both.paste(plain(number, "A"), (0, 0))
        both.paste(plain(number, "B"), (16, 0))
        both.save(folder / f"{number:02}.png")
    return folder


def opened(path: Path, **settings: object) -> Store:
    asked = {"size": 8, "given": "pairs", **settings}
    return prepare(find(str(path)), DataSettings.model_validate(asked))


def both(store: Store) -> tuple[np.ndarray, np.ndarray]:
    """What is made and what is given, held-out pictures first."""
    made, given = [], []
    for part, read, count in (
        ("heldout", store.heldout, store.n_heldout),
        ("train", store.train, store.n_train),
    ):
        made.append(read(np.arange(count)))
        beside = store.conditions("heldout" if part == "heldout" else "train", np.arange(count))
        assert beside is not None
        given.append(beside)
    return np.concatenate(made), np.concatenate(given)


def skipped(store: Store) -> dict[str, str]:
    return {entry["file"]: entry["reason"] for entry in store.facts["skipped"]}


@pytest.mark.parametrize(
    "layout", ["apart", "small letters", "zip", "deep zip", "side by side", "in classes"]
)
@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_partners_stay_together_in_every_layout(layout: str, direction: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    if layout == "apart":
        apart(folder)
    elif layout == "small letters":
        apart(folder, names=("a", "b"))
    elif layout == "side by side":
        side_by_side(folder)
    elif layout == "in classes":
        side_by_side(folder / "train", 7)
        for file in side_by_side(tmp_path / "more").iterdir():
            if int(file.stem) >= 7:
                (folder / "test").mkdir(exist_ok=True)
                file.rename(folder / "test" / file.name)
    else:
        apart(tmp_path / "loose")
        folder = tmp_path / "mine.zip"
        with zipfile.ZipFile(folder, "w") as archive:
            for file in (tmp_path / "loose").rglob("*.*"):
                name = file.relative_to(tmp_path / "loose").as_posix()
                archive.write(file, f"all/of it/{name}" if layout == "deep zip" else name)
    store = opened(folder, direction=direction)
    assert store.condition == Condition("pairs", PictureSpec(3, 8, 8))
    assert store.spec == PictureSpec(3, 8, 8)
    assert (store.n_train + store.n_heldout, skipped(store)) == (12, {})
    made, given = both(store)
    a, b = (given, made) if direction == "AtoB" else (made, given)
    numbers = a[:, 0, 0, 0].astype(int)
    assert sorted(numbers) == list(range(12))
    assert (a == np.stack([numbers, 0 * numbers, 0 * numbers], 1)[:, :, None, None]).all()
    assert (b == np.stack([0 * numbers, 10 * numbers, 0 * numbers], 1)[:, :, None, None]).all()
    assert store.facts["given"] == {"kind": "pairs", "direction": direction}
    assert store.labels() is None


def test_each_side_has_its_own_channels(tmp_path: Path) -> None:
    folder = apart(tmp_path / "mine", mode_b="L")
    store = opened(folder)
    assert (store.spec.shape, store.condition and store.condition.spec.shape) == ((1, 8, 8), (3, 8, 8))
    store = opened(folder, direction="BtoA")
    assert (store.spec.shape, store.condition and store.condition.spec.shape) == ((3, 8, 8), (1, 8, 8))
    store = opened(folder, channels="color")
    assert (store.spec.shape, store.condition and store.condition.spec.shape) == ((3, 8, 8), (3, 8, 8))


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_whoever_has_no_partner_is_named(direction: str, tmp_path: Path) -> None:
    folder = apart(tmp_path / "mine", 16)
    (folder / "A" / "00.bmp").unlink()
    (folder / "B" / "01.png").unlink()
    (folder / "A" / "02.bmp").write_bytes(b"")
    (folder / "B" / "03.png").write_bytes((folder / "B" / "03.png").read_bytes()[:60])
    plain(4, "A", (20, 10)).save(folder / "A" / "04.bmp")
    plain(5, "B").save(folder / "A" / "05.png")  # as 05.bmp is there too
    plain(6, "B").save(folder / "stray.png")
    store = opened(folder, direction=direction)
    told = skipped(store)
    first, second = ("A/04.bmp", "B/04.png") if direction == "BtoA" else ("B/04.png", "A/04.bmp")
    sizes = {"A/04.bmp": "20 × 10 px", "B/04.png": "16 × 16 px"}
    assert told.pop(first) == f"it has {sizes[first]}, and its partner {second} has {sizes[second]}"
    if direction == "AtoB":
        assert told.pop("B/03.png") == "truncated"
    else:
        assert told.pop("A/03.bmp") == "its partner B/03.png cannot be read (truncated)"
    double = "it lies in neither A nor B, or has the name of another there"
    assert told == {
        "B/00.png": "no partner in A",
        "A/01.bmp": "no partner in B",
        "A/02.bmp": "zero bytes",
        "B/02.png": "its partner A/02.bmp cannot be read (zero bytes)",
        "A/05.png": double,
        "stray.png": double,
    }
    made, given = both(store)
    assert len(made) == 11
    a, b = (given, made) if direction == "AtoB" else (made, given)
    assert (b[:, 1].astype(int) == 10 * a[:, 0].astype(int)).all()


def test_pairs_are_fitted_alike(tmp_path: Path) -> None:
    for side in "AB":
        (tmp_path / "mine" / side).mkdir(parents=True)
        for number in range(10):
            ramp = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (30, 1))
            Image.fromarray(ramp if side == "A" else 255 - ramp).save(
                tmp_path / "mine" / side / f"{number}.png"
            )
    for fit in ("crop", "pad"):
        made, given = both(opened(tmp_path / "mine", fit=fit))
        inner = slice(2, 6)  # what is padded is no mirror, since the mean is rounded
        assert np.abs(made[:, :, inner].astype(int) + given[:, :, inner] - 255).max() <= 1
        assert (np.ptp(given[0, 0, 4]) > 200) == (fit == "pad")


def test_turned_photographs_are_turned_before_they_are_cut_or_compared(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    for file in side_by_side(tmp_path / "mine").iterdir():
        with Image.open(file) as image:
            image.transpose(Image.Transpose.ROTATE_90).save(file, exif=exif)
    made, given = both(opened(tmp_path / "mine"))
    assert (made[:, 1].astype(int) == 10 * given[:, 0].astype(int)).all()
    assert given[:, 0].any()


def test_files_of_another_shape_are_named_beside_those_side_by_side(tmp_path: Path) -> None:
    folder = side_by_side(tmp_path / "mine")
    Image.new("RGB", (30, 20)).save(folder / "odd.png")
    Image.new("RGB", (16, 32)).save(folder / "tall.png")
    (folder / "cut.png").write_bytes((folder / "03.png").read_bytes()[:50])
    store = opened(folder)
    assert skipped(store) == {
        "cut.png": "truncated",
        "odd.png": "30 × 20 px is not twice as wide as high",
        "tall.png": "16 × 32 px is not twice as wide as high",
    }
    assert store.facts["counts"]["samples"] == 12
    assert store.facts["width"] == store.facts["height"] == {"min": 16, "median": 16, "max": 16}


@pytest.mark.parametrize("kind", ["square", "orphans", "unequal", "only A", "damaged"])
def test_no_pair_at_all_tells_the_two_layouts(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    if kind in ("square", "only A"):
        (folder / "A").mkdir(parents=True)
        for number in range(12):
            plain(number, "A").save((folder / "A" if kind == "only A" else folder) / f"{number}.png")
    else:
        apart(folder)
    for number in range(12):
        if kind == "orphans":
            (folder / "B" / f"{number:02}.png").rename(folder / "B" / f"x{number}.png")
        elif kind == "unequal":
            plain(number, "B", (8, 9)).save(folder / "B" / f"{number:02}.png")
        elif kind == "damaged":
            (folder / "A" / f"{number:02}.bmp").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"holds no pair of pictures \(.*\.\.\.\): give subfolders A and B .*twice as wide"
    ):
        opened(folder)


def test_digits_are_no_pairs() -> None:
    with pytest.raises(
        UserError, match="--condition pairs needs a folder or zip with A and B, and digits has none"
    ):
        prepare(find("digits"), DataSettings(condition="pairs"))


def test_a_table_is_no_pairs() -> None:
    with pytest.raises(UserError, match="--condition pairs is for pictures, and people is a table"):
        prepare(find("people"), DataSettings(condition="pairs"))


def test_the_doctor_names_the_files_that_are_made(tmp_path: Path) -> None:
    folder = apart(tmp_path / "mine")
    rng = np.random.default_rng(0)
    for number in range(12):
        scene = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(scene).save(folder / "B" / f"{number:02}.png")
    (folder / "B" / "07.png").write_bytes((folder / "B" / "09.png").read_bytes())
    (folder / "A" / "03.bmp").unlink()
    facts = examine(find(str(folder)), DataSettings(size=16, condition="pairs"))
    assert facts["given"] == {"kind": "pairs", "direction": "AtoB"}
    assert facts["near_duplicates"]["examples"] == [["B/07.png", "B/09.png"]]
    assert facts["count"] == 11


def test_metadata_gives_labels_to_what_is_made(tmp_path: Path) -> None:
    folder = apart(tmp_path / "mine")
    rows = "".join(f"B/{number:02}.png,{number}\n" for number in range(12))
    (folder / "metadata.csv").write_text(f"file,number\n{rows}")
    store = opened(folder)
    labels = store.labels()
    assert labels is not None
    assert labels["number"].tolist() == (store.in_file_order(0, 12)[:, 1, 0, 0] // 10).tolist()


@pytest.mark.slow
@pytest.mark.skipif(not FACADES.exists(), reason="shared/data is not here")
def test_real_pairs_are_all_read() -> None:
    store = opened(FACADES, size=64, direction="BtoA")
    assert store.facts["counts"] == {"samples": 506, "train": 456, "heldout": 50, "skipped": 0}
    with zipfile.ZipFile(FACADES) as archive:
        first = sorted(archive.namelist())[0]
        whole = Image.open(io.BytesIO(archive.read(first))).convert("RGB")
    photograph = np.asarray(whole.crop((0, 0, 256, 256)).resize((64, 64), Image.Resampling.BOX)).transpose(
        2, 0, 1
    )
    assert np.abs(store.in_file_order(0, 1)[0].astype(int) - photograph).mean() < 6
    made, given = both(store)
    assert given[:, 2].mean() > given[:, 1].mean() + 30  # label maps are mostly blue
    assert abs(made[:, 2].mean() - made[:, 1].mean()) < 30


def test_train_a_and_train_b_are_the_sides(tmp_path: Path) -> None:
    named = opened(apart(tmp_path / "named", names=("trainA", "trainB")))
    plainly = opened(apart(tmp_path / "plainly"))
    assert named.fingerprint == plainly.fingerprint


def test_pictures_without_partners_are_refused_with_what_is_wrong(tmp_path: Path) -> None:
    folder = apart(tmp_path / "unpaired", names=("trainA", "trainB"))
    for number, path in enumerate(sorted((folder / "trainB").iterdir())):
        path.rename(path.with_name(f"other{number}.png"))
    with pytest.raises(
        UserError,
        match=r"no partner in B.*two sets of pictures without partners are for --condition unpaired",
    ):
        opened(folder)
