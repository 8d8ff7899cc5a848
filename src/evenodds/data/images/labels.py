"""Labels of pictures: class subfolders, a metadata.csv, or the files beside them in tar shards."""

from __future__ import annotations

import io
from collections import Counter
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from evenodds.core.errors import UserError
from evenodds.data.images.album import DAMAGED, METADATA, Album, BadPicture
from evenodds.data.images.shards import labels_beside

if TYPE_CHECKING:
    import pandas as pd

_NAMES = ("file_name", "file")


def read(album: Album) -> tuple[pd.DataFrame | None, list[str]]:
    """Labels with a row for each of ``album.names``, and what there is to say of them.

    A metadata.csv wins over subfolders; its column ``file_name``, ``file`` or else its first names the
    picture by its path or its bare name, and the other columns are the labels. Subfolders are classes
    (column ``label``) where each picture lies in exactly one and there are at least two. A picture
    without a row has missing labels. In tar shards the files beside the pictures win over both. Raises UserError for a
    metadata.csv that is no table.
    """
    if album.beside:
        frame, notes = labels_beside(album.names, album.beside, partial(_bytes, album))
        if frame is not None:
            return frame, notes
    if album.in_shards:
        return None, []
    if album.metadata_name is not None:
        frame, notes = _from_metadata(album)
        if frame is not None:
            return frame, notes
        return _from_folders(album), notes
    return _from_folders(album), []


def _from_folders(album: Album) -> pd.DataFrame | None:
    inside = [_inside(name, album.top) for name in album.names]
    # Parquet takes no name that is not Unicode, and a disk may hold one.
    classes = [name.parts[0].encode(errors="replace").decode() for name in inside]
    if any(len(name.parts) != 2 for name in inside) or len(set(classes)) < 2:
        return None
    import pandas as pd

    return pd.DataFrame({"label": pd.Series(classes, dtype="str")})


def _from_metadata(album: Album) -> tuple[pd.DataFrame | None, list[str]]:
    table = _table(album)
    key = next((column for column in _NAMES if column in table.columns), table.columns[0])
    values = table.drop(columns=key)
    if values.shape[1] == 0:
        return None, [f"{METADATA} has no column of labels and is ignored"]
    places = _places(album)
    rows: dict[int, int] = {}
    strangers = repeats = 0
    for row, name in enumerate(table[key].astype(str)):
        index = places.get(name.strip().replace("\\", "/").removeprefix("./"))
        if index is None:
            strangers += 1
        elif index in rows:
            repeats += 1
        else:
            rows[index] = row
    if not rows:
        return None, [f"{METADATA} names none of the pictures (column {key}) and is ignored"]
    bare = len(album.names) - len(rows)
    counts = (
        (strangers, "name no picture here"),
        (repeats, "name a picture again; the first counts"),
    )
    notes = [f"{count} of {len(table)} rows of {METADATA} {what}" for count, what in counts if count]
    if bare:
        notes.append(f"{bare} of {len(album.names)} pictures have no row in {METADATA}: no labels for them")
    order = [rows.get(index, -1) for index in range(len(album.names))]
    return values.reindex(order).reset_index(drop=True), notes


def _bytes(album: Album, name: str) -> bytes | None:
    """A file of labels, None where it cannot be read."""
    try:
        with album.open(name) as file:
            return file.read()
    except BadPicture:
        return None


def _table(album: Album) -> pd.DataFrame:
    import pandas as pd

    name = album.metadata_name or METADATA
    try:
        with album.open(name) as file:
            content = file.read()
        return pd.read_csv(io.BytesIO(content), encoding="utf-8-sig")
    except (BadPicture, *DAMAGED, ValueError) as error:  # pandas' parser errors are ValueErrors
        reason = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"{name} in {album.path} cannot be read as a table ({reason}): mend it or take it away."
        ) from error


def _places(album: Album) -> dict[str, int]:
    """Where a picture stands, by its path, its path below the common folder, and its bare name if unique."""
    paths = [(name, str(_inside(name, album.top)), PurePosixPath(name).name) for name in album.names]
    bare = Counter(names[-1] for names in paths)
    places: dict[str, int] = {}
    for index, (whole, inside, name) in enumerate(paths):
        if bare[name] == 1:
            places.setdefault(name, index)
        places[inside] = index
        places[whole] = index
    return places


def _inside(name: str, top: str) -> PurePosixPath:
    return PurePosixPath(name).relative_to(top) if top else PurePosixPath(name)
