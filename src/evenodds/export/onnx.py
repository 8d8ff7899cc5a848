"""Exports a run's networks and its judge as ONNX, and compares each file with its original."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evenodds.core import atomic, bundle
from evenodds.core.errors import UserError
from evenodds.core.optional import need
from evenodds.core.rng import seed_of, seeded
from evenodds.core.spec import condition_to_json, spec_to_json
from evenodds.export.model_card import source_name
from evenodds.export.noise import noise_of
from evenodds.export.portable import (
    PortableDiscriminator,
    PortableGenerator,
    PortableJudge,
    ShiftedGenerator,
)
from evenodds.judge.judge import Judge
from evenodds.judge.train import fresh_judge
from evenodds.networks.build import build
from evenodds.networks.generate import draw
from evenodds.networks.roles import inner
from evenodds.networks.style import STYLES, StyleGenerator
from evenodds.runs.run import Run

FORMAT = 1
"""Of model.json; raised whenever a reader would have to read it differently."""
TOLERANCE = 1e-4
"""Largest difference from the original, absolute, or relative to numbers over 1."""
TRACED, TRIED = 3, (1, 7)
"""Samples of a batch: that the networks are traced with, and that both are compared on."""

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Port:
    """A network to export: its name, its inputs by name with shape and range, and its outputs' names."""

    name: str
    network: nn.Module
    inputs: dict[str, dict[str, Any]]
    outputs: tuple[str, ...]
    maker: Port | None = None
    """The generator of its input x."""

    def to_json(self, difference: float) -> dict[str, Any]:
        """Its entry in model.json."""
        inputs = [{"name": name, **facts} for name, facts in self.inputs.items()]
        facts = {"file": f"{self.name}.onnx", "inputs": inputs, "outputs": list(self.outputs)}
        return {**facts, "difference": difference}


