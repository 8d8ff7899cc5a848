"""Files of anybody: refused with a sentence or taken, never a traceback, never a file elsewhere.

A short form; the whole is `make fuzz`.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenodds.core import checksums
from evenodds.core.errors import UserError
from evenodds.core.spec import condition_from_json, spec_from_json
from evenodds.data.images.album import Album, BadPicture, leads_out
from evenodds.data.images.arrays import write_folder
from evenodds.data.tables.files import read_table

from . import hostile

NAMES = ("recipe", "journal", "weights", "state", "table", "picture", "zip", "hub")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "inside" / "deep"


@pytest.fixture(scope="module")
def surfaces(folder: Path) -> dict[str, hostile.Surface]:
    return hostile.surfaces(folder)


@pytest.mark.parametrize("name", NAMES)
def test_content_as_it_was_written_is_taken(name: str, surfaces: dict[str, hostile.Surface]) -> None:
    assert surfaces[name].refuses_or_takes(surfaces[name].seeds[0]) is None


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,  # make fuzz draws anew each time
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**48), raw=st.one_of(st.none(), st.binary(max_size=300)))
def test_hostile_content_is_refused_with_a_sentence_or_taken(
    name: str, seed: int, raw: bytes | None, surfaces: dict[str, hostile.Surface], folder: Path
) -> None:
    surface = surfaces[name]
    content = surface.content(Random(seed)) if raw is None else raw
    surface.refuses_or_takes(content)
    assert not list(folder.parents[1].rglob("*evil*"))
    assert [path.name for path in folder.parents[1].iterdir()] == ["inside"]


def test_a_json_bomb_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    for content, reason in (
        ("[" * 100_000, "nested too deeply"),
        ("[1]", "no JSON object"),
        ('{"a": 1}', "checksum"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=reason):
            checksums.read_verified(path)


def test_a_flipped_byte_anywhere_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    facts = {"a": [1, 2.5, None], "b": {"c": "雪"}, "10": True, "9": False}
    whole = json.dumps(checksums.with_checksum(facts)).encode()
    path.write_bytes(whole)
    assert checksums.read_verified(path) == facts
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"."):
            checksums.read_verified(path)


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "picture", "channels": 3, "height": 10**9, "width": 10**9},
        {"kind": "picture", "channels": 10**6, "height": 8, "width": 8},
        {"kind": "picture", "channels": True, "height": 8, "width": 8},
        {"kind": "row", "spans": []},
        {"kind": "row", "spans": [{"start": 0, "stop": 10**12, "kind": "number"}]},
        {"kind": "row", "spans": [{"start": 1, "stop": 2, "kind": "number"}]},
        {"kind": "row", "spans": [{"start": 0, "stop": 1, "kind": "evil"}]},
    ],
)
def test_sizes_that_would_take_all_memory_are_refused(facts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        spec_from_json(facts)
    with pytest.raises(ValueError, match=r"."):
        condition_from_json({"kind": "labels", "spec": facts, "places": []})


def test_a_packed_bomb_of_a_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 2**25))
    with pytest.raises(UserError, match="bytes in line 1; it is no table"):
        read_table(path)
    monkeypatch.setattr("evenodds.data.tables.text_files.WHOLE", 2**16)
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 2**16))
    with pytest.raises(UserError, match="unpacks to more than"):
        read_table(path)


def test_more_columns_than_can_be_learnt_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{n}" for n in range(200_000)) + "\n")
    with pytest.raises(UserError, match="200,000 columns"):
        read_table(path)


def test_an_entry_without_a_name_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in ("qqqq.png", "b.png"):
            made.writestr(name, b"")
    path.write_bytes(path.read_bytes().replace(b"qqqq", b"\0qqq"))
    with Album(path) as album:
        assert album.names == ("b.png",)


def test_names_that_lead_out_are_known_on_either_system(tmp_path: Path) -> None:
    for name in (
        "../a.png",
        "/a.png",
        "b/../../a.png",
        "..\\a.png",
        "C:\\a.png",
        "\\\\host\\a.png",
        "a\0.png",
    ):
        assert leads_out(name), name
    assert not any(leads_out(name) for name in ("a.png", "b/a.png", "..a.png", "a..b/c.png"))
    with pytest.raises(UserError, match="outside"):
        write_folder([np.zeros((1, 2, 2, 3), np.uint8)], tmp_path / "out", 1, ["../../evil.png"])
    assert not list(tmp_path.rglob("*.png"))


def test_a_name_in_a_zip_that_is_no_text_costs_one_picture(tmp_path: Path) -> None:
    """The list at the end names it rightly, and the place where it lies does not."""
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("\u00e4.png", b"x")
    path.write_bytes(path.read_bytes().replace("\u00e4".encode(), b"\xff\xfe", 1))
    with Album(path) as album:
        assert list(album.names) == ["\u00e4.png"]
        with pytest.raises(BadPicture, match="its place in the zip is damaged"):
            album.open("\u00e4.png")
