"""Tables in memory: pandas, polars, pyarrow and NumPy to the DataFrame that is learnt, and fakes back again."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evenodds.core.errors import UserError
from evenodds.data.tables.dtypes import dtype_to_json, learnable, restored
from evenodds.data.tables.files import normalize, nullable

if TYPE_CHECKING:
    import pyarrow as pa

    from evenodds.data.tables.codec import TableCodec

Container = dict[str, Any]
"""What a table was held in, as JSON values: its kind, and the dtype of every column."""


@dataclass(frozen=True)
class Table:
    """A table from memory: ``frame`` holds what is learnt, ``container`` what fakes are turned back into."""

    frame: pd.DataFrame
    container: Container
    notes: tuple[str, ...] = ()

    def digest(self) -> str:
        """sha256 of the values, names and dtypes, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(self.container, sort_keys=True).encode())
        for name, column in self.frame.items():
            digest.update(f"{name}:{column.dtype}:{len(column)}".encode())
            digest.update(_hashed(normalize(column)))
        return digest.hexdigest()


def is_table(data: Any) -> bool:
    """Whether an object is a table that ``table_of`` takes, of a package that is loaded already."""
    return (
        isinstance(data, pd.DataFrame)
        or _is(data, "polars", "DataFrame")
        or _is(data, "pyarrow", "Table", "RecordBatch")
        or (isinstance(data, np.ndarray) and data.ndim <= 2)
    )


def table_of(data: Any) -> Table:
    """A pandas, polars or pyarrow table, or a NumPy array of numbers (n, k), ready to be learnt.

    A pandas index that is named becomes columns; another is not learnt. Raises UserError for an empty table, for
    several levels of column names, and for arrays of another shape or of no numbers.
    """
    if isinstance(data, pd.DataFrame):
        table = _from_pandas(data)
    elif isinstance(data, np.ndarray):
        table = _from_array(data)
    else:
        table = _from_arrow(data)
    if table.frame.empty:
        rows, columns = table.frame.shape
        raise UserError(f"the table has {rows} rows and {columns} columns, give one with rows to learn from")
    return table


def contained(frame: pd.DataFrame, container: Container | None) -> Any:
    """Decoded rows as the container that the table came in; as they are where it came from a file."""
    if container is None:
        return frame
    if container["kind"] == "numpy":
        return _to_array(frame, container)
    columns = {str(label): (label, facts) for label, facts in container["columns"]}
    labels = pd.Index([columns[name][0] for name in frame.columns])
    frame = pd.DataFrame({name: restored(frame[name], columns[name][1]) for name in frame.columns})
    frame.columns = labels
    if container["kind"] == "pandas":
        index = container["index"]
        if index and set(index) <= set(frame.columns):
            frame = frame.set_index(index)
            frame.columns = (
                frame.columns.infer_objects()
            )  # numbers alone, now that the index's names are gone
        return frame
    table = _to_arrow(frame, container["schema"])
    if container["kind"] == "pyarrow":
        return table
    import polars

    return polars.from_arrow(table)


def _from_pandas(frame: pd.DataFrame) -> Table:
    if isinstance(frame.columns, pd.MultiIndex):
        raise UserError(
            "the table has several levels of column names, join them first: "
            "df.columns = ['_'.join(map(str, name)) for name in df.columns]"
        )
    index, notes = list(frame.index.names), []
    if isinstance(frame.index, pd.RangeIndex) or None in index:
        if not isinstance(frame.index, pd.RangeIndex):
            notes.append("the table's index has no name and is not learnt: reset_index() makes it a column")
        index, frame = [], frame.reset_index(drop=True)
    elif clash := [name for name in index if name in frame.columns]:
        raise UserError(f"the table has both an index and a column named {clash[0]!r}, rename one of them")
    else:
        frame = frame.reset_index()
    labels = [label if isinstance(label, str | int) else str(label) for label in frame.columns]
    _refuse_twins([str(label) for label in labels])
    facts = [dtype_to_json(frame.iloc[:, index]) for index in range(len(labels))]
    columns = {
        str(label): learnable(frame.iloc[:, index], facts[index]) for index, label in enumerate(labels)
    }
    container = {
        "kind": "pandas",
        "index": [name if isinstance(name, str | int) else str(name) for name in index],
        "columns": [[label, fact] for label, fact in zip(labels, facts, strict=True)],
    }
    return Table(pd.DataFrame(columns), container, tuple(notes))


