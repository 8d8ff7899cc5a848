"""Where a benchmark was run, and what it found: a table on stdout and a JSON file beside docs/evidence.md."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EVIDENCE = ROOT / "docs" / "evidence"


def machine() -> dict[str, Any]:
    """The machine, the versions and the commit."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "scikit-learn")},
        "commit": commit,
    }


def record(name: str, rows: list[dict[str, Any]], summary: dict[str, Any], *, keep: bool = True) -> None:
    """Prints the table, writes docs/evidence/NAME.json, and puts the table into docs/evidence.md at its marks; without
    ``keep`` it is printed alone."""
    facts = {"machine": machine(), "summary": summary, "rows": rows}
    table = markdown(facts)
    print("\n" + table)
    if not keep:
        return
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    (EVIDENCE / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    page = EVIDENCE.with_suffix(".md")
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, _, rest = page.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{table}\n{end}{after}", "utf-8")


def markdown(facts: dict[str, Any]) -> str:
    """Rows, summary and machine as Markdown."""
    rows, columns = facts["rows"], list(facts["rows"][0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(shown(row.get(column)) for column in columns) + " |" for row in rows]
    said = [
        ", ".join(f"{key} {shown(value)}" for key, value in facts[part].items())
        for part in ("summary", "machine")
    ]
    return "\n".join([*lines, "", f"{said[0]}.", "", f"*{said[1]}.*"])


def shown(value: Any) -> str:
    """A cell of a table."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
