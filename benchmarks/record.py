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


def record(name: str, rows: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    """Prints the rows as a Markdown table with the summary, and writes docs/evidence/NAME.json."""
    columns = list(rows[0])
    print("\n| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(shown(row.get(column)) for column in columns) + " |")
    print("\n" + "; ".join(f"{key}: {shown(value)}" for key, value in summary.items()))
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    facts = {"machine": machine(), "summary": summary, "rows": rows}
    (EVIDENCE / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")


def shown(value: Any) -> str:
    """A cell of a table."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
