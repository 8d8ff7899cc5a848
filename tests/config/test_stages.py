"""At which sides pictures are learnt, and for how long."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from evenodds.config.settings import NetworkSettings
from evenodds.config.stages import stage_ends, stages_of
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, PictureSpec, RowSpec, Span

LARGE = PictureSpec(3, 64, 64)
ROW = RowSpec((Span(0, 3, "number"),))


@pytest.mark.parametrize(
    ("stages", "sides"), [("32,64", (32, 64)), ("16, 32,64", (16, 32, 64)), ("off", ()), ("64", ())]
)
def test_sides_are_read(stages: str, sides: tuple[int, ...]) -> None:
    assert stages_of(NetworkSettings(stages=stages).stages, "dcgan", LARGE) == sides


@pytest.mark.parametrize("stages", ["24,64", "64,32", "4,64", "2,64", "0,64", "32,32,64", "8,128"])
def test_sides_that_cannot_follow_each_other_are_refused(stages: str) -> None:
    with pytest.raises(ValidationError, match="such as 32,64"):
        NetworkSettings(stages=stages)


def test_the_last_side_is_the_pictures_own() -> None:
    with pytest.raises(UserError, match="ends at 32 px where the pictures have 64"):
        stages_of("16,32", "dcgan", LARGE)


def test_only_what_can_be_enlarged_has_stages() -> None:
    with pytest.raises(UserError, match="dcgan or r3gan"):
        stages_of("32,64", "gan", LARGE)
    with pytest.raises(UserError, match="leave it out"):
        stages_of("32,64", "tabular", ROW)
    with pytest.raises(UserError, match="leave it out"):
        stages_of("32,64", "pix2pix", LARGE, Condition("outlines", PictureSpec(1, 64, 64)))


@pytest.mark.parametrize("stages", ["fine", "32;64", "32,-64", ",", "3.5,7"])
def test_what_is_no_list_of_sides_is_refused(stages: str) -> None:
    with pytest.raises(ValidationError, match="no sides in pixels"):
        NetworkSettings(stages=stages)


def test_each_stage_has_a_share_of_the_budget() -> None:
    assert stage_ends(1) == [1.0]
    assert stage_ends(3) == sorted(stage_ends(3))
    assert stage_ends(3)[-1] == 1.0
