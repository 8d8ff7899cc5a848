"""Pictures that a user names: a file gives what the same file gives in a folder."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.spec import PictureSpec
from evenodds.data.inputs import pictures_from


@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_gives_what_it_gives_in_a_folder(tmp_path: Path, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels if channels == 3 else pixels[..., 0]).save(tmp_path / "one.png")
    found = []
    for place in (tmp_path / "one.png", tmp_path):
        parts = list(pictures_from(str(place), PictureSpec(channels, 8, 8), DataSettings(), pytest.fail))
        assert len(parts) == 1
        found.append(parts[0][1])
    assert np.array_equal(*found)
    assert all(block.flags.writeable for block in found)
    with warnings.catch_warnings(action="error"):
        assert [torch.from_numpy(block).shape for block in found] == [(1, channels, 8, 8)] * 2
