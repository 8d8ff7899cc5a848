"""Tar files and folders of tar shards are read like a folder of the same pictures, labels beside them included."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data.images.album import Album, BadPicture
from evenodds.data.inputs import pictures_from
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store

SMALL = DataSettings(size=8)
LABELED = DataSettings(size=8, condition="labels")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))


def encoded(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def sharded(folder: Path, labels: bool = False) -> Path:
    """Twelve pictures in three shards; their classes are their numbers' parity, their heights ten times the numbers."""
    for shard in range(3):
        files: dict[str, bytes] = {}
        for number in range(4 * shard, 4 * shard + 4):
            files[f"{number:04}.png"] = encoded(number)
            if labels:
                files[f"{number:04}.cls"] = str(number % 2).encode()
                facts = {"height": 10 * number, "words": ["none", "of", "these"]}
                files[f"{number:04}.json"] = json.dumps(facts).encode()
        packed(folder / f"part-{shard:06}.tar", files)
    return folder


def content(store: Store) -> set[bytes]:
    """Every picture of a store."""
    parts = (store.train(np.arange(store.n_train)), store.heldout(np.arange(store.n_heldout)))
    return {picture.tobytes() for part in parts for picture in part}


def test_shards_hold_what_a_folder_of_the_same_files_holds(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    files = {f"{number:04}.png": encoded(number) for number in range(12)}
    for name, inside in files.items():
        (plain / name).write_bytes(inside)
    one = packed(tmp_path / "one.tar", files)
    expected = content(prepare(find(str(plain)), SMALL))
    assert len(expected) == 12
    assert content(prepare(find(str(one)), SMALL)) == expected
    assert content(prepare(find(str(sharded(tmp_path / "shards"))), SMALL)) == expected


def test_shards_are_no_classes_and_the_files_beside_pictures_are(tmp_path: Path) -> None:
    bare = prepare(find(str(sharded(tmp_path / "bare"))), SMALL)
    assert bare.labels("train") is None
    frame = prepare(find(str(sharded(tmp_path / "named", labels=True))), SMALL).labels("train")
    assert frame is not None
    assert set(frame.columns) == {"label", "height"}
    assert [str(int(height) // 10 % 2) for height in frame["height"]] == list(frame["label"])


def test_a_tar_of_class_folders_has_classes(tmp_path: Path) -> None:
    files = {f"{'even' if number % 2 == 0 else 'odd'}/{number}.png": encoded(number) for number in range(10)}
    frame = prepare(find(str(packed(tmp_path / "classes.tar", files))), SMALL).labels("train")
    assert frame is not None
    assert set(frame["label"]) == {"even", "odd"}


def test_labels_of_shards_condition_a_game(tmp_path: Path) -> None:
    store = prepare(find(str(sharded(tmp_path / "named", labels=True))), LABELED)
    assert store.condition is not None
    assert store.condition.kind == "labels"


def test_damaged_labels_are_counted_and_left_out(tmp_path: Path) -> None:
    files = {f"{number}.png": encoded(number) for number in range(10)}
    files |= {f"{number}.json": b'{"tone": "dark"}' for number in range(8)} | {"8.json": b"{"}
    store = prepare(find(str(packed(tmp_path / "notes.tar", files))), SMALL)
    notes = " ".join(store.facts["notes"])
    assert "1 of 9 files of labels cannot be read" in notes
    assert "2 of 10 pictures have no file of labels" in notes


def test_a_tar_that_is_cut_off_or_compressed_is_refused(tmp_path: Path) -> None:
    whole = packed(tmp_path / "whole.tar", {f"{number}.png": encoded(number) for number in range(4)})
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[:1800])
    text = tmp_path / "text.tar"
    text.write_text("no tar at all " * 100)
    for path in (cut, text):
        with pytest.raises(UserError, match="no whole uncompressed tar file"):
            find(str(path))


def test_names_that_lead_out_and_links_are_not_followed(tmp_path: Path) -> None:
    path = packed(tmp_path / "hostile.tar", {"../out.png": encoded(0), "in.png": encoded(1)})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with Album(path) as album:
        assert album.names == ("../out.png", "in.png")
        with pytest.raises(BadPicture, match="outside the tar"):
            album.open("../out.png")
        assert album.open("in.png").read() == encoded(1)


def test_a_tar_that_shrank_after_it_was_opened_is_damaged_and_no_crash(tmp_path: Path) -> None:
    path = packed(tmp_path / "shrinks.tar", {"a.png": encoded(0), "b.png": encoded(1)})
    with Album(path) as album:
        path.write_bytes(path.read_bytes()[:600])
        with pytest.raises(BadPicture, match="damaged"):
            album.open("b.png")


def test_the_judge_takes_a_tar(tmp_path: Path) -> None:
    store = prepare(find(str(sharded(tmp_path / "shards"))), SMALL)
    path = packed(tmp_path / "asked.tar", {"a.png": encoded(3), "b.png": encoded(5)})
    [(names, pictures)] = list(pictures_from(str(path), store.spec, SMALL, print))  # type: ignore[arg-type]
    assert [name.rsplit("/", 1)[1] for name in names] == ["a.png", "b.png"]
    assert pictures.shape[0] == 2


@pytest.mark.parametrize("name", ["0.png", "cats/0.png"])
def test_a_folder_with_pictures_and_a_tar_is_a_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "both"
    packed(folder / "backup.tar", {"x.png": encoded(9)})
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(encoded(0))
    with Album(folder) as album:
        assert album.names == (name,)
