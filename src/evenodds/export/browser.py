"""Writes a run as a static page: its networks as ONNX with the runtime, and nothing fetched from elsewhere."""

from __future__ import annotations

import json
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from evenodds.core import atomic
from evenodds.data.images.conditions import HOLE, TIMES
from evenodds.export.onnx import CPU, players, write_models
from evenodds.export.onnxruntime_web import add_runtime
from evenodds.networks.generate import latents_of
from evenodds.runs.run import Run
from evenodds.steer.directions import usable
from evenodds.steer.models import RunModels
from evenodds.steer.styles import StyleLatents
from evenodds.steer.unsupervised import first_weights, from_weights

UNNAMED = 6
"""Directions from G's weights, where none was found yet."""
PACKED = 256
"""Seeds whose latents go along: the page makes of each the fake that the run makes."""
UNTOLD = 3.0
"""How far a slider moves along such a one."""


def export_browser(run: Run, to: Path, reals: bool = False) -> Path:
    """Write a page to the folder ``to``, for any static web server: index.html with sliders for the run's directions
    and latent seeds, controls for values given, a canvas for pictures given.

    ``reals`` takes the judge along, which shows how real a sample looks. Raises UserError where a package or npm is
    missing, and where ``to`` is not empty.
    """
    with atomic.folder(to) as part, atomic.reporting_write_errors(to.parent):
        add_runtime(part)
        facts = write_models(run, part, reals, without=("discriminator",), steered=True)
        facts["directions"] = directions(run)
        facts["packed"] = PACKED
        latents = latents_of(range(PACKED), run.recipe.network.latent)
        (part / "latents.bin").write_bytes(latents.numpy().astype("<f4").tobytes())
        facts["start"] = start(run)
        facts["making"] = {"hole": HOLE, "times": TIMES}
        (part / "model.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
        with as_file(files("evenodds.export") / "page") as page:
            for file in page.iterdir():
                shutil.copyfile(file, part / file.name)
    return to


def start(run: Run) -> list[float] | None:
    """The values under which the run's own fake 0 is made, as G takes them; None where it takes none."""
    if run.condition is None or run.condition.pictures:
        return None
    condition = RunModels(run, CPU).condition
    return None if condition is None else condition[0].tolist()


def directions(run: Run) -> list[dict[str, Any]]:
    """The run's own directions; where it has none of this state, those that its weights show. None for pictures from
    pictures, whose latent space holds little."""
    if run.condition is not None and run.condition.pictures:
        return []
    latents = RunModels(run, CPU).latents
    unit = latents.scale if isinstance(latents, StyleLatents) else 1.0
    measured = usable(run)
    if measured:
        return [
            {"name": one.name, "step": unit * one.step, "vector": one.vector.tolist()} for one in measured
        ]
    weights = first_weights(players(run)[0], latents.width)
    vectors = from_weights(weights, min(UNNAMED, latents.width))
    return [{"name": None, "step": unit * UNTOLD, "vector": vector.tolist()} for vector in vectors]
