"""Tables are read as they were meant, written whole, and refused in one sentence."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from evenodds.core.errors import UserError
from evenodds.data.tables.files import read_table, write_table
from tests.conftest import mixed


def file(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ", "])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    lines = [["name", "a", "b c"], ["x", "1", "?"], ['"y, z; |"', "", "0.5"]]
    frame = read_table(file(tmp_path, "\n".join(delimiter.join(line) for line in lines)))
    assert frame.columns.tolist() == ["name", "a", "b c"]
    assert frame["name"].tolist() == ["x", "y, z; |"]
    assert frame["a"].dtype == "Int64"
    assert frame["a"].isna().tolist() == [False, True]
    assert frame["b c"].dtype == np.float64


def test_byte_order_mark_gzip_and_empty_name(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf,h\r\n0,1.5\r\n\r\n1,2.5\r\n"
    for path in (file(tmp_path, content), file(tmp_path, gzip.compress(content), "t.csv.gz")):
        assert read_table(path).to_dict("list") == {"Unnamed: 0": [0, 1], "h": [1.5, 2.5]}


BAD = {
    "empty": (b"", "t.csv", r"t\.csv is empty"),
    "blank": (b"\n \n", "t.csv", r"t\.csv is empty"),
    "header": (b"a,b\n", "t.csv", r"t\.csv has a header but no rows"),
    "long row": (b"a,b\n1,2\n1,2,3\n", "t.csv", r"t\.csv has 3 cells in line 3, but 2 in its header"),
    "short row": (b"a,b\n1,2\n\n1\n", "t.csv", r"t\.csv has 1 cells in line 4, but 2 in its header"),
    "bytes": (b"a,b\n1,\x81\n", "t.csv", r"t\.csv is not UTF-8, UTF-16, cp949 or cp1252"),
    "name twice": (b"a,b,a\n1,2,3\n", "t.csv", r"t\.csv has two columns named 'a'"),
    "no parquet": (b"a,b\n1,2\n", "t.parquet", r"t\.parquet is not a Parquet file"),
    "empty parquet": (b"", "t.parquet", r"t\.parquet is not a Parquet file"),
    "no gzip": (b"a,b\n1,2\n", "t.csv.gz", r"t\.csv\.gz is not a whole gzip file"),
    "cut gzip": (gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "t.csv.gz", r"t\.csv\.gz is not a whole gzip"),
    "suffix": (b"a,b\n1,2\n", "t.ods", r"t\.ods has no suffix of a table"),
}


@pytest.mark.parametrize(("content", "name", "message"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_named_with_what_to_do(tmp_path: Path, content: bytes, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_table(file(tmp_path, content, name))
    text = str(caught.value)
    assert ";" in text
    assert "\n" not in text


def test_absent_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path / "none.parquet"):
        with pytest.raises(UserError, match=r"none\..* cannot be read \(No such file"):
            read_table(path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match=r"folder\.csv cannot be read"):
        read_table(tmp_path / "folder.csv")


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "deep/out.parquet"])
def test_chunks_written_are_read_again(tmp_path: Path, name: str) -> None:
    """The second chunk has no missing value and the first of another has nothing else: one schema."""
    frame = mixed()
    full = frame.dropna()
    void = frame.head(3).assign(sex=pd.Series([None] * 3, dtype="str"))
    chunks = [void, frame, full]
    path = tmp_path / name
    assert write_table(iter(chunks), path) == 3 + 400 + len(full)
    found = read_table(path)
    if path.suffix != ".parquet":
        found["day"] = pd.to_datetime(found["day"])
    assert_frame_equal(found, pd.concat(chunks, ignore_index=True), check_dtype=path.suffix == ".parquet")
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_schema_stays_when_a_chunk_holds_nothing(tmp_path: Path) -> None:
    chunks = [pd.DataFrame({"x": pd.Series([value], dtype=object)}) for value in ("a", None)]
    assert write_table(chunks, tmp_path / "out.parquet") == 2
    assert read_table(tmp_path / "out.parquet")["x"].isna().tolist() == [False, True]


def test_broken_off_writing_leaves_the_old_file(tmp_path: Path) -> None:
    def frames() -> Any:
        yield mixed()
        raise KeyboardInterrupt

    path = file(tmp_path, "old", "out.csv")
    with pytest.raises(KeyboardInterrupt):
        write_table(frames(), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"out\.xls has no suffix of a table; .* \.csv, \.tsv, \.parquet"):
        write_table([mixed()], tmp_path / "out.xls")
    with pytest.raises(UserError, match=r"out\.csv cannot be written"):
        write_table([mixed()], file(tmp_path, "", "plain") / "out.csv")
