"""The model card: what a model is, what it was trained on and what its game showed, for people and for the hub."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from evenodds.core.spec import PictureSpec
from evenodds.data.tables.codec import TableCodec
from evenodds.runs.report import score_cells
from evenodds.runs.run import Run
from evenodds.runs.status import MEANINGS

SHEET = "sheet.png"
KNOWN = {"MIT": "mit", "Apache": "apache-2.0", "CC BY 4.0": "cc-by-4.0", "CC0": "cc0-1.0"}
"""How a hub spells a licence that a built-in's facts name."""


def card(run: Run, license: str | None, reals: bool) -> str:
    """README.md with the hub's YAML header. ``license`` is the hub's word for it, such as mit; left out, "other", with
    what the data's own says."""
    told = run.facts["data"].get("told") or {}
    parts = [
        header(run, license, told.get("licence")),
        f"# {title(run)}",
        "Made with evenodds, which trains generative adversarial networks and knows when the game is over.",
        *([f"![samples]({SHEET})"] if isinstance(run.spec, PictureSpec) else []),
        f"## Use\n\n```python\n{usage(run)}\n```",
        "Weights are safetensors and facts are JSON: downloaded files are never executed.",
        f"## Data\n\n{data(run, told)}",
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


def header(run: Run, license: str | None, own: str | None) -> str:
    """The YAML header; JSON strings are YAML strings."""
    task = "unconditional-image-generation"
    if not isinstance(run.spec, PictureSpec):
        task = "other"
    elif run.condition is not None and run.condition.pictures:
        task = "image-to-image"
    found = license or next((word for name, word in KNOWN.items() if own and name in own), "other")
    lines = [f"license: {json.dumps(found)}", "library_name: evenodds"]
    if found == "other":
        lines.append(f"license_name: {json.dumps(own or 'not stated', ensure_ascii=False)}")
    lines += [*([] if task == "other" else [f"pipeline_tag: {task}"])]
    tags = dict.fromkeys(["gan", "generative-adversarial-network", run.recipe.network.network])
    lines += ["tags:", *(f"- {tag}" for tag in tags)]
    if isinstance(run.spec, PictureSpec):
        lines += ["widget:", "- text: samples", "  output:", f"    url: {SHEET}"]
    return "---\n" + "\n".join(lines) + "\n---"


def usage(run: Run) -> str:
    """Lines that sample under what the model takes."""
    opened = 'from evenodds import Gan\n\ngan = Gan.from_pretrained("this folder, or its name on the hub")\n'
    return opened + f"print(gan.sample({arguments(run)}))"


def arguments(run: Run) -> str:
    """What ``sample`` is given."""
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


def data(run: Run, told: dict[str, Any]) -> str:
    """What it was trained on."""
    counts = told.get("counts") or {}
    lines = [f"- source: {source_name(run)}"]
    if counts:
        lines.append(
            f"- training samples: {counts.get('train', 0):,}; held out: {counts.get('heldout', 0):,}"
        )
    lines.append(f"- licence: {told.get('licence') or 'not stated'}")
    lines.append(f"- fingerprint: `{run.facts['data']['fingerprint']}`")
    return "\n".join(lines)


def ending(run: Run) -> str:
    """The verdict with its figures, and the scores that there are."""
    verdict = run.verdict()
    if verdict is None:
        return "The game was not over when this was made."
    lines = [f"**{verdict.verdict}**: {MEANINGS[verdict.verdict]}", ""]
    shown = {**verdict.to_json(), **vars(verdict.evidence)}
    for key in ("rounds", "seen", "seconds", "odds", "odds_low", "odds_high", "distance", "coverage"):
        if shown.get(key) is not None:
            lines.append(f"- {key.replace('_', ' ')}: {shown[key]:,}")
    for key, value in (run.scores("pairs") or {}).items():
        if isinstance(value, int | float):
            lines.append(f"- on held-out pairs, {key.replace('_', ' ')}: {value:,}")
    for figure in (run.scores("score") or {}).get("figures", []):
        title, value, reals, stamp = score_cells(figure)
        lines.append(f"- {title}: {value}{f', reals {reals}' if reals else ''} ({stamp})")
    return "\n".join(lines)


def holds(run: Run, reals: bool) -> str:
    """What of the data lies in the files, for who is asked to publish them."""
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


def source_name(run: Run) -> str:
    """What the source is called, without the way to it on the machine it lay on."""
    return str(run.facts["source"]).replace("\\", "/").rstrip("/").split("/")[-1]
