"""The studio as a user starts it: a process of its own on a port of its own, with some small runs, and a browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"
EVENODDS = [sys.executable, "-m", "evenodds"]


@dataclass
class Server:
    """A studio that answers at ``url``."""

    url: str
    runs: Path
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def studio(
    runs: Path, *flags: str, environment: dict[str, str] | None = None, leave: bool = False
) -> Iterator[Server]:
    """A studio on ``runs``, until the block ends; ``leave`` lets its trainings go on."""
    port = free_port()
    runs.parent.mkdir(parents=True, exist_ok=True)
    with (runs.parent / f"studio-{port}.log").open("w") as log:  # a pipe that nobody reads would fill up
        process = subprocess.Popen(
            [*EVENODDS, "studio", "--runs", str(runs), "--port", str(port), *flags],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(url, process), 120)
        yield Server(url, runs, process)
    finally:
        process.terminate()
        process.wait(20)
        for record in [] if leave else (runs / ".studio").glob("*.json"):
            end_training(record)


def answers(url: str, process: subprocess.Popen[str]) -> bool:
    """Whether somebody is there, a password or not."""
    assert process.poll() is None, f"the studio ended with {process.returncode}"
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  our own
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def end_training(record: Path) -> None:
    """Nothing that a test started may live on."""
    from evenodds.studio.processes import Trainings

    pid = Trainings(record.parents[1]).pid(record.stem)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def wait_for(what: Callable[[], Any], seconds: float) -> Any:
    """What is asked for, once it is true. Fails where it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.2)
    pytest.fail("it did not come to pass in time")


def train(runs: Path, name: str, source: object, *flags: str) -> Path:
    """A small run."""
    command = [*EVENODDS, "train", str(source), "--out", str(runs / name), *flags, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return runs / name


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Iterator[Server]:
    """A studio with a table, handwriting, and pictures made from outlines; no test changes them."""
    pytest.importorskip("gradio", reason="the extra studio is not installed")
    runs = tmp_path_factory.mktemp("runs")
    train(runs, "heights", "people", "--budget", "300rounds")
    train(
        runs, "hand", "digits", "--network", "dcgan", "--size", "16", "--width", "8", "--budget", "300rounds"
    )
    outlines = ["--condition", "outlines", "--size", "32", "--width", "8", "--budget", "20rounds"]
    train(runs, "lines", photographs, *outlines)
    with studio(runs) as server:
        yield server
