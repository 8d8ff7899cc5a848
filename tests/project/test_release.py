"""What is released works by itself: the wheel in a clean environment, and each extra beside it at its lower bounds."""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.data.test_kinds import HEIC

# Installing is most of it, and takes as long as the network does.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary", "--no-compile")
SERVED = 120
"""Seconds until the studio must answer."""

Install = Callable[[str], Path]


def run(*command: object, cwd: Path | None = None, timeout: float = 900) -> str:
    """A command's stdout; its stderr fails the test."""
    # Neither this checkout's sources nor this environment's packages may help.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


def lower_bounds(requirements: list[str]) -> str:
    """Each requirement at its lower bound; torch alone is free: whole releases of it are too large to fetch."""
    bounds = (re.match(r"([\w.-]+)(?:\[.*\])?>=([\d.]+)", line) for line in requirements)
    return "".join(f"{bound[1]}=={bound[2]}\n" for bound in bounds if bound and bound[1] != "torch")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist as a release is."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT / "src" / "evenodds", source / "src" / "evenodds")
    for file in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy(file, source)
    try:
        run(sys.executable, "-m", "build", "--outdir", built, source)
    except AssertionError as problem:
        if "No matching distribution" in str(problem):
            pytest.skip("no package registry is in reach")
        raise
    run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheel alone, every dependency at its lower bound."""
    folder = tmp_path_factory.mktemp("core") / "env"
    bounds = folder.parent / "bounds.txt"
    bounds.write_text(lower_bounds(PROJECT["dependencies"]))
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", *PIP, "-c", bounds, wheel)
    return folder


@pytest.fixture(scope="module")
def people(core: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that the wheel alone trained, by the command that it installs."""
    folder = tmp_path_factory.mktemp("work")
    told = run(core / "bin" / "evenodds", "train", "people", "--budget", "60rounds", cwd=folder)
    assert "verdict: budget after 60 rounds" in told
    return folder / "runs" / "people"


@pytest.fixture
def install(core: Path, wheel: Path, tmp_path: Path) -> Install:
    """Gives the core's environment with one extra more, it too at its lower bounds."""

    def installed(extra: str) -> Path:
        # Links, not copies: torch is large, and pip replaces files and writes into none.
        shutil.copytree(core, tmp_path / "env", symlinks=True, copy_function=os.link)
        bounds = tmp_path / "bounds.txt"
        bounds.write_text(lower_bounds([*PROJECT["dependencies"], *EXTRAS[extra]]))
        python = tmp_path / "env" / "bin" / "python"
        run(python, *PIP, "-c", bounds, f"evenodds[{extra}] @ {wheel.as_uri()}")
        return python

    return installed


def test_the_wheel_alone_trains_samples_and_judges(core: Path, people: Path, tmp_path: Path) -> None:
    assert (people / "report.html").is_file()
    command = core / "bin" / "evenodds"
    assert "10 fakes" in run(command, "sample", people, "-n", 10, "--out", tmp_path / "fakes.csv")
    assert "%" in run(command, "judge", people, "height=170,weight=63", cwd=tmp_path)


def test_the_command_has_the_package_s_name() -> None:
    """So that runners of packages' commands find it, such as uvx."""
    assert list(PROJECT["scripts"]) == [PROJECT["name"]] == ["evenodds"]


def test_the_citation_names_this_version() -> None:
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_the_studio_answers(install: Install, people: Path) -> None:
    with studio(install("studio"), people.parent) as address:
        assert b"gradio" in answer(address)


def test_onnx_is_exported(install: Install, people: Path, tmp_path: Path) -> None:
    run(install("export"), "-m", "evenodds", "export", people, "--format", "onnx", "--out", tmp_path / "onnx")
    assert {"generator.onnx", "discriminator.onnx"} <= {path.name for path in (tmp_path / "onnx").iterdir()}


def test_a_hub_folder_is_written_and_opened_and_a_data_set_read(
    install: Install, people: Path, tmp_path: Path
) -> None:
    python = install("hub")
    run(python, "-m", "evenodds", "export", people, "--format", "hub", "--out", tmp_path / "hub")
    code = (
        "import datasets, huggingface_hub, sys; from evenodds.gan import Gan;"
        "print(len(Gan.from_pretrained(sys.argv[1]).sample(3)));"
        "print(datasets.Dataset.from_dict({'a': [1, 2]}).num_rows)"
    )
    assert run(python, "-c", code, tmp_path / "hub").split() == ["3", "2"]


def test_the_journal_goes_to_both_boards(install: Install, tmp_path: Path) -> None:
    python = install("log")
    for board in ("tensorboard", "trackio"):
        flags = ("--budget", "3rounds", "--width", 8, "--log", board, "--out", tmp_path / board)
        run(python, "-m", "evenodds", "train", "people", *flags, cwd=tmp_path)
    assert list((tmp_path / "tensorboard" / "tensorboard").glob("events*"))


def test_a_video_is_written(install: Install) -> None:
    code = (
        "from PIL import Image; from evenodds.steer.write import mp4;"
        "print(mp4([Image.new('RGB', (32, 32))] * 8)[4:8])"
    )
    assert run(install("video"), "-c", code).strip() == "b'ftyp'"


def test_heic_is_read(install: Install) -> None:
    code = (
        "import base64, io; from evenodds.data.images.arrays import decode;"
        f"print(decode(io.BytesIO(base64.b64decode({base64.b64encode(HEIC)!r})), 8, 'crop', 3).shape)"
    )
    assert run(install("heic"), "-c", code).strip() == "(3, 8, 8)"


def test_features_load(install: Install) -> None:
    code = (
        "import torch; from evenodds.metrics.efficientnet import extractor;"
        "print(*extractor(torch.device('cpu'))(torch.zeros(2, 3, 8, 8)).shape)"
    )
    assert run(install("features"), "-c", code).split() == ["2", "1280"]


@contextmanager
def studio(python: Path, runs: Path) -> Iterator[str]:
    """The address at which a studio over a folder of runs serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, "-m", "evenodds", "studio", "--runs", runs, "--port", str(port)]
    process = subprocess.Popen(command, env=environment)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(30)


def answer(address: str) -> bytes:
    """The page at an address, waited for."""
    end = time.monotonic() + SERVED
    while True:
        try:
            with urlopen(address) as page:  # noqa: S310 - the studio's own address
                assert page.status == 200
                return bytes(page.read())
        except URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
