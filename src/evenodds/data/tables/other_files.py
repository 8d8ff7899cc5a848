"""Cells of Excel workbooks and of JSON lines, as texts."""

from __future__ import annotations

import json
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.data.tables.text_files import COLUMNS, Cells, Layout, check_names, encoding_of, lines

UNPACKED = 2**30
"""At most so many bytes of what a workbook unpacks to."""


class _Literal(str):
    """A number of a JSON file as it stands there."""


def read_json_lines(path: Path) -> Cells:
    """The cells of a file with one JSON object a line: numbers as they are written there, null and what a line lacks as
    an empty cell. UserError, naming the line, for what is no object of plain values."""
    columns: dict[str, list[str]] = {}
    count = 0
    for number, line in enumerate(lines(path, encoding_of(path)), 1):
        if not line.strip():
            continue
        for name, value in _object(line, path, number).items():
            cells = columns.setdefault(name, [])
            cells += [""] * (count - len(cells)) + [_json_cell(value, name, path, number)]
        if len(columns) > COLUMNS:
            raise UserError(f"{path} has more than the {COLUMNS:,} columns that are learnt; leave some out")
        count += 1
    if not count:
        raise UserError(f"{path} is empty; give a JSON object on each line")
    filled = {name: cells + [""] * (count - len(cells)) for name, cells in columns.items()}
    return Cells(pd.DataFrame(filled, dtype="str"), Layout())


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_float=_Literal, parse_int=_Literal, parse_constant=_Literal)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} has no JSON in line {number} ({error}); give one object on each line"
        ) from error
    if not isinstance(value, dict):
        raise UserError(f"{path} has no object in line {number}; give one such as {{'age': 39}} on each line")
    return value


def _json_cell(value: Any, name: str, path: Path, number: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    raise UserError(f"{path} has a list or an object for {name!r} in line {number}; give plain values")


def read_workbook(path: Path, header: bool = True) -> Cells:
    """The cells of an Excel workbook's first sheet, as texts: numbers in their shortest digits, dates as 2024-12-31, or
    with their time where one of the column has one. Empty rows are left out. UserError for a file that is no workbook,
    and for names twice."""
    openpyxl = need("openpyxl", "excel", f"reading {path}")
    try:
        if sum(entry.file_size for entry in zipfile.ZipFile(path).infolist()) > UNPACKED:
            raise UserError(f"{path} unpacks to more than {UNPACKED:,} bytes; save its sheet as CSV")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheets = book.worksheets
        rows = [row for row in sheets[0].iter_rows(values_only=True) if any(cell is not None for cell in row)]
    except UserError:
        raise
    except OSError:
        raise
    except Exception as error:  # whatever is wrong within it
        raise UserError(
            f"{path} is not an Excel workbook that can be read ({error}); save it again"
        ) from error
    if not rows:
        raise UserError(f"{path} is empty; give a table with a line of names and rows below it")
    frame = _frame_of(rows, header, path)
    notes = [f"{path.name} has {len(sheets)} sheets; {sheets[0].title!r} is read"] if len(sheets) > 1 else []
    return Cells(frame, Layout(header=header), tuple(notes))


def _frame_of(rows: list[tuple[Any, ...]], header: bool, path: Path) -> pd.DataFrame:
    width = max(map(len, rows))
    filled = [(*row, *[None] * (width - len(row))) for row in rows]
    columns = list(zip(*filled[1 if header else 0 :], strict=True)) or [()] * width
    names = [f"column {index}" for index in range(1, width + 1)]
    if header:
        names = ["" if cell is None else str(cell).strip() for cell in filled[0]]
    used = [
        index
        for index in range(width)
        if names[index] and (header or any(c is not None for c in columns[index]))
    ]
    check_names([names[index] for index in used], path)
    return pd.DataFrame({names[index]: _texts(columns[index]) for index in used}, dtype="str")


def _texts(cells: tuple[Any, ...]) -> list[str]:
    """The cells of a workbook's column as texts."""
    timed = any(isinstance(cell, datetime) and cell.time() != time() for cell in cells)
    fine = any(isinstance(cell, datetime) and cell.microsecond for cell in cells)

    def text(cell: Any) -> str:
        if cell is None:
            return ""
        if isinstance(cell, bool):
            return "TRUE" if cell else "FALSE"
        if isinstance(cell, datetime) and timed:
            return cell.isoformat(" ", "microseconds" if fine else "seconds")
        if isinstance(cell, date):
            return cell.strftime("%Y-%m-%d")
        if isinstance(cell, timedelta):
            seconds = round(cell.total_seconds())
            return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        if isinstance(cell, time):
            return cell.isoformat("seconds")
        if isinstance(cell, float):
            return repr(cell).removesuffix(".0")
        return str(cell)

    return [text(cell) for cell in cells]
