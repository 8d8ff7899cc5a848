"""The store: prepared once, split once, gathered right, in bounded memory, whatever happens to its files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec, RowSpec, SampleSpec, Span
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from evenodds.data.store_writer import About, heldout_count, with_about, write_store

SMALL = DataSettings(size=8)
SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def album(folder: Path, names: list[str] | None = None) -> Path:
    """Pictures of one colour each: number n has the red level 10 n."""
    for number, name in enumerate(names or [f"{number:02}.png" for number in range(20)]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (10 * number, 0, 0)).save(path)
    return folder


def opened(folder: Path, settings: DataSettings = SMALL) -> Store:
    return prepare(find(str(folder)), settings)


def everything(store: Store) -> np.ndarray:
    return np.concatenate([store.heldout(np.arange(store.n_heldout)), store.train(np.arange(store.n_train))])


def written(path: Path, samples: np.ndarray, step: int = 7) -> Store:
    spec = PictureSpec(*samples.shape[1:])
    chunks = (samples[start : start + step] for start in range(0, len(samples), step))
    return write_store(path, spec, "it", with_about(chunks, About({"skipped": []})))


def numbered(count: int) -> np.ndarray:
    """Pictures (count, 1, 8, 8) that each hold their own number."""
    numbers = np.arange(count, dtype=np.uint32).view(np.uint8).reshape(count, 1, 1, 4)
    return np.tile(numbers, (1, 1, 8, 2))


def number_of(pictures: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pictures[:, 0, 0, :4]).view(np.uint32)[:, 0]


def test_the_split_is_disjoint_and_whole_and_stays(tmp_path: Path) -> None:
    store = written(tmp_path / "it", numbered(200))
    assert (store.n_heldout, store.n_train) == (20, 180)
    heldout = number_of(store.heldout(np.arange(20)))
    train = number_of(store.train(np.arange(180)))
    assert sorted([*heldout, *train]) == list(range(200))
    assert list(train) != sorted(train)
    again = Store.open(tmp_path / "it")
    assert np.array_equal(number_of(again.heldout(np.arange(20))), heldout)
    assert np.array_equal(number_of(again.train(np.arange(180))), train)


@pytest.mark.parametrize(
    ("count", "heldout"), [(10, 2), (20, 2), (35, 3), (1000, 100), (100_000, 10_000), (10**6, 10_000)]
)
def test_a_tenth_of_pictures_is_held_out_within_limits(count: int, heldout: int) -> None:
    assert heldout_count(count, PictureSpec(1, 8, 8)) == heldout


@pytest.mark.parametrize(
    ("count", "heldout"), [(10, 3), (141, 42), (3_000, 900), (5_000, 1_000), (20_000, 2_000), (10**6, 10_000)]
)
def test_of_small_tables_up_to_three_tenths_are_held_out(count: int, heldout: int) -> None:
    assert heldout_count(count, RowSpec((Span(0, 1, "number"),))) == heldout


@pytest.mark.parametrize("spec", [PictureSpec(1, 8, 8), RowSpec((Span(0, 1, "number"),))])
def test_a_share_that_is_asked_for_is_held_out(spec: SampleSpec) -> None:
    assert heldout_count(290, spec, 0.1) == 29
    assert heldout_count(400, spec, 0.5) == 200


@pytest.mark.parametrize("large", [False, True])
def test_rows_come_in_the_order_asked_for(
    large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:  # as a file over the limit is read
        for room in ("store", "store_writer"):
            monkeypatch.setattr(f"evenodds.data.{room}.RESIDENT", 0)
    store = written(tmp_path / "it", numbered(50))
    train = number_of(store.train(np.arange(store.n_train)))
    wanted = np.array([7, 3, 3, 40, 0, 44])
    rows = store.train(wanted)
    assert np.array_equal(number_of(rows), train[wanted])
    assert np.array_equal(number_of(store.in_file_order(4, 30)), np.arange(4, 30))
    rows[:] = 0  # an array of its own
    assert np.array_equal(number_of(store.train(wanted)), train[wanted])
    assert store.train(np.empty(0, np.int64)).shape == (0, 1, 8, 8)


@pytest.mark.parametrize("index", [-1, 45])
def test_an_index_outside_never_reaches_the_other_part(index: int, tmp_path: Path) -> None:
    store = written(tmp_path / "it", numbered(50))
    with pytest.raises(IndexError, match="outside 0 to 44"):
        store.train(np.array([0, index]))
    with pytest.raises(IndexError, match="outside 0 to 4"):
        store.heldout(np.array([5]))


def test_rows_of_tables_are_kept_to_the_bit(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    spec = RowSpec((Span(0, 1, "number"), Span(1, 3, "category")))
    about = About({"skipped": []}, codec_json={"columns": []})
    store = write_store(tmp_path / "it", spec, "it", with_about([rows], about))
    assert store.spec == spec
    assert store.codec_json == {"columns": []}
    assert np.array_equal(store.in_file_order(0, 30), rows)


def test_samples_that_do_not_fit_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        write_store(
            tmp_path / "it",
            PictureSpec(3, 8, 8),
            "it",
            with_about([numbered(20)], About({"skipped": []})),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_becomes_what_it_shows(tmp_path: Path) -> None:
    store = opened(album(tmp_path / "mine"))
    assert store.spec == PictureSpec(3, 8, 8)
    assert np.array_equal(store.in_file_order(0, 20)[:, 0, 0, 0], np.arange(20) * 10)
    assert store.facts["source"] == "mine"
    assert store.facts["notes"] == []


def test_a_zip_becomes_what_its_folder_becomes(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert opened(tmp_path / "packed.zip").fingerprint == opened(folder).fingerprint


def test_the_second_time_nothing_is_done(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    first = opened(folder)
    before = {file: file.stat().st_mtime_ns for file in first.path.iterdir()}
    told: list[str] = []
    second = prepare(find(str(folder)), SMALL, lambda what, done, total: told.append(what))
    assert second.path == first.path
    assert told == []
    assert {file: file.stat().st_mtime_ns for file in second.path.iterdir()} == before


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    prepare(find(str(album(tmp_path / "mine"))), SMALL, lambda *news: told.append(news))
    assert told == [
        (what, done, 20) for what in ("looking at pictures", "preparing pictures") for done in range(1, 21)
    ]


def test_a_moved_folder_has_the_same_fingerprint_and_a_changed_pixel_another(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    first = opened(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    assert opened(moved).fingerprint == first.fingerprint
    image = Image.open(moved / "07.png")
    image.putpixel((3, 3), (1, 2, 3))
    image.save(moved / "07.png")
    assert opened(moved).fingerprint != first.fingerprint


def test_settings_that_matter_make_another_store(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    Image.linear_gradient("L").resize((30, 8)).convert("RGB").save(folder / "wide.png")
    choices = [
        SMALL,
        DataSettings(size=16),
        DataSettings(size=8, fit="pad"),
        DataSettings(size=8, channels="gray"),
    ]
    stores = [opened(folder, settings) for settings in choices]
    assert len({store.path for store in stores}) == len({store.fingerprint for store in stores}) == 4
    assert [store.spec.shape for store in stores] == [(3, 8, 8), (3, 16, 16), (3, 8, 8), (1, 8, 8)]
    assert stores[0].facts["notes"] == [
        "1 of 21 pictures are not square: the centre is kept (--fit pad keeps everything)"
    ]
    assert "edge's mean colour" in stores[2].facts["notes"][0]
    assert "21 of 21 pictures are smaller than 16 px" in stores[1].facts["notes"][1]


def test_grey_is_taken_only_where_all_are_grey(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(12):
        Image.new("L", (8, 8), number).save(folder / f"{number:02}.png")
    assert opened(folder).spec == PictureSpec(1, 8, 8)
    assert opened(folder, DataSettings(size=8, channels="color")).spec == PictureSpec(3, 8, 8)
    Image.new("RGB", (8, 8)).save(folder / "colour.png")
    assert opened(folder).spec == PictureSpec(3, 8, 8)


@pytest.mark.parametrize("damage", ["cut", "gone", "garbled", "empty"])
def test_a_damaged_store_is_made_again(damage: str, tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    store = opened(folder)
    expected, path = everything(store), store.path
    if damage == "cut":
        os.truncate(path / "samples.npy", 500)
    elif damage == "gone":
        (path / "order.npy").unlink()
    elif damage == "garbled":
        (path / "store.json").write_text('{"layout": 1')
    else:
        shutil.rmtree(path)
        path.mkdir()
    with pytest.raises(UserError, match=r"is damaged .* prepare it again"):
        Store.open(path)
    assert np.array_equal(everything(opened(folder)), expected)


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    path = opened(folder).path
    path.rename(path.with_name(f".{path.name}.0123456789ab.part"))
    assert opened(folder).path.parent.is_dir()
    assert [entry.name for entry in path.parent.iterdir() if entry.is_dir()] == [path.name]


@pytest.mark.medium
def test_several_at_once_prepare_once(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    command = (
        "import sys; from evenodds.data.prepare import prepare; from evenodds.data.source import find; "
        "from evenodds.config.settings import DataSettings; told = []; "
        "store = prepare(find(sys.argv[1]), DataSettings(size=8), lambda *news: told.append(news)); "
        "print(store.fingerprint, bool(told))"
    )
    answers: list[str] = []

    def one() -> None:
        done = subprocess.run(
            [sys.executable, "-c", command, str(folder)], capture_output=True, text=True, check=True
        )
        answers.append(done.stdout)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.split()[0] for answer in answers}) == 1
    assert sorted(answer.split()[1] for answer in answers) == ["False", "False", "True"]


def test_subfolders_are_classes(tmp_path: Path) -> None:
    names = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(10)]
    store = opened(album(tmp_path / "mine", names))
    labels = store.labels()
    assert labels is not None
    assert labels["label"].tolist() == ["cat"] * 10 + ["dog"] * 10
    train, heldout = store.labels("train"), store.labels("heldout")
    assert train is not None
    assert heldout is not None
    reds = store.train(np.arange(store.n_train))[:, 0, 0, 0]
    assert train["label"].tolist() == ["cat" if red < 100 else "dog" for red in reds]
    reds = store.heldout(np.arange(store.n_heldout))[:, 0, 0, 0]
    assert heldout["label"].tolist() == ["cat" if red < 100 else "dog" for red in reds]


def test_a_common_folder_is_no_class(tmp_path: Path) -> None:
    names = [f"data/{kind}/{number}.png" for kind in ("cat", "dog") for number in range(6)]
    labels = opened(album(tmp_path / "mine", names)).labels()
    assert labels is not None
    assert set(labels["label"]) == {"cat", "dog"}


@pytest.mark.parametrize(
    "names", [["a/1.png", "b/2.png", "3.png"], ["a/1.png", "a/2.png"], ["a/b/1.png", "c/2.png"]]
)
def test_folders_that_are_no_classes_give_no_labels(names: list[str], tmp_path: Path) -> None:
    rest = [f"{names[-1].rpartition('/')[0]}/x{number}.png".lstrip("/") for number in range(12)]
    assert opened(album(tmp_path / "mine", names + rest)).labels() is None


@pytest.mark.parametrize("column", ["file_name", "file", "picture"])
def test_metadata_gives_labels_to_the_pictures_it_names(column: str, tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    (folder / "03.png").write_bytes(b"")  # skipped: its row must go with it
    rows = [f"{number:02}.png,{number},{'odd' if number % 2 else 'even'}" for number in range(19, 1, -1)]
    text = "\n".join([f"{column},number,parity", *rows, "nobody.png,1,odd", "./05.png,99,odd"])
    (folder / "metadata.csv").write_text("\ufeff" + text, "utf-8")
    store = opened(folder)
    labels = store.labels()
    assert labels is not None
    assert list(labels.columns) == ["number", "parity"]
    assert labels["number"].isna().tolist() == [True, True] + [False] * 17
    numbers = store.in_file_order(0, 19)[:, 0, 0, 0] // 10
    assert labels["number"][2:].tolist() == numbers[2:].tolist()
    assert labels["parity"][2:].tolist() == ["odd" if number % 2 else "even" for number in numbers[2:]]
    notes = "; ".join(store.facts["notes"])
    assert "1 of 20 rows of metadata.csv name no picture here" in notes
    assert "1 of 20 rows of metadata.csv name a picture again" in notes
    assert "2 of 20 pictures have no row in metadata.csv" in notes


def test_metadata_names_by_bare_name_and_wins_over_folders(tmp_path: Path) -> None:
    names = [f"{kind}/{kind}{number}.png" for kind in "ab" for number in range(6)]
    folder = album(tmp_path / "mine", names)
    frame = pd.DataFrame({"file_name": [name.split("/")[1] for name in names], "n": range(12)})
    frame.to_csv(folder / "metadata.csv", index=False)
    labels = opened(folder).labels()
    assert labels is not None
    assert labels.to_dict("list") == {"n": list(range(12))}


def test_metadata_of_other_pictures_is_ignored_with_a_note(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    (folder / "metadata.csv").write_text("file_name,n\nx.png,1\n")
    store = opened(folder)
    assert store.labels() is None
    assert store.facts["notes"] == [
        "metadata.csv names none of the pictures (column file_name) and is ignored"
    ]


@pytest.mark.parametrize("content", [b"", b'a,b\n1,2\n"3,4,5\n6', b"a,b\n1,2\n3,4,5,6\n", b"\xff\xfe,\x00\n"])
def test_metadata_that_is_no_table_is_said(content: bytes, tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    (folder / "metadata.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"metadata.csv in .* cannot be read as a table .*: mend it"):
        opened(folder)


def test_changed_labels_are_another_fingerprint(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    prints = set()
    for label in ("a", "b"):
        rows = "\n".join(f"{number:02}.png,{label}" for number in range(20))
        (folder / "metadata.csv").write_text(f"file,kind\n{rows}\n")
        os.utime(folder / "metadata.csv", (1, 1 + len(prints)))
        prints.add(opened(folder).fingerprint)
    assert len(prints) == 2


def test_digits_are_real_handwriting_with_labels() -> None:
    store = prepare(find("digits"), DataSettings())
    assert store.spec == PictureSpec(1, 16, 16)
    assert store.n_train + store.n_heldout == 1797
    labels = store.labels()
    assert labels is not None
    assert labels["label"][:10].tolist() == list("0123456789")
    pictures = store.in_file_order(0, 1797)
    assert pictures.min() == 0
    assert pictures.max() == 255
    assert "CC BY 4.0" in store.facts["licence"]


def test_faces_are_drawn_once_with_their_labels(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr("evenodds.data.builtin.faces.COUNT", 12)
    told: list[str] = []
    store = prepare(find("faces"), DataSettings(), lambda what, done, total: told.append(what))
    assert store.spec == PictureSpec(3, 64, 64)
    assert store.facts["counts"]["samples"] == 12
    assert "Micah Lanier" in store.facts["licence"]
    labels = store.labels()
    assert labels is not None
    assert "glasses" in labels.columns
    assert not labels.isna().any(axis=None)
    assert "drawing faces" in told
    told.clear()
    prepare(find("faces"), DataSettings(size=32), lambda what, done, total: told.append(what))
    assert set(told) == {"looking at pictures", "preparing pictures"}


def test_people_are_split_rows() -> None:
    store = prepare(find("people"), DataSettings())
    assert isinstance(store.spec, RowSpec)
    assert store.train(np.arange(5)).shape == (5, store.spec.width)
    assert store.codec_json is not None
    assert prepare(find("people"), DataSettings()).path == store.path


def test_a_table_is_prepared_anew_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "kind": rng.choice(["a", "b"], 60)})
    frame.to_csv(path, index=False)
    first = prepare(find(str(path)), DataSettings())
    frame.iloc[:50].to_csv(path, index=False)
    second = prepare(find(str(path)), DataSettings())
    without = prepare(find(str(path)), DataSettings(exclude=("kind",)))
    assert len({first.fingerprint, second.fingerprint, without.fingerprint}) == 3
    assert second.facts["counts"]["samples"] == 50
    assert without.spec.shape[0] < second.spec.shape[0]


GATHERING = """
import resource, sys
from pathlib import Path
import numpy as np
from evenodds.data.store import Store
from evenodds.core.spec import PictureSpec
from evenodds.data.store_writer import About, with_about, write_store

