import csv
import io
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageColor
from sklearn.neural_network import MLPClassifier

from evenodds.core.errors import UserError
from evenodds.data.builtin import faces

LEVELS = {
    "glasses": {"yes", "no"},
    "beard": {"yes", "no"},
    "hair_colour": {"black", "brown", "blond", "red", "grey"},
    "hair_length": {"short", "long"},
    "skin": {"light", "medium", "dark"},
    "facing": {"left", "right"},
}


def pixels(png: bytes, side: int = faces.SIDE) -> npt.NDArray[np.float32]:
    """RGB pixels in [0, 1], (side, side, 3)."""
    picture = Image.open(io.BytesIO(png))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (faces.SIDE, faces.SIDE))
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX), dtype=np.float32) / np.float32(255)


def share(png: bytes, colour: str) -> float:
    """The share of the pixels that have exactly this colour."""
    drawn = np.asarray(Image.open(io.BytesIO(png)))
    return float((drawn == np.array(ImageColor.getrgb(colour), dtype=np.uint8)).all(axis=2).mean())


def test_attributes_have_the_documented_columns_and_every_level_occurs() -> None:
    seen = [faces.attributes_of(index) for index in range(200)]
    assert all(list(attributes) == list(LEVELS) for attributes in seen)
    assert {name: {attributes[name] for attributes in seen} for name in LEVELS} == LEVELS


def test_attributes_come_in_their_shares_and_independently() -> None:
    seen = [faces.attributes_of(index) for index in range(faces.COUNT)]
    for name, shares in faces.ATTRIBUTES.items():
        counted = {level: np.mean([row[name] == level for row in seen]) for level in shares}
        assert counted == pytest.approx(shares, abs=0.02)
    dummies = np.array([[float(row[name] == next(iter(LEVELS[name]))) for name in LEVELS] for row in seen])
    assert np.abs(np.corrcoef(dummies.T) - np.eye(len(LEVELS))).max() < 0.04


def test_portraits_are_deterministic_and_differ() -> None:
    drawn = [faces.portrait(index) for index in range(40)]
    assert [faces.portrait(index) for index in range(40)] == drawn
    assert len({png for png, _ in drawn}) == 40


def test_the_picture_has_the_colours_its_attributes_name() -> None:
    for index in range(40):
        png, attributes = faces.portrait(index)
        hair = {name: share(png, colour) for name, colour in faces.HAIR_COLOURS.items()}
        skin = {name: share(png, colour) for name, colour in faces.SKINS.items()}
        assert hair.pop(attributes["hair_colour"]) > 0.01
        assert skin.pop(attributes["skin"]) > 0.01
        assert max(*hair.values(), *skin.values()) < 0.001


def test_facing_left_is_the_mirror_of_facing_right() -> None:
    for index in range(8):
        attributes = faces.attributes_of(index)
        left = pixels(faces.draw(attributes | {"facing": "left"}, index))
        right = pixels(faces.draw(attributes | {"facing": "right"}, index))
        assert np.abs(left[:, ::-1] - right).mean() < 0.005
        assert np.abs(left - right).mean() > 0.05


@pytest.mark.parametrize("facing", ["left", "right"])
def test_the_ear_and_neck_lie_behind_the_beard_of_a_head_that_is_turned(facing: str) -> None:
    for index in range(8):
        attributes = faces.attributes_of(index) | {"hair_length": "short", "facing": facing}
        worn = faces.draw(attributes | {"beard": "yes"}, index)
        bare = faces.draw(attributes | {"beard": "no"}, index)
        beard = (pixels(worn) != pixels(bare)).any(axis=2)
        skin = np.asarray(Image.open(io.BytesIO(worn))) == np.array(
            ImageColor.getrgb(faces.SKINS[attributes["skin"]])
        )
        rows = beard.any(axis=1)
        ear_and_neck = np.nonzero(skin.all(axis=2) & rows[:, None])[1].mean()
        ahead = np.nonzero(beard)[1].mean() - ear_and_neck
        assert ahead > 4 if facing == "right" else ahead < -4


@pytest.mark.parametrize(("name", "reach"), [("glasses", 0.15), ("beard", 0.3)])
def test_an_attribute_changes_that_part_of_the_picture_only(name: str, reach: float) -> None:
    for index in range(8):
        attributes = faces.attributes_of(index)
        with_it = pixels(faces.draw(attributes | {name: "yes"}, index))
        without = pixels(faces.draw(attributes | {name: "no"}, index))
        changed = (with_it != without).any(axis=2).mean()
        assert 0.005 < changed < reach


def test_draw_into_writes_pictures_rows_and_licence(tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    faces.draw_into(tmp_path, 40, lambda *call: calls.append(call))
    names = [f"{index:06d}.png" for index in range(40)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "LICENCE.txt", "metadata.csv"])
    with (tmp_path / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for index, (name, row) in enumerate(zip(names, rows, strict=True)):
        png, attributes = faces.portrait(index)
        assert row == {"file_name": name, **attributes}
        assert (tmp_path / name).read_bytes() == png
    assert calls == [("drawing faces", done, 40) for done in range(1, 41)]
    assert (tmp_path / "LICENCE.txt").read_text(encoding="utf-8").strip() == faces.LICENCE


def test_the_licence_names_what_the_style_asks_for() -> None:
    meta = json.loads(files("dicebear_styles").joinpath("micah.json").read_text(encoding="utf-8"))["meta"]
    for part in ("license", "creator", "source"):
        assert meta[part]["name"] in faces.LICENCE
        assert meta[part]["url"] in faces.LICENCE
    assert "remixed" in faces.LICENCE


def test_wrong_calls_are_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="existing empty folder"):
        faces.draw_into(tmp_path / "missing", 1)
    with pytest.raises(UserError, match="at least 1"):
        faces.draw_into(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(UserError, match="existing empty folder"):
        faces.draw_into(tmp_path, 1)
    with pytest.raises(UserError, match="count from 0"):
        faces.portrait(-1)
    with pytest.raises(UserError, match="skin to be one of light, medium, dark"):
        faces.draw(faces.attributes_of(0) | {"skin": "green"}, 0)


@pytest.mark.slow
def test_a_small_network_reads_every_attribute_from_32_pixels() -> None:
    drawn = [faces.portrait(index) for index in range(800)]
    flat = np.stack([pixels(png, 32).ravel() - 0.5 for png, _ in drawn])
    for name in LEVELS:
        levels = np.array([attributes[name] for _, attributes in drawn])
        # Not a linear one: whether a beard is lighter or darker than the skin depends on both colours.
        reader = MLPClassifier((64,), max_iter=400, random_state=0).fit(flat[:600], levels[:600])
        assert reader.score(flat[600:], levels[600:]) >= 0.9, name
