"""Opens a hub folder as a run; its content is validated before it is used."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.core.spec import RowSpec, spec_from_json
from evenodds.data.tables.codec import TableCodec
from evenodds.runs.checkpoints import Snapshot
from evenodds.runs.gallery import folder_of, in_gallery
from evenodds.runs.hub_folder import (
    DAMAGE,
    read_config,
    read_discriminator,
    read_weights,
    single,
    unreadable,
)
from evenodds.runs.run import EYES, JUDGE, Run, write_recipe

MOST_JUDGE = 512
"""Hidden units of a judge that is opened, at most."""


def open_run(name: str | Path) -> Run:
    """The run folder ``name``, or gallery:NAME as a run in a temporary folder, which goes when the process ends.

    Raises UserError where there is none.
    """
    if not in_gallery(name):
        return Run.open(Path(name))
    folder = folder_of(name)
    run = open_hub(folder, str(name))
    run.name = str(name)
    atexit.register(shutil.rmtree, run.path.parent, ignore_errors=True)
    return run


def open_hub(folder: Path, name: str = "run") -> Run:
    """A run called ``name``, in a temporary folder, made of a folder that ``export_hub`` wrote.

    It samples, and judges as far as the judge is in it. Raises UserError for whatever does not fit together.
    """
    path = Path(tempfile.mkdtemp(prefix="evenodds-")) / name
    try:
        facts = read_config(folder)
        path.mkdir()
        write_recipe(path, facts["run"])
        run = Run(path)
        weights = read_weights(folder, run.spec, run.recipe.network, run.condition)
        state = {"rounds": int(facts["checkpoint"]["rounds"]), "seen": int(facts["checkpoint"]["seen"])}
        discriminator = read_discriminator(folder)
        both = {} if discriminator is None else {"discriminator": discriminator}
        snapshot = Snapshot({"average": weights, **both}, state)
        run.checkpoints.write(snapshot)
        run.checkpoints.point_best(snapshot.rounds)
        for file in ("verdict.json", "scores.json", "codec.json"):
            if (folder / file).is_file():
                shutil.copyfile(folder / file, path / file)
        directions = [f"directions/{one.name}" for one in (folder / "directions").glob("*") if one.is_dir()]
        for inner in ("condition", JUDGE, EYES, *directions):
            if (folder / inner).is_dir():
                tensors, facts_inside = bundle.read(folder / inner)
                bundle.write(
                    path / inner, {key: single(group) for key, group in tensors.items()}, facts_inside
                )
        check_companions(run)
        return run
    except (*DAMAGE, UserError) as problem:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise unreadable(folder, problem) from None


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
        # Here and not above: it takes a while to import, and whoever samples a run opens none.
        from evenodds.judge.judge import Judge

        state = json.loads((run.path / JUDGE / "state.json").read_text("utf-8"))["state"]
        if spec_from_json(state["spec"]) != run.spec or not 0 < int(state["width"]) <= MOST_JUDGE:
            raise ValueError("its judge is of other samples")
        Judge.load(run.path / JUDGE)


def check_codec(facts: dict[str, Any], spec: RowSpec) -> None:
    """Raises one of DAMAGE for a codec of other rows, or one that decodes none."""
    codec = TableCodec.from_json(facts)
    if codec.spec != spec:
        raise ValueError("its columns are of other rows")
    codec.to_table(np.zeros((1, spec.width), np.float32), np.random.default_rng(0))
