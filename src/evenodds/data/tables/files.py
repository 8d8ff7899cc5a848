"""Table files: read as people write them, written chunk by chunk."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evenodds.core.atomic import reporting_write_errors
from evenodds.core.errors import UserError
from evenodds.data.tables.notation import Notation, TextNotation
from evenodds.data.tables.other_files import read_json_lines, read_workbook
from evenodds.data.tables.recognition import recognise
from evenodds.data.tables.text_files import (
    Cells,
    Layout,
    check_names,
    read_as_before,
    read_cells,
    write_cells,
)

READABLE = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".xlsx", ".parquet")
WRITABLE = (".csv", ".tsv", ".parquet")

CELLS = 2 * 10**9
"""At most so many cells of a Parquet file: a small file must not take all memory."""

_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
)
_NULLABLE = {
    name.lower(): pd.api.types.pandas_dtype(name)
    for name in (f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
}
_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "T%H:%M:%SZ", " %H:%M:%S.%f", "T%H:%M:%S.%f")


class Reading(NamedTuple):
    """A table file as it is learnt: a frame of values, how each column of a text file is written, the layout of such a
    file (None of a Parquet file), and sentences for the user."""

    frame: pd.DataFrame
    notations: dict[str, Notation]
    layout: Layout | None
    notes: tuple[str, ...]


def read_table(path: Path) -> pd.DataFrame:
    """A table file as a frame, one row a record, columns as named in the file: CSV, TSV (also gzipped), JSON lines, an
    Excel workbook or Parquet.

    The cells of a text file's column are numbers, dates, time spans or truths where that gives all of them back letter
    by letter, and text otherwise; whole numbers with gaps come as Int64. UserError as of ``open_table`` and
    ``recognise``.
    """
    return read_values(open_table(path), {}).frame


def open_table(path: Path, header: bool = True) -> Cells:
    """The cells of a table file as they stand, texts; of a Parquet file, which has types of its own, the values.

    UserError, naming file and line, for a file that is empty, ragged, has a header alone or a name twice, is no real
    workbook or Parquet, or cannot be read.
    """
    kind = _kind(path, READABLE)
    try:
        if kind == ".parquet":
            cells = Cells(cast("pd.DataFrame", _read_parquet(path).apply(normalize)), None)
        elif kind == ".xlsx":
            cells = read_workbook(path, header)
        elif "json" in kind:
            cells = read_json_lines(path)
        else:
            cells = read_cells(path, header)
    except (gzip.BadGzipFile, zlib.error, EOFError, OSError) as error:
        raise _unreadable(path, error) from error
    return _with_rows(cells, path)


def read_before(path: Path) -> pd.DataFrame:
    """A CSV, TSV or Parquet file as versions before 0.2 read it: runs of theirs are of such data."""
    kind = _kind(path, READABLE)
    if kind not in (".csv", ".tsv", ".csv.gz"):
        return open_table(path).frame
    try:
        cells = Cells(read_as_before(path), Layout())
    except (gzip.BadGzipFile, zlib.error, EOFError, OSError) as error:
        raise _unreadable(path, error) from error
    return cast("pd.DataFrame", _with_rows(cells, path).frame.apply(normalize))


def read_values(cells: Cells, choices: Mapping[str, str], ignored: Iterable[str] = ()) -> Reading:
    """Cells as values. ``choices`` are the user's, by column, as of ``recognise``; columns that are ``ignored`` stay
    text. UserError as of ``recognise``."""
    if cells.layout is None:
        if choices:
            raise UserError(
                "--read is for text files, and a Parquet file says itself what it holds: leave it out"
            )
        return Reading(cells.frame, {}, None, cells.notes)
    text = {str(name): "text" for name in ignored if name in cells.frame.columns}
    likely = "," if cells.layout.delimiter == ";" else None
    recognition = recognise(cells.frame, {**choices, **text}, likely)
    frame = pd.DataFrame(
        {name: notation.read(cells.frame[name]) for name, notation in recognition.notations.items()}
    )
    notes = [*cells.notes, *recognition.notes]
    if cells.layout.header and _is_row(list(frame.columns), recognition.notations):
        listed = ", ".join(list(frame.columns)[:4])
        notes.append(
            f"the first line ({listed}, ...) looks like a row and is taken for names: --no-header reads it as one"
        )
    return Reading(frame, recognition.notations, cells.layout, tuple(notes))


def _is_row(names: list[str], notations: Mapping[str, Notation]) -> bool:
    """Whether names look like a row: every column of numbers, dates, spans or truths reads its own name as one."""
    plain = {name: n for name, n in notations.items() if not isinstance(n, TextNotation)}
    try:
        values = [notation.read(pd.Series([name], dtype="str")) for name, notation in plain.items()]
    except ValueError:
        return False
    return bool(values) and set(plain) <= set(names)


def _with_rows(cells: Cells, path: Path) -> Cells:
    if cells.frame.empty:
        raise UserError(f"{path} has a header but no rows; add rows to learn from")
    return cells


def _unreadable(path: Path, error: Exception) -> UserError:
    if isinstance(error, gzip.BadGzipFile | zlib.error | EOFError):
        return UserError(f"{path} is not a whole gzip file; compress it again")
    reason = getattr(error, "strerror", None) or error
    return UserError(f"{path} cannot be read ({reason}); check its name and rights")


def write_table(
    frames: Iterable[pd.DataFrame],
    path: Path,
    notations: Mapping[str, Notation] | None = None,
    layout: Layout | None = None,
) -> int:
    """Write frames of equal columns one after another to a CSV, TSV or Parquet file; the number of rows.

    With ``notations`` and a ``layout`` a CSV or TSV is written as the file was that they are of. One chunk is held at a
    time. The file is written aside and renamed when it is whole. UserError for another suffix or a place that cannot be
    written.
    """
    kind = _kind(path, WRITABLE)
    with reporting_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        try:
            if kind == ".parquet":
                rows = _write_parquet(frames, part)
            elif notations and layout:
                rows = _write_notations(frames, part, notations, _of_kind(layout, kind))
            else:
                rows = _write_csv(frames, part, kind)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return rows


def as_written(frame: pd.DataFrame, notations: Mapping[str, Notation]) -> pd.DataFrame:
    """Values as texts, each column in its notation; one without any as text, its gaps empty."""
    return pd.DataFrame(
        {name: notations.get(str(name), TextNotation()).write(frame[name]) for name in frame.columns}
    )


def _of_kind(layout: Layout, kind: str) -> Layout:
    """The layout of a file to be written: its suffix decides about tabs."""
    comma = "," if layout.delimiter == "\t" else layout.delimiter
    return replace(layout, delimiter="\t" if kind == ".tsv" else comma)


def _write_notations(
    frames: Iterable[pd.DataFrame], part: Path, notations: Mapping[str, Notation], layout: Layout
) -> int:
    with part.open("w", encoding="utf-8", newline="") as file:
        return write_cells((as_written(frame, notations) for frame in frames), file, layout)


def normalize(series: pd.Series[Any]) -> pd.Series[Any]:
    """A column in one of few dtypes: numpy's, str, datetime64, or nullable numbers and booleans with gaps.

    Decimals become floats, dates datetimes, categories their own values, scalars of mixed kinds text.
    What fits none of these (lists, bytes, ...) stays an object column.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.dtype.categories.dtype)
    if series.dtype == object or isinstance(series.dtype, pd.ArrowDtype):
        series = _infer(series)
    if isinstance(series.dtype, pd.StringDtype):
        return series.astype("str")
    plain = getattr(series.dtype, "numpy_dtype", None)
    if plain is not None and (plain.kind == "f" or not series.isna().any()):
        return pd.Series(series.to_numpy(plain, na_value=np.nan), name=series.name, index=series.index)
    return series


