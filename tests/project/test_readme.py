"""Every command of the READMEs works as it is written, and both languages give the same ones."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import Answer
from tests.studio.conftest import answers, wait_for

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.ko.md")
LONGEST = 220
"""Lines of a README, at most."""
FORMER = (
    "left out, and it is said",
    "so it is not asked",
    "what is not asked for is drawn as the data held it",
    "each step then settles",
    "to where everything else is as it was",
    "surely parts them",
    "nothing real leaves with a run",
    "nothing that a hub gives is run",
    "flips it flips beside much else",
    "real pictures are told from besides fakes",
    "grey shapes are told more surely",
    "measured from where a change of pace was made",
)
"""Sentences that were rewritten since a stranger had to read them twice."""


def blocks(name: str) -> list[list[str]]:
    """The commands of each shell block, in order."""
    text = (ROOT / name).read_text("utf-8")
    return [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]


def ours(name: str) -> list[str]:
    """The commands that call evenodds as it stands on the path."""
    return [line for block in blocks(name) for line in block if line.startswith("evenodds ")]


def test_both_languages_give_the_same_commands_and_pictures() -> None:
    english, korean = ((ROOT / name).read_text("utf-8") for name in READMES)
    assert blocks("README.md") == blocks("README.ko.md")
    pictures = [re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text) for text in (english, korean)]
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) >= 3
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", korean, re.MULTILINE))


@pytest.mark.parametrize("name", READMES)
def test_a_readme_is_short(name: str) -> None:
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= LONGEST


def hard_to_read(path: Path) -> list[str]:
    """The former sentences that a file still has, wherever its lines break."""
    text = " ".join(re.sub(r"^\s*#", "", path.read_text("utf-8"), flags=re.MULTILINE).split()).lower()
    return [sentence for sentence in FORMER if sentence in text]


def test_sentences_that_were_hard_to_read_are_gone(tmp_path: Path) -> None:
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]
    assert len(files) > 150
    assert not {file: hard_to_read(file) for file in files if hard_to_read(file)}
    (tmp_path / "planted.py").write_text("# Nothing real\n    # leaves with a run.\n")
    assert hard_to_read(tmp_path / "planted.py") == ["nothing real leaves with a run"]


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md", "docs/design.md", "docs/benchmarks.md"])
def test_every_file_that_is_pointed_to_is_there(name: str) -> None:
    path = ROOT / name
    targets = re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
    missing = [target for target in targets if "://" not in target and not (path.parent / target).exists()]
    assert not missing


def test_the_plain_commands_are_those_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "INSTALL := $(BIN)/pip install " in makefile
    plain = next(block for block in blocks("README.md") if block[0].startswith("python3 -m venv"))
    for line in plain[1:]:
        # INSTALL is pip install with flags that make it quiet and quick.
        command = line.replace(".venv/bin/pip install", "$(INSTALL)").replace(".venv/bin/", "$(BIN)/")
        assert command in makefile, f"{line} is not what make does"
    targets = [line.split()[1] for block in blocks("README.md") for line in block if line.startswith("make ")]
    assert targets == ["demo", "test"]
    assert all(f"\n{target}: " in makefile for target in targets)


def test_the_python_of_both_works(tmp_path: Path) -> None:
    snippets = [
        re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL) for name in READMES
    ]
    assert snippets[0] == snippets[1]
    short = "".join(snippets[0]).replace('"30s"', '"3rounds"')
    done = subprocess.run(
        [sys.executable, "-c", short], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    # Five rows below their header, and an answer.
    assert len(lines) == 6 + 5
    assert [line.split()[0] for line in lines[-4:]] == ["input", "percent_real", "p_value", "why"]
    assert (tmp_path / "people-again" / "report.html").exists()


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the README's reader would have: photographs and a table."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for place in range(30):
        pixels = rng.integers(0, 256, (90, 120, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{place}.jpg")
    days = pd.date_range("2020-01-01", periods=200).strftime("%Y-%m-%d")
    columns = {
        "since": rng.choice(days, 200),
        "orders": rng.poisson(9, 200),
        "town": rng.choice(["Seoul", "Ulm"], 200),
    }
    pd.DataFrame(columns).to_csv(tmp_path / "customers.csv", index=False)
    (tmp_path / "drawings").mkdir()
    drawing = np.full((80, 100), 255, np.uint8)
    drawing[20:60, 30] = drawing[20, 30:70] = 0
    for name in ("drawing.png", "drawings/one.png", "drawings/two.png"):
        Image.fromarray(drawing).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gradio") is None, reason="needs the extra studio")
def test_the_studio_serves_as_written(somewhere: Path, evenodds: Callable[..., Answer]) -> None:
    assert evenodds("train", "people", "--budget", "2rounds").code == 0
    (line,) = [line for line in ours("README.md") if line.startswith("evenodds studio")]
    command = [sys.executable, "-m", *shlex.split(line), "--port", "7869"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            wait_for(lambda: answers(url, process), 120)
            with urlopen(url) as page:  # noqa: S310  our own
                assert b"evenodds" in page.read()
        finally:
            process.terminate()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_command_works_as_written(
    somewhere: Path, evenodds: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, runtime: str | None
) -> None:
    """In order, in one folder, as a reader would type them; only the budget is cut short, and fewer faces are drawn.

    The studio has a test of its own. Where npm has nothing to fetch with, the page for browsers is left out.
    """
    monkeypatch.setattr("evenodds.data.builtin.faces.COUNT", 60)
    monkeypatch.setenv("EVENODDS_CACHE", str(somewhere / "cache"))
    for name in ("STEPS", "DESCENT"):
        monkeypatch.setattr(f"evenodds.steer.inversion.{name}", 3)
    monkeypatch.setattr("evenodds.steer.pivotal_tuning.VISITS", 3)
    monkeypatch.setattr("evenodds.steer.latent_space.MAX_FAKES", 1000)
    rounds = 0
    elsewhere = ["evenodds studio", *([] if runtime is None else ["evenodds export runs/outlines"])]
    lines = [line for line in ours("README.md") if not line.startswith(tuple(elsewhere))]
    for line in lines:
        arguments = shlex.split(line)[1:]
        if arguments[0] == "train":
            rounds += 2
            arguments += [] if "--budget" in arguments else ["--budget", ""]
            arguments[arguments.index("--budget") + 1] = f"{rounds}rounds"
        answer = evenodds(*arguments)
        assert answer.code == 0, f"{line}: {answer.err}"
    assert len(pd.read_csv("people.csv")) == 1000
    assert len(pd.read_parquet("fakes.parquet")) == 100_000
    assert len(list(Path("fakes").glob("*.png"))) == 500
    assert Path("digits.png").exists()
    for name in ("faces-onnx/model.json", "faces-hub/README.md", "faces-space/app.py"):
        assert Path(name).exists()
    assert (runtime is not None) or Path("outlines-browser/index.html").exists()
    assert list(Path("runs/watched/tensorboard").iterdir())
    assert set(pd.read_csv("seoul.csv")["town"]) == {"Seoul"}
    with Image.open("face.png") as image:
        assert image.size == (64, 64)
    assert {"seeds.png", "glasses.png", "inverted.png", "mine.png", "walk.gif"} <= {
        file.name for file in Path().iterdir()
    }
    assert len(pd.read_csv("heavier.csv")) == 4 * 7
    assert {file.name for file in Path("painted").iterdir()} == {"one.png", "two.png"}


@pytest.mark.slow
def test_the_search_over_settings_runs_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With shorter games."""
    text = (ROOT / "docs" / "sweep.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    exec(code[1].replace('"5s"', '"3rounds"').replace("n_trials=4", "n_trials=2"), {})  # noqa: S102
    assert len(list(Path("runs/sweep").iterdir())) == 2
    assert "'width'" in capsys.readouterr().out
