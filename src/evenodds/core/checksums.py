"""JSON that knows whether it is whole: its checksum stands in it, and it may hold those of files beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

LARGEST = 256 * 2**20
"""Bytes of a JSON file that is read, at most."""
SUM = "sha256"


def with_checksum(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts with their checksum, to be written as JSON. Raises TypeError for what JSON does not hold."""
    plain = json.loads(json.dumps(facts))  # keys become text, as they will be when they are read
    plain.pop(SUM, None)
    return {**plain, SUM: _digest(plain)}


def read_verified(path: Path) -> dict[str, Any]:
    """The facts that ``seal`` was given, from a file. Raises ValueError where a byte was flipped or is missing, and
    OSError where it cannot be read."""
    facts = load(path)
    if facts.pop(SUM, None) != _digest(facts):
        raise ValueError("its checksum does not fit")
    return facts


def load(path: Path) -> dict[str, Any]:
    """A JSON object from a file that anybody may have written. Raises ValueError and OSError alone."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("it is too large")
    return parse(content)


def parse(content: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises ValueError for anything else."""
    try:
        facts = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(facts, dict):
        raise ValueError("it is no JSON object")
    return facts


def checksum_of(path: Path) -> str:
    """The checksum of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path, sums: dict[str, str]) -> None:
    """Raises ValueError that names the first file whose content is not what it was, OSError where one is missing."""
    for name, expected in sums.items():
        if checksum_of(folder / name) != expected:
            raise ValueError(f"the checksum of {name} does not fit")


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
