"""Reads what `export --format hub` wrote, or a model of that name on the hub: its recipe, its specs and G's weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from evenodds.config.settings import NetworkSettings
from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.core.spec import CHANNELS, Condition, RowSpec, SampleSpec
from evenodds.networks.build import generator_shapes

FORMAT = 1
WEIGHTS = "model.safetensors"
DISCRIMINATOR = "discriminator.safetensors"
"""D's weights, where they were exported: to begin other games with."""
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


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a folder. Raises one of DAMAGE where it is none of ours."""
    facts: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    if facts["library_name"] != "evenodds" or facts["format"] != FORMAT:
        raise ValueError(f"it is of format {facts.get('format')} of {facts.get('library_name')}")
    return facts


def read_weights(
    folder: Path, spec: SampleSpec, settings: NetworkSettings, condition: Condition | None
) -> dict[str, torch.Tensor]:
    """G's weights, of the names and shapes that the recipe says and no others, looked at before any is read. Raises one
    of DAMAGE for others."""
    check_size(spec)
    if condition is not None:
        check_size(condition.spec)
    expected = {name: tuple(shape) for name, shape in generator_shapes(spec, settings, condition).items()}
    with safe_open(folder / WEIGHTS, "pt") as file:
        stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no dict
        if stored != expected:
            odd = sorted(name for name in {**stored, **expected} if stored.get(name) != expected.get(name))
            raise ValueError(f"{WEIGHTS} and config.json disagree about {odd[0]}")
        return single({name: file.get_tensor(name) for name in stored})


def read_discriminator(folder: Path) -> dict[str, torch.Tensor] | None:
    """D's weights, None where they were not exported. Raises one of DAMAGE where they do not read."""
    path = folder / DISCRIMINATOR
    return single(load_file(path)) if path.is_file() else None


def single(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors in half precision as float32, others as they are."""
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in tensors.items()}


def unreadable(folder: Path, problem: BaseException) -> UserError:
    """What is told of a folder that does not fit together."""
    first = next(iter(str(problem).splitlines()), type(problem).__name__)
    return UserError(
        f"{folder} does not open as a model of evenodds ({first}), give a folder that export --format hub left"
    )


def check_size(spec: SampleSpec) -> None:
    """Raises ValueError for samples that no training made."""
    if isinstance(spec, RowSpec):
        starts = [0, *(span.stop for span in spec.spans)]
        whole = all(span.start == start < span.stop for span, start in zip(spec.spans, starts, strict=False))
        if not spec.spans or not whole or spec.width > MOST_WIDE:
            raise ValueError("its columns do not follow one another")
    elif (
        min(spec.shape) < 1
        or spec.channels > CHANNELS
        or spec.channels * spec.height * spec.width > MOST_PIXELS
    ):
        raise ValueError(f"its pictures have a shape of {spec.shape}")
