"""Written aside, made durable, then renamed: a reader sees the whole of a file or folder, or nothing."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from evenodds.core.errors import UserError

_SUFFIX = ".part"


class Unwritable(UserError):  # noqa: N818 - as its base
    """A place cannot be written; ``reason`` is the system's."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be written ({reason}): free space there, or choose another folder.")
        self.path, self.reason = path, reason


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file, replacing what was there. Raises Unwritable where it cannot be written."""
    with reporting_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _sibling(path)
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync(path.parent)


@contextmanager
def folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """An empty folder to fill, which becomes ``path`` when the block ends well and vanishes otherwise.

    ``path`` must be absent or an empty folder, unless ``replace`` says that the old one may go, which it does once the
    new one is on the disk. Raises Unwritable where it cannot be written; what the block itself raises passes through.
    """
    if path.exists() and not path.is_dir():
        raise Unwritable(path, "a file is in the way")
    if path.exists() and not replace and any(path.iterdir()):
        raise Unwritable(path, "it is there already and not empty")
    with reporting_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _sibling(path)
        part.mkdir()
    try:
        yield part
        with reporting_write_errors(path.parent):
            for file in part.rglob("*"):
                sync(file)
            sync(part)
            old = _sibling(path)
            if path.exists():
                path.replace(old)
            part.replace(path)
            sync(path.parent)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time, by a lock on the file ``lock``; others wait. Raises Unwritable where it cannot be made."""
    with reporting_write_errors(lock.parent):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file_lock = FileLock(lock)
        file_lock.acquire()
    try:
        yield
    finally:
        file_lock.release()


def sweep(path: Path) -> None:
    """Remove what a killed process left beside ``path``. Only for who holds the lock on ``path``."""
    for part in path.parent.glob(f".{path.name}.*{_SUFFIX}"):
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def reporting_write_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into ``place`` into Unwritable."""
    try:
        yield
    except OSError as error:
        raise Unwritable(path, (error.strerror or str(error)).lower()) from error


def _sibling(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{_SUFFIX}")


def sync(path: Path) -> None:
    """Forces a file or folder to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
