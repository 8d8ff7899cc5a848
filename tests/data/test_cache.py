"""The cache lists what it holds, makes room when asked and by itself, and never takes away what is in use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evenodds.config.data_settings import DataSettings
from evenodds.core import atomic
from evenodds.core.errors import UserError
from evenodds.data import cache_entries
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store
from tests.conftest import Answer

Call = Callable[..., Answer]

USES = """
import sys
from evenodds.config.data_settings import DataSettings
from evenodds.data.prepare import prepare
from evenodds.data.source import find
store = prepare(find("digits"), DataSettings(size=int(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
"""
"""Another process that uses a store until it is told to end."""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def digits(size: int) -> Store:
    return prepare(find("digits"), DataSettings(size=size))


def made(*sizes: int) -> list[Path]:
    """Stores of digits that nobody uses any more, each last used an hour before the next."""
    paths = [digits(size).path for size in sizes]
    for place, path in enumerate(reversed(paths), 1):
        os.utime(path, (time.time() - 3600 * place,) * 2)
    return paths


def test_entries_are_listed_with_source_size_and_age_the_least_recently_used_first(evenodds: Call) -> None:
    first, second = made(8, 9)
    told = json.loads(evenodds("cache", "list", "--json").out)
    assert [entry["path"] for entry in told["entries"]] == [str(first), str(second)]
    assert [entry["kind"] for entry in told["entries"]] == ["store", "store"]
    assert {entry["source"] for entry in told["entries"]} == {"digits"}
    assert told["entries"][0]["bytes"] == sum(file.stat().st_size for file in first.iterdir())
    assert told["bytes"] == sum(entry["bytes"] for entry in told["entries"])
    assert told["entries"][0]["seconds"] == pytest.approx(7200, abs=60)
    lines = evenodds("cache", "list").out.splitlines()
    assert len(lines) == 3
    assert "digits" in lines[0]
    assert "2 h" in lines[0]


def test_an_empty_cache_is_listed_and_pruned(evenodds: Call) -> None:
    assert json.loads(evenodds("cache", "list", "--json").out)["entries"] == []
    assert json.loads(evenodds("cache", "prune", "--all", "--json").out) == {"bytes": 0, "entries": []}


def test_prune_takes_what_was_long_unused(evenodds: Call) -> None:
    first, second = made(8, 9)
    told = json.loads(evenodds("cache", "prune", "--older-than", "90m", "--json").out)
    assert [entry["path"] for entry in told["entries"]] == [str(first)]
    assert not first.exists()
    assert second.is_dir()


def test_prune_takes_the_least_recently_used_beyond_a_size(evenodds: Call) -> None:
    paths = made(8, 9, 10)
    size = sum(entry.size for entry in cache_entries.entries()) - 1
    evenodds("cache", "prune", "--max-size", f"{size}B")
    assert [path.exists() for path in paths] == [False, True, True]
    evenodds("cache", "prune", "--all")
    assert [path.exists() for path in paths] == [False, False, False]


def test_a_use_makes_an_entry_recent() -> None:
    first, second = made(8, 9)
    digits(8)
    assert [entry.path for entry in cache_entries.entries()] == [second, first]


def test_what_another_process_uses_stays_and_what_it_used_goes(evenodds: Call) -> None:
    (path,) = made(8)
    command = [sys.executable, "-c", USES, "8"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        evenodds("cache", "prune", "--all")
        assert path.is_dir()
        Store.open(path)
        other.communicate("\n")
    evenodds("cache", "prune", "--all")
    assert not path.exists()


def test_what_this_process_uses_or_makes_stays() -> None:
    store = digits(8)
    assert cache_entries.prune(max_size=0) == []
    path = store.path
    del store
    with atomic.alone(path.with_name(f".{path.name}.lock")):
        assert cache_entries.prune(max_size=0) == []
    assert [entry.path for entry in cache_entries.prune(max_size=0)] == [path]
    assert digits(8).n_train > 0, "it is made again"


def test_the_limit_is_kept_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = made(8, 9)
    monkeypatch.setenv("EVENODDS_CACHE_LIMIT", "none")
    (third,) = made(10)
    assert first.is_dir()
    size = sum(entry.size for entry in cache_entries.entries() if entry.path != first)
    evicted = cache_entries.entry_at("store", digits(11).path)
    assert evicted is not None
    assert cache_entries.evict(evicted)
    monkeypatch.setenv("EVENODDS_CACHE_LIMIT", str(size + evicted.size))
    fourth = digits(11)
    assert [path.exists() for path in (first, second, third, fourth.path)] == [False, True, True, True]


def test_a_store_larger_than_the_limit_serves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    (old,) = made(9)
    monkeypatch.setenv("EVENODDS_CACHE_LIMIT", "1kB")
    store = digits(8)
    assert store.path.is_dir()
    assert not old.exists()


@pytest.mark.parametrize(
    ("text", "size"), [("5GB", 5 * 10**9), ("1.5 mb", 1_500_000), ("1e9", 10**9), ("0B", 0)]
)
def test_sizes(text: str, size: int) -> None:
    assert cache_entries.parse_size(text, "--max-size") == size


@pytest.mark.parametrize("text", ["", "5 gigs", "GB", "-1GB", "1.2.3MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"--max-size .*500MB"):
        cache_entries.parse_size(text, "--max-size")


def test_wrong_flags_are_one_sentence(evenodds: Call) -> None:
    assert "30d" in evenodds("cache", "prune", "--older-than", "month").err
    assert evenodds("cache", "prune", "--all", "--older-than", "1d").code == 2
