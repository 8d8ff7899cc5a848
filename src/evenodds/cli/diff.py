"""`evenodds diff`: compare two runs."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Any


def diff(first: Path, second: Path, *, json: bool = False) -> None:
    """Compare two runs: the settings that differ, and the results of both.

    Parameters
    ----------
    first:
        A run folder.
    second:
        Another run folder.
    json:
        Print one JSON object with "recipe" and "results": for each name, the first run's value and the second's.
    """
    from evenodds.runs.compare import difference
    from evenodds.runs.run import Run

    sections = difference(Run.open(first), Run.open(second))
    if json:
        print(jsonlib.dumps(sections))
        return
    for title, pairs in sections.items():
        show(title, {"": (first, second), **pairs} if pairs else {"the same": ("", "")})


def show(title: str, pairs: dict[str, tuple[Any, Any]]) -> None:
    """Names and both values in columns."""
    print(title)
    names, left = max(map(len, pairs)), max(len(format_value(pair[0])) for pair in pairs.values())
    for name, pair in pairs.items():
        print(f"  {name:<{names}}  {format_value(pair[0]):<{left}}  {format_value(pair[1])}".rstrip())


def format_value(value: Any) -> str:
    """A value in few characters."""
    if value is None:
        return "-"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
