"""Packages import downward only, and no two modules import each other, directly or through others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "evenodds"

LAYERS = [
    "core",
    "config",
    "data",
    "networks",
    "objectives",
    "metrics",
    "game",
    "runs",
    "judge",
    "evaluate",
    "steer",
    "training",
    "export",
    "gan",
    "studio",
    "cli",
]
"""Packages, and the Python API, lowest first: each imports those before it alone."""
TOP = {"__init__", "__main__", "gan"}
"""The only files that stand beside the packages."""

Graph = dict[str, set[str]]
"""Module -> the modules of ours that it imports, anywhere in it."""


def graph_of(source: Path) -> Graph:
    """The import graph of the package ``evenodds`` that lies at ``source``."""
    paths = {module_of(path, source): path for path in sorted(source.rglob("*.py"))}
    return {name: set(imports(path, set(paths))) for name, path in paths.items()}


def module_of(path: Path, source: Path) -> str:
    """SOURCE/data/store.py -> evenodds.data.store; SOURCE/data/__init__.py -> evenodds.data."""
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(("evenodds", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imports(path: Path, modules: set[str]) -> Iterator[str]:
    """The modules among ``modules`` that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "evenodds":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else str(node.module)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"


def package(module: str) -> str:
    """evenodds.data.store -> data; evenodds itself is above all others."""
    return [*module.split("."), ""][1]


def upward(graph: Graph) -> list[str]:
    """Imports from one package into another that is not below it."""
    level = {name: place for place, name in enumerate(LAYERS)}
    pairs = ((module, other) for module, others in graph.items() for other in others)
    return [
        f"{module} imports {other}"
        for module, other in pairs
        if package(module) in level
        and package(other) != package(module)
        and level.get(package(other), -1 if other == "evenodds" else len(level)) > level[package(module)]
    ]


def cycle(graph: Graph) -> list[str]:
    """The modules of one import cycle, none where there is no cycle."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(SOURCE)


def test_packages_import_downward(graph: Graph) -> None:
    assert not upward(graph)


def test_modules_form_no_cycle(graph: Graph) -> None:
    assert not cycle(graph)


def test_every_file_is_in_a_package_of_the_list() -> None:
    found = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert found == set(LAYERS) - {"gan"}
    assert {path.stem for path in SOURCE.glob("*.py")} == TOP


def planted(folder: Path, files: dict[str, str]) -> Graph:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return graph_of(folder)


def test_an_import_upward_is_found(tmp_path: Path) -> None:
    files = {
        "data/store.py": "def f():\n    from evenodds.game.step import d_step\n",
        "game/step.py": "from evenodds.data import batches\n",
        "data/batches.py": "",
    }
    assert upward(planted(tmp_path, files)) == ["evenodds.data.store imports evenodds.game.step"]


def test_a_cycle_inside_a_package_is_found(tmp_path: Path) -> None:
    files = {
        "data/a.py": "from evenodds.data.b import x\n",
        "data/b.py": "from evenodds.data import c\n",
        "data/c.py": "import evenodds.data.a\n",
    }
    assert set(cycle(planted(tmp_path, files))) == {f"evenodds.data.{name}" for name in "abc"}


def test_the_game_and_the_objectives_know_no_disk() -> None:
    for path in (path for part in ("game", "objectives") for path in (SOURCE / part).rglob("*.py")):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"open", "Path", "print"}, path
