"""What may be reached and taken in: runs by name inside one folder, pictures and tables within bounds."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from evenodds.core.errors import UserError
from evenodds.data.images.album import SUFFIXES, Album, BadPicture
from evenodds.data.images.decoding import look
from evenodds.data.source import BUILTINS, TABLES
from evenodds.runs.gallery import folder_of, in_gallery

UPLOAD_BYTES = 200_000_000
"""Of one upload, at most: a zip of a few thousand pictures."""
PICTURE_BYTES, PICTURE_PIXELS = 20_000_000, 25_000_000
"""Of one picture that is judged or drawn upon, at most."""
NAME = re.compile(r"[^\W_][\w.+-]{0,79}", re.UNICODE)
OWN = ".studio"
"""Where the studio keeps what is its own, in the runs folder."""
FILES = re.compile(r"film\.gif|report\.html|samples/\d{1,12}\.(png|csv)")
"""What is served of a run."""


def run_path(root: Path, name: object) -> Path:
    """The folder of the run called ``name``, whether it is there yet or not.

    Raises UserError for what is no plain name, and for a link that leads out of ``root``.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"{str(name)[:80]!r} is no name of a run: take letters, digits, dots, pluses and dashes"
        )
    path = root / name
    if path.resolve().parent != root.resolve():
        raise UserError(f"{name!r} leads out of the runs folder, choose another run")
    return path


def runs(root: Path) -> list[str]:
    """The names of the runs in a folder, the newest first."""
    folders = [
        path.parent
        for path in root.glob("*/recipe.json")
        if NAME.fullmatch(path.parent.name) and path.resolve().parent.parent == root.resolve()
    ]
    return [path.name for path in sorted(folders, key=lambda path: (-touched(path), path.name))]


def touched(run: Path) -> float:
    """When a run was last written to, in seconds."""
    journal = run / "journal.jsonl"
    return (journal if journal.exists() else run).stat().st_mtime


def served(folder: Path, file: str) -> Path:
    """A file of the run in a folder that a browser may see. Raises UserError for any other, and where it is not
    there."""
    path = folder / file
    if not FILES.fullmatch(file) or not path.is_file() or path.resolve().parent != path.parent.resolve():
        raise UserError(f"{folder.name} has no such file to be seen")
    return path


def picture(path: str | Path | None) -> Path:
    """An uploaded picture that may be opened. Raises UserError for one that is too large, or none."""
    if path is None:
        raise UserError("no picture was given, drop one first")
    path = Path(path)
    if path.stat().st_size > PICTURE_BYTES:
        raise UserError(f"the picture has over {PICTURE_BYTES // 10**6} MB, give a smaller one")
    try:
        header = look(path)
    except BadPicture as problem:
        raise UserError(f"the picture cannot be read ({problem}), give one that opens in a viewer") from None
    if header.width * header.height > PICTURE_PIXELS:
        raise UserError(
            f"{header.width} × {header.height} px are over {PICTURE_PIXELS // 10**6} megapixels, give a smaller picture"
        )
    return path


def source(text: str, *, local: bool) -> str:
    """What may be trained on: a built-in, or a path where whoever asks sits at this machine.

    Raises UserError for a path that comes over a network.
    """
    text = text.strip()
    if text in BUILTINS or local:
        return text if text in BUILTINS else str(Path(text).expanduser())
    raise UserError("over a network only built-ins and uploads are trained on, upload the data instead")


def initial(root: Path, text: str, *, local: bool) -> str:
    """What a game may begin with: a run in ``root`` by its name, a model of the gallery, or any path or name where
    whoever asks sits at this machine. Raises UserError for another that comes over a network."""
    if text in runs(root):
        return str(run_path(root, text))
    if in_gallery(text):
        folder_of(text)
        return text
    if local:
        return text
    raise UserError(f"{text[:80]!r} is none of the runs here, choose one of them to begin with")


def upload(path: str | Path) -> Path:
    """An uploaded table or zip of pictures. Raises UserError for another kind, a broken zip, and one too large."""
    path = Path(path)
    if path.stat().st_size > UPLOAD_BYTES:
        raise UserError(f"the upload has over {UPLOAD_BYTES // 10**6} MB, train on it with evenodds train")
    lower = path.name.lower()
    if lower.endswith(".zip"):
        with Album(path) as album:
            if not album.names:
                endings = ", ".join(f".{suffix}" for suffix in sorted(SUFFIXES))
                raise UserError(f"no picture lies in the zip: the files read are {endings}")
    elif not lower.endswith(TABLES):
        raise UserError(f"{path.name} is no table and no zip of pictures: give {', '.join(TABLES)} or .zip")
    return path


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(host: str, password: str | None) -> None:
    """Raises UserError where others could come in without a password, and for an empty one."""
    if password is not None and len(password) < 8:
        raise UserError("--password is too short, take 8 characters or more")
    if password is None and not is_loopback(host):
        raise UserError(
            f"--host {host} lets others on the network in: give a --password too, or leave --host out"
        )
