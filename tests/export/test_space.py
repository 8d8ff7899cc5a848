# ruff: noqa: S310 - to loopback alone
"""A Space's app is started, and its sampling endpoint asked as its own page does."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeGuard

import pytest
from huggingface_hub import ModelCard

from evenodds.gan import Gan
from tests.conftest import Answer

pytestmark = pytest.mark.medium

SMALL: dict[str, Any] = {"budget": "2rounds", "width": 8, "latent": 8, "head_start": 0}


@contextmanager
def started(folder: Path) -> Iterator[str]:
    """The app's address, once it answers; it is ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    address = f"http://127.0.0.1:{port}/"
    with (folder.parent / "log").open("w+") as log:
        command = [sys.executable, "app.py"]
        app = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(3000):
                if app.poll() is not None or answers(address):
                    break
                time.sleep(0.1)
            log.seek(0)
            assert answers(address), log.read()
            yield address
        finally:
            app.terminate()
            app.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as page:
            return bool(page.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


def ask(address: str, *data: Any, endpoint: str = "sample") -> tuple[str, Any]:
    """The event and the data that an endpoint ends with."""
    body = json.dumps({"data": data}).encode()
    request = urllib.request.Request(
        f"{address}gradio_api/call/{endpoint}", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}gradio_api/call/{endpoint}/{event}", timeout=60) as answer:
        lines = answer.read().decode().strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def is_constant(node: ast.stmt) -> TypeGuard[Any]:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


def space(source: Path, folder: Path, evenodds: Callable[..., Answer], **more: Any) -> Path:
    gan = Gan(**{**SMALL, **more}).fit(source, folder / "run")
    answer = evenodds("export", gan.fitted().path, "--format", "space", "--out", folder / "space")
    assert answer.code == 0, answer.err
    return folder / "space"


def test_a_space_is_a_hub_folder_with_an_app(
    penguins: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    folder = space(penguins, tmp_path, evenodds)
    source = (folder / "app.py").read_text("utf-8")
    constants = {node.targets[0].id: node.value for node in ast.parse(source).body if is_constant(node)}
    assert ast.literal_eval(constants["TITLE"]) == penguins.name
    assert ast.literal_eval(constants["DIRECTIONS"]) == [], "none was found"
    assert "No real sample lies in these files." in ast.literal_eval(constants["HOLDS"])
    card = ModelCard.load(folder / "README.md").data.to_dict()
    assert (card["sdk"], card["app_file"], card["library_name"]) == ("gradio", "app.py", "evenodds")
    assert Gan.from_pretrained(folder).sample(2).equals(Gan.load(tmp_path / "run").sample(2))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gradio") is None, reason="pip install 'evenodds[studio]'")
def test_an_app_for_rows_given_values_samples(
    penguins: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    folder = space(penguins, tmp_path, evenodds, condition="species")
    with started(folder) as address:
        event, data = ask(address, 5, 3, "species=gentoo")
        assert event == "complete"
        assert data[0]["headers"] == ["species", "bill", "flipper", "seen"]
        assert [row[0] for row in data[0]["data"]] == ["gentoo"] * 5
        assert ask(address, 5, 3, "species=emperor")[0] == "error"
        assert ask(address, 1000, 3, "")[0] == "error", "no more than it says"
        assert len(ask(address, 64, 3, "")[1][0]["data"]) == 64


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gradio") is None, reason="pip install 'evenodds[studio]'")
def test_an_app_steers_along_the_directions_that_were_found(
    penguins: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    gan = Gan(**SMALL).fit(penguins, tmp_path / "run")
    gan.steer.discover(2, "features")
    done = evenodds("export", tmp_path / "run", "--format", "space", "--out", tmp_path / "space")
    assert done.code == 0, done.err
    with started(tmp_path / "space") as address:
        still, moved = (ask(address, 0, *amounts, endpoint="steer")[1] for amounts in ((0, 0), (2, 0)))
        assert still[0]["headers"] == ["species", "bill", "flipper", "seen"]
        assert still[0]["data"] != moved[0]["data"]
        assert ask(address, 0, 0, 0, endpoint="steer")[1] == still


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gradio") is None, reason="pip install 'evenodds[studio]'")
def test_an_app_for_pictures_samples(
    photographs: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    folder = space(photographs, tmp_path, evenodds, network="dcgan", size=16)
    with started(folder) as address:
        event, data = ask(address, 3, 0, None)
        assert event == "complete"
        assert len(data[0]) == 3
