"""Writes the model card: what a model is, what it was trained on and how its game ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from evenodds.core.spec import PictureSpec
from evenodds.data.source import HUB
from evenodds.data.tables.codec import TableCodec
from evenodds.runs.report_sentences import score_cells
from evenodds.runs.run import Run
from evenodds.runs.status import verdict_sentences

SHEET = "sheet.png"
IDENTIFIERS = {"MIT": "mit", "Apache": "apache-2.0", "CC BY 4.0": "cc-by-4.0", "CC0": "cc0-1.0"}
"""The hub's identifier of a license that a built-in's facts name."""


def card(run: Run, license: str | None, reals: bool) -> str:
    """Render README.md with the hub's YAML header.

    ``license`` is the hub's identifier, such as mit; by default "other", with the license that the data states.
    """
    facts = run.facts["data"].get("told") or {}
    parts = [
        header(run, license, license_of(facts)),
        f"# {source_name(run)}: {title(run)}",
        "Made with evenodds, which trains generative adversarial networks and knows when the game is over.",
        *([f"![samples]({SHEET})"] if isinstance(run.spec, PictureSpec) else []),
        f"## Use\n\n```python\n{usage(run)}\n```",
        "Weights are safetensors and facts are JSON: downloaded files are never executed.",
        f"## Data\n\n{data(run, facts)}",
        f"## How the game ended\n\n{ending(run)}",
        f"## What it is, and what it holds\n\n{holds(run, reals)}",
    ]
    return "\n\n".join(parts) + "\n"


def title(run: Run) -> str:
    """Such as "dcgan for pictures of 64 x 64 px, given outlines"."""
    what = "table rows"
    if isinstance(run.spec, PictureSpec):
        what = f"pictures of {run.spec.width} x {run.spec.height} px"
    under = f", given {run.recipe.data.condition}" if run.condition is not None else ""
    return f"{run.recipe.network.network} for {what}{under}"


def header(run: Run, license: str | None, data_license: str | None) -> str:
    """The YAML header; JSON strings are YAML strings."""
    task = "unconditional-image-generation"
    if not isinstance(run.spec, PictureSpec):
        task = "other"
    elif run.condition is not None and run.condition.pictures:
        task = "image-to-image"
    identifiers = (word for name, word in IDENTIFIERS.items() if data_license and name in data_license)
    spelled_license = license or next(identifiers, "other")
    lines = [f"license: {json.dumps(spelled_license)}", "library_name: evenodds"]
    if spelled_license == "other":
        lines.append(f"license_name: {json.dumps(data_license or 'not stated', ensure_ascii=False)}")
    lines += [*([] if task == "other" else [f"pipeline_tag: {task}"])]
    tags = dict.fromkeys(["gan", "generative-adversarial-network", run.recipe.network.network])
    lines += ["tags:", *(f"- {tag}" for tag in tags)]
    if isinstance(run.spec, PictureSpec):
        lines += ["widget:", "- text: samples", "  output:", f"    url: {SHEET}"]
    return "---\n" + "\n".join(lines) + "\n---"


def usage(run: Run) -> str:
    """Python lines that sample from the model, with an example of its condition."""
    opening = 'from evenodds import Gan\n\ngan = Gan.from_pretrained("this folder, or its name on the hub")\n'
    return opening + f"print(gan.sample({arguments(run)}))"


def arguments(run: Run) -> str:
    """The arguments of ``sample`` in the example."""
    if run.condition is None:
        return "16"
    if run.condition.pictures:
        return '1, condition="picture.png"'
    tensors, state = run.stored_conditions()
    first = TableCodec.from_json(state["codec"]).decode(
        tensors["known"]["given"][:1].numpy(), np.random.default_rng(0)
    )
    example = {first.columns[0]: str(first.iloc[0, 0])}
    return f"16, condition={json.dumps(example, ensure_ascii=False)}"


def data(run: Run, facts: dict[str, Any]) -> str:
    """Describe what it was trained on."""
    counts = facts.get("counts") or {}
    lines = [f"- source: {source_name(run)}"]
    if counts:
        lines.append(
            f"- training samples: {counts.get('train', 0):,}; held out: {counts.get('heldout', 0):,}"
        )
    lines.append(f"- license: {license_of(facts) or 'not stated'}")
    lines.append(f"- fingerprint: `{run.facts['data']['fingerprint']}`")
    if "init" in run.facts:
        lines.append(f"- began with the networks of: {init_name(run)}, whose data and license count, too")
    return "\n".join(lines)


def ending(run: Run) -> str:
    """Describe the verdict with its figures, and the scores, if any."""
    verdict = run.verdict()
    if verdict is None:
        return "The game was not over when this was made."
    lines = [f"**{verdict.verdict}**: {' '.join(verdict_sentences(verdict))}", ""]
    values = {**verdict.to_json(), **vars(verdict.evidence)}
    for key in ("rounds", "seen", "seconds", "odds", "odds_low", "odds_high", "distance", "coverage"):
        if values.get(key) is not None:
            lines.append(f"- {key.replace('_', ' ')}: {values[key]:,}")
    for key, value in (run.scores("pairs") or {}).items():
        if isinstance(value, int | float):
            lines.append(f"- on held-out pairs, {key.replace('_', ' ')}: {value:,}")
    for metric in (run.scores("score") or {}).get("figures", []):
        title, value, reals, stamp = score_cells(metric)
        lines.append(f"- {title}: {value}{f', reals {reals}' if reals else ''} ({stamp})")
    return "\n".join(lines)


def holds(run: Run, reals: bool) -> str:
    """Describe what of the data the files contain, for those who publish them."""
    judge = "Real samples of the data lie in these files: those that the judge compares with"
    judge += ", and pictures given." if run.condition is not None and run.condition.pictures else "."
    text = [judge if reals else "No real sample lies in these files."]
    if not isinstance(run.spec, PictureSpec):
        text.append("`codec.json` holds the names, levels, ranges and quantiles of the table's columns.")
    if run.condition is not None and not run.condition.pictures:
        text.append("`condition/` holds combinations of the values given, as the data had them.")
    text.append(
        "A generator may still have learnt some training samples by heart; the journal's copying alarm looks for it."
    )
    return " ".join(text)


def license_of(facts: dict[str, Any]) -> str | None:
    """The license that a recipe's facts state; runs of before spell the key "licence"."""
    return facts.get("license") or facts.get("licence")


def init_name(run: Run) -> str:
    """The name of what the run began with, without the path of one on this machine."""
    name = str(run.facts["init"]["source"])
    return name if name.startswith(HUB) else Path(name).name


def source_name(run: Run) -> str:
    """The name of the source, without its path."""
    return str(run.facts["source"]).replace("\\", "/").rstrip("/").split("/")[-1]
