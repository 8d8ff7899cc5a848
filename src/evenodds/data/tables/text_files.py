"""Delimited text files: their encoding, their layout, and their cells as they stand."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO, cast

import pandas as pd

from evenodds.core.errors import UserError

LINE, WHOLE, COLUMNS = 2**24, 2**32, 10_000
"""At most so many letters of a line, bytes of what a .gz unpacks to, and columns: a small file must not take all
memory."""
_CHUNK = 2**20
_QUOTED = re.compile(r' +"')
_FOREIGN = {"cp949": "Korean", "cp1252": "Western European"}


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out: its delimiter, whether a space follows each (in rows, in the line of names), and
    whether its first line holds names."""

    delimiter: str = ","
    spaced: bool = False
    spaced_names: bool = False
    header: bool = True

    def to_json(self) -> dict[str, Any]:
        """The layout as JSON values."""
        return asdict(self)


class Cells(NamedTuple):
    """The cells of a file as they stand, a frame of texts, with the file's layout and sentences for the user; values
    without a layout where the file has types."""

    frame: pd.DataFrame
    layout: Layout | None
    notes: tuple[str, ...] = ()


def read_cells(path: Path, header: bool = True) -> Cells:
    """The cells of a CSV or TSV file, gzipped or not, in UTF-8, UTF-16, cp949 or cp1252.

    The delimiter is the one of ``, ; tab |`` that cuts the first line into most cells. UserError, naming file and line,
    for a file that is empty, ragged, in another encoding, or has a name twice.
    """
    encoding = encoding_of(path)
    first = next((line for line in lines(path, encoding) if line.strip()), None)
    if first is None:
        raise UserError(f"{path} is empty; give a table with a line of names and rows below it")
    delimiter = "\t" if ".tsv" in path.name.lower()[-7:] else _delimiter(first)
    names, layout = _checked(path, encoding, delimiter, header)
    frame = read_frame(path, names, layout, encoding, dtype="str", keep_default_na=False, na_filter=False)
    language = _FOREIGN.get(encoding)
    notes = [f"{path.name} is read as {encoding} ({language}), for it is not UTF-8"] if language else []
    if encoding.startswith("utf-16"):
        notes.append(f"{path.name} is read as UTF-16; tables are written as UTF-8")
    return Cells(frame, layout, tuple(notes))


def read_as_before(path: Path) -> pd.DataFrame:
    """A CSV or TSV file as versions before 0.2 read it: UTF-8 alone, with what pandas takes for numbers and gaps."""
    first = next((line for line in lines(path, "utf-8-sig") if line.strip()), None)
    if first is None:
        raise UserError(f"{path} is empty; give a table with a line of names and rows below it")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(first)
    names, _ = _checked(path, "utf-8-sig", delimiter, True)
    layout = Layout(delimiter, spaced=True)
    return read_frame(
        path, names, layout, "utf-8-sig", na_values=["?"], low_memory=False, dtype_backend="numpy_nullable"
    )


