"""What people hold in their hands, as data to learn from: tables, arrays, pictures, and data sets of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data import hub
from evenodds.data.images.items import Item, Pictures, is_image
from evenodds.data.tables.containers import Table, is_table, table_of

if TYPE_CHECKING:
    import pandas as pd

    from evenodds.data.images.ingest import Watch

ACCEPTED = (
    "a path, a built-in, a pandas, polars or pyarrow table, a NumPy array or tensor of pictures (n, H, W[, C]) or of "
    "numbers (n, k), a list of PIL pictures, a torch Dataset or DataLoader, or a datasets.Dataset"
)
_DIGITS = 16


@dataclass(frozen=True)
class Content:
    """Data from memory. ``digest`` names it: the same content is known again by it."""

    kind: Literal["table", "pictures"]
    digest: str
    read: Callable[[], Table | Pictures] | None
    """Gives the data; None where the digest alone is known, and a prepared store must be in the cache."""

    def table(self) -> Table:
        """The table. Raises UserError where it is no longer at hand."""
        data = self._data()
        if not isinstance(data, Table):
            raise TypeError("the data holds pictures and no table")
        return data

    def pictures(self) -> Pictures:
        """The pictures. Raises UserError where they are no longer at hand."""
        data = self._data()
        if not isinstance(data, Pictures):
            raise TypeError("the data holds a table and no pictures")
        return data

    def _data(self) -> Table | Pictures:
        if self.read is None:
            raise UserError(
                "the data was given in Python and is no longer in the cache: call fit again with the same data"
            )
        return self.read()


def content_of(data: Any, settings: DataSettings, labels: Any = None, watch: Watch | None = None) -> Content:
    """An object as data to learn from; ``labels`` are those of pictures, one each.

    Raises UserError for an object of another kind, and for one that holds nothing to learn from.
    """
    if is_table(data):
        if labels is not None:
            raise UserError("labels are for pictures: the columns of a table are learnt together")
        return of_table(table_of(data))
    rows, what, total = _rows_of(data, settings)
    if isinstance(rows, Table):
        return of_table(rows)
    if labels is not None:
        rows = partial(_labelled, rows, labels, total)
    return of_pictures(_seeded(rows), what, watch, total)


def of_table(table: Table) -> Content:
    """A table as data to learn from."""
    return Content("table", table.digest()[:_DIGITS], lambda: table)


def of_pictures(
    rows: Callable[[], Iterable[Item]], what: str, watch: Watch | None = None, total: int = 0
) -> Content:
    """Pictures as data to learn from; ``rows`` goes through them anew at every call."""
    pictures = Pictures(rows, what, watch, total)
    return Content("pictures", pictures.digest[:_DIGITS], lambda: pictures)


def of_dataset(dataset: Any) -> Content:
    """A data set that `datasets` loaded as data to learn from: known by its own fingerprint, read when it is needed."""
    digest = hub.fingerprint(dataset)[:_DIGITS]
    if hub.kind_of_dataset(dataset) == "table":
        return Content("table", digest, partial(hub.table_from, dataset))
    rows = partial(hub.pictures_from, dataset)
    return Content("pictures", digest, partial(Pictures, rows, "the data set", None, len(dataset)))


Rows = Callable[[], Iterable[Item]]


def _rows_of(data: Any, settings: DataSettings) -> tuple[Rows | Table, str, int]:
    """How to go through an object, what it is called, and how many items it has, 0 where that is unknown."""
    datasets, torch = sys.modules.get("datasets"), sys.modules.get("torch")
    if datasets is not None and isinstance(
        data, datasets.Dataset | datasets.DatasetDict | datasets.IterableDataset
    ):
        return hub.rows_of(data, settings)
    if isinstance(data, np.ndarray):
        return (partial(_plain, data), *_stack(data, "the array"))
    if torch is not None and isinstance(data, torch.Tensor):
        if data.ndim <= 2:
            return table_of(data.detach().cpu().numpy()), "", 0
        return (partial(_plain, data), *_stack(data, "the tensor"))
    if torch is not None and isinstance(data, torch.utils.data.DataLoader):
        names = _class_names(data.dataset)
        rows = (
            partial(_batched, data, names)
            if data.batch_size is not None or data.batch_sampler
            else partial(_each, data, names)
        )
        return rows, "the loader", _length(data.dataset)
    if torch is not None and isinstance(data, torch.utils.data.Dataset):
        total = _length(data)
        return (
            partial(_each, _by_index(data, total) if total else data, _class_names(data)),
            "the data set",
            total,
        )
    if isinstance(data, list | tuple):
        _check_list(data)
        return partial(_each, data, ()), "the list", len(data)
    raise UserError(f"{_described(data)} cannot be learnt from: give {ACCEPTED}{_advice(data)}")


def _stack(data: Any, what: str) -> tuple[str, int]:
    """The name and the length of an array of pictures. Raises UserError where it is none."""
    if data.ndim not in (3, 4):
        raise UserError(
            f"{what} has the shape {tuple(data.shape)}: give pictures (n, H, W) or (n, H, W, C), or numbers (n, k)"
        )
    return what, len(data)


def _plain(data: Any) -> Iterator[Item]:
    return ((picture, {}) for picture in data)


def _each(data: Iterable[Any], names: Sequence[str]) -> Iterator[Item]:
    return (_item(one, names) for one in data)


def _by_index(data: Any, total: int) -> Iterable[Any]:
    """A map-style data set in order: it need not end by itself."""

    class InOrder:
        def __iter__(self) -> Iterator[Any]:
            return (data[position] for position in range(total))

    return InOrder()


def _batched(loader: Iterable[Any], names: Sequence[str]) -> Iterator[Item]:
    for batch in loader:
        yield from (_item(one, names) for one in _unbatched(batch))


def _unbatched(batch: Any) -> Iterator[Any]:
    """The items of a batch, as torch's loader puts them together."""
    if isinstance(batch, Mapping):
        columns = zip(*batch.values(), strict=True)
        return (dict(zip(batch, values, strict=True)) for values in columns)
    if isinstance(batch, list | tuple) and batch and not is_image(batch[0]):
        return zip(*batch, strict=True)
    return iter(batch)


