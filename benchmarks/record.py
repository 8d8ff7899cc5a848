"""Record what a benchmark found: a JSON file in docs/benchmarks, and the pages that are made from all of them.

    python benchmarks/record.py

writes docs/benchmarks.md (one row a claim), docs/benchmarks/NAME.md (the table of each JSON file) and the index of
docs/experiments anew.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from claims import SECTIONS
from claims.catalogue import BENCHMARKS, Benchmark
from claims.claim import Claim, Facts

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
INTRO = """# Benchmarks

Made by `python benchmarks/record.py` from the JSON files of docs/benchmarks, which the commands write. A result links
to its table with machine and versions; the commit is that of the measured code. Machines are shared and noisy: ratios
and medians count. What was tried, and why presets are what they are: [experiments](experiments/index.md)."""


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
    """Print the table, write docs/benchmarks/NAME.json, and write the pages anew; without ``keep`` only print."""
    facts = Facts(rows, summary, machine())
    print("\n" + table(facts))
    if not keep:
        return
    folder = DOCS / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"machine": facts.machine, "summary": summary, "rows": rows}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    write(DOCS)


def write(docs: Path) -> None:
    """Write all pages anew."""
    for path, text in pages(docs).items():
        path.write_text(text, "utf-8")


def pages(docs: Path) -> dict[Path, str]:
    """Every page that is made from the JSON files and the experiments in a docs folder, by its path."""
    found = {path.stem: Facts(**json.loads(path.read_text())) for path in docs.glob("benchmarks/*.json")}
    made = {docs / "benchmarks.md": overview(found)}
    made |= {docs / "benchmarks" / f"{name}.md": detail(name, facts) for name, facts in found.items()}
    if entries := experiments(docs / "experiments"):
        made[docs / "experiments" / "index.md"] = index(entries)
    return made


def overview(found: dict[str, Facts]) -> str:
    """The page of claims; files that no claim reads are listed at its end."""
    parts = [INTRO]
    head = "| Claim | Goal | Result | Reached | Command | JSON | Commit |\n" + "|---" * 7 + "|"
    for title, claims in SECTIONS.items():
        lines = [line(claim, found.get(claim.benchmark, Facts())) for claim in claims]
        parts.append("\n".join([f"## {title}", "", head, *lines]))
    read = {claim.benchmark for claims in SECTIONS.values() for claim in claims}
    if others := sorted(set(found) - read):
        links = (f"[{name}](benchmarks/{name}.md) ([JSON](benchmarks/{name}.json))" for name in others)
        parts.append("Other tables: " + ", ".join(links) + ".")
    return "\n\n".join(parts) + "\n"


def line(claim: Claim, facts: Facts) -> str:
    """The row of a claim."""
    result = claim.result(facts)
    name, known = claim.benchmark, BENCHMARKS[claim.benchmark]
    goal = "–" if claim.goal is None else claim.goal.text(claim.form)
    cells = [claim.text, goal, "not measured here", "–", f"`{command(known, facts)}`", "–", "–"]
    if facts.rows:
        cells[5] = f"[{name}](benchmarks/{name}.json)"
        cells[6] = f"`{facts.machine['commit']}`, {facts.machine['date']}"
    if result is not None:
        cells[2] = f"[{claim.shown(result)}](benchmarks/{name}.md)"
        cells[3] = {True: "reached", False: "**not reached**", None: "–"}[claim.reached(result)]
    return "| " + " | ".join(cells) + " |"


def command(known: Benchmark, facts: Facts) -> str:
    """The command that fills the file, with what it was called with."""
    return re.sub(r"\{(.*?)\}", lambda key: str(facts.summary.get(key[1], key[1].upper())), known.command)


def detail(name: str, facts: Facts) -> str:
    """The page of a JSON file: what it measures, its command, and its table."""
    known = BENCHMARKS.get(name, Benchmark(name, f"make bench BENCH={name}", ""))
    above = [f"# {known.title}", known.about, f"`{command(known, facts)}` · [JSON]({name}.json)"]
    back = "[All benchmarks](../benchmarks.md)"
    return "\n\n".join([*filter(None, above), table(facts), back]) + "\n"


def table(facts: Facts) -> str:
    """Rows, summary and machine as Markdown."""
    lines = ["Not measured here."]
    if facts.rows:
        columns = list(facts.rows[0])
        lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += [
            "| " + " | ".join(shown(row.get(column)) for column in columns) + " |" for row in facts.rows
        ]
    summary, machine_ = (
        ", ".join(f"{key} {shown(value)}" for key, value in part.items())
        for part in (facts.summary, facts.machine)
    )
    return "\n".join([*lines, "", f"{summary}.", "", f"*{machine_}.*"])


def shown(value: Any) -> str:
    """A cell of a table."""
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def experiments(folder: Path) -> list[tuple[str, str, Path]]:
    """Date, title and file of every entry, newest first; an entry is a heading "## DATE: TITLE"."""
    entries = []
    for path in sorted(folder.glob("*.md")):
        for found in re.finditer(r"^## (\d{4}-\d\d-\d\d): (.+)$", path.read_text("utf-8"), re.M):
            entries.append((found[1], found[2], path))
    return sorted(entries, key=lambda entry: entry[0], reverse=True)


def index(entries: list[tuple[str, str, Path]]) -> str:
    """The list of experiments, a line an entry."""
    lines = [
        "# Experiments",
        "",
        'A log of what was tried, newest first. "(negative)": tried and not adopted.',
        "What holds now is in [benchmarks](../benchmarks.md). This list is made by `python benchmarks/record.py`.",
    ]
    for number, (date, title, path) in enumerate(entries):
        if not number or entries[number - 1][0] != date:
            lines += ["", f"## {date}", ""]
        lines.append(f"- [{title}]({path.name}#{anchor(f'{date}: {title}')})")
    return "\n".join(lines) + "\n"


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    write(DOCS)
