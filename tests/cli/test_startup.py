"""Commands start without what they do not need: imports are most of the time that a short command takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.medium

UNUSED = {
    "train": {"torch._dynamo", "sympy", "skimage", "jinja2", "matplotlib", "sklearn.ensemble"},
    "sample": {"torch._dynamo", "sympy", "skimage", "jinja2", "matplotlib", "sklearn", "scipy.stats"},
}
"""Heavy modules that a command's first answer does not need."""
WATCHED = """
import sys
from evenodds.cli.main import app
from evenodds.runs.run import Run

shown = []

def note(run, line, first=Run.note):
    if line.get("round"):
        show()
    first(run, line)

def show():
    if not shown:
        shown.extend(sys.modules)
        print("modules", *shown)

Run.note = note
app(sys.argv[1:], result_action="return_value")
show()
"""
"""Runs a command and prints the modules that were imported by the first round's line in the journal, or by its end."""


def imported(*arguments: object) -> set[str]:
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert not done.returncode, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("modules "))
    return set(line.split())


@pytest.mark.parametrize(("source", "fakes"), [("people", "fakes.csv"), ("digits", "fakes.png")])
def test_commands_import_only_what_they_need(source: str, fakes: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained = imported("train", source, "--budget", "2rounds", "--width", 8, "--out", run)
    assert "torch" in trained
    assert not trained & UNUSED["train"]
    sampled = imported("sample", run, "-n", 9, "--out", tmp_path / fakes)
    assert "torch" in sampled
    assert not sampled & UNUSED["sample"]
