"""What the user names as data: a built-in, a folder or zip of pictures, a table, a data set on the Hub, an object."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data.images.album import ARRAYS, SUFFIXES, Album, holds_picture, is_archive, is_array

if TYPE_CHECKING:
    # pandas comes with it, which the command line needs seconds later, if at all.
    from evenodds.data.images.ingest import Watch
    from evenodds.data.objects import Content

Kind = Literal["table", "pictures"]

BUILTINS: dict[str, Kind] = {"people": "table", "digits": "pictures", "faces": "pictures"}
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".xlsx", ".parquet")
HUB = "hf:"
"""What the name of a data set of Hugging Face begins with: hf:user/name, hf:user/name@revision, or hf:./folder."""
MEMORY = "memory:"
"""What the name of data begins with that was given in Python: memory:table-DIGEST, memory:pictures-DIGEST."""
_CHOICES = (
    f"a built-in ({', '.join(BUILTINS)}), a folder, .zip or .tar of pictures, a .npy or .npz of them, "
    "a .csv, .tsv, .jsonl, .xlsx or .parquet, or hf:user/name"
)


@dataclass(frozen=True)
class Source:
    """Where samples come from. ``name`` is safe in a file name; one of ``path``, ``builtin`` and ``content`` is set."""

    name: str
    kind: Kind
    path: Path | None
    builtin: str | None
    content: Content | None = None

    @property
    def address(self) -> str:
        """The name by which ``find`` finds data from memory again."""
        if self.content is None:
            raise ValueError(f"{self.name} is no data from memory")
        return f"{MEMORY}{self.content.kind}-{self.content.digest}"


def find(text: str, settings: DataSettings | None = None) -> Source:
    """The source that ``text`` names; a built-in wins over a path of its name (``./people`` is the path).

    ``settings`` choose the split and the columns of a data set on the Hub. Raises UserError where nothing is there, or
    nothing in it can be learnt from.
    """
    if text in BUILTINS:
        return Source(text, BUILTINS[text], None, text)
    if text.startswith(MEMORY):
        return _from_memory(text)
    if text.startswith(HUB):
        return _from_hub(text, settings or DataSettings())
    path = Path(text).expanduser()
    if not text.strip() or not path.exists():
        raise UserError(_not_there(text))
    if path.is_dir():
        _check_folder(path)
        return Source(_slug(path.resolve().name), "pictures", path, None)
    lower = path.name.lower()
    if is_archive(path) or is_array(path.name):
        _check_archive(path)
        return Source(_slug(path.stem), "pictures", path, None)
    for suffix in TABLES:
        if lower.endswith(suffix):
            return Source(_slug(path.name[: -len(suffix)]), "table", path, None)
    if path.suffix[1:].lower() in SUFFIXES:
        raise UserError(f"{path} is a single picture: give the folder that holds it and others like it.")
    raise UserError(f"{path} is no kind of file that can be learnt from: give {_CHOICES}.")


def source_of(data: Any, settings: DataSettings, labels: Any = None, watch: Watch | None = None) -> Source:
    """An object in memory as a source; ``labels`` are those of pictures, one each. Raises UserError as ``content_of``
    does."""
    from evenodds.data.objects import content_of

    content = content_of(data, settings, labels, watch)
    return Source(content.kind, content.kind, None, None, content)


def _from_hub(text: str, settings: DataSettings) -> Source:
    from evenodds.data import hub, objects

    name = text.removeprefix(HUB)
    content = objects.of_dataset(hub.load(name, settings))
    return Source(_slug(Path(name.partition("@")[0]).name), content.kind, None, None, content)


def _from_memory(text: str) -> Source:
    """Data that was given in Python once: of it the digest is known, and a prepared store may be in the cache."""
    from evenodds.data.objects import Content

    kind, _, digest = text.removeprefix(MEMORY).partition("-")
    if kind == "table":
        return Source("table", "table", None, None, Content("table", digest, None))
    return Source("pictures", "pictures", None, None, Content("pictures", digest, None))


def _not_there(text: str) -> str:
    close = difflib.get_close_matches(text.lower(), BUILTINS, n=1)
    meant = f' (did you mean "{close[0]}"?)' if close else ""
    return f'"{text}" is not there{meant}: give {_CHOICES}.'


def _check_folder(path: Path) -> None:
    try:
        any_file, any_picture = holds_picture(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path} cannot be read ({reason}): check its rights.") from error
    if not any_file:
        raise UserError(f"The folder {path} is empty: put pictures in it, or give another.")
    if not any_picture:
        raise UserError(f"No picture lies in {path}: the files read are {_endings()}.")


def _check_archive(path: Path) -> None:
    with Album(path) as album:
        if not album.names:
            raise UserError(f"No picture lies in {path}: the files read are {_endings()}.")


def _endings() -> str:
    return ", ".join(f".{suffix}" for suffix in sorted(SUFFIXES | ARRAYS))


def _slug(stem: str) -> str:
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:60] or "data"
