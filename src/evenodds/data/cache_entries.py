"""What the cache holds, who uses it, and what is evicted where it grows too large."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

from evenodds.core import checksums
from evenodds.core.errors import UserError

if sys.platform != "win32":  # where a file that is open cannot be deleted
    import fcntl

LIMIT = "20GB"
"""The most that the cache holds where EVENODDS_CACHE_LIMIT does not say otherwise."""
UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SPANS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def cache_root() -> Path:
    """The folder of prepared data: the environment's EVENODDS_CACHE, or the system's folder for caches."""
    setting = os.environ.get("EVENODDS_CACHE")
    return Path(setting).expanduser() if setting else Path(platformdirs.user_cache_dir("evenodds"))


@dataclass(frozen=True)
class Entry:
    """One thing in the cache that can be evicted by itself."""

    path: Path
    kind: str
    """store (a prepared source), faces (the built-in's pictures), features (of real samples), runtime (for pages)."""
    source: str
    """What it was made of; the entry's own name where that is not known."""
    size: int
    """Bytes."""
    used: float
    """When it was last used, in seconds since the epoch."""


def entries() -> list[Entry]:
    """All entries of the cache, the least recently used first."""
    root = cache_root()
    paths = [
        *(("store", path) for path in root.glob("stores/[!.]*")),
        *(("faces", path) for path in root.glob("faces-v*")),
        *(("features", path) for path in root.glob("features/[!.]*")),
        *(("runtime", path) for path in root.glob("runtime/[!.]*")),
    ]
    remaining = (entry for kind, path in paths if (entry := entry_at(kind, path)) is not None)
    return sorted(remaining, key=lambda entry: entry.used)


def entry_at(kind: str, path: Path) -> Entry | None:
    """The entry at a path; None where another process has just taken it away."""
    try:
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        used = path.stat().st_mtime
    except OSError:
        return None
    source = path.name
    if kind == "store":
        with suppress(OSError, ValueError, KeyError, TypeError):  # a damaged one goes by its name
            source = str(checksums.load(path / "store.json")["facts"]["source"])
    return Entry(path, kind, source, size, used)


def lease(path: Path, user: object) -> bool:
    """Keeps an entry from being evicted for as long as ``user`` lives, and notes that it was used now.

    False where it is not there any more. Another process sees the lease, and it ends with this process.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders, and deletes none that is in use
        return path.exists()
    except OSError:
        return False
    weakref.finalize(user, os.close, handle)
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_SH)
    try:
        # It may have been evicted between the two calls above.
        if not os.path.samestat(os.fstat(handle), path.stat()):
            return False
    except FileNotFoundError:
        return False
    note_use(path)
    return True


def note_use(path: Path) -> None:
    """Notes that an entry was used now, where the cache can be written."""
    with suppress(OSError):
        os.utime(path)


def evict(entry: Entry) -> bool:
    """Takes an entry away, unless it is in use or being made; whether it did."""
    # Folders are made under this lock; files are written in one step.
    lock = FileLock(entry.path.with_name(f".{entry.path.name}.lock"), timeout=0)
    try:
        with lock if entry.path.is_dir() else nullcontext():
            if in_use(entry.path):
                return False
            # Aside first: whoever looks for it sees all of it or nothing.
            doomed = entry.path.with_name(f".{entry.path.name}.evicted.part")
            entry.path.replace(doomed)
            if doomed.is_dir():
                shutil.rmtree(doomed, ignore_errors=True)
            else:
                doomed.unlink(missing_ok=True)
    except OSError:  # Timeout is one
        return False
    return True


def in_use(path: Path) -> bool:
    """Whether any process holds a lease on an entry."""
    if sys.platform == "win32":
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def prune(older_than: float | None = None, max_size: int | None = None) -> list[Entry]:
    """Evicts what was last used more than ``older_than`` seconds ago and then, the least recently used first, what
    exceeds ``max_size`` bytes in all. Entries in use stay. Returns what was evicted."""
    remaining = entries()
    gone = []
    if older_than is not None:
        before = time.time() - older_than
        gone = [entry for entry in remaining if entry.used <= before and evict(entry)]
        remaining = [entry for entry in remaining if entry not in gone]
    if max_size is not None:
        gone += list(down_to(remaining, max_size))
    return gone


def keep_limit() -> None:
    """Evicts what exceeds the limit, the least recently used first. What only a registry can give again stays."""
    limit = cache_limit()
    if limit is not None:
        list(down_to([entry for entry in entries() if entry.kind != "runtime"], limit))


def down_to(remaining: list[Entry], size: int) -> Iterator[Entry]:
    """Evicts the first of some entries until the rest takes at most ``size`` bytes; those that went."""
    total = sum(entry.size for entry in remaining)
    for entry in remaining:
        if total <= size:
            return
        if evict(entry):
            total -= entry.size
            yield entry


def cache_limit() -> int | None:
    """The environment's EVENODDS_CACHE_LIMIT in bytes, such as 5GB; None for ``none``."""
    setting = os.environ.get("EVENODDS_CACHE_LIMIT", LIMIT)
    return None if setting.strip().lower() == "none" else parse_size(setting, "EVENODDS_CACHE_LIMIT")


def parse_size(text: str, name: str) -> int:
    """5GB, 500 MB or 1e9 as bytes. Raises UserError for another text."""
    match = re.fullmatch(r"\s*([\d.]+(?:e\d+)?)\s*([KMGT]?B)?\s*", text, re.IGNORECASE)
    try:
        if match is None:
            raise ValueError(text)
        return int(float(match[1]) * UNITS[(match[2] or "B").upper()])
    except ValueError:
        raise UserError(f"{name} {text} is no size, give one such as 500MB or 5GB") from None


def parse_span(text: str, name: str) -> float:
    """30d, 12h, 90m or 2w as seconds. Raises UserError for another text."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mhdw])\s*", text)
    if match is None:
        raise UserError(f"{name} {text} is no time, give one such as 30d, 12h or 2w")
    return float(match[1]) * SPANS[match[2]]
