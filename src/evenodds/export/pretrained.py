"""Opens a hub folder as a run; its content is validated before it is used."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.core.spec import RowSpec, SampleSpec, spec_from_json
from evenodds.data.tables.codec import TableCodec
from evenodds.export.hub import FORMAT, WEIGHTS
from evenodds.judge.judge import Judge
from evenodds.networks.build import generator_shapes
from evenodds.runs.checkpoints import Snapshot
from evenodds.runs.run import JUDGE, Run, write_recipe

MOST_JUDGE = 512
"""Hidden units of a judge that is opened, at most."""
MOST_WIDE, MOST_PIXELS = 1_000_000, 64_000_000
"""Places of a row, and numbers of a picture: what claims more is not opened."""
DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    SafetensorError,
)
"""What reading a file that was tampered with can raise."""
PATTERNS = ["*.json", "*.safetensors"]
"""Files that are fetched from a hub: none that could be code."""


def fetch(name: str) -> Path:
    """The folder of ``name`` on the hub, in the client's cache. Raises UserError where it cannot be had."""
    hub = need("huggingface_hub", "hub", f"{name} is no folder here, and fetching it from the hub")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=PATTERNS))
    except Exception as problem:  # the client's own errors and its transport's have no common base
        first = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise UserError(f"{name} is no folder here, and the hub does not give it ({first})") from problem


def open_hub(folder: Path) -> Run:
    """A run, in a temporary folder, made of a folder that ``export_hub`` wrote: it samples, and judges as far as the
    judge is in it. Raises UserError for whatever does not fit together."""
    path = Path(tempfile.mkdtemp(prefix="evenodds-")) / "run"
    try:
        facts = json.loads((folder / "config.json").read_text("utf-8"))
        if facts["library_name"] != "evenodds" or facts["format"] != FORMAT:
            raise ValueError(f"it is of format {facts.get('format')} of {facts.get('library_name')}")
        path.mkdir()
        write_recipe(path, facts["run"])
        run = Run(path)
        check_size(run.spec)
        if run.condition is not None:
            check_size(run.condition.spec)
        state = {"rounds": int(facts["checkpoint"]["rounds"]), "seen": int(facts["checkpoint"]["seen"])}
        snapshot = Snapshot({"average": weights_of(run, folder / WEIGHTS)}, state)
        run.checkpoints.write(snapshot)
        run.checkpoints.point_best(snapshot.rounds)
        for name in ("verdict.json", "scores.json", "codec.json"):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, path / name)
        for name in ("condition", JUDGE):
            if (folder / name).is_dir():
                bundle.write(path / name, *bundle.read(folder / name))
        check_companions(run)
        return run
    except (*DAMAGE, UserError) as problem:
        shutil.rmtree(path.parent, ignore_errors=True)
        first = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise UserError(
            f"{folder} does not open as a model of evenodds ({first}), give a folder that export --format hub left"
        ) from None


def weights_of(run: Run, path: Path) -> dict[str, torch.Tensor]:
    """G's weights, of the names and shapes that the recipe says and no others, looked at before any is read."""
    shapes = generator_shapes(run.spec, run.recipe.network, run.condition)
    expected = {name: tuple(shape) for name, shape in shapes.items()}
    with safe_open(path, "pt") as file:
        stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no dict
        if stored != expected:
            odd = sorted(name for name in {**stored, **expected} if stored.get(name) != expected.get(name))
            raise ValueError(f"{path.name} and config.json disagree about {odd[0]}")
        return {name: file.get_tensor(name) for name in stored}


def check_companions(run: Run) -> None:
    """Raises one of DAMAGE where what lies beside the weights does not read, or is of other samples than they are."""
    run.verdict()
    if isinstance(run.spec, RowSpec):
        check_codec(run.codec(), run.spec)
    if run.condition is not None:
        tensors, state = run.stored_conditions()
        conditions = tensors["known"]["given"]
        if conditions.shape[1:] != run.condition.spec.shape:
            raise ValueError(f"its conditions have a shape of {tuple(conditions.shape)}")
        if isinstance(run.condition.spec, RowSpec):
            check_codec(state["codec"], run.condition.spec)
    if (run.path / JUDGE).is_dir():
        state = json.loads((run.path / JUDGE / "state.json").read_text("utf-8"))["state"]
        if spec_from_json(state["spec"]) != run.spec or not 0 < int(state["width"]) <= MOST_JUDGE:
            raise ValueError("its judge is of other samples")
        Judge.load(run.path / JUDGE)


def check_codec(facts: dict[str, Any], spec: RowSpec) -> None:
    """Raises one of DAMAGE for a codec of other rows, or one that decodes none."""
    codec = TableCodec.from_json(facts)
    if codec.spec != spec:
        raise ValueError("its columns are of other rows")
    codec.decode(np.zeros((1, spec.width), np.float32), np.random.default_rng(0))


def check_size(spec: SampleSpec) -> None:
    """Raises ValueError for samples that no training made."""
    if isinstance(spec, RowSpec):
        starts = [0, *(span.stop for span in spec.spans)]
        whole = all(span.start == start < span.stop for span, start in zip(spec.spans, starts, strict=False))
        if not spec.spans or not whole or spec.width > MOST_WIDE:
            raise ValueError("its columns do not follow one another")
    elif min(spec.shape) < 1 or spec.channels > 8 or spec.channels * spec.height * spec.width > MOST_PIXELS:
        raise ValueError(f"its pictures have a shape of {spec.shape}")