def _item(one: Any, names: Sequence[str]) -> Item:
    """A picture and its labels: of (picture, label, ...), of a mapping that holds a picture, or of a picture alone."""
    if isinstance(one, Mapping) and not is_image(one):
        picture = next((name for name, value in one.items() if is_image(value)), None)
        if picture is None:
            raise UserError(
                f"an item with {', '.join(map(str, one))} holds no picture: give pictures, or a table"
            )
        return one[picture], {str(name): value for name, value in one.items() if name != picture}
    if isinstance(one, list | tuple):
        if not one:
            raise UserError("an item of the data is empty: give a picture, or (picture, label)")
        labels = {
            "label" if index == 1 else f"label_{index}": value for index, value in enumerate(one) if index
        }
        if "label" in labels:
            labels["label"] = _named(labels["label"], names)
        return one[0], labels
    return one, {}


def _named(label: Any, names: Sequence[str]) -> Any:
    """The name of a class where the data set names its classes."""
    if names and getattr(label, "ndim", 0) == 0 and not isinstance(label, str | bool):
        try:
            return names[int(label)] if 0 <= int(label) < len(names) else label
        except (TypeError, ValueError):
            return label
    return label


def _class_names(data: Any) -> Sequence[str]:
    """The names of a data set's classes, as torchvision keeps them, also where only a part of it is taken."""
    while not hasattr(data, "classes") and hasattr(data, "dataset"):
        data = data.dataset
    names = getattr(data, "classes", ())
    usable = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return tuple(names) if usable else ()


def _labelled(rows: Rows, labels: Any, total: int) -> Iterator[Item]:
    """Pictures with labels that came beside them: a sequence or an array (n,), or a DataFrame with n rows."""
    import pandas as pd

    frame = labels if isinstance(labels, pd.DataFrame) else pd.DataFrame({"label": _column(labels)})
    if total != len(frame):
        raise UserError(f"there are {len(frame)} labels for {total} pictures, give one for each")
    names = [str(name) for name in frame.columns]
    values = zip(*(frame.iloc[:, index].tolist() for index in range(len(names))), strict=True)
    for (picture, _), row in zip(rows(), values, strict=True):
        missing = (None if value is pd.NA or value is pd.NaT else value for value in row)
        yield picture, dict(zip(names, missing, strict=True))


def _column(labels: Any) -> pd.Series[Any]:
    import pandas as pd

    values = np.asarray(labels.detach().cpu() if hasattr(labels, "detach") else labels)
    if values.ndim != 1 or values.dtype.kind not in "biufUO":
        raise UserError(
            f"labels of shape {values.shape} and dtype {values.dtype} cannot be taken, give one number or text each"
        )
    return pd.Series(values.tolist())


def _seeded(rows: Rows) -> Rows:
    """The same pictures in the same order every time, where torch's random numbers shuffle or change them."""
    torch = sys.modules.get("torch")
    if torch is None:
        return rows

    def again() -> Iterator[Item]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield from rows()

    return again


def _check_list(data: Sequence[Any]) -> None:
    if not data:
        raise UserError("the list is empty: give pictures to learn from")
    first = data[0]
    picture = first[0] if isinstance(first, list | tuple) and first else first
    if isinstance(first, Mapping) and not any(is_image(value) for value in first.values()):
        raise UserError("a list of records is no table: pd.DataFrame(records) makes one")
    if not (is_image(picture) or isinstance(first, Mapping)):
        raise UserError(
            f"a list of {_described(picture)} cannot be learnt from: give PIL pictures or arrays, "
            "or a DataFrame or a NumPy array (n, k) for rows"
        )


def _length(data: Any) -> int:
    try:
        return len(data)
    except (TypeError, NotImplementedError, AttributeError):
        return 0


def _described(data: Any) -> str:
    if data is None:
        return "None"
    kind = type(data)
    name = (
        kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}.{kind.__name__}"
    )
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _advice(data: Any) -> str:
    """What to do with an object that is nearly right."""
    nearly = {
        "Series": "x.to_frame()",
        "LazyFrame": "x.collect()",
        "dict": "pd.DataFrame(x)",
        "Image": "[x, ...]",
    }
    return f" (here: {nearly[type(data).__name__]})" if type(data).__name__ in nearly else ""
