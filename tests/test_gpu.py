"""What runs on a GPU alone; skipped where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from .conftest import Answer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU")


@pytest.mark.parametrize("network", ["gan", "dcgan", "r3gan"])
def test_pictures_train_resume_and_sample_on_a_gpu(
    network: str, photographs: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    out = tmp_path / "run"
    command = (
        "train",
        photographs,
        "--out",
        out,
        "--size",
        32,
        "--network",
        network,
        "--device",
        "cuda",
        "--json",
    )
    assert evenodds(*command, "--budget", "5rounds").code == 0
    verdict = json.loads(evenodds(*command, "--budget", "20rounds").out)
    assert verdict["rounds"] == 20
    assert 0 <= verdict["evidence"]["odds"] <= 1
    # A run that was trained on a GPU is sampled without one.
    assert evenodds("sample", out, "-n", 4, "--to", tmp_path / "x.png", "--device", "cpu").code == 0
    with Image.open(tmp_path / "x.png") as sheet:
        assert sheet.width > 32


def test_rows_train_on_a_gpu(penguins: Path, tmp_path: Path, evenodds: Callable[..., Answer]) -> None:
    out = tmp_path / "run"
    assert evenodds("train", penguins, "--out", out, "--device", "cuda", "--budget", "20rounds").code == 0
    assert evenodds("sample", out, "-n", 9, "--to", tmp_path / "x.csv", "--device", "cuda").code == 0
    assert len(pd.read_csv(tmp_path / "x.csv")) == 9
