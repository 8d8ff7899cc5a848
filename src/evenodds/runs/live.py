"""What a game shows to who watches it between checks: RUN/live, which is there only while the game is played.

It holds a scene, which stays as it is, numbered frames, of which the newest are there, and a mark that is touched by
whoever watches: a game that nobody watches writes no frames.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evenodds.core import atomic

FOLDER = "live"
MARK = "watched"
SCENE = "scene.json"
NEWEST = 30
"""Frames that are there at a time."""
WATCHED_FOR = 4.0
"""Seconds for which a game counts as watched after the last look."""


def begin(run: Path) -> None:
    """Makes room for a game's frames, and takes away what a killed process left."""
    clear(run)
    (run / FOLDER).mkdir(exist_ok=True)


def watch(run: Path) -> None:
    """Marks a game that is played as watched for WATCHED_FOR seconds from now on."""
    try:
        (run / FOLDER / MARK).touch()
    except OSError:
        return


def is_watched(run: Path) -> bool:
    """Whether somebody looked at a run just now."""
    try:
        return time.time() - (run / FOLDER / MARK).stat().st_mtime < WATCHED_FOR
    except OSError:
        return False


def write_scene(run: Path, scene: dict[str, Any]) -> None:
    """Writes what stays as it is from frame to frame."""
    atomic.write_bytes(run / FOLDER / SCENE, json.dumps(scene, allow_nan=False).encode())


def write_frame(run: Path, number: int, frame: dict[str, Any]) -> None:
    """Writes a frame under its number, from 1, and takes away the ones that are no longer new."""
    atomic.write_bytes(frame_path(run, number), json.dumps(frame, allow_nan=False).encode())
    frame_path(run, number - NEWEST).unlink(missing_ok=True)


def read_scene(run: Path) -> dict[str, Any] | None:
    """What stays as it is, or None where nothing is written yet."""
    return read(run / FOLDER / SCENE)


def has_scene(run: Path) -> bool:
    """Whether a game that is played shows itself."""
    return (run / FOLDER / SCENE).exists()


def frames_after(run: Path, number: int) -> Iterator[dict[str, Any]]:
    """The frames that are there with a higher number, oldest first, each with its ``number``."""
    paths = (path for path in (run / FOLDER).glob("[0-9]*.json") if int(path.stem) > number)
    for path in sorted(paths):
        frame = read(path)
        if frame is not None:  # what is no longer new may be gone by now
            yield {"number": int(path.stem), **frame}


def read(path: Path) -> dict[str, Any] | None:
    """JSON, or None where it is absent."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content


def frame_path(run: Path, number: int) -> Path:
    """Where a frame lies."""
    return run / FOLDER / f"{number:08d}.json"


def clear(run: Path) -> None:
    """Takes everything away: the game is no longer played."""
    going = run / f".{FOLDER}.part"
    try:
        (run / FOLDER).rename(going)  # at once: a mark that is touched meanwhile would keep the folder
    except OSError:
        return
    shutil.rmtree(going, ignore_errors=True)