def export_onnx(run: Run, to: Path, reals: bool = False) -> Path:
    """Write generator.onnx (the averaged G), discriminator.onnx and model.json to the folder ``to``, and returns it.

    ``reals`` says that the judge may go along, as judge.onnx, if it was made: it holds real samples to compare with.
    Every batch size fits. Raises UserError where a package is missing, ``to`` is not empty, the run has no state yet or
    a network's answer in onnxruntime differs from its own by over TOLERANCE.
    """
    with atomic.folder(to) as part, atomic.reporting_write_errors(to.parent):
        facts = write_models(run, part, reals)
        (part / "model.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
    return to


def write_models(
    run: Run, folder: Path, reals: bool, without: tuple[str, ...] = (), *, steered: bool = False
) -> dict[str, Any]:
    """Write the ONNX files of a run, except those named in ``without``, and return the content of model.json.

    A ``steered`` generator with styles has a further input, ``shift``, which is added to w.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        need(name, "export", "the ONNX export")
    codec = run.codec() if (run.path / "codec.json").exists() else None
    values = run.condition is not None and not run.condition.pictures
    verdict = run.verdict()
    facts = {
        "format": FORMAT,
        "network": run.recipe.network.network,
        "source": source_name(run),
        "sample": spec_to_json(run.spec),
        "condition": condition_facts(run),
        "latent": run.recipe.network.latent,
        "codec": codec,
        "given": run.stored_conditions()[1]["codec"] if values else None,
        "tolerance": TOLERANCE,
        "verdict": None if verdict is None else verdict.verdict,
        "versions": run.facts["versions"],
    }
    with seeded(seed_of(run.recipe.plan.seed, "export"), CPU):
        for port in ports(run, fresh_judge(run) if reals else None, steered):
            if port.name not in without:
                facts[port.name] = port.to_json(write(port, folder / f"{port.name}.onnx"))
    return facts


def condition_facts(run: Run) -> dict[str, Any] | None:
    """The condition as JSON, its kind by the name that users write."""
    if run.condition is None:
        return None
    return {**(condition_to_json(run.condition) or {}), "kind": run.condition.kind}


def ports(run: Run, judge: Judge | None, steered: bool = False) -> Iterator[Port]:
    """The networks to export: the best G, averaged; its D; and the judge, if any."""
    generator, discriminator = players(run)
    latent, condition = run.recipe.network.latent, run.condition
    inputs: dict[str, dict[str, Any]] = {"z": {"shape": [latent], "drawn": "N(0, 1)"}}
    example: Tensor | None = None
    if condition is not None:
        range_ = "[-1, 1]" if condition.pictures else "as model.json's given encodes"
        inputs["c"] = {"shape": list(condition.spec.shape), "range": range_}
        example = torch.zeros(TRACED, *condition.spec.shape)
    count = noise_of(generator, draw(TRACED, latent), example)
    if count:
        inputs["noise"] = {"shape": [count], "drawn": "uniform in (0, 1)"}
    made: nn.Module = PortableGenerator(generator, condition is not None)
    if steered and isinstance(inner(generator)[1], StyleGenerator):
        made = ShiftedGenerator(generator, condition is not None)
        inputs["shift"] = {"shape": [STYLES], "range": "added to w; zeros for none"}
    maker = Port("generator", made, inputs, ("sample",))
    yield maker
    sample_inputs = {"x": {"shape": list(run.spec.shape), "range": "a sample, as G makes it"}}
    # A row holds what was given, and of unpaired pictures D sees the sample alone.
    if condition is not None and condition.paired and not condition.places:
        sample_inputs["c"] = inputs["c"]
    yield Port("discriminator", PortableDiscriminator(discriminator), sample_inputs, ("score",), maker)
    if judge is not None:
        outputs = ("percent_real", "p_value", "score")
        yield Port("judge", PortableJudge(judge), {"x": sample_inputs["x"]}, outputs, maker)


def players(run: Run) -> tuple[nn.Module, nn.Module]:
    """Load the run's best (G, averaged, and D), in eval mode and without gradients."""
    generator, discriminator = build(run.spec, run.recipe.network, run.condition)
    tensors, _ = bundle.read(run.checkpoints.best())
    generator.load_state_dict(tensors["average"])
    discriminator.load_state_dict(tensors["discriminator"])
    for player in (generator, discriminator):
        player.eval().requires_grad_(False)
        for weight in player.parameters():
            weight.data = weight.data.contiguous()
    return generator, discriminator


def write(port: Port, path: Path) -> float:
    """Write a network to ``path`` and return its largest difference from the original on random inputs."""
    network = port.network.eval().requires_grad_(False)
    batch = torch.export.Dim("batch", min=1)
    with quietly():
        program = torch.onnx.export(
            network,
            tuple(random_inputs(port, TRACED).values()),
            dynamo=True,
            input_names=list(port.inputs),
            output_names=list(port.outputs),
            dynamic_shapes=(({0: batch},) * len(port.inputs),),
            verbose=False,
            external_data=False,
        )
        if program is None:
            raise RuntimeError("torch.onnx.export gave nothing")
        program.save(path, external_data=False)
    difference = max(compare(port, path, count) for count in TRIED)
    if not difference <= TOLERANCE:
        raise UserError(
            f"{port.name}.onnx answers differently from the run's own network (by {difference:.2g}, and {TOLERANCE:g} "
            "is allowed), so nothing was exported: upgrade onnxruntime and torch"
        )
    return difference


def compare(port: Port, path: Path, count: int) -> float:
    """The largest difference between a network and its ONNX file on ``count`` random inputs; of numbers over 1 in
    size, the relative one. A p-value is left out: it is a step of the score."""
    onnxruntime = need("onnxruntime", "export", "the check of the ONNX export")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    condition = random_inputs(port, count)
    with torch.inference_mode():
        answer = port.network(*condition.values())
    expected = answer if isinstance(answer, tuple) else (answer,)
    outputs = session.run(None, {name: value.numpy() for name, value in condition.items()})
    largest = 0.0
    for name, mine, theirs in zip(port.outputs, expected, outputs, strict=True):
        if mine.shape != theirs.shape:
            return math.inf
        if name != "p_value":
            difference = np.abs(mine.numpy() - theirs) / np.maximum(1, np.abs(mine.numpy()))
            largest = max(largest, float(difference.max(initial=0)))
    return largest


def random_inputs(port: Port, count: int) -> dict[str, Tensor]:
    """Inputs as they are drawn: samples by G, conditions from N(0, 1), within [-1, 1] where they are pictures."""
    made = {}
    for name, facts in port.inputs.items():
        shape = (count, *facts["shape"])
        if name == "x" and port.maker is not None:
            with torch.inference_mode():
                made[name] = port.maker.network(*random_inputs(port.maker, count).values()).clone()
        elif name == "noise":
            made[name] = torch.rand(shape).clamp(1e-6, 1 - 1e-6)
        else:
            made[name] = torch.randn(shape)
            if len(shape) == 4:
                made[name] = made[name].clamp(-1, 1)
    return made


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Silence the exporter's warnings about optional packages and its progress output."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
