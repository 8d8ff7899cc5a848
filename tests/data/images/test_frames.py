"""Frames and pages: the first by default, with a word on the others, or each a picture of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import GifImagePlugin, Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data.doctor import examine
from evenodds.data.images.arrays import decode
from evenodds.data.images.decoding import Reel, look
from evenodds.data.prepare import prepare
from evenodds.data.source import find

KINDS = {"gif": {}, "webp": {"lossless": True}, "png": {}, "tiff": {}}
STILLS, LONG = 10, 40
LEVELS = (10, 90, 170, 250)


@pytest.fixture
def animations(tmp_path: Path) -> Path:
    """Of each kind one file with a frame of each level, ten that do not move, and a label of each file."""
    lines = ["file_name,kind"]
    for kind, options in KINDS.items():
        first, *others = (Image.new("RGB", (16, 16), (level, 60, 60)) for level in LEVELS)
        first.save(tmp_path / f"many.{kind}", save_all=True, append_images=others, **options)
        lines.append(f"many.{kind},{kind}")
    for index in range(STILLS):
        Image.new("RGB", (16, 16), (200, 60, 60)).save(tmp_path / f"one-{index}.png")
        lines.append(f"one-{index}.png,still")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    return tmp_path


def reds(path: Path, **settings: str) -> list[int]:
    store = prepare(find(str(path)), DataSettings(size=16, **settings))  # type: ignore[arg-type]
    return [int(one[0, 8, 8]) for one in store.in_file_order(0, store.n_train + store.n_heldout)]


def test_the_first_frame_is_taken_and_the_others_are_counted(animations: Path) -> None:
    facts = examine(find(str(animations)), DataSettings(size=16))
    assert facts["count"] == 4 + STILLS
    assert (
        "4 of 14 pictures have more than one frame or page: 12 beside the first are not taken (--frames all)"
        in (facts["notes"])
    )
    np.testing.assert_allclose(reds(animations), [10] * 4 + [200] * STILLS, atol=4)


def test_every_frame_is_a_picture_with_the_label_of_its_file(animations: Path) -> None:
    source, settings = find(str(animations)), DataSettings(size=16, frames="all")
    np.testing.assert_allclose(reds(animations, frames="all"), [*LEVELS * 4, *[200] * STILLS], atol=4)
    labels = prepare(source, settings).labels()
    assert labels is not None
    assert labels["kind"].tolist() == [kind for kind in sorted(KINDS) for _ in LEVELS] + ["still"] * STILLS
    facts = examine(source, settings)
    assert "16 of 26 pictures are frames or pages of files that hold several" in facts["notes"]
    assert facts["near_duplicates"]["groups"] >= 1


def test_a_page_that_is_damaged_is_named_by_its_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, *others = (Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)) for _ in range(3))
    first.save(tmp_path / "a.tiff", save_all=True, append_images=others)
    content = (tmp_path / "a.tiff").read_bytes()
    (tmp_path / "a.tiff").write_bytes(content[:-3_000])
    for index in range(STILLS):
        Image.new("RGB", (16, 16)).save(tmp_path / f"b-{index}.png")
    store = prepare(find(str(tmp_path)), DataSettings(size=16, frames="all"))
    assert store.facts["skipped"] == [{"file": "a.tiff (3)", "reason": "truncated"}]
    assert store.n_train + store.n_heldout == 2 + STILLS


def test_every_frame_is_for_files_of_pictures(animations: Path) -> None:
    with pytest.raises(UserError, match="--frames is for folders and archives of pictures"):
        prepare(find("people"), DataSettings(frames="all"))
    with pytest.raises(UserError, match="--frames all is not for pairs"):
        prepare(find(str(animations)), DataSettings(frames="all", condition="pairs"))


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """Of each kind an animation, each a square elsewhere on what is left of the ones before."""
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(LONG):
        frame = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
        x, y, *color = (int(one) for one in rng.integers(0, 11, 5))
        frame.paste((*(20 * one for one in color), 255), (x, y, x + 6, y + 6))
        frames.append(frame)
    for kind, options in KINDS.items():
        disposal = {"disposal": 1} if kind == "gif" else {}
        frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:], **options, **disposal)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_frames_read_one_after_the_other_are_those_read_alone(kind: str, moving: Path) -> None:
    path = moving / f"a.{kind}"
    with path.open("rb") as file:
        reel = Reel(file)
        for frame in (*range(look(path).frames), 3):
            once = decode(reel, 16, "crop", 4, None, frame)
            np.testing.assert_array_equal(once, decode(path, 16, "crop", 4, None, frame))


def test_the_work_grows_with_the_number_of_frames_and_not_with_its_square(
    moving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in set(KINDS) - {"gif"}:
        (moving / f"a.{kind}").unlink()
    steps = 0
    seek = GifImagePlugin.GifImageFile._seek

    def counted(image: GifImagePlugin.GifImageFile, frame: int, update_image: bool = True) -> None:
        nonlocal steps
        steps += 1
        seek(image, frame, update_image)

    monkeypatch.setattr(GifImagePlugin.GifImageFile, "_seek", counted)
    assert prepare(find(str(moving)), DataSettings(size=16, frames="all")).facts["counts"]["samples"] == LONG
    # Counted, looked through for transparency, and decoded; each frame from the first would be over 1,600.
    assert steps <= 4 * LONG
