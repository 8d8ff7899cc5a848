"""What CI plays from the shell to the end: real sources, real budgets, nothing stood in for."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from evenodds.data.builtin.digits import load
from evenodds.data.builtin.people import draw
from tests.conftest import SHARED

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
EVENODDS = [sys.executable, "-m", "evenodds"]


def run(*arguments: object, code: int = 0) -> str:
    """Calls the command line; its output where it ends as it should."""
    command = [*EVENODDS, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_people_to_the_verdict(tmp_path: Path) -> None:
    verdict = json.loads(run("train", "people", "--out", tmp_path / "people", "--json"))
    assert verdict["verdict"] in ("even", "budget")
    run("sample", tmp_path / "people", "-n", 4000, "--out", tmp_path / "fakes.csv")
    fakes, reals = pd.read_csv(tmp_path / "fakes.csv"), draw(4000, seed=2)
    rows = np.concatenate([reals.to_numpy(float), fakes.to_numpy(float)])
    truth = np.arange(8000) < 4000
    trees = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, random_state=0)
    trees.fit(rows[::2], truth[::2])
    assert roc_auc_score(truth[1::2], trees.predict_proba(rows[1::2])[:, 1]) < 0.6
    likely, unlikely = json.loads(
        run("judge", tmp_path / "people", "height=170,weight=63", "height=170,weight=150", "--json")
    )
    assert likely["percent_real"] >= 40
    assert unlikely["percent_real"] <= 1
    assert unlikely["p_value"] < 0.01
    page = (tmp_path / "people" / "report.html").read_text()
    assert "data:image/gif;base64," in page


def test_digits_are_all_there(tmp_path: Path) -> None:
    run("train", "digits", "--out", tmp_path / "digits", "--budget", "90s")
    run("sample", tmp_path / "digits", "-n", 1000, "--out", tmp_path / "fakes")
    pictures, labels = load()
    reals = pictures.reshape(len(pictures), -1) / 255
    fakes = []
    for path in sorted((tmp_path / "fakes").iterdir()):
        with Image.open(path) as fake:
            fakes.append(np.asarray(fake.resize((8, 8), Image.Resampling.BOX), float).ravel() / 255)
    readers = LogisticRegression(max_iter=2000).fit(reals, labels.astype(int))
    shares = np.bincount(readers.predict(np.array(fakes)), minlength=10) / len(fakes)
    assert shares.min() >= 0.02, shares


@pytest.mark.parametrize("source", ["faces", SHARED / "caltech_faces.zip"], ids=["faces", "photographs"])
def test_pictures_train_stop_resume_and_sample(source: str | Path, tmp_path: Path) -> None:
    if isinstance(source, Path) and not source.exists():
        pytest.skip("the shared data are not beside the project")
    out = tmp_path / "run"
    command = [*EVENODDS, "train", str(source), "--size", "64", "--budget", "90s", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 600
    while len(list(out.glob("samples/*.png"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    before = json.loads((out / "verdict.json").read_text())
    assert before["verdict"] == "interrupted"
    after = json.loads(run(*command[len(EVENODDS) :], "--json"))
    assert after["verdict"] == "budget"
    assert after["rounds"] > before["rounds"]
    run("sample", out, "-n", 16, "--out", tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert np.asarray(sheet).std() > 20, "the sheet is nearly one colour"
    assert (out / "film.gif").exists()


@pytest.mark.skipif(
    not (SHARED / "tables" / "adult.csv").exists(), reason="the shared data are not beside the project"
)
def test_a_real_table_with_categories_and_gaps(tmp_path: Path) -> None:
    table = SHARED / "tables" / "adult.csv"
    run("train", table, "--out", tmp_path / "adult", "--budget", "60s")
    run("sample", tmp_path / "adult", "-n", 5000, "--out", tmp_path / "fakes.csv")
    # Fakes are written as the file is: with a space after each comma, and its question marks.
    fakes, reals = (
        pd.read_csv(path, skipinitialspace=True, na_values="?") for path in (tmp_path / "fakes.csv", table)
    )
    assert list(fakes) == list(reals)
    for name in ("workclass", "education", "sex", "income"):
        assert set(fakes[name].dropna()) <= set(reals[name].dropna())
        share, real = fakes[name].value_counts(normalize=True), reals[name].value_counts(normalize=True)
        assert share.sub(real, fill_value=0).abs().sum() / 2 < 0.2, name
    assert fakes["age"].between(17, 90).all()


def test_the_readme_s_plain_lines_in_a_fresh_copy(tmp_path: Path) -> None:
    """Without make: a copy of the tree, a new virtual environment, the lines as they stand in the README."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = next(part for part in readme.split("```sh\n") if part.startswith("python3 -m venv"))
    lines = block.split("```")[0].strip().splitlines()
    copy = tmp_path / "copy"
    anywhere = shutil.ignore_patterns(".cache*", "*.egg-info", "__pycache__")

    def left_out(folder: str, names: list[str]) -> set[str]:
        # Only at the top: the package has a folder `runs` of its own.
        at_the_top = {".git", ".venv", "runs"} if Path(folder) == ROOT else set()
        return anywhere(folder, names) | at_the_top

    shutil.copytree(ROOT, copy, ignore=left_out)
    # The last line is the whole suite, which is what runs here; that it starts there is enough.
    for line in [*lines[:-1], f"{lines[-1]} -q tests/test_layers.py"]:
        done = subprocess.run(shlex.split(line), cwd=copy, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{line}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    assert (copy / "runs" / "people" / "report.html").exists()
