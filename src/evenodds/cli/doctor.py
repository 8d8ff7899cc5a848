"""`evenodds doctor`: what a source contains, and what training on it takes."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

from cyclopts import Parameter

from evenodds.cli.display import Display
from evenodds.cli.options import NO_FLAGS, Device, FlatFlags
from evenodds.data.source import find


def doctor(
    source: str,
    *,
    device: Annotated[Device, Parameter(help="Device that the forecast is for.")] = "auto",
    json: bool = False,
    flags: FlatFlags = NO_FLAGS,
) -> None:
    """Report what a source contains, what is skipped and why, and the time and memory that training takes.

    Accepts the flags of `train`, so that the report is about that training.

    Parameters
    ----------
    source:
        As for `train`: a built-in, a folder, zip or tar of pictures, or a table file.
    json:
        Print one JSON object instead of lines.
    """
    data_source = find(source, flags.data)
    with Display(quiet=json) as display:
        from evenodds.data.doctor import examine
        from evenodds.data.prepare import prepare
        from evenodds.training.forecast import forecast

        facts = examine(data_source, flags.data, display.prepare)
        facts["ahead"] = forecast(prepare(data_source, flags.data), flags.recipe(), source, device)
    if json:
        print(jsonlib.dumps(facts))
    else:
        for key, value in facts.items():
            tell(key.replace("_", " "), value)


def tell(name: str, value: Any, depth: int = 0) -> None:
    """A fact as indented lines."""
    start = "  " * depth + name + ":"
    if isinstance(value, dict) and value:
        print(start)
        for key, inner in value.items():
            tell(str(key).replace("_", " "), inner, depth + 1)
    elif isinstance(value, list | tuple) and value:
        print(start)
        for inner in value:
            print("  " * (depth + 1) + item(inner))
    else:
        print(start, "none" if value in (None, [], {}) else value)


def item(value: Any) -> str:
    """One entry of a list."""
    if isinstance(value, dict):
        return " · ".join(f"{str(key).replace('_', ' ')} {inner}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