def floats(series: pd.Series[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A numeric series as float64 and what is missing in it; infinite counts as missing.

    UserError for text.
    """
    try:
        x = pd.to_numeric(series).to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise UserError(f"column {series.name!r} holds values that are no numbers; mend them") from error
    absent = ~np.isfinite(x)
    return np.where(absent, 0.0, x), absent


def to_dtype(x: NDArray[np.float64], absent: NDArray[np.bool_], dtype: Any) -> Any:
    """NDArray[np.float64] as an array of a pandas numeric dtype, missing where ``absent``."""
    kind = np.dtype(dtype.lower())
    if kind.kind in "iu":
        info = np.iinfo(kind)
        # float(int64 max) is one too many, so the bound is the float below it.
        x = np.clip(np.rint(x), float(info.min), np.nextafter(float(info.max) + 1.0, 0.0))
    elif dtype[0] == "f":
        return np.where(absent, np.nan, x).astype(kind)
    values = pd.Series(x.astype(kind)).astype(dtype)
    return values.mask(absent).array if absent.any() else values.array


def date_format(texts: pd.Series[Any]) -> str | None:
    """The strftime format in which every one of these texts is a date, None where there is none."""
    distinct = pd.Series(texts.dropna().unique(), dtype="str")
    head = distinct.iloc[:30]
    if not head.str.contains(r"\d{4}").all():
        return None
    fitting = [f for day in _DAYS for f in (day + clock for clock in _CLOCKS) if _fits(head, f)]
    # Formats that also write the same text back (leading zeros kept) come first.
    fitting.sort(key=lambda f: not (pd.to_datetime(head, format=f).dt.strftime(f) == head).all())
    return next((f for f in fitting if _fits(distinct, f)), None)


def _fits(texts: pd.Series[Any], text_format: str) -> bool:
    moments = pd.to_datetime(texts, format=text_format, errors="coerce")
    return moments.dtype.kind == "M" and bool(moments.notna().all())


def _infer(series: pd.Series[Any]) -> pd.Series[Any]:
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "decimal":
        return pd.to_numeric(series.astype("Float64"))
    if kind == "date":
        return pd.to_datetime(series)
    scalars = series.map(lambda value: isinstance(value, str | int | float), na_action="ignore")
    if kind.startswith("mixed") and kind != "mixed-integer-float" and scalars.dropna().all():
        return series.where(series.isna(), series.astype("str")).astype("str")
    return series.convert_dtypes(dtype_backend="numpy_nullable")


def _kind(path: Path, existing: tuple[str, ...]) -> str:
    kind = next((suffix for suffix in existing if path.name.lower().endswith(suffix)), None)
    if kind is None:
        raise UserError(f"{path} has no suffix of a table; name it with one of {', '.join(existing)}")
    return kind


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        with path.open("rb") as file:
            parquet = pq.ParquetFile(file)
            check_names(parquet.schema_arrow.names, path)
            if parquet.metadata.num_rows * max(1, parquet.metadata.num_columns) > CELLS:
                raise UserError(f"{path} has more than {CELLS:,} cells; give a part of it")
            table = parquet.read()
    except (pa.ArrowException, ValueError, MemoryError) as error:
        raise UserError(f"{path} is not a Parquet file that can be read; write it again") from error
    check_names(table.column_names, path)
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, types_mapper=nullable)
    return frame


def nullable(kind: pa.DataType) -> Any:
    """pandas' whole numbers with gaps for those of Arrow, None for another type."""
    return _NULLABLE.get(str(kind))


def _write_csv(frames: Iterable[pd.DataFrame], part: Path, kind: str) -> int:
    rows = 0
    with part.open("w", encoding="utf-8", newline="") as file:
        for chunk, frame in enumerate(frames):
            frame.to_csv(file, sep="\t" if kind == ".tsv" else ",", index=False, header=chunk == 0)
            rows += len(frame)
    return rows


def _write_parquet(frames: Iterable[pd.DataFrame], part: Path) -> int:
    rest = iter(frames)
    first = next(rest, pd.DataFrame())
    schema = pa.Schema.from_pandas(first, preserve_index=False)
    rows = 0
    with pq.ParquetWriter(part, schema) as writer:
        for frame in itertools.chain([first], rest):
            writer.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
            rows += len(frame)
    return rows
