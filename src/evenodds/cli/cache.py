"""`evenodds cache`: what prepared data takes on the disk, and making room."""

from __future__ import annotations

import json as jsonlib
import time
from typing import TYPE_CHECKING, Any

from cyclopts import App

from evenodds.core.errors import UserError

if TYPE_CHECKING:
    from evenodds.data.cache_entries import Entry

cache = App(
    name="cache",
    help="List or prune prepared data. Training evicts the least recently used beyond EVENODDS_CACHE_LIMIT (20GB, or "
    "none), but nothing in use. The cache is in EVENODDS_CACHE, or the system's folder for caches.",
)


@cache.command(name="list")
def list_(*, json: bool = False) -> None:
    """List what the cache holds, least recently used first: kind, size, time since last use, and source.

    Parameters
    ----------
    json:
        Print one JSON object: path, bytes, and entries with path, kind, source, bytes and seconds since last use.
    """
    from evenodds.data.cache_entries import cache_root, entries

    listing = entries()
    if json:
        print(jsonlib.dumps({"path": str(cache_root()), **summary(listing)}))
        return
    show(listing)
    print(f"{size_text(sum(entry.size for entry in listing))} in {cache_root()}")


@cache.command
def prune(
    *, older_than: str | None = None, max_size: str | None = None, all: bool = False, json: bool = False
) -> None:
    """Remove prepared data that is not in use; it is made again when it is needed.

    Without flags the cache is brought to EVENODDS_CACHE_LIMIT.

    Parameters
    ----------
    older_than:
        Remove what was not used for this long, such as 30d, 12h or 2w.
    max_size:
        Remove the least recently used until the cache takes at most this, such as 5GB.
    all:
        Remove everything that is not in use.
    json:
        Print one JSON object: bytes removed, and entries as in `cache list`.
    """
    from evenodds.data.cache_entries import cache_limit, parse_size, parse_span
    from evenodds.data.cache_entries import prune as remove

    if all and (older_than or max_size):
        raise UserError("--all removes everything: give it without --older-than and --max-size")
    span = None if older_than is None else parse_span(older_than, "--older-than")
    size = 0 if all else None if max_size is None else parse_size(max_size, "--max-size")
    if span is None and size is None:
        size = cache_limit()
    gone = remove(span, size)
    if json:
        print(jsonlib.dumps(summary(gone)))
        return
    show(gone)
    print(f"{size_text(sum(entry.size for entry in gone))} removed")


def summary(listing: list[Entry]) -> dict[str, Any]:
    """Entries as JSON."""
    now = time.time()
    listed = [
        {
            "path": str(entry.path),
            "kind": entry.kind,
            "source": entry.source,
            "bytes": entry.size,
            "seconds": round(max(0.0, now - entry.used), 1),
        }
        for entry in listing
    ]
    return {"bytes": sum(entry.size for entry in listing), "entries": listed}


def show(listing: list[Entry]) -> None:
    """A line an entry."""
    now = time.time()
    for entry in listing:
        print(f"{entry.kind:<8}  {size_text(entry.size):>9}  {age_text(now - entry.used):>6}  {entry.source}")


def size_text(size: int) -> str:
    """Bytes as 512 B, 3.4 MB or 12.0 GB."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size} B"


def age_text(seconds: float) -> str:
    """Seconds as 5 min, 7 h or 12 d."""
    if seconds < 3600:
        return f"{max(0, int(seconds // 60))} min"
    return f"{int(seconds // 3600)} h" if seconds < 86400 else f"{int(seconds // 86400)} d"
