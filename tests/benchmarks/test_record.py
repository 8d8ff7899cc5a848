"""The page of claims is made from the JSON files alone, says rightly what was reached, and links to everything."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import record
from claims import SECTIONS
from claims.catalogue import BENCHMARKS
from claims.claim import Claim, Count, Facts, Goal, above, at_least, at_most, below, number

DOCS = record.DOCS
CLAIMS = [claim for claims in SECTIONS.values() for claim in claims]
ENTRIES = [path for path in sorted((DOCS / "experiments").glob("*.md")) if path.name != "index.md"]


def committed(name: str) -> Facts:
    """A file of docs/benchmarks."""
    return Facts(**json.loads((DOCS / "benchmarks" / f"{name}.json").read_text()))


def test_the_committed_pages_are_what_the_recorder_makes() -> None:
    stale = [path for path, text in record.pages(DOCS).items() if path.read_text("utf-8") != text]
    assert not stale, "run python benchmarks/record.py"
    assert len((DOCS / "benchmarks.md").read_text("utf-8").splitlines()) <= 170


def test_every_table_has_its_page_and_every_page_its_table() -> None:
    tables, pages = ({path.stem for path in DOCS.glob(f"benchmarks/*.{end}")} for end in ("json", "md"))
    assert tables == pages == set(BENCHMARKS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.text)
def test_each_claim_is_read_from_a_file_that_is_there(claim: Claim) -> None:
    result = claim.result(committed(claim.benchmark))
    assert result is not None
    assert claim.shown(result) in (DOCS / "benchmarks.md").read_text("utf-8")


def test_every_json_file_is_linked_from_the_page() -> None:
    page = (DOCS / "benchmarks.md").read_text("utf-8")
    for path in DOCS.glob("benchmarks/*.json"):
        assert f"(benchmarks/{path.name})" in page
        assert f"(benchmarks/{path.stem}.md)" in page


@pytest.mark.parametrize(
    ("goal", "inside", "outside"),
    [
        (at_least(0.9), [0.9, 1], [0.89]),
        (at_most(0), [0, -1], [1]),
        (above(0), [0.001], [0, -1]),
        (below(30), [29.9], [30, 31]),
        (Goal(0.03, 0.07), [0.03, 0.05, 0.07], [0.02, 0.08]),
    ],
)
def test_a_goal_is_a_range(goal: Goal, inside: list[float], outside: list[float]) -> None:
    assert all(goal.reached(value) for value in inside)
    assert not any(goal.reached(value) for value in outside)


def test_a_row_says_whether_its_goal_is_reached() -> None:
    fast, slow = (
        Facts([{"seconds": one}], machine={"commit": "abc", "date": "2000-01-01"}) for one in (9, 11)
    )
    claim = Claim("Time", "people", lambda facts: facts.value("seconds"), at_most(10), "{:.0f} s")
    cells = "| Time | ≤ 10 s | [{}](benchmarks/people.md) | {} | `make bench BENCH=people` | "
    assert record.line(claim, fast).startswith(cells.format("9 s", "reached"))
    assert record.line(claim, slow).startswith(cells.format("11 s", "**not reached**"))
    assert record.line(claim, slow).endswith("| [people](benchmarks/people.json) | `abc`, 2000-01-01 |")
    open_end = Claim("Time", "people", claim.read, form="{:.0f} s")
    assert record.line(open_end, slow).startswith(cells.replace("≤ 10 s", "–").format("11 s", "–"))
    counted = Claim(
        "Seeds", "people", lambda facts: facts.count(lambda row: row["seconds"] < 10), at_least(1)
    )
    assert record.line(counted, fast).startswith("| Seeds | ≥ 1 | [1 of 1](benchmarks/people.md) | reached |")
    assert counted.reached(Count(0, 1)) is False


@pytest.mark.parametrize(
    "facts", [Facts(), Facts([{"game": "the usual loop"}], machine={"commit": "", "date": ""})]
)
def test_what_is_not_there_is_not_measured(facts: Facts) -> None:
    gpu = next(claim for claim in CLAIMS if claim.benchmark == "speed-gpu")
    assert "| not measured here | – |" in record.line(gpu, facts)


def test_a_recorded_table_becomes_its_page_and_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "DOCS", tmp_path)
    rows = [{"pictures": 10, "peak MB": 100.0}, {"pictures": 100, "peak MB": 150.0}]
    record.record("memory", rows, {"ratio": 1.5})
    record.record("unheard-of", rows, {})
    page = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert (
        "| 0.900 × to 1.100 × | [1.500 ×](benchmarks/memory.md) | **not reached** | `make bench BENCH=memory` |"
        in page
    )
    assert page.count("not measured here") == len(CLAIMS) - 1
    assert "[unheard-of](benchmarks/unheard-of.md) ([JSON](benchmarks/unheard-of.json))" in page
    assert "| 100 | 150.000 |" in (tmp_path / "benchmarks" / "memory.md").read_text("utf-8")
    before = sorted(tmp_path.rglob("*"))
    record.record("tried", rows, {}, keep=False)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("cell", "value"), [("4.1%", 0.041), ("20", 20), (0.5, 0.5), (3, 3)])
def test_cells_are_numbers(cell: object, value: float) -> None:
    assert number(cell) == pytest.approx(value)


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.stem)
def test_each_experiment_asks_tells_and_decides(path: Path) -> None:
    _, *entries = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    dates = []
    for entry in entries:
        heading = entry.splitlines()[0]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d: .+", heading)
        parts = re.findall(r"^\*\*(\w+)\.\*\*\s+\S", entry, re.MULTILINE)
        assert parts == ["Question", "Setup", "Result", "Decision"], heading
        assert "--" not in record.anchor(heading), "an anchor that not all renderers spell alike"
        dates.append(heading[:10])
    assert dates == sorted(dates, reverse=True), "newest first"


@pytest.mark.parametrize("path", [*record.pages(DOCS), *ENTRIES], ids=lambda path: path.stem)
def test_links_lead_to_files_and_headings(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        other = path.parent / name if name else path
        assert other.exists(), target
        if heading:
            found = re.findall(r"^#+ (.+)$", other.read_text("utf-8"), re.MULTILINE)
            assert heading in map(record.anchor, found), target


def test_what_the_source_cites_is_there() -> None:
    source = (record.ROOT / "src").rglob("*.py")
    cited = {name for path in source for name in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))}
    assert "docs/experiments/penalty.md" in cited
    assert not [name for name in cited if not (record.ROOT / name).exists()]
