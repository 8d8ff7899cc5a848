"""Where prepared data lies, made once by one process at a time."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.data.cache_entries import cache_root, keep_limit, lease
from evenodds.data.source import Source
from evenodds.data.store import Store

PREPARED = 2
"""Raised whenever the same source would be prepared differently."""


def once(source: Source, key: list[Any], make: Callable[[Path], Store]) -> Store:
    """The store under this key, made under a lock where it is absent or damaged."""
    key_text = json.dumps([PREPARED, source.kind, source.builtin, key])
    digest = hashlib.sha256(key_text.encode()).hexdigest()
    target = cache_root() / "stores" / f"{source.name}-{digest[:16]}"
    store = _found(target)
    if store is not None:
        return store
    with locked(target):
        store = _found(target)  # another process may have made it while this one waited
        if store is not None:
            return store
        with atomic.reporting_write_errors(target.parent):
            if target.exists():
                shutil.rmtree(target)
        store = make(target)
        lease(store.path, store)
    keep_limit()
    return store


def _found(target: Path) -> Store | None:
    if not target.is_dir():
        return None
    try:
        store = Store.open(target)
    except UserError:  # damaged: it is made again
        return None
    return store if lease(target, store) else None


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """One process at a time makes ``target``; what a killed one left beside it is swept away first."""
    with atomic.alone(target.with_name(f".{target.name}.lock")):
        atomic.sweep(target)
        yield
