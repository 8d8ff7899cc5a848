"""Table files: read with care, written chunk by chunk."""

from __future__ import annotations

import csv
import gzip
import itertools
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evenodds.core.atomic import reporting_write_errors
from evenodds.core.errors import UserError

READABLE = (".csv", ".tsv", ".csv.gz", ".parquet")
WRITABLE = (".csv", ".tsv", ".parquet")

LINE, WHOLE, COLUMNS, CELLS = 2**24, 2**32, 10_000, 2 * 10**9
"""At most so many bytes of a CSV's line, of what a .csv.gz unpacks to, columns, and cells of a Parquet file: a small
file must not take all memory."""

_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
)
_NULLABLE = {
    name.lower(): pd.api.types.pandas_dtype(name)
    for name in (f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
}
_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "T%H:%M:%SZ", " %H:%M:%S.%f", "T%H:%M:%S.%f")


def read_table(path: Path) -> pd.DataFrame:
    """A CSV, TSV (also .csv.gz) or Parquet file as a frame, one row a record, columns as named in the file.

    A CSV's delimiter is the one of ``, ; tab |`` that cuts the header into most names. Empty cells, "?"
    and the usual texts (NA, NaN, null, ...) are missing. Whole numbers with gaps come as Int64.
    UserError, naming file and line, for a file that is empty, ragged, not UTF-8, has a header alone or
    a name twice, is no real Parquet, or cannot be read.
    """
    kind = _kind(path, READABLE)
    try:
        frame = _read_parquet(path) if kind == ".parquet" else _read_csv(path, kind)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path} is not a whole gzip file; compress it again") from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror or error}); check its name and rights"
        ) from error
    if frame.empty:
        raise UserError(f"{path} has a header but no rows; add rows to learn from")
    return cast("pd.DataFrame", frame.apply(normalize))


def write_table(frames: Iterable[pd.DataFrame], path: Path) -> int:
    """Write frames of equal columns one after another to a CSV, TSV or Parquet file; the number of rows.

    One chunk is held at a time. The file is written aside and renamed when it is whole.
    UserError for another suffix or a place that cannot be written.
    """
    kind = _kind(path, WRITABLE)
    with reporting_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        try:
            rows = _write_parquet(frames, part) if kind == ".parquet" else _write_csv(frames, part, kind)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return rows


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


def _check_names(names: list[str], path: Path) -> None:
    if len(names) > COLUMNS:
        raise UserError(
            f"{path} has {len(names):,} columns, more than the {COLUMNS:,} that are learnt; leave some out"
        )
    existing: set[str] = set()
    for name in names:
        if name in existing:
            raise UserError(f"{path} has two columns named {name!r}; rename one of them")
        existing.add(name)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        with path.open("rb") as file:
            parquet = pq.ParquetFile(file)
            _check_names(parquet.schema_arrow.names, path)
            if parquet.metadata.num_rows * max(1, parquet.metadata.num_columns) > CELLS:
                raise UserError(f"{path} has more than {CELLS:,} cells; give a part of it")
            table = parquet.read()
    except (pa.ArrowException, ValueError, MemoryError) as error:
        raise UserError(f"{path} is not a Parquet file that can be read; write it again") from error
    _check_names(table.column_names, path)
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, types_mapper=nullable)
    return frame


def nullable(kind: pa.DataType) -> Any:
    """pandas' whole numbers with gaps for those of Arrow, None for another type."""
    return _NULLABLE.get(str(kind))


def _read_csv(path: Path, kind: str) -> pd.DataFrame:
    with _open(path) as file:
        first = next((line for line in _lines(file, path) if line.strip()), None)
    if first is None:
        raise UserError(f"{path} is empty; give a table with a line of names and rows below it")
    delimiter = "\t" if kind == ".tsv" else _delimiter(first)
    with _open(path) as file:
        names = _check_rows(csv.reader(_lines(file, path), delimiter=delimiter, skipinitialspace=True), path)
    try:
        return pd.read_csv(
            path,
            sep=delimiter,
            names=names,
            header=0,
            index_col=False,
            skipinitialspace=True,
            na_values=["?"],
            encoding="utf-8-sig",
            low_memory=False,
            dtype_backend="numpy_nullable",
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise UserError(f"{path} is not a CSV file that can be read ({error}); write it again") from error


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb"))


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    """The file's lines as text, without a byte order mark."""
    unpacked = 0
    for number, line in enumerate(iter(lambda: file.readline(LINE + 1), b""), 1):
        unpacked += len(line)
        if len(line) > LINE:
            raise UserError(f"{path} has more than {LINE:,} bytes in line {number}; it is no table")
        if unpacked > WHOLE and path.suffix.lower() == ".gz":
            raise UserError(f"{path} unpacks to more than {WHOLE:,} bytes; unpack it, and give that")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not UTF-8 in line {number}; save it as UTF-8") from error


def _delimiter(header: str) -> str:
    """The delimiter that cuts the header into most names."""
    line = header.splitlines()[:1]

    def names(delimiter: str) -> int:
        try:
            return len(next(csv.reader(line, delimiter=delimiter, skipinitialspace=True), []))
        except csv.Error:  # a name that is too long
            return 0

    return max(",;\t|", key=names)


def _check_rows(rows: Any, path: Path) -> list[str]:
    """The header's names, when every row has as many cells: pandas fills short rows without a word."""
    try:
        header: list[str] = next(filter(None, rows), [])
        for row in rows:
            if row and len(row) != len(header):
                raise UserError(
                    f"{path} has {len(row)} cells in line {rows.line_num}, but {len(header)} in its header; "
                    "mend that line"
                )
    except csv.Error as error:
        raise UserError(f"{path} breaks off as CSV in line {rows.line_num} ({error}); mend it") from error
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(header)]
    _check_names(names, path)
    return names


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
