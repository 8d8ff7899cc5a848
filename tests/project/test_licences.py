"""What is installed with evenodds may be used for anything: no licence that takes that away."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

try:
    import tomllib
except ModuleNotFoundError:  # pragma: no cover - Python 3.11 has it
    pytest.skip("no tomllib", allow_module_level=True)

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
REFUSED = re.compile(
    r"\b(AGPL|GPL|GNU GENERAL|GNU AFFERO|BUSL|BUSINESS SOURCE|SSPL|CC-BY-NC|NON-?COMMERCIAL|PROPRIETARY)",
    re.IGNORECASE,
)
FREE = re.compile(r"\b(LGPL|GNU LESSER|GCC-EXCEPTION|GCC RUNTIME)", re.IGNORECASE)
"""Of a dependency that is linked to, and of compiled code, this asks nothing of a user's own work."""


def licence(name: str) -> str:
    """What a package says of its licence: the expression, or the first line of the field and the classifiers."""
    facts = distribution(name).metadata
    expression = facts.get("License-Expression")
    if expression:
        return str(expression)
    field = (facts.get("License") or "").strip().splitlines()[:1]
    classifiers = [text for text in facts.get_all("Classifier") or [] if text.startswith("License ::")]
    return "; ".join([*field, *classifiers])


def closure() -> list[str]:
    """The packages that evenodds needs, and those that they need, as far as they are installed."""
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(line for name in extras if name != "dev" for line in extras[name])]
    waiting, found = [Requirement(line) for line in wanted], set()
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in found or name == "evenodds":
            continue
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": e}) for e in (requirement.extras or {""})
        ):
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        inner = [Requirement(line) for line in needs]
        waiting += [one for one in inner if not one.marker or one.marker.evaluate({"extra": ""})]
    return sorted(found)


def test_every_dependency_may_be_used_for_anything() -> None:
    names = closure()
    assert {"torch", "numpy", "pillow", "safetensors"} <= set(names)
    refused = {
        name: said
        for name in names
        if (said := licence(name)) and REFUSED.search(said) and not FREE.search(said)
    }
    assert refused == {}


def test_a_refused_licence_is_seen() -> None:
    for said in (
        "GPL-3.0-only",
        "BUSL-1.1",
        "License :: OSI Approved :: GNU Affero General Public License v3",
    ):
        assert REFUSED.search(said)
        assert not FREE.search(said)
    assert FREE.search("GNU Lesser General Public License v3")


def test_heavy_and_foreign_things_are_no_dependency() -> None:
    asked = str(PROJECT["dependencies"]) + str(PROJECT["optional-dependencies"])
    for name in ("torchvision", "timm", "torch-fidelity", "lpips", "accelerate", "ctgan"):
        assert not re.search(rf"'{name}\b", asked)


@pytest.mark.slow
def test_no_dependency_has_a_known_weakness() -> None:
    """pip-audit asks PyPI; where it knows none of the packages, there is nobody to ask."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--local",
        "--skip-editable",
        "--format",
        "json",
        "--timeout",
        "30",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    if not done.stdout.strip():
        pytest.skip(f"the service is out of reach: {done.stderr.strip().splitlines()[-1:]}")
    asked = [one for one in json.loads(done.stdout)["dependencies"] if "vulns" in one]
    if not asked:
        pytest.skip("the service knows none of the packages here")
    weak = {f"{one['name']} {one['version']}": one["vulns"] for one in asked if one["vulns"]}
    assert not weak, weak
