"""Sizes of pictures: what is read as one, what networks can grow to, and what is chosen for pictures of many sizes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenodds.config.data_settings import DataSettings
from evenodds.config.settings import NetworkSettings, Recipe
from evenodds.config.sizes import as_setting, automatic, find_start, nearest_sizes, read_size, start_of
from evenodds.config.stages import stages_of
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec, sides_of

SIDES = st.integers(8, 1024)


@pytest.mark.parametrize(
    ("value", "setting", "pixels"),
    [
        (64, 64, 64),
        ("64", 64, 64),
        ("64x64", 64, 64),
        ((64, 64), 64, 64),
        ("256x144", "256x144", (256, 144)),
        (" 256 X 144 ", "256x144", (256, 144)),
        ("256×144", "256x144", (256, 144)),
        ((256, 144), "256x144", (256, 144)),
        ([24, 16], "24x16", (24, 16)),
        ("Auto", "auto", None),
        (None, None, None),
    ],
)
def test_a_size_is_read_in_every_spelling(value: Any, setting: Any, pixels: Any) -> None:
    settings = DataSettings(size=value)
    assert settings.size == setting
    assert type(settings.size) is type(setting)
    assert settings.pixels == pixels
    assert DataSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    "value",
    ["256x", "x144", "0x5", "17x3", "2000x8", "8x8x8", "", "x", "-8x8", "8.5", True, 4, 2000, (8,) * 3],
)
def test_what_is_no_size_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"256x144|greater than or equal to 8"):
        DataSettings(size=value)


def test_a_square_stands_in_a_recipe_as_it_did_before() -> None:
    assert '"size":64' in Recipe(data=DataSettings(size="64x64")).model_dump_json()
    assert '"size":"64x32"' in Recipe(data=DataSettings(size=(64, 32))).model_dump_json()


@given(SIDES, SIDES)
def test_what_is_read_is_written_and_read_again(width: int, height: int) -> None:
    setting = read_size((width, height))
    assert setting == as_setting(width, height) == read_size(str(setting))
    assert sides_of(DataSettings(size=setting).pixels or 0) == (width, height)


@given(st.integers(4, 40), st.integers(4, 9), st.integers(1, 6), st.booleans())
def test_a_rectangle_of_few_places_is_taken_apart_again(
    longer: int, shorter: int, k: int, upright: bool
) -> None:
    height, width = (longer, shorter) if upright else (shorter, longer)
    if height == width or (min(height, width) >= 8 and not (height | width) & 1):
        return
    start = start_of(width << k, height << k)
    assert (start.width << start.doublings, start.height << start.doublings) == (width << k, height << k)
    assert start.doublings >= k


@given(SIDES, SIDES)
def test_a_size_that_cannot_be_grown_to_is_refused_with_two_that_can(width: int, height: int) -> None:
    start = find_start(width, height)
    if start is not None:
        assert min(start.places) in range(4, 10)
        assert (start.width << start.doublings, start.height << start.doublings) == (width, height)
        return
    with pytest.raises(UserError, match=f"^--size {as_setting(width, height)}: ") as refusal:
        start_of(width, height)
    for one in nearest_sizes(width, height):
        assert find_start(*one) is not None
        assert str(as_setting(*one)) in str(refusal.value)
        assert all(
            abs(math.log(mine / its)) < math.log(2) for mine, its in zip(one, (width, height), strict=True)
        )


def test_nearest_sizes_are_the_nearest() -> None:
    every = [(x, y) for x in range(8, 200) for y in range(8, 120) if find_start(x, y)]
    for asked in [(50, 30), (17, 9), (130, 70), (101, 33)]:
        off = sorted(sum(abs(math.log(a / b)) for a, b in zip(one, asked, strict=True)) for one in every)
        mine = [
            sum(abs(math.log(a / b)) for a, b in zip(one, asked, strict=True))
            for one in nearest_sizes(*asked)
        ]
        assert mine == pytest.approx(off[:2])


@pytest.mark.parametrize(
    ("aspect", "chosen"),
    [((1, 1), 64), ((16, 9), (88, 48)), ((3, 2), (72, 48)), ((4, 3), (64, 48)), ((9, 16), (48, 88))],
)
def test_a_size_of_about_as_many_pixels_is_chosen_by_the_aspect(aspect: tuple[int, int], chosen: Any) -> None:
    assert automatic([aspect], 64).size == chosen


def test_the_most_frequent_aspect_decides_whatever_the_pictures_sizes() -> None:
    sizes = [(4000, 3000), (3000, 4000), (640, 480), (641, 480), (500, 500)]
    assert automatic(sizes, 64) == ((64, 48), 3)


@given(SIDES, SIDES, st.sampled_from([8, 16, 32, 64, 128]))
def test_every_network_can_make_what_is_chosen(width: int, height: int, side: int) -> None:
    wide, high = sides_of(automatic([(width, height)], side).size)
    assert start_of(wide, high)
    assert side**2 / 2 <= wide * high <= 2 * side**2
    if 1 / 3.5 <= width / height <= 3.5 and side >= 32:
        assert abs(math.log(width * high / height / wide)) < 0.2


def test_stages_of_a_rectangle_are_those_of_its_shorter_side() -> None:
    spec = PictureSpec(3, 72, 128)
    assert stages_of("36,72", "dcgan", spec) == (36, 72)
    assert spec.at_side(36) == PictureSpec(3, 36, 64)
    assert NetworkSettings(stages="36,72").sides == (36, 72)
    with pytest.raises(UserError, match="ends at 128 px where the shorter side of the pictures has 72"):
        stages_of("64,128", "dcgan", spec)
    with pytest.raises(UserError, match="shorter side of 8 px have no whole number of pixels"):
        stages_of("8,64", "dcgan", PictureSpec(3, 64, 100))