def read_frame(path: Path, names: list[str], layout: Layout, encoding: str, **options: Any) -> pd.DataFrame:
    """A file as a frame, by pandas. UserError where that cannot be."""
    try:
        return cast(
            "pd.DataFrame",
            pd.read_csv(
                path,
                sep=layout.delimiter,
                names=names,
                header=0 if layout.header else None,
                index_col=False,
                skipinitialspace=layout.spaced,
                encoding=encoding,
                **options,
            ),
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise UserError(f"{path} is not a CSV file that can be read ({error}); write it again") from error


def write_cells(frames: Iterable[pd.DataFrame], file: TextIO, layout: Layout) -> int:
    """Write frames of texts one after another by a layout. Returns the number of rows."""
    rows = 0
    for chunk, frame in enumerate(frames):
        if not chunk and layout.header:
            _write_lines([list(frame.columns)], file, layout.delimiter, layout.spaced_names)
        _write_lines(
            zip(*(frame[name] for name in frame.columns), strict=True), file, layout.delimiter, layout.spaced
        )
        rows += len(frame)
    return rows


def _write_lines(rows: Iterable[Sequence[str]], file: TextIO, delimiter: str, spaced: bool) -> None:
    if not spaced:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
        return
    special = f'{delimiter}"\r\n'

    def quoted(cell: str) -> str:
        plain = not cell.startswith(" ") and not any(mark in cell for mark in special)
        return cell if plain else '"' + cell.replace('"', '""') + '"'

    file.writelines(f"{delimiter} ".join(map(quoted, row)) + "\n" for row in rows)


def encoding_of(path: Path) -> str:
    """The encoding of a text file: by its byte order mark, as UTF-8, as cp949 where most foreign letters are then
    Hangul, or as cp1252. UserError where it is none of them."""
    with open_binary(path) as file:
        head = file.read(4096)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = head[0::2].count(0), head[1::2].count(0)
    if max(zeros) > len(head) // 4 > 0 and min(zeros) < max(zeros) // 8:
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    for encoding in ("utf-8-sig", "cp949", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise UserError(f"{path} is not UTF-8, UTF-16, cp949 or cp1252; save it as UTF-8")


def _decodes(path: Path, encoding: str) -> bool:
    """Whether all of a file is text in an encoding; in cp949 Hangul mostly, where it is not ASCII."""
    decoder = codecs.getincrementaldecoder(encoding)()
    hangul = foreign = 0
    try:
        for chunk in _chunks(path):
            text = decoder.decode(chunk)
            if encoding == "cp949" and not text.isascii():
                foreign += sum(letter > "\x7f" for letter in text)
                hangul += sum("\uac00" <= letter <= "\ud7a3" for letter in text)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return encoding != "cp949" or hangul > foreign / 2


def _chunks(path: Path) -> Iterator[bytes]:
    size = 0
    with open_binary(path) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > WHOLE and path.suffix.lower() == ".gz":
                raise UserError(f"{path} unpacks to more than {WHOLE:,} bytes; unpack it, and give that")
            yield chunk


def open_binary(path: Path) -> BinaryIO:
    """A file's bytes, unpacked where it is gzipped."""
    return cast("BinaryIO", gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb"))


def lines(path: Path, encoding: str) -> Iterator[str]:
    """The file's lines as text, without a byte order mark. UserError for one that is too long or no text."""
    unpacked, number = 0, 0
    with open_binary(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        try:
            for number, line in enumerate(iter(lambda: text.readline(LINE + 1), ""), 1):
                unpacked += len(line)
                if len(line) > LINE:
                    raise UserError(f"{path} has more than {LINE:,} bytes in line {number}; it is no table")
                if unpacked > WHOLE and path.suffix.lower() == ".gz":
                    raise UserError(f"{path} unpacks to more than {WHOLE:,} bytes; unpack it, and give that")
                yield line
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not UTF-8 after line {number}; save it as UTF-8") from error


def _delimiter(header: str) -> str:
    """The delimiter that cuts the header into most names."""
    line = header.splitlines()[:1]

    def names(delimiter: str) -> int:
        try:
            return len(next(csv.reader(line, delimiter=delimiter, skipinitialspace=True), []))
        except csv.Error:  # a name that is too long
            return 0

    return max(",;\t|", key=names)


def _checked(path: Path, encoding: str, delimiter: str, header: bool) -> tuple[list[str], Layout]:
    """The names of a file of which every row has as many cells (pandas fills short rows without a word), and its
    layout."""
    first, spaced, quoted = _shape(path, encoding, delimiter, skip=False)
    if quoted:  # a quote after a space opens a cell all the same
        first, _, _ = _shape(path, encoding, delimiter, skip=True)
    spaced_names = len(first) > 1 and all(name.startswith(" ") for name in first[1:])
    spaced = quoted or (spaced and len(first) > 1 and (header or spaced_names))
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(first)]
    if not header:
        names = [f"column {index}" for index in range(1, len(first) + 1)]
    check_names(names, path)
    return names, Layout(delimiter, spaced, spaced_names and spaced, header)


def _shape(path: Path, encoding: str, delimiter: str, skip: bool) -> tuple[list[str], bool, bool]:
    """The cells of the first row, whether a space follows every delimiter in all others, and whether a quote follows
    one. UserError for a row of another length."""
    rows = csv.reader(lines(path, encoding), delimiter=delimiter, skipinitialspace=skip)
    spaced, quoted, ragged, quote = True, False, None, delimiter + " "
    try:
        first: list[str] = next(filter(None, rows), [])
        quoted = any(map(_QUOTED.match, first[1:]))
        for row in rows:
            if not row:
                continue
            if not skip and not quoted and (spaced or ragged is None):
                spaced = spaced and all(cell.startswith(" ") for cell in row[1:])
                quoted = quote in delimiter.join(row) and any(map(_QUOTED.match, row[1:]))
            if len(row) != len(first) and ragged is None:
                ragged = len(row), rows.line_num
                if skip:
                    break
    except csv.Error as error:
        raise UserError(f"{path} breaks off as CSV in line {rows.line_num} ({error}); mend it") from error
    if ragged is not None and (skip or not quoted):
        raise UserError(
            f"{path} has {ragged[0]} cells in line {ragged[1]}, but {len(first)} in its header; mend that line"
        )
    return first, spaced, quoted


def check_names(names: list[str], path: Path) -> None:
    """Raises UserError for too many names, and for one that stands twice."""
    if len(names) > COLUMNS:
        raise UserError(
            f"{path} has {len(names):,} columns, more than the {COLUMNS:,} that are learnt; leave some out"
        )
    existing: set[str] = set()
    for name in names:
        if name in existing:
            raise UserError(
                f"{path} has two columns named {name!r}; rename one of them, or add --no-header where the "
                "first line is a row"
            )
        existing.add(name)