def _from_arrow(data: Any) -> Table:
    import pyarrow as pa

    polars = _is(data, "polars", "DataFrame")
    table = (
        data.to_arrow()
        if polars
        else pa.Table.from_batches([data])
        if _is(data, "pyarrow", "RecordBatch")
        else data
    )
    _refuse_twins(table.column_names)
    inner = _from_pandas(pandas_of(table))
    container = {
        **inner.container,
        "kind": "polars" if polars else "pyarrow",
        "schema": schema_to_text(table.schema),
    }
    return Table(inner.frame, container, inner.notes)


def pandas_of(table: pa.Table) -> pd.DataFrame:
    """A pyarrow table as a DataFrame whose whole numbers and booleans stay what they are where some are missing."""
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, types_mapper=nullable)
    return frame


def schema_to_text(schema: pa.Schema) -> str:
    """A pyarrow schema, with the metadata of its fields, as text."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def _to_arrow(frame: pd.DataFrame, text: str) -> pa.Table:
    import pyarrow as pa

    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
    fields = [field for field in schema if field.name in frame.columns]
    arrays = [_arrow_array(frame[field.name], field.type) for field in fields]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, schema.metadata))


def _arrow_array(series: pd.Series[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if not pa.types.is_dictionary(kind):
        return pa.array(series, from_pandas=True).cast(kind, safe=False)
    levels = series.cat.categories
    codes = pd.Series(series.cat.codes.to_numpy(np.int64)).astype("Int64").where(series.notna().to_numpy())
    indices = pa.array(codes, from_pandas=True).cast(kind.index_type)
    return pa.DictionaryArray.from_arrays(
        indices, pa.array(levels).cast(kind.value_type), ordered=kind.ordered
    )


def _from_array(array: np.ndarray[Any, Any]) -> Table:
    if array.ndim != 2:
        hint = "x.reshape(-1, 1) makes a column of numbers" if array.ndim == 1 else "give (n, k) numbers"
        raise UserError(f"an array of shape {array.shape} is neither a table nor pictures: {hint}")
    if array.dtype.kind not in "biuf":
        raise UserError(
            f"an array of dtype {array.dtype} holds no plain numbers: give booleans, whole numbers or floats, "
            "or a DataFrame where columns differ"
        )
    frame = pd.DataFrame({str(index): array[:, index] for index in range(array.shape[1])})
    # What never changes is not learnt, and an array comes back as wide as it was.
    constants = {
        name: None if column.isna().all() else column.iloc[0].item()
        for name, column in frame.items()
        if len(column) and column.nunique(dropna=False) == 1
    }
    container = {
        "kind": "numpy",
        "dtype": str(array.dtype),
        "columns": list(frame.columns),
        "constants": constants,
    }
    return Table(frame, container)


def refuse_dropped(
    container: Container, codec: TableCodec, names: list[str], excluded: tuple[str, ...]
) -> None:
    """Raises UserError where a column of an array is not learnt, unless it is constant or the caller left it out."""
    if container["kind"] != "numpy":
        return
    for name in names:
        if name not in (*(codec.order or codec.names), *excluded, *container["constants"]):
            why = next(note for note in codec.notes if note.startswith(f"column {name!r}"))
            raise UserError(f"{why}: give the array without it, or exclude it by its number")


def _to_array(frame: pd.DataFrame, container: Container) -> np.ndarray[Any, Any]:
    dtype, constants = np.dtype(container["dtype"]), container["constants"]
    names = [name for name in container["columns"] if name in frame.columns or name in constants]
    array = np.empty((len(frame), len(names)), dtype)
    for index, name in enumerate(names):
        constant = constants.get(name)
        array[:, index] = frame[name] if name in frame.columns else np.nan if constant is None else constant
    return array


def _refuse_twins(names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise UserError(f"the table has two columns named {twins[0]!r}, rename one of them")


def _hashed(series: pd.Series[Any]) -> bytes:
    try:
        hashes: bytes = pd.util.hash_pandas_object(series, index=False).to_numpy().tobytes()
        return hashes
    except TypeError:  # lists and the like, which are refused later unless they are left out
        return repr(series.tolist()).encode()


def _is(data: Any, package: str, *names: str) -> bool:
    """Whether an object is of one of these classes; the package is not imported for it."""
    module = sys.modules.get(package)
    return module is not None and any(isinstance(data, getattr(module, name)) for name in names)
