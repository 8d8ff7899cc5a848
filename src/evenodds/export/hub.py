"""A run as a folder in the hub's form, and back: safetensors, JSON and a card; never a pickle, never code."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from evenodds import aside, checkpoint
from evenodds.data.pictures import write_grid
from evenodds.data.tables import TableCodec
from evenodds.errors import UserError
from evenodds.export.card import SHEET, card, source_name
from evenodds.extras import need
from evenodds.given import wish_of
from evenodds.judge.judge import Judge
from evenodds.judge.making import fresh_judge
from evenodds.networks.build import build
from evenodds.run import JUDGE, Run, write_json
from evenodds.sample import pictures
from evenodds.spec import PictureSpec, RowSpec, SampleSpec, spec_from_json

FORMAT = 1
WEIGHTS = "model.safetensors"
SHOWN = 64
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
"""What reading something that was tampered with may end in."""
PATTERNS = ["*.json", "*.safetensors", "condition/*", f"{JUDGE}/*"]
"""What is fetched from a hub: nothing that could be code."""


def export_hub(run: Run, to: Path, reals: bool = False, licence: str | None = None) -> Path:
    """Writes ``to``: model.safetensors (the averaged G), config.json, README.md (the card), sheet.png for pictures, and
    what sampling needs.

    ``reals`` takes along what holds real samples: the judge, if it was made, and the pictures given. ``licence`` is the
    hub's word for one. Raises UserError where the run has no state yet or ``to`` is not empty.
    """
    tensors, state = checkpoint.read(run.best())
    with aside.folder(to) as part, aside.telling(to.parent):
        weights = {"weights": tensors["average"]}
        checkpoint.write(part / "written", weights, {})
        (part / "written" / "weights.safetensors").replace(part / WEIGHTS)
        shutil.rmtree(part / "written")
        write_json(part / "config.json", config(run, state))
        for name in ("verdict.json", "scores.json", "codec.json"):
            if (run.path / name).exists():
                shutil.copyfile(run.path / name, part / name)
        take_conditions(run, part, reals)
        judge = fresh_judge(run) if reals else None
        if judge is not None:
            judge.save(part / JUDGE)
        if isinstance(run.spec, PictureSpec):
            show(run, part / SHEET)
        (part / "README.md").write_text(card(run, licence, reals), "utf-8")
    return to


def config(run: Run, state: dict[str, Any]) -> dict[str, Any]:
    """config.json: the recipe, without names of files and places on the machine it was played on."""
    facts = copy.deepcopy(run.facts)
    facts["source"] = source_name(run)
    told = facts["data"].get("told") or {}
    facts["data"]["told"] = {key: told.get(key) for key in ("counts", "licence")}
    network = run.recipe.network.network
    return {
        "library_name": "evenodds",
        "model_type": network,
        "format": FORMAT,
        "checkpoint": {"rounds": state.get("rounds", 0), "seen": state.get("seen", 0)},
        "run": facts,
    }


def take_conditions(run: Run, part: Path, reals: bool) -> None:
    """What sampling needs of the conditions; pictures, which are real, only if ``reals``."""
    if run.condition is None:
        return
    tensors, state = run.known()
    if run.condition.pictures and not reals:
        tensors = {"known": {name: block[:0] for name, block in tensors["known"].items()}}
    checkpoint.write(part / "condition", tensors, state)


def show(run: Run, path: Path) -> None:
    """A sheet of fakes alone."""
    made = list(pictures(run, SHOWN, 0, torch.device("cpu"), wish_of(run, None, 0)))
    write_grid(np.concatenate(made), path)


def push(folder: Path, name: str, kind: Literal["model", "space"]) -> str:
    """Uploads a folder to the hub as ``name``, a model or a Space, with the hub's own client and the login that it
    finds, and returns its address. Raises UserError where that fails."""
    hub = need("huggingface_hub", "hub", "pushing")
    try:
        api = hub.HfApi()
        sdk = "gradio" if kind == "space" else None
        api.create_repo(name, repo_type=kind, space_sdk=sdk, exist_ok=True)
        return str(api.upload_folder(folder_path=folder, repo_id=name, repo_type=kind))
    except Exception as problem:  # the client's own errors and its transport's have no common base
        first = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise UserError(
            f"{folder} was made but not pushed to {name} ({first}): log in with `hf auth login` and push it again"
        ) from problem


def fetch(name: str) -> Path:
    """The folder of ``name`` on the hub, in the client's cache. Raises UserError where it cannot be had."""
    hub = need("huggingface_hub", "hub", f"{name} is no folder here, and fetching it from the hub")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=PATTERNS))
    except Exception as problem:  # as above
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
        write_json(path / "recipe.json", facts["run"])
        run = Run(path)
        check_size(run.spec)
        if run.condition is not None:
            check_size(run.condition.spec)
        state = {"rounds": int(facts["checkpoint"]["rounds"]), "seen": int(facts["checkpoint"]["seen"])}
        run.write_checkpoint(state["rounds"], {"average": weights_of(run, folder / WEIGHTS)}, state)
        checkpoint.point(path / "checkpoints" / "best", path / "checkpoints" / f"{state['rounds']:08d}")
        for name in ("verdict.json", "scores.json", "codec.json"):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, path / name)
        for name in ("condition", JUDGE):
            if (folder / name).is_dir():
                checkpoint.write(path / name, *checkpoint.read(folder / name))
        check_companions(run)
        return run
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        SafetensorError,
    ) as problem:
        shutil.rmtree(path.parent, ignore_errors=True)
        first = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise UserError(
            f"{folder} does not open as a model of evenodds ({first}), give a folder that export --to hub left"
        ) from None


def weights_of(run: Run, path: Path) -> dict[str, torch.Tensor]:
    """G's weights, of the names and shapes that the recipe says and no others, looked at before any is read."""
    with torch.device("meta"):
        generator, _ = build(run.spec, run.recipe.network, run.condition)
    wanted = {name: tuple(tensor.shape) for name, tensor in generator.state_dict().items()}
    with safe_open(path, "pt") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no dict
        if found != wanted:
            odd = sorted(name for name in {**found, **wanted} if found.get(name) != wanted.get(name))
            raise ValueError(f"{path.name} and config.json disagree about {odd[0]}")
        return {name: file.get_tensor(name) for name in found}


def check_companions(run: Run) -> None:
    """Raises one of DAMAGE where what lies beside the weights does not read, or is of other samples than they are."""
    for told in (run.verdict(), run.scores()):
        if not isinstance(told, dict | None):
            raise ValueError("its verdict or scores are no facts")
    if isinstance(run.spec, RowSpec):
        check_codec(run.codec(), run.spec)
    if run.condition is not None:
        tensors, state = run.known()
        given = tensors["known"]["given"]
        if given.shape[1:] != run.condition.spec.shape:
            raise ValueError(f"its conditions have a shape of {tuple(given.shape)}")
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
