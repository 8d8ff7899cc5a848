"""Data sets of Hugging Face's `datasets`: opened by name or from a folder, as pictures with labels or as a table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.data.images.items import Item
from evenodds.data.tables.containers import Table, pandas_of, table_of

_TRAIN = "train"
_SAVED = ("dataset_dict.json", "state.json")


def load(name: str, settings: DataSettings) -> Any:
    """The `datasets.Dataset` that ``user/name``, ``user/name@revision`` or ``./folder`` names.

    A folder is one that `save_to_disk` left, or one of data files. Code that a data set brings is never run. Raises
    UserError where the package is not installed, and where the data set, its split or its columns cannot be had.
    """
    text = f"hf:{name}"
    datasets = need("datasets", "hub", f"reading {text}")
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and name.startswith((".", "/", "~")):
        raise UserError(f"{folder} is no folder: give one that save_to_disk left, or one of data files")
    try:
        if local and any((folder / file).is_file() for file in _SAVED):
            return _chosen(datasets.load_from_disk(str(folder)), text, settings)
        path, _, revision = (str(folder), "", "") if local else name.partition("@")
        split = settings.split or _TRAIN
        return _chosen(datasets.load_dataset(path, split=split, revision=revision or None), text, settings)
    except UserError:
        raise
    except (
        Exception
    ) as problem:  # the errors of the package, its readers and its transport have no common base
        first = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise UserError(
            f"{text} cannot be loaded ({first}): check its name, --split and the connection"
        ) from problem


def kind_of_dataset(dataset: Any) -> Literal["table", "pictures"]:
    """Whether a data set holds pictures or rows of a table."""
    return "table" if _picture_of(dataset) is None else "pictures"


def fingerprint(dataset: Any) -> str:
    """What `datasets` tells the content of a loaded data set by: its files, and what was done to them."""
    return hashlib.sha256(f"{dataset._fingerprint} {dataset.column_names}".encode()).hexdigest()


def rows_of(data: Any, settings: DataSettings) -> tuple[Any, str, int]:
    """How to go through a data set in memory, what it is called, and how many rows it has."""
    dataset = _chosen(data, "the data set", settings)
    what = f"the data set ({', '.join(dataset.column_names)})"
    if kind_of_dataset(dataset) == "table":
        return table_from(dataset), what, len(dataset)
    return partial(pictures_from, dataset), what, len(dataset)


def pictures_from(dataset: Any) -> Iterator[Item]:
    """The pictures of a data set, as bytes or as its own objects, each with the other columns as labels."""
    import datasets

    picture = _picture_of(dataset)
    features = dataset.features
    names = {name: feature for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)}
    others = [name for name, feature in features.items() if not isinstance(feature, datasets.Image)]
    # The bytes as they are: Pillow opens more formats than are safe.
    raw = (
        dataset.with_format(None)
        .select_columns([picture, *others])
        .cast_column(picture, datasets.Image(decode=False))
    )
    for row in raw:
        labels = {name: _class(names.get(name), row[name]) for name in others}
        yield row[picture], labels


def table_from(dataset: Any) -> Table:
    """A data set without pictures as a table; classes have their names. Fakes of it are a DataFrame."""
    import datasets

    frame = pandas_of(dataset.with_format("arrow")[:])
    for name, feature in dataset.features.items():
        if isinstance(feature, datasets.ClassLabel):
            frame[name] = pd.Series([_class(feature, value) for value in frame[name]], dtype="str")
    return table_of(frame)


def _chosen(data: Any, text: str, settings: DataSettings) -> Any:
    """One split of a data set, with the columns that were asked for."""
    import datasets

    if isinstance(data, datasets.IterableDataset | datasets.IterableDatasetDict):
        raise UserError(
            f"{text} is streamed, and its pictures are gone through twice: load it without streaming"
        )
    if isinstance(data, datasets.DatasetDict):
        split = settings.split or (_TRAIN if _TRAIN in data or len(data) > 1 else next(iter(data), _TRAIN))
        if split not in data:
            raise UserError(
                f"{text} has no split {split!r}, name one of its splits: {', '.join(map(str, data))}"
            )
        data = data[split]
    missing = [name for name in settings.columns if name not in data.column_names]
    if missing:
        raise UserError(
            f"{text} has no column {missing[0]!r}, name some of its columns: {', '.join(data.column_names)}"
        )
    if not len(data):
        raise UserError(f"{text} is empty: give a data set with rows")
    return data.select_columns(list(settings.columns)) if settings.columns else data


def _picture_of(dataset: Any) -> str | None:
    """The first column of pictures, None where there is none."""
    import datasets

    return next((name for name, kind in dataset.features.items() if isinstance(kind, datasets.Image)), None)


def _class(feature: Any, value: Any) -> Any:
    """The name of a class, and any other value as it is; -1 stands for none."""
    if feature is None or pd.isna(value):
        return value
    return feature.int2str(int(value)) if int(value) >= 0 else None
