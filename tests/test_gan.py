"""The Python face says the same as the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import evenodds
from evenodds.core.errors import UserError
from evenodds.gan import Gan
from tests.conftest import Answer


def test_rows_come_back_as_a_table_and_survive_saving(penguins: Path, tmp_path: Path) -> None:
    gan = Gan(budget="5rounds", width=8).fit(penguins)
    rows = gan.sample(30, seed=3)
    assert isinstance(rows, pd.DataFrame)
    assert list(rows) == ["species", "bill", "flipper", "seen"]
    gan.save(tmp_path / "kept")
    again = Gan.load(tmp_path / "kept")
    pd.testing.assert_frame_equal(again.sample(30, seed=3), rows)
    assert again.verdict is not None
    assert again.verdict["verdict"] == "budget"
    with pytest.raises(UserError, match="there already"):
        gan.save(tmp_path / "kept")


def test_pictures_come_back_as_bytes(photographs: Path) -> None:
    fakes = Gan(budget="2rounds", width=8, size=16, network="dcgan").fit(photographs).sample(5)
    assert isinstance(fakes, np.ndarray)
    assert fakes.shape == (5, 16, 16, 3)
    assert fakes.dtype == np.uint8


def test_it_is_the_command_line_s_own_game(
    penguins: Path, tmp_path: Path, evenodds: Callable[..., Answer]
) -> None:
    Gan(budget="5rounds", width=8, seed=4).fit(penguins, tmp_path / "python")
    shell = ("train", penguins, "--budget", "5rounds", "--width", 8, "--seed", 4, "--out", tmp_path / "shell")
    assert evenodds(*shell).code == 0
    for name in ("generator", "optimizer_d"):
        files = [
            tmp_path / place / "checkpoints" / "best" / f"{name}.safetensors" for place in ("python", "shell")
        ]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_torch_s_own_random_state_and_threads_are_left_alone(penguins: Path) -> None:
    torch.manual_seed(1)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(1)
    Gan(budget="2rounds", width=8).fit(penguins).sample(3)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(UserError, match=r"no setting 'bugdet'.*budget"):
        Gan(bugdet="5s")
    with pytest.raises(ValueError, match="batch"):
        Gan(batch=0)
    with pytest.raises(UserError, match="nothing was trained yet"):
        Gan().sample(3)
    assert evenodds.__version__
