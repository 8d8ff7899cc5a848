"""What many tests stand on: a cache of their own, small sources, and the command line as a user calls it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from evenodds.cli.main import main
from evenodds.core.errors import UserError
from evenodds.export.onnxruntime_web import add_runtime

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHARED = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _small_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One thread, here and in commands, since there is a process of tests a core; and a cache that all tests share."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("EVENODDS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def evenodds(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Calls the command line in this process."""

    def call(*arguments: object) -> Answer:
        with pytest.raises(SystemExit) as leaving:
            main([str(argument) for argument in arguments])
        found = capsys.readouterr()
        return Answer(int(leaving.value.code or 0), found.out, found.err)

    return call


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 small colour pictures: a disc of any colour, anywhere."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :24]
    for place in range(40):
        middle, colour = rng.integers(6, 18, 2), rng.integers(0, 256, 3)
        disc = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < 25
        pixels = np.where(disc[..., None], colour, 230).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{place:02d}.png")
    return folder


@pytest.fixture(scope="session")
def penguins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 120 rows: two kinds, a number with gaps, whole numbers, and dates."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("table") / "penguins.csv"
    lines = ["species,bill,flipper,seen"]
    for place in range(120):
        kind = ("gentoo", "adelie")[place % 2]
        bill = "" if place % 7 == 0 else f"{rng.normal(45 + 5 * (place % 2), 2):.1f}"
        flipper = round(rng.normal(200, 10))
        lines.append(f"{kind},{bill},{flipper},2021-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """Why there can be no page for browsers here (npm is not here, or not online), None where there can."""
    try:
        add_runtime(tmp_path_factory.mktemp("runtime"))
    except UserError as problem:
        return str(problem)
    return None


def mixed(rows: int = 400) -> pd.DataFrame:
    """A table of every kind of column, with gaps."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "height": rng.normal(170, 9, rows).round(1),
            "count": pd.Series(rng.integers(0, 300, rows)).astype("Int64"),
            "sex": pd.Series(rng.choice(["f", "m"], rows), dtype="str"),
            "ok": pd.Series(rng.random(rows) < 0.5).astype("boolean"),
            "day": pd.Series(pd.date_range("2020-01-01", periods=rows)).sample(
                frac=1, ignore_index=True, random_state=0
            ),
        }
    )
    frame.loc[rng.random(rows) < 0.1, ["count", "sex", "ok"]] = None
    return frame


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, one for all tests: two would be two event loops. Skips where there is none."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    from playwright.sync_api import sync_playwright

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # As root, which is what CI is, Chromium has no sandbox.
        sandbox = [] if os.getuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu", *sandbox])
        yield browser
        browser.close()
