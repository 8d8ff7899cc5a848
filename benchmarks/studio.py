"""The studio under load: users who sample at once on this machine, and a pen that is followed.

    python benchmarks/studio.py [--users 20] [--seconds 120]

Each user has a connection of their own, asks for 16 fakes of a run at 64 px and, when they are there, for the next 16.
The pen: one drawing after another to runs that make 64 and 256 px pictures from outlines. A row each: how many answers,
how many errors, and the milliseconds of half, of 95 % and of all answers. The networks have their usual sizes; what
they learnt does not matter here, and they play two rounds.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from gradio_client import Client
from PIL import Image, ImageDraw

from record import record

EVENODDS = [sys.executable, "-m", "evenodds"]
FAKES = 16
STROKES = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        source = discs(Path(folder) / "discs")
        outlines = ["--condition", "outlines"]
        for name, flags in {"pictures": [], "pen-64": outlines, "pen-256": outlines}.items():
            size = "256" if name == "pen-256" else "64"
            command = [*EVENODDS, "train", str(source), "--size", size, *flags, "--out", str(runs / name)]
            subprocess.run([*command, "--budget", "2rounds", "--json"], check=True, stdout=subprocess.DEVNULL)
        with served(runs) as url:
            rows = [
                row(
                    f"{chosen.users} users, {FAKES} pictures of 64 px",
                    *crowd(url, chosen.users, chosen.seconds),
                ),
                *(row(f"pen, {size} px", *pen(url, f"pen-{size}")) for size in (64, 256)),
            ]
    record("studio", rows, {"users": chosen.users, "seconds": chosen.seconds})


def discs(folder: Path) -> Path:
    """A folder of 60 pictures."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for place in range(60):
        picture = Image.new("RGB", (256, 256), "white")
        x, y = (int(one) for one in rng.integers(60, 196, 2))
        colour = tuple(int(one) for one in rng.integers(0, 256, 3))
        ImageDraw.Draw(picture).ellipse((x - 50, y - 50, x + 50, y + 50), fill=colour)
        picture.save(folder / f"{place}.png")
    return folder


def row(what: str, took: list[float], errors: int) -> dict[str, Any]:
    """Times in seconds as a row."""
    half, most, all_of_them = (round(1000 * float(np.quantile(took, share))) for share in (0.5, 0.95, 1))
    return {
        "what": what,
        "answers": len(took),
        "errors": errors,
        "p50 ms": half,
        "p95 ms": most,
        "max ms": all_of_them,
    }


@contextmanager
def served(runs: Path) -> Iterator[str]:
    """A studio on these runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*EVENODDS, "studio", "--runs", str(runs), "--port", str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(url).close()
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def crowd(url: str, users: int, seconds: float) -> tuple[list[float], int]:
    """The seconds that each answer took, and how many were errors."""
    took: list[float] = []
    errors: list[str] = []
    clients = [Client(url + "/en/", verbose=False) for _ in range(users)]
    end = time.monotonic() + seconds

    def use(user: int, client: Client) -> None:
        seed = 1000 * user
        while time.monotonic() < end:
            seed += 1
            start = time.monotonic()
            try:
                client.predict("pictures", FAKES, seed, "", api_name="/sample")
                took.append(time.monotonic() - start)
            except Exception as problem:  # whatever a client is told counts as one
                errors.append(str(problem))

    threads = [threading.Thread(target=use, args=one) for one in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for text in sorted(set(errors)):
        print("error:", text)
    return took, len(errors)


def pen(url: str, run: str) -> tuple[list[float], int]:
    """A growing drawing, sent anew after every answer, as the canvas does it."""
    config = json.loads(urllib.request.urlopen(url + "/en/config").read())  # noqa: S310
    [canvas] = [part["id"] for part in config["components"] if part["props"].get("elem_id") == "canvas"]
    paper = Image.new("RGB", (512, 512), "white")
    ink = ImageDraw.Draw(paper)
    took, errors = [], 0
    for stroke in range(STROKES):
        ink.line((50 + 13 * stroke, 100, 256, 90 + 10 * stroke), "black", 6)
        content = io.BytesIO()
        paper.save(content, "PNG")
        drawing = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
        sent = {"data": [run, drawing], "component_id": canvas, "fn_name": "paint", "session_hash": "pen"}
        start = time.monotonic()
        request = urllib.request.Request(  # noqa: S310
            url + "/en/gradio_api/component_server/",
            json.dumps(sent).encode(),
            {"Content-Type": "application/json"},
        )
        answer = json.loads(urllib.request.urlopen(request).read())  # noqa: S310
        took.append(time.monotonic() - start)
        errors += "image" not in answer
    return took[1:], errors  # the first one opens the run


if __name__ == "__main__":
    main()
