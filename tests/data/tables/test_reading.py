"""Each kind of cell is read as people mean it where that gives it back letter by letter, and as text where not."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.files import Reading, open_table, read_values, write_table
from evenodds.data.tables.recognition import notation_from_json, recognise
from tests.conftest import SHARED

RNG = np.random.default_rng


def read(
    texts: list[str], choice: str | None = None, decimal: str | None = None
) -> tuple[Any, list[Any], tuple[str, ...]]:
    """The notation of a column of these cells, its values, and what is said of it. Every cell comes back."""
    cells = pd.DataFrame({"x": pd.Series(texts, dtype="str")})
    recognition = recognise(cells, {"x": choice} if choice else {}, decimal)
    notation = recognition.notations["x"]
    values = notation.read(cells["x"])
    if choice is None:
        assert notation.write(values).tolist() == texts
    assert notation_from_json(json.loads(json.dumps(notation.to_json()))) == notation
    return notation, [None if pd.isna(value) else value for value in values], recognition.notes


NUMBERS = {
    "whole": (["1", "-20", "300"], [1, -20, 300]),
    "two decimals": (["3.10", "-2.25", "0.00"], [3.1, -2.25, 0.0]),
    "decimals as they come": (["3", "2.25", "-0.1"], [3.0, 2.25, -0.1]),
    "of Python": (["3.0", "1e-05", "0.30000000000000004"], [3.0, 1e-5, 0.30000000000000004]),
    "of R": (["1e+05", "123456", "1e-04", "0.5"], [1e5, 123456.0, 1e-4, 0.5]),
    "scientific": (["1.50E+03", "9.99E-10"], [1500.0, 9.99e-10]),
    "signed": (["+1.5", "-0.5", "0.0"], [1.5, -0.5, 0.0]),
    "decimal comma": (["3,5", "12,25", "-1,0"], None),
    "point and comma": (["1.234,50", "9,99", "-1.000.000,00"], [1234.5, 9.99, -1e6]),
    "comma and point": (["1,234.50", "9.99"], [1234.5, 9.99]),
    "thousands alone": (["1,234", "1,234,567", "5"], [1234, 1234567, 5]),
    "spaces": (["1 234,5", "7 000 000,0"], [1234.5, 7e6]),
    "thin spaces": (["1\u202f234", "56"], [1234, 56]),
    "Swiss": (["1'234.50", "9.00"], [1234.5, 9.0]),
    "dollars": (["$1,234.50", "-$3.00"], [1234.5, -3.0]),
    "dollars inside": (["$5", "$-3"], [5, -3]),
    "euros": (["1.234,50 €", "-3,00 €"], [1234.5, -3.0]),
    "won": (["₩12,000", "₩300"], [12000, 300]),
    "by code": (["EUR 5.00", "EUR 12.50"], [5.0, 12.5]),
    "per cent": (["12.5%", "3.0%"], [12.5, 3.0]),
    "accounting": (["(1,234.00)", "5.00"], [-1234.0, 5.0]),
    "accounting dollars": (["($3.50)", "$12.00"], [-3.5, 12.0]),
    "sign behind": (["5-", "12"], [-5, 12]),
    "true minus": (["−5", "12"], [-5, 12]),
    "no zero": ([".5", "-.25", "1"], [0.5, -0.25, 1.0]),
    "spaces before": ([" 5", " 17"], [5, 17]),
    "to the right": (["  5", " 17", "300"], [5, 17, 300]),
    "NA": (["1", "NA", "2"], [1, None, 2]),
    "null": (["1.5", "null", "2.5"], [1.5, None, 2.5]),
    "a blank": (["1", " ", "2"], [1, None, 2]),
    "nothing": (["1", "", "2"], [1, None, 2]),
    "a dash": (["-", "-5", "2"], [None, -5, 2]),
}


@pytest.mark.parametrize(("texts", "values"), NUMBERS.values(), ids=NUMBERS.keys())
def test_numbers(texts: list[str], values: list[Any] | None) -> None:
    notation, found_values, _ = read(texts)
    assert notation.kind == "number"
    assert values is None or found_values == values


TEXTS = {
    "leading zeros": ["007", "012", "5"],
    "codes with an E": ["12E4", "1E5", "3E10"],
    "decimals that differ": ["3.1", "3.10", "4.555"],
    "telephone": ["+4912345", "+4954321"],
    "beyond floats": ["9007199254740993", "9007199254740995", "17"],
    "minus zero": ["-0", "5"],
    "more digits than a float has": ["0.12345678901234567890", "0.5"],
    "units": ["5 kg", "7 kg"],
    "groups of four": ["1,2345,678", "1,234"],
    "a word among": ["1", "2", "3+"],
    "signs that differ": ["(5)", "-3"],
    "currencies that differ": ["$5", "€5"],
    "three capitals": ["ABC 5", "ABC 7"],
    "infinite": ["inf", "1.5"],
    "underscores": ["1_000", "2_000"],
    "yes": ["yes", "no", "None"],
    "words that pandas drops": ["None", "NA", "null", "n/a"],
    "two gaps": ["1", "NA", "", "2"],
    "spaces that differ": ["5", " 7", "  1"],
    "no such day": ["2024-02-30", "2024-02-28"],
    "eight digits": ["12345678", "20240230", "99999999x"],
    "zones that differ": ["2024-01-01T10:00:00+01:00", "2024-07-01T10:00:00+02:00"],
    "61 minutes": ["0:61", "1:30"],
    "spellings that differ": ["True", "true", "FALSE"],
}


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS.keys())
def test_what_would_not_come_back_is_text(texts: list[str]) -> None:
    notation, values, _ = read(texts)
    assert notation.kind == "text"
    assert values == [text or None for text in texts]


DATES = {
    "ISO": (["2024-01-31", "2023-12-01"], "%Y-%m-%d", "2024-01-31"),
    "Z": (["2024-01-31T10:00:00Z", "2023-12-01T11:30:00Z"], "%Y-%m-%dT%H:%M:%SZ", "2024-01-31 10:00"),
    "offset": (
        ["2024-01-31T10:00+09:00", "2023-12-01T11:30+09:00"],
        "%Y-%m-%dT%H:%M+09:00",
        "2024-01-31 10:00",
    ),
    "thousandths": (
        ["2024-01-31 10:00:00.125", "2023-12-01 11:30:00.000"],
        "%Y-%m-%d %H:%M:%S.%3f",
        "2024-01-31 10:00:00.125",
    ),
    "day first": (["03/04/2024", "25/04/2024"], "%d/%m/%Y", "2024-04-03"),
    "month first": (["03/04/2024", "04/25/2024"], "%m/%d/%Y", "2024-03-04"),
    "no zeros": (["3/4/2024", "12/25/2024"], "%-m/%-d/%Y", "2024-03-04"),
    "afternoon": (["1/13/2024 1:05 PM", "12/2/2024 12:05 AM"], "%-m/%-d/%Y %-I:%M %p", "2024-01-13 13:05"),
    "small pm": (["2024-01-13 01:05pm", "2024-01-13 12:05am"], "%Y-%m-%d %I:%M%P", "2024-01-13 13:05"),
    "points": (["31.01.2024", "01.12.2023"], "%d.%m.%Y", "2024-01-31"),
    "eight digits": (["20240131", "20231201"], "%Y%m%d", "2024-01-31"),
    "words": (["Jan 31, 2024", "Dec 01, 2023"], "%b %d, %Y", "2024-01-31"),
    "months": (["2024-01", "2023-12"], "%Y-%m", "2024-01-01"),
    "gaps": (["2024-01-31", "NULL"], "%Y-%m-%d", "2024-01-31"),
}


@pytest.mark.parametrize(("texts", "text_format", "first"), DATES.values(), ids=DATES.keys())
def test_dates(texts: list[str], text_format: str, first: str) -> None:
    notation, values, _ = read(texts)
    assert notation.format == text_format
    assert values[0] == pd.Timestamp(first)


def test_a_day_that_may_be_a_month_is_not_guessed() -> None:
    texts = ["03/04/2024", "05/06/2024"]
    with pytest.raises(UserError, match=r"2 ways; add --read x=date:%d/%m/%Y or --read x=date:%m/%d/%Y"):
        read(texts)
    assert read(texts, "date:%m/%d/%Y")[1][0] == pd.Timestamp("2024-03-04")
    assert read(texts, "text")[1] == texts


SPANS = {
    "minutes": (["1:30", "10:05"], [90, 605]),
    "seconds": (["00:01:30", "123:00:00"], [90, 442_800]),
    "tenths": (["0:00:01.5", "1:00:00.0"], [15, 36_000]),
    "days": (["2 days 03:00:00", "0 days 00:00:01"], [183_600, 1]),
    "ISO": (["PT1H30M", "P1DT2H", "PT0S"], [5400, 93_600, 0]),
    "less than none": (["-0:30", "1:00"], [-30, 60]),
}


@pytest.mark.parametrize(("texts", "values"), SPANS.values(), ids=SPANS.keys())
def test_time_spans(texts: list[str], values: list[int]) -> None:
    notation, found_values, _ = read(texts)
    assert (notation.kind, found_values) == ("span", values)


@pytest.mark.parametrize("spelling", [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
def test_truths_come_back_as_spelt(spelling: tuple[str, str]) -> None:
    true, false = spelling
    assert read([true, false, true, "NA"])[1] == [True, False, True, None]


def test_the_mark_of_one_column_settles_another() -> None:
    cells = pd.DataFrame({"a": ["1.234", "2.345"], "b": ["1,5", "2,25"]}, dtype="str")
    assert recognise(cells, {}).notations["a"].read(cells["a"]).tolist() == [1234, 2345]
    _, values, notes = read(["1.234", "2.345"])
    assert values == [1.234, 2.345]
    assert "'1.234' is taken for 1.234; add --read x=number:," in notes[0]
    assert read(["1.234", "2.345"], "number:,")[1] == [1234, 2345]
    assert read(["1,234", "2,345"], decimal=",")[1] == [1.234, 2.345]


def test_a_choice_stands_and_what_it_changes_is_said() -> None:
    _, values, notes = read(["3.1", "3.10", "4.55"], "number")
    assert values == [3.1, 3.1, 4.55]
    assert "1 of 3 distinct cells come back otherwise, as asked" in notes[0]
    assert read(["1", "2"], "text")[1] == ["1", "2"]
    for choice in ("number", "span", "date:%Y"):
        with pytest.raises(UserError, match=r"--read x="):
            read(["a", "b"], choice)
    with pytest.raises(UserError, match=r"%q is no part of a format"):
        read(["a", "b"], "date:%q")
    with pytest.raises(UserError, match=r"there is no column 'y'"):
        recognise(pd.DataFrame({"x": ["1"]}, dtype="str"), {"y": "text"})


def test_numbers_that_stay_text_are_spoken_of() -> None:
    _, _, notes = read([f"{n:04d}" for n in range(900, 1100)])
    assert "read as text, though most cells are numbers: as such '0" in notes[0]
    assert "--read x=number" in notes[0]
    cells = pd.DataFrame({"x": [*map(str, range(40)), "NA", "?"]}, dtype="str")
    notation, notes = recognise(cells, {}).notations["x"], recognise(cells, {}).notes
    values = [None if pd.isna(value) else value for value in notation.read(cells["x"])]
    assert values == [*range(40), None, None]
    assert "gaps are written 'NA' (1), '?' (1)" in notes[0]


def test_choices_of_the_settings() -> None:
    choices = DataSettings(read="zip=text, day=date:%b %d, %Y,price=number:,").read_choices
    assert choices == {"zip": "text", "day": "date:%b %d, %Y", "price": "number:,"}
    assert DataSettings(read="pandas").read_choices == DataSettings().read_choices == {}
    for text in ("zip", "zip=word", "=text"):
        with pytest.raises(ValueError, match="says not how a column is read"):
            DataSettings(read=text)


def file(folder: Path, content: bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def values_of(path: Path, header: bool = True) -> Reading:
    return read_values(open_table(path, header), {})


TEXT = "naam;prijs\nJosé;1,5\nZoë;2,25\n"
KOREAN = "이름,나이\n김철수,39\n이영희,41\n"


@pytest.mark.parametrize(
    ("text", "encoding", "word"),
    [
        (TEXT, "utf-8", None),
        (TEXT, "utf-8-sig", None),
        (TEXT, "utf-16", "UTF-16"),
        (TEXT, "utf-16-le", "UTF-16"),
        (TEXT, "utf-16-be", "UTF-16"),
        (TEXT, "cp1252", "cp1252 (Western European)"),
        (KOREAN, "cp949", "cp949 (Korean)"),
    ],
)
def test_encodings(tmp_path: Path, text: str, encoding: str, word: str | None) -> None:
    for content, name in (
        (text.encode(encoding), "t.csv"),
        (gzip.compress(text.encode(encoding)), "t.csv.gz"),
    ):
        reading = values_of(file(tmp_path, content, name))
        first = text.splitlines()
        assert list(reading.frame.columns) == first[0].replace(";", ",").split(",")
        assert reading.frame.iloc[0, 0] == first[1].replace(";", ",").split(",")[0]
        assert (word is None) == (not reading.notes)
        assert word is None or word in reading.notes[0]


def test_old_line_ends(tmp_path: Path) -> None:
    assert values_of(file(tmp_path, b"a,b\r1,2\r3,4\r")).frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_a_file_without_a_header_is_noticed(tmp_path: Path) -> None:
    path = file(tmp_path, b"x,3.5,2024-01-05\ny,4.5,2024-01-06\n")
    assert "looks like a row and is taken for names: --no-header" in values_of(path).notes[0]
    reading = values_of(path, header=False)
    assert reading.notes == ()
    assert list(reading.frame.columns) == ["column 1", "column 2", "column 3"]
    write_table([reading.frame], tmp_path / "o.csv", reading.notations, reading.layout)
    assert (tmp_path / "o.csv").read_bytes() == path.read_bytes()
    assert values_of(file(tmp_path, b"name,size\ny,4.5\n")).notes == ()


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        {"a": 1, "b": "007", "ok": True},
        {"a": None, "b": "012", "ok": False, "c": 2.5},
        {"a": 3, "b": "5", "ok": True},
    ]
    content = (
        "\n".join(map(json.dumps, lines)).encode()
        + b'\n{"a": 9007199254740993, "b": "1", "ok": true, "c": 3.10}\n'
    )
    reading = values_of(file(tmp_path, content, "t.jsonl"))
    assert reading.frame["b"].tolist() == ["007", "012", "5", "1"]
    assert reading.frame["a"].fillna("").tolist() == ["1", "", "3", "9007199254740993"]
    assert reading.frame["ok"].tolist() == [True, False, True, True]
    for bad in (b"[1]\n", b"{\n", b'{"a": [1]}\n', b"\n"):
        with pytest.raises(UserError, match=r"t\.jsonl"):
            open_table(file(tmp_path, bad, "t.jsonl"))


def test_workbooks(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: extra excel")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["id", "day", "price", "ok"])
    sheet.append([1, pd.Timestamp("2024-01-05").to_pydatetime(), 2.5, True])
    sheet.append([2, pd.Timestamp("2024-02-06").to_pydatetime(), None, False])
    book.create_sheet("more")
    path = tmp_path / "t.xlsx"
    book.save(path)
    reading = values_of(path)
    assert reading.frame["id"].tolist() == [1, 2]
    assert reading.frame["day"].tolist() == [pd.Timestamp("2024-01-05"), pd.Timestamp("2024-02-06")]
    assert reading.frame["ok"].tolist() == [True, False]
    assert reading.frame["price"].isna().tolist() == [False, True]
    assert "has 2 sheets" in reading.notes[0]
    with pytest.raises(UserError, match=r"t\.xlsx is not an Excel workbook"):
        open_table(file(tmp_path, b"a,b\n1,2\n", "t.xlsx"))


def column(kind: str, rng: np.random.Generator, rows: int) -> list[str]:
    """Random cells of a kind."""
    x = rng.normal(0, 3000, rows)
    moments = {
        "date": "%d.%m.%Y",
        "compact": "%Y%m%d",
        "time": "%Y-%m-%dT%H:%M:%SZ",
        "usa": "%m/%d/%Y %I:%M %p",
    }
    if kind in moments:
        picked = pd.DatetimeIndex(rng.integers(0, 1.8e9, rows).astype("datetime64[s]"))
        return list(picked.strftime(moments[kind]))
    words = ["None", "NA", "null", "?", "", "yes", "no", " x", "y ", 'a "b"', "c,d", "é;ü", "-", "1"]
    texts = {
        "whole": lambda: [str(round(v)) for v in x],
        "fixed": lambda: [f"{v:.2f}" for v in x],
        "repr": lambda: [repr(float(v)) for v in x],
        "euro": lambda: [f"{v:,.2f} €".translate(str.maketrans(",.", ".,")) for v in x],
        "dollar": lambda: [f"(${-v:,.2f})" if v < 0 else f"${v:,.2f}" for v in x],
        "percent": lambda: [f"{v:.1f}%" for v in x],
        "code": lambda: [f"{rng.integers(0, 50):04d}" for _ in range(rows)],
        "word": lambda: list(rng.choice(words, rows)),
        "truth": lambda: list(rng.choice(["TRUE", "FALSE"], rows)),
        "span": lambda: [
            f"{rng.integers(0, 30)}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}" for _ in range(rows)
        ],
        "huge": lambda: [str(2**60 + int(v)) for v in rng.integers(0, 9, rows)],
    }
    return texts[kind]()


KINDS = [
    "date",
    "compact",
    "time",
    "usa",
    "whole",
    "fixed",
    "repr",
    "euro",
    "dollar",
    "percent",
    "code",
    "word",
    "truth",
    "span",
    "huge",
]
GAPS = ["", "NA", "null", "N/A", "?"]


@settings(max_examples=30, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=6),
    gaps=st.lists(st.sampled_from([None, *GAPS]), min_size=6, max_size=6),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_files_of_every_kind_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[str],
    gaps: list[str | None],
    delimiter: str,
    seed: int,
) -> None:
    """Read and written, each cell is what it was; encoded and decoded too, but for numbers that the codec rounds."""
    rng, folder = RNG(seed), tmp_path_factory.mktemp("made")
    rows = 200
    cells: dict[str, list[str]] = {}
    for index, (kind, gap) in enumerate(zip(kinds, gaps, strict=False)):
        texts = column(kind, rng, rows)
        if gap is not None and kind != "word":
            texts = [gap if rng.random() < 0.1 else text for text in texts]
        cells[f"{kind} {index}"] = texts
    path, back = folder / "t.csv", folder / "o.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerows([list(cells), *zip(*cells.values(), strict=True)])
    reading = values_of(path)
    write_table([reading.frame], back, reading.notations, reading.layout)
    assert same_cells(path, back)
    codec = TableCodec.fit(reading.frame, (), RNG(0), reading)
    written = codec.written(codec.decode(codec.encode(reading.frame, RNG(1)), RNG(2)))
    for name in codec.names:
        if not name.startswith(
            ("repr", "euro", "dollar", "fixed", "percent", "whole", "date", "compact", "time", "usa", "span")
        ):
            assert written[name].tolist() == cells[name]
        else:
            assert (
                reading.notations[name].write(reading.notations[name].read(written[name])).tolist()
                == written[name].tolist()
            )


def same_cells(path: Path, other: Path) -> bool:
    """Whether two files hold the same cells, whatever their delimiters and quotes."""
    tables = []
    for one in (path, other):
        first = one.read_text("utf-8").splitlines()[0]
        delimiter = max(",;\t|", key=first.count)
        with one.open(newline="", encoding="utf-8") as stream:
            tables.append(list(csv.reader(stream, delimiter=delimiter)))
    return tables[0] == tables[1]


COARSE = {"Longitude", "Latitude", "wt82", "wt82_71", "fnlwgt"}
"""Numbers with more digits over their range than float32 scores tell apart: the codec rounds them."""


@pytest.mark.parametrize(
    "name", ["adult", "ames", "churn", "diamonds", "flights", "nhefs_complete", "penguins"]
)
def test_real_tables_come_back_letter_by_letter(name: str, tmp_path: Path) -> None:
    path = SHARED / "tables" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here: it holds a real table")
    cells = open_table(path)
    reading = read_values(cells, {})
    assert write_table([reading.frame], tmp_path / "o.csv", reading.notations, reading.layout) == len(
        cells.frame
    )
    assert (tmp_path / "o.csv").read_bytes() == path.read_bytes().replace(b"\r\n", b"\n")
    codec = TableCodec.fit(reading.frame, (), RNG(0), reading)
    written = codec.written(codec.decode(codec.encode(reading.frame, RNG(1)), RNG(2)))
    exact = [name for name in codec.names if name not in COARSE]
    rows, columns = RNG(3).integers(len(written), size=200), RNG(4).choice(exact, 200)
    for row, column_name in zip(rows, columns, strict=True):
        assert written[column_name].iloc[row] == cells.frame[column_name].iloc[row]


def test_infinite_numbers_count_as_missing_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ages.csv"
    path.write_text(
        "age,word\n" + "".join(f"{20 + n / 4},w{n % 3}\n" for n in range(200)) + "inf,inf\n-Infinity,w1\n"
    )
    reading = read_values(open_table(path), {})
    assert reading.frame["age"].isna().sum() == 2
    assert any("'age': 2 infinite values counted as missing" in note for note in reading.notes)
    assert reading.frame["word"].tolist()[-2] == "inf", "among words it is a word"
    assert reading.notations["age"].write(pd.Series([None, 20.25])).tolist() == ["", "20.25"]
