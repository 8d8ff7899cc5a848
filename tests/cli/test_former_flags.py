"""The flags of versions before 0.2 mean what they meant, in every command, for one more release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evenodds.cli.former_flags import translate
from evenodds.config.data_settings import DataSettings
from evenodds.config.settings import GameSettings, NetworkSettings, PlanSettings
from tests.conftest import Answer


@pytest.mark.parametrize(
    ("former", "now"),
    [
        (["train", "people", "--rate-d", "1e-3"], ["train", "people", "--lr-d", "1e-3"]),
        (["train", "x", "--end=proof"], ["train", "x", "--stop=early"]),
        (["train", "x", "--end", "proof"], ["train", "x", "--stop", "early"]),
        (["train", "x", "--given", "grey"], ["train", "x", "--condition", "gray"]),
        (["train", "x", "--channels", "colour"], ["train", "x", "--channels", "color"]),
        (["sample", "run", "--to", "grey"], ["sample", "run", "--out", "grey"]),
        (
            ["export", "run", "--to", "onnx", "--licence=mit"],
            ["export", "run", "--format", "onnx", "--license=mit"],
        ),
        (
            ["steer", "find", "run", "export", "--to", "x.png"],
            ["steer", "find", "run", "export", "--out", "x.png"],
        ),
    ],
)
def test_a_former_flag_is_read_as_the_one_of_now(former: list[str], now: list[str]) -> None:
    assert translate(former) == now


def test_a_former_flag_is_played_and_named(evenodds: Callable[..., Answer], tmp_path: Path) -> None:
    answer = evenodds(
        "train", "people", "--out", tmp_path / "run", "--budget", "2rounds", "--end", "budget", "--turns-d", 3
    )
    assert answer.code == 0, answer.err
    assert "--end is now --stop" in answer.err
    assert "--turns-d is now --d-steps" in answer.err
    settings = json.loads((tmp_path / "run" / "recipe.json").read_text())["settings"]
    assert settings["plan"]["stop"] == "budget"
    assert settings["game"]["d_steps"] == 3


def test_help_does_not_list_them(evenodds: Callable[..., Answer]) -> None:
    told = evenodds("train", "--help").out
    assert "--lr-d" in told
    assert "--rate-d" not in told


def test_a_recipe_of_before_is_read() -> None:
    assert GameSettings.model_validate({"rate_d": 1e-4, "half_life": 9}) == GameSettings(
        lr_d=1e-4, ema_half_life=9
    )
    assert PlanSettings.model_validate({"end": "proof"}).stop == "early"
    assert NetworkSettings.model_validate({"join": "concat"}).conditioning == "concat"
    former = DataSettings.model_validate({"given": "grey", "channels": "colour", "leave_out": ["name"]})
    assert former == DataSettings(condition="gray", channels="color", exclude=("name",))
