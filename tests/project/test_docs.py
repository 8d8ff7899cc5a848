"""The documentation builds without a warning, fetches nothing, and says what the program does."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

import pytest
from cyclopts import App

from evenodds.cli.main import app
from tests.conftest import Answer

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
GUIDES = sorted((ROOT / "docs").glob("guides/*.md")) + sorted((ROOT / "docs").glob("ko/*.md"))
WITH_EXAMPLES = [
    ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCES.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]
FETCHED = {"src", "srcset", "data", "poster"}
"""Attributes whose address a browser fetches by itself, in any element; of a link its kind decides."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it."""
    if find_spec("mkdocs") is None or find_spec("mkdocstrings") is None:
        pytest.skip("mkdocs is not installed: pip install 'evenodds[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    paths = [str(SOURCES), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "NO_MKDOCS_2_WARNING": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "WARNING" not in done.stdout + done.stderr
    return folder


class Fetches(HTMLParser):
    """What a browser asks for when it shows a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in FETCHED and value]
        facts = dict(attrs)
        if tag == "link" and facts.get("rel") not in ("canonical", "prev", "next", "alternate"):
            self.addresses.append(facts.get("href") or "")


@pytest.mark.slow
def test_the_site_builds_strictly_and_asks_nothing_of_other_hosts(built: Path) -> None:
    pages = sorted(built.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        outside = [one for one in Fetches(page.read_text("utf-8")).addresses if re.match(r"(\w+:)?//", one)]
        assert not outside, f"{page}: {outside}"
    for sheet in built.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(\w+:)?//", sheet.read_text("utf-8")), sheet


def test_a_page_that_fetches_is_noticed() -> None:
    page = (
        '<link rel="stylesheet" href="https://a.b/c.css"><img src="//a.b/d.png"><a href="https://a.b">x</a>'
    )
    assert Fetches(page).addresses == ["https://a.b/c.css", "//a.b/d.png"]


@pytest.mark.slow
def test_the_korean_page_says_so(built: Path) -> None:
    assert '<html lang="ko"' in (built / "ko" / "index.html").read_text("utf-8")


def test_the_python_reference_lists_what_there_is() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    listed = re.findall(r"^::: (\S+)(?:\n    options:((?:\n      .+)+))?", page, re.MULTILINE)
    assert len(listed) >= 8
    for path, options in listed:
        found = resolve_name(path)
        members = re.search(r"members: \[(.*)\]", options)
        for name in members[1].split(", ") if members else []:
            assert hasattr(found, name), f"{path} has no {name}"


def every_command(parent: App, prefix: str = "") -> Iterator[tuple[str, App]]:
    for name in parent:
        if not name.startswith("-") and parent[name].show:
            yield f"{prefix}{name}", parent[name]
            yield from every_command(parent[name], f"{prefix}{name} ")


def shown_flags(command: App) -> list[str]:
    """The long names that --help shows of flags, without the negative ones."""
    return [names[0] for names in shown_names(command)]


def shown_names(command: App) -> list[tuple[str, ...]]:
    """All names that --help shows of each flag, the negative one last."""
    if command.default_command is None:
        return []
    taken = command.assemble_argument_collection(parse_docstring=True).filter_by(show=True)
    return [(one.name, *one.names, *one.negatives) for one in taken if one.index is None]


@pytest.fixture(scope="module")
def reference() -> str:
    """The command line's page, as Markdown."""
    return str(rendered().render())


def rendered() -> Any:
    """The script that makes the page."""
    spec = spec_from_file_location("cli_reference", ROOT / "docs" / "cli_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_has_every_command_with_every_flag(reference: str) -> None:
    parts = re.split(r"^##+ evenodds (.+)$", reference.partition("## Presets")[0], flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    commands = dict(every_command(app))
    assert {"train", "steer find"} <= set(commands)
    assert list(sections) == list(commands)
    for name, command in commands.items():
        for flag in shown_flags(command):
            assert re.search(rf"^\| [^|]*`{flag}`[^|]* \|", sections[name], re.MULTILINE), f"{name} {flag}"
    assert "| `--budget` | TEXT | `auto` |" in sections["train"]
    assert not re.search(r"Parameters -+", reference), "a docstring's section is no paragraph"


def command_lines(path: Path) -> list[str]:
    """The commands of a page's shell blocks that call evenodds, by itself or under torchrun."""
    blocks = re.findall(
        r"^ *```(?:sh|bash|console)\n(.*?)^ *```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines = [re.sub(r"^torchrun .* -m evenodds ", "evenodds ", line) for line in lines]
    return [line for line in lines if line.startswith("evenodds ")]


def refused(line: str) -> str | None:
    """Why the command line would not take a line; None where it would."""
    tokens = shlex.split(line, comments=True)[1:]
    try:
        command, *_ = app.parse_args(tokens, exit_on_error=False, print_error=False, verbose=False)
    except Exception as problem:
        return f"{line}: {problem}"
    named = next(found for name, found in every_command(app) if found.default_command is command)
    shown = {name for names in shown_names(named) for name in names}
    unknown = [flag for flag in re.findall(r"(?<=\s)--[\w-]+", " ".join(tokens)) if flag not in shown]
    return f"{line}: {unknown} is not shown by --help" if unknown else None


@pytest.mark.medium
@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_the_commands_of_a_guide_exist(path: Path) -> None:
    problems = [problem for line in command_lines(path) if (problem := refused(line)) is not None]
    assert not problems


def test_commands_that_do_not_exist_are_noticed() -> None:
    assert refused("evenodds train people --budget 30s") is None
    for line in (
        "evenodds fly people",
        "evenodds train people --wings 2",
        "evenodds train people --size wide",
    ):
        assert refused(line) is not None, line
    assert sum(len(command_lines(path)) for path in GUIDES) > 30


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_docstrings_are_true(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(name)
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    examples = [one for one in doctest.DocTestFinder().find(module, name) if one.examples]
    assert examples, f"{name} holds >>> in no docstring"
    report: list[str] = []
    for one in examples:
        runner.run(one, out=report.append)
    assert not runner.failures, "".join(report)


def test_a_wrong_example_is_noticed() -> None:
    runner = doctest.DocTestRunner(verbose=False)
    [wrong] = doctest.DocTestFinder().find(
        type("Wrong", (), {"__doc__": ">>> 1 + 1\n3\n"}), "wrong", module=False
    )
    runner.run(wrong, out=lambda text: None)
    assert runner.failures == 1


@pytest.mark.slow
def test_the_guide_to_python_runs_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evenodds: Callable[..., Answer]
) -> None:
    """Its blocks in order, in one folder that holds the runs they open; only the budgets are shorter."""
    monkeypatch.chdir(tmp_path)
    for line in (
        "train people --budget 2rounds",
        "train digits --condition labels --out runs/chosen --budget 2rounds",
        "sample runs/people -n 200 --out people.csv",
        "export runs/people --format hub --out people-hub",
    ):
        assert evenodds(*line.split()).code == 0, line
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/guides/python.md").read_text("utf-8"), re.DOTALL
    )
    code = re.sub(r'"\d+s"', '"3rounds"', "".join(blocks))
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "people-again" / "report.html").exists()
