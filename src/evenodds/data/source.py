"""What the user names as data: a built-in, a folder or zip of pictures, or a table."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evenodds.core.errors import UserError
from evenodds.data.images.album import SUFFIXES, Album, holds_picture

Kind = Literal["table", "pictures"]

BUILTINS: dict[str, Kind] = {"people": "table", "digits": "pictures", "faces": "pictures"}
TABLES = (".csv", ".csv.gz", ".tsv", ".parquet")
_CHOICES = f"a built-in ({', '.join(BUILTINS)}), a folder or .zip of pictures, or a .csv, .tsv or .parquet"


@dataclass(frozen=True)
class Source:
    """Where samples come from. ``name`` is safe in a file name; either ``path`` or ``builtin`` is set."""

    name: str
    kind: Kind
    path: Path | None
    builtin: str | None


def find(text: str) -> Source:
    """The source that ``text`` names; a built-in wins over a path of its name (``./people`` is the path).

    Raises UserError where nothing is there, or nothing in it can be learnt from.
    """
    if text in BUILTINS:
        return Source(text, BUILTINS[text], None, text)
    path = Path(text).expanduser()
    if not text.strip() or not path.exists():
        raise UserError(_not_there(text))
    if path.is_dir():
        _check_folder(path)
        return Source(_slug(path.resolve().name), "pictures", path, None)
    lower = path.name.lower()
    if lower.endswith(".zip"):
        _check_zip(path)
        return Source(_slug(path.name[: -len(".zip")]), "pictures", path, None)
    for suffix in TABLES:
        if lower.endswith(suffix):
            return Source(_slug(path.name[: -len(suffix)]), "table", path, None)
    if path.suffix[1:].lower() in SUFFIXES:
        raise UserError(f"{path} is a single picture: give the folder that holds it and others like it.")
    raise UserError(f"{path} is no kind of file that can be learnt from: give {_CHOICES}.")


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


def _check_zip(path: Path) -> None:
    with Album(path) as album:
        if not album.names:
            raise UserError(f"No picture lies in {path}: the files read are {_endings()}.")


def _endings() -> str:
    return ", ".join(f".{suffix}" for suffix in sorted(SUFFIXES))


def _slug(stem: str) -> str:
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:60] or "data"
