"""A folder that is a Gradio Space: the hub's form of a run, and an app that samples from it."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from evenodds.core import atomic
from evenodds.export.hub import export_hub
from evenodds.runs.run import Run

REQUIREMENTS = "evenodds[studio]>=0.1.0\n"
HEADER = {"sdk": "gradio", "app_file": "app.py", "python_version": '"3.11"'}


def export_space(run: Run, to: Path, reals: bool = False, license: str | None = None) -> Path:
    """Writes ``to``: what ``export_hub`` writes, app.py, and requirements.txt. ``python app.py`` starts it anywhere.

    Raises UserError as ``export_hub`` does.
    """
    with atomic.folder(to) as part, atomic.reporting_write_errors(to.parent):
        export_hub(run, part / "model", reals, license)
        shutil.copytree(part / "model", part, dirs_exist_ok=True)
        shutil.rmtree(part / "model")
        with as_file(files("evenodds.export") / "page" / "space_app.py.j2") as app:
            shutil.copyfile(app, part / "app.py")
        (part / "requirements.txt").write_text(REQUIREMENTS, "utf-8")
        card = part / "README.md"
        lines = "".join(f"{name}: {value}\n" for name, value in HEADER.items())
        card.write_text(card.read_text("utf-8").replace("---\n", f"---\n{lines}", 1), "utf-8")
    return to
