"""Packages that only some commands need, imported when they are."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from evenodds.core.errors import UserError


def need(name: str, extra: str, purpose: str) -> Any:
    """The package ``name``, which comes with an extra. Raises UserError with the command where it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.split(".")[0] != name.split(".")[0]:
            raise
        raise UserError(
            f"{purpose} needs the package {name}, which is not installed: pip install 'evenodds[{extra}]'"
        ) from None


def installed(name: str) -> bool:
    """Whether there is a package ``name``."""
    return find_spec(name) is not None
