"""Dtypes of pandas as JSON values, and columns that come back in theirs."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pandas as pd

Dtype = dict[str, Any]
"""A dtype as JSON values: "dtype" is its name; categories, durations and Arrow's own say more."""

_UNITS = {"D": 86_400 * 10**9, "h": 3_600 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds of each unit, the coarsest first."""


def dtype_to_json(series: pd.Series[Any]) -> Dtype:
    """A column's dtype; of durations with the coarsest unit that keeps them, of objects with what they are."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return {"dtype": "category", "ordered": bool(dtype.ordered), **_categories_to_json(dtype.categories)}
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_to_json(series, dtype)
    if dtype.kind == "m":
        return {"dtype": str(dtype), "unit": _unit_of(series)}
    if pd.api.types.is_object_dtype(dtype):
        return {"dtype": "object", "holds": pd.api.types.infer_dtype(series, skipna=True)}
    return {"dtype": str(dtype)}


def learnable(series: pd.Series[Any], dtype: Dtype) -> pd.Series[Any]:
    """A column as it is learnt: durations as whole numbers of their unit, intervals as text, categories as their
    values."""
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(series.array.to_dense(), name=series.name)
    if "unit" in dtype:
        nanoseconds = series.astype("timedelta64[ns]").to_numpy().astype(np.int64)
        ticks = pd.Series(nanoseconds // _UNITS[dtype["unit"]], index=series.index, name=series.name)
        return ticks.astype("Int64").where(series.notna())
    if dtype["dtype"] == "category":
        categories = series.cat.categories
        if "left" in dtype:
            categories = pd.Index(categories.astype("str"))
        values = pd.Series(
            categories.take(np.maximum(series.cat.codes, 0)), name=series.name, index=series.index
        )
        return values.where(series.notna()) if series.isna().any() else values
    return series


def restored(series: pd.Series[Any], dtype: Dtype) -> pd.Series[Any]:
    """A decoded column in the dtype that the column had before."""
    name = dtype["dtype"]
    if "unit" in dtype:
        ticks = series.astype("Int64")
        nanoseconds = (ticks.fillna(0) * _UNITS[dtype["unit"]]).to_numpy(np.int64).astype("timedelta64[ns]")
        return (
            pd.Series(nanoseconds, index=series.index, name=series.name)
            .where(ticks.notna())
            .astype(dtype_from_json(dtype))
        )
    if name == "category":
        kind = dtype_from_json(dtype)
        if "left" not in dtype:
            return series.astype(kind)
        codes = pd.Index(kind.categories.astype("str")).get_indexer(pd.Index(series))
        return pd.Series(pd.Categorical.from_codes(codes, dtype=kind), index=series.index, name=series.name)
    if name == "object":
        values = series.dt.date if dtype["holds"] == "date" else series
        return values.astype(object).where(series.notna(), None)
    return series.astype(dtype_from_json(dtype))


def dtype_from_json(dtype: Dtype) -> Any:
    """The dtype that ``dtype_to_json`` wrote down."""
    if dtype["dtype"] == "category":
        return pd.CategoricalDtype(_categories_from_json(dtype), dtype["ordered"])
    if "arrow" in dtype:
        import pyarrow as pa

        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(dtype["arrow"])))
        return pd.ArrowDtype(schema[0].type)
    return pd.api.types.pandas_dtype(dtype["dtype"])


def _arrow_to_json(series: pd.Series[Any], dtype: pd.ArrowDtype) -> Dtype:
    import pyarrow as pa

    schema = pa.schema([("", dtype.pyarrow_dtype)])
    facts: Dtype = {"dtype": str(dtype), "arrow": base64.b64encode(schema.serialize().to_pybytes()).decode()}
    return facts | ({"unit": _unit_of(series)} if dtype.kind == "m" else {})


def _categories_to_json(categories: pd.Index[Any]) -> Dtype:
    if isinstance(categories, pd.IntervalIndex):
        ends = {"left": _values(categories.left), "right": _values(categories.right)}
        return {"of": str(categories.left.dtype), "closed": categories.closed, **ends}
    return {"of": str(categories.dtype), "categories": _values(categories)}


def _values(index: pd.Index[Any]) -> list[Any]:
    """The values of an index as JSON values: numbers, booleans and text as they are, moments in words."""
    plain = index.dtype.kind in "biufO" or isinstance(index.dtype, pd.StringDtype)
    return list(index.tolist() if plain else index.astype("str"))


def _categories_from_json(dtype: Dtype) -> pd.Index[Any]:
    if "left" in dtype:
        left, right = (_index(dtype[side], dtype["of"]) for side in ("left", "right"))
        intervals: pd.Index[Any] = pd.IntervalIndex.from_arrays(left, right, closed=dtype["closed"])
        return intervals
    index: pd.Index[Any] = _index(dtype["categories"], dtype["of"])
    return index


def _index(values: list[Any], dtype: str) -> Any:
    return pd.Index(values, dtype=dtype)


def _unit_of(series: pd.Series[Any]) -> str:
    """The coarsest unit of which all durations are whole numbers."""
    nanoseconds = series.dropna().astype("timedelta64[ns]").to_numpy().astype(np.int64)
    return next(unit for unit, length in _UNITS.items() if (nanoseconds % length == 0).all())
