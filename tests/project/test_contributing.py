"""CONTRIBUTING.md is true: its tree names every file, its commands exist, and its recipes work as they are written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from tests.project import tree

TEXT = tree.GUIDE.read_text("utf-8")
BLOCK = re.compile(r'^( *)```(\w+)(?: title="([^"]+)")?\n(.*?)^\1```$', re.DOTALL | re.MULTILINE)
COMMANDS = """
import shlex, sys
from evenodds.cli.main import main
for line in sys.stdin:
    try:
        main(shlex.split(line)[1:])
    except SystemExit as done:
        assert not done.code, (line, done.code)
"""


def test_the_tree_names_every_file_and_none_beside() -> None:
    assert tree.written(TEXT) == tree.render(), "CONTRIBUTING.md has another tree: run `make tree`"


def test_a_file_without_a_line_is_found(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "new.py").write_text('"""Draws\nlatents, e.g. z. More."""\n')
    assert "    new.py".ljust(tree.COLUMN) + "Draws latents, e.g. z.\n" in tree.render(tmp_path)
    (tmp_path / "core" / "new.js").touch()
    with pytest.raises(KeyError, match=r"core/new\.js"):
        tree.render(tmp_path)


def test_its_commands_are_those_of_make() -> None:
    makefile = (tree.ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make (\w+)", TEXT))
    assert {"demo", "test", "check", "tree"} <= targets
    assert not [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


def recipe(name: str) -> list[tuple[str, str, str]]:
    """The blocks of a recipe in order: (language, file, text)."""
    section = TEXT.split(f"## {name}\n")[1].split("\n## ")[0]
    found = [(language, title, textwrap.dedent(text)) for _, language, title, text in BLOCK.findall(section)]
    assert len(found) == section.count("```") / 2
    return found


def patched(text: str, diff: str) -> str:
    """The text with a diff's hunks, each of which must fit at one place alone."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        if before.endswith("(\n"):  # the beginning of a line
            before, after = before[:-1], after[:-1]
        assert text.count(before) == 1, f"not once in the file:\n{before}"
        text = text.replace(before, after)
    return text


def follow(name: str, folder: Path) -> None:
    """Does what a recipe says, to a copy of the package in ``folder``, and runs its commands there."""
    shutil.copytree(tree.SOURCE, folder / "src" / "evenodds", ignore=shutil.ignore_patterns("__pycache__"))
    commands = []
    for language, title, text in recipe(name):
        file = folder / title
        if language == "sh":
            commands += text.splitlines()
        elif language == "python":
            assert not file.exists()
            file.write_text(text, "utf-8")
        else:
            assert language == "diff"
            file.write_text(patched(file.read_text("utf-8"), text), "utf-8")
    assert commands
    environment = os.environ | {
        "PYTHONPATH": str(folder / "src"),
        "EVENODDS_CACHE": str(folder / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS],
        input="\n".join(commands),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def setting(folder: Path, run: str, group: str, name: str) -> object:
    """A setting of a run."""
    return json.loads((folder / "runs" / run / "recipe.json").read_text())["settings"][group][name]


@pytest.mark.slow
def test_a_network_is_added_as_it_is_written(tmp_path: Path) -> None:
    follow("Add a network", tmp_path)
    assert setting(tmp_path, "maxout", "network", "network") == "maxout"
    assert len(pd.read_csv(tmp_path / "maxout.csv")) == 100
    assert setting(tmp_path, "labels", "data", "condition") == "labels"


@pytest.mark.slow
def test_a_loss_is_added_as_it_is_written(tmp_path: Path) -> None:
    follow("Add a loss", tmp_path)
    assert setting(tmp_path, "average", "objective", "loss") == "average"
    assert (tmp_path / "runs" / "average" / "verdict.json").exists()


@pytest.mark.slow
def test_a_metric_is_added_as_it_is_written(tmp_path: Path) -> None:
    follow("Add a metric", tmp_path)
    scores = json.loads((tmp_path / "runs" / "scored" / "scores.json").read_text())["score"]["figures"]
    metric = next(one for one in scores if one["name"] == "sliced_wasserstein")
    assert 0 < metric["reals"] < metric["value"]


@pytest.mark.slow
def test_a_condition_is_added_as_it_is_written(tmp_path: Path) -> None:
    follow("Add a condition", tmp_path)
    condition = json.loads((tmp_path / "runs" / "posterized" / "recipe.json").read_text())["data"][
        "condition"
    ]
    assert condition["kind"] == "posterized"
    assert (tmp_path / "posterized.png").exists()
