"""Imports go downward only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "evenodds"

FLOORS: list[set[str]] = [
    {"__init__", "errors", "spec", "aside", "extras", "sealed", "distributed"},
    {"data"},
    {"networks"},
    {"objectives", "latent"},
    {"game"},
    {
        "budget",
        "recipe",
        "verdicts",
        "checkpoint",
        "checkpoints",
        "keeper",
        "device",
        "run",
        "players",
        "training",
        "gallery",
        "film",
        "report",
    }
    | {"train", "forecast", "sample", "session", "examine", "extractor", "steward", "words", "clock"}
    | {"given", "fidelity", "diff", "loggers", "journal"},
    {"evaluate", "judge"},
    {"steer"},
    {"gan", "export"},
    {"cli", "studio", "__main__"},
]
"""Lowest first, as in docs/design.md."""


def room(module: str) -> str:
    """evenodds.data.store -> data; evenodds -> __init__."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def floor_of(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Rooms of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "evenodds":
            found |= {f"evenodds.{alias.name}" for alias in node.names if not alias.name.startswith("__")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
    return {room(name) for name in found if name.split(".")[0] == "evenodds"}


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_downward(path: Path) -> None:
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    higher = {name for name in imported(path) if floor_of(name) > floor_of(own)}
    assert not higher, f"{path.name} is on floor {floor_of(own)} and imports {higher} from above"


def test_a_step_up_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "losses.py"
    path.write_text("from evenodds.game.round import turn_d\nimport evenodds.data.store\n")
    assert imported(path) == {"game", "data"}
    assert floor_of("game") > floor_of("objectives") > floor_of("data")


def test_the_game_and_the_objectives_know_no_disk() -> None:
    for path in (path for part in ("game", "objectives") for path in (SOURCE / part).rglob("*.py")):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"open", "Path", "print"}, path
