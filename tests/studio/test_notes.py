"""What is said of data is said in Korean too, with its facts: what tables and pictures really give rise to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.studio.i18n import speaker
from evenodds.studio.translate import translate

KO = speaker("ko")
HANGUL = re.compile("[가-힣]")


def noted(source: Path, **settings: Any) -> list[str]:
    """The notes and the reasons of what was skipped."""
    facts = prepare(find(str(source)), DataSettings(**settings)).facts
    return [*facts["notes"], *(one["reason"] for one in facts["skipped"])]


def table(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b", "c"], 400)
    start = rng.integers(1, 40, 400)
    frame = pd.DataFrame(
        {
            "id": [f"C{row:04}" for row in range(400)],
            "row": range(400),
            "kind": kind,
            "code": np.char.upper(kind),
            "group": np.where(kind == "a", "x", "y"),
            "one": "same",
            "start": start,
            "end": start + rng.integers(0, 3, 400) * rng.integers(0, 9, 400),
            "twice": 2 * start,
            "never": np.nan,
            "gap": np.where(rng.random(400) < 0.1, "n/a", rng.normal(size=400).round(3).astype(str)),
            "mixed": [*map(str, rng.normal(size=398).round(3)), "unclear", "none of them"],
            "left": 1.5 * start,
        }
    )
    path = folder / "table.csv"
    frame.to_csv(path, index=False, encoding="utf-16")
    return path


def pictures(folder: Path) -> Path:
    rng, made = np.random.default_rng(1), folder / "pictures"
    made.mkdir()
    for index in range(30):
        pixels = rng.integers(0, 256, (20, 30 if index % 3 else 20, 4), np.uint8)
        Image.fromarray(pixels).save(made / f"{index:02}.png")
    frames = [Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)) for _ in range(3)]
    frames[0].save(made / "film.gif", save_all=True, append_images=frames[1:])
    (made / "empty.png").touch()
    (made / "text.png").write_text("no picture")
    (made / "readme.txt").write_text("not read")
    Image.fromarray(rng.integers(0, 256, (90, 90), np.uint8)).save(made / "cut.png")
    (made / "cut.png").write_bytes((made / "cut.png").read_bytes()[:-2_000])
    pd.DataFrame({"file": ["00.png", "00.png", "ghost.png"], "label": [1, 2, 3]}).to_csv(
        made / "metadata.csv", index=False
    )
    return made


@pytest.mark.parametrize(
    ("make", "settings", "least"),
    [
        (table, {"exclude": ("left",)}, 10),
        (pictures, {"size": 32, "channels": "color"}, 7),
        (pictures, {"size": 32, "fit": "pad", "frames": "all"}, 6),
        (pictures, {"size": "auto", "fit": "stretch"}, 6),
    ],
)
def test_every_note_is_said_in_korean(
    make: Any, settings: dict[str, Any], least: int, tmp_path: Path
) -> None:
    notes = noted(make(tmp_path), **settings)
    assert len(notes) >= least
    untranslated = [note for note in notes if not HANGUL.search(translate(KO, note))]
    assert untranslated == []
    for note in notes:
        assert translate(speaker("en"), note) == note
        numbers = re.findall(r"\d+", note)
        assert sorted(re.findall(r"\d+", translate(KO, note))) == sorted(numbers), "no figure is lost"
