"""A run as a Gradio Space: the hub's folder of it, and an app that samples from it."""

from __future__ import annotations

import shutil
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from evenodds.core import atomic
from evenodds.export.hub import export_hub
from evenodds.export.model_card import holds, source_name, title
from evenodds.runs.run import Run
from evenodds.steer.directions import usable

REQUIREMENTS = "evenodds[studio]>=0.2.0\n"
SLIDERS = 12
"""Directions with a slider, at most: the first ones by name."""
HEADER = {"sdk": "gradio", "app_file": "app.py", "python_version": '"3.11"'}


def export_space(run: Run, to: Path, reals: bool = False, license: str | None = None) -> Path:
    """Write the folder ``to``: what ``export_hub`` writes, app.py and requirements.txt, and return it.

    ``python app.py`` starts the app anywhere. Raises UserError as ``export_hub`` does.
    """
    with atomic.folder(to) as part, atomic.reporting_write_errors(to.parent):
        export_hub(run, part / "model", reals, license)
        shutil.copytree(part / "model", part, dirs_exist_ok=True)
        shutil.rmtree(part / "model")
        (part / "app.py").write_text(app(run, reals), "utf-8")
        (part / "requirements.txt").write_text(REQUIREMENTS, "utf-8")
        card = part / "README.md"
        lines = "".join(f"{name}: {value}\n" for name, value in HEADER.items())
        card.write_text(card.read_text("utf-8").replace("---\n", f"---\n{lines}", 1), "utf-8")
    return to


def app(run: Run, reals: bool) -> str:
    """Render app.py, titled by the run's data, with what of the data the folder holds."""
    loader = PackageLoader("evenodds.export", "page")
    # Values enter as JSON strings, which are Python's too.
    environment = Environment(
        loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=True
    )
    facts = {
        "about": title(run),
        "holds": holds(run, reals),
        "directions": [one.name for one in usable(run)][:SLIDERS],
    }
    return environment.get_template("space_app.py.j2").render(title=source_name(run), **facts)