count = int(sys.argv[2])
rng = np.random.default_rng(0)
chunks = (rng.integers(0, 256, (500, 3, 64, 64), dtype=np.uint8) for _ in range(count // 500))
chunks = with_about(chunks, About({"skipped": []}))
store = write_store(Path(sys.argv[1]), PictureSpec(3, 64, 64), "it", chunks)
order = rng.permutation(store.n_train)
for start in range(0, store.n_train, 64):
    store.train(order[start : start + 64])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts resident memory as Linux does")
def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    megabytes = {}
    for count in (2_000, 20_000):
        command = [sys.executable, "-c", GATHERING, str(tmp_path / str(count)), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        megabytes[count] = int(done.stdout)
    assert megabytes[20_000] - megabytes[2_000] < 64  # the files are 25 and 246 MB


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "caltech_faces.zip").exists(), reason="shared/data is not here")
def test_real_photographs_are_all_read() -> None:
    store = prepare(find(str(SHARED / "caltech_faces.zip")), DataSettings())
    assert store.facts["counts"] == {"samples": 435, "train": 392, "heldout": 43, "skipped": 0}
    assert store.spec == PictureSpec(3, 64, 64)
    pictures = everything(store)
    assert pictures.std(axis=(1, 2, 3)).min() > 10
    assert "434 of 435 pictures are not square" in store.facts["notes"][0]
