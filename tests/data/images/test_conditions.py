"""Pictures made from pictures: the same for the store, for sampling and for what a user brings."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.core.spec import Condition, ConditionKind, PictureSpec
from evenodds.data.doctor import examine
from evenodds.data.images import edges
from evenodds.data.images.arrays import BadPicture, Bytes, Fit
from evenodds.data.images.conditions import MADE, condition_spec, make, read
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.data.store import Store

COLOUR, GREY = PictureSpec(3, 64, 64), PictureSpec(1, 64, 64)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def scene(seed: int, size: int = 64) -> Image.Image:
    """Smooth in its parts with edges between, as photographs are."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    x, y = (int(place) for place in rng.integers(size // 4, size // 2, 2))
    draw.ellipse(
        (x, y, x + size // 3, y + size // 3), fill=tuple(255 - image.getpixel((x, y))[i] for i in range(3))
    )  # type: ignore[index]
    return image


def pixels(image: Image.Image) -> Bytes:
    array = np.asarray(image)
    return np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))


def stream(image: Image.Image, kind: str = "PNG") -> io.BytesIO:
    content = io.BytesIO()
    image.save(content, kind)
    content.seek(0)
    return content


def strokes(size: int, line: int, ground: int, width: int) -> Image.Image:
    """A face in a few strokes."""
    image = Image.new("L", (size, size), ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((size // 8, size // 8, size * 7 // 8, size * 7 // 8), outline=line, width=width)
    draw.arc((size // 3, size // 2, size * 2 // 3, size * 3 // 4), 20, 160, fill=line, width=width)
    return image


def brought(
    kind: ConditionKind, image: Image.Image, spec: PictureSpec = COLOUR, fit: Fit = "crop"
) -> tuple[Bytes, str | None]:
    made, note = read(kind, stream(image), spec, condition_spec(kind, spec), fit)
    assert made.dtype == np.uint8
    assert made.shape == condition_spec(kind, spec).shape
    return made, note


def conditions(store: Store) -> np.ndarray:
    heldout, train = np.arange(store.n_heldout), np.arange(store.n_train)
    parts = (store.conditions("heldout", heldout), store.conditions("train", train))
    return np.concatenate([part for part in parts if part is not None])


def samples(store: Store) -> np.ndarray:
    return np.concatenate([store.heldout(np.arange(store.n_heldout)), store.train(np.arange(store.n_train))])


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("source", ["album", "digits"])
def test_the_store_holds_what_make_makes(kind: ConditionKind, source: str, tmp_path: Path) -> None:
    if source == "album":
        (tmp_path / "mine").mkdir()
        for seed in range(12):
            scene(seed, 80).save(tmp_path / "mine" / f"{seed:02}.png")
        source = str(tmp_path / "mine")
    settings = DataSettings(size=32, channels="color", condition=kind)
    store = prepare(find(source), settings)
    assert isinstance(store.spec, PictureSpec)
    assert store.condition == Condition(kind, condition_spec(kind, store.spec))
    made = np.stack([make(kind, picture) for picture in samples(store)])
    assert np.array_equal(conditions(store), made)
    assert store.facts["given"] == {"kind": kind}
    plain = prepare(find(source), DataSettings(size=32, channels="color"))
    assert np.array_equal(plain.in_file_order(0, 12), store.in_file_order(0, 12))


def test_the_doctor_says_what_is_given(tmp_path: Path) -> None:
    for seed in range(12):
        scene(seed).save(tmp_path / f"{seed:02}.png")
    assert examine(find(str(tmp_path)), DataSettings(size=16, condition="small"))["given"] == {
        "kind": "small"
    }
    assert "given" not in examine(find(str(tmp_path)), DataSettings(size=16))


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("side", [8, 9, 64, 130])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_are_as_said(kind: ConditionKind, side: int, channels: int) -> None:
    picture = pixels(scene(1, side).convert("L" if channels == 1 else "RGB"))
    spec = PictureSpec(channels, side, side)
    if kind == "gray" and channels == 1:
        with pytest.raises(UserError, match="grey already"):
            condition_spec(kind, spec)
        return
    made = make(kind, picture)
    assert made.shape == condition_spec(kind, spec).shape
    assert made.dtype == np.uint8
    assert np.array_equal(make(kind, picture.copy()), made)


def test_grey_pictures_cannot_be_given_grey(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--condition gray: the pictures are grey already"):
        prepare(find("digits"), DataSettings(condition="gray"))


@pytest.mark.parametrize("kind", ["pairs", "labels", "columns"])
def test_what_is_not_made_from_a_picture(kind: ConditionKind) -> None:
    with pytest.raises(ValueError, match="not made from pictures"):
        make(kind, pixels(scene(0)))
    with pytest.raises(ValueError, match="not made from pictures"):
        condition_spec(kind, COLOUR)


def test_outlines_run_along_edges_and_nowhere_else() -> None:
    picture = np.full((3, 64, 64), 40, np.uint8)
    picture[:, 16:48, 20:50] = 200
    lines = make("outlines", picture)[0] > 0
    rows, columns = np.nonzero(lines)
    assert {0, 255} == set(np.unique(make("outlines", picture)))
    near = (
        (np.abs(rows - 15.5) < 2)
        | (np.abs(rows - 47.5) < 2)
        | (np.abs(columns - 19.5) < 2)
        | (np.abs(columns - 49.5) < 2)
    )
    assert near.all()
    assert lines[:, 30].sum() == lines[30].sum() == 2
    assert not make("outlines", np.full((3, 64, 64), 99, np.uint8)).any()


def test_grey_is_the_luma() -> None:
    picture = pixels(Image.new("RGB", (8, 8), (200, 100, 50)))
    assert (make("gray", picture) == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()


def test_small_keeps_the_means_of_areas_and_no_more() -> None:
    flat = np.full((3, 16, 16), 77, np.uint8)
    assert np.array_equal(make("small", flat), flat)
    first, second = flat.copy(), flat.copy()
    first[:, ::2], first[:, 1::2] = 0, 200
    second[:, :, ::2], second[:, :, 1::2] = 200, 0
    assert np.array_equal(make("small", first), make("small", second))
    assert (make("small", first) == 100).all()


def test_a_hole_is_a_rectangle_of_a_quarter_to_half_and_the_rest_is_untouched() -> None:
    starts = set()
    for seed in range(40):
        picture = pixels(scene(seed))
        made = make("masked", picture)
        rows, columns = np.nonzero(made[-1])
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width
        assert 16 <= height <= 32
        assert 16 <= width <= 32
        assert set(np.unique(made[-1])) == {0, 255}
        assert (made[:-1, made[-1] > 0] == 128).all()
        assert np.array_equal(made[:-1, made[-1] == 0], picture[:, made[-1] == 0])
        starts.add((rows.min(), columns.min(), height, width))
    assert len(starts) > 35
    assert min(start[0] for start in starts) < 6
    assert max(start[1] + start[3] for start in starts) > 58


@pytest.mark.parametrize("kind", MADE)
def test_a_picture_at_size_is_taken_as_the_store_takes_it(kind: ConditionKind) -> None:
    image = scene(3)
    made, note = brought(kind, image)
    assert np.array_equal(made, make(kind, pixels(image)))
    said = {"outlines": "its outlines were taken", "masked": "a hole was cut into it"}
    assert note == said.get(kind)


@pytest.mark.parametrize("size", [64, 200, 1500])
@pytest.mark.parametrize(("line", "ground"), [(0, 255), (255, 0), (30, 220), (230, 60)])
def test_a_drawing_is_lines_in_either_polarity(size: int, line: int, ground: int) -> None:
    width = max(1, size // 100)
    expected, _ = brought("outlines", strokes(size, 0, 255, width))
    made, note = brought("outlines", strokes(size, line, ground, width))
    assert np.array_equal(made, expected)
    assert note == (None if size == 64 else f"{size} × {size} px fitted to 64 × 64 px")
    assert 0.02 < (made > 0).mean() < 0.1
    assert made[0, 8, 30:34].any() or made[0, 9, 30:34].any()  # the head's top is where it was drawn
    assert brought("outlines", strokes(size, line, ground, width).convert("RGB"), GREY)[0].shape == (
        1,
        64,
        64,
    )


def test_a_drawing_on_nothing_lies_on_white() -> None:
    ink = strokes(200, 0, 255, 3)
    clear = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    clear.putalpha(Image.fromarray(255 - np.asarray(ink)))
    assert np.array_equal(brought("outlines", clear)[0], brought("outlines", ink)[0])


def test_a_scan_with_soft_lines_in_colour_is_a_drawing() -> None:
    ink = (
        np.asarray(strokes(300, 0, 255, 6).resize((600, 600), Image.Resampling.BICUBIC), float)[..., None]
        / 255
    )
    paper, pen = np.array([240, 235, 220]), np.array([40, 50, 140])
    noise = np.random.default_rng(0).normal(0, 4, (600, 600, 3))
    scan = Image.fromarray((ink * paper + (1 - ink) * pen + noise).clip(0, 255).astype(np.uint8))
    content = stream(scan, "JPEG")
    made, note = read("outlines", content, COLOUR, condition_spec("outlines", COLOUR), "crop")
    assert note == "600 × 600 px fitted to 64 × 64 px"
    assert (made != brought("outlines", strokes(600, 0, 255, 12))[0]).mean() < 0.02


@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("seed", range(5))
def test_outlines_that_were_kept_come_back_as_they_are(side: int, seed: int) -> None:
    spec = PictureSpec(3, side, side)
    lines = make("outlines", pixels(scene(seed, side)))
    for one in (lines, 255 - lines):
        made, note = brought("outlines", Image.fromarray(one[0]), spec)
        assert np.array_equal(made, lines)
        assert note is None
    large = Image.fromarray(255 - lines[0]).resize((side * 8, side * 8), Image.Resampling.BICUBIC)
    made, _ = brought("outlines", large, spec)
    assert 0.85 < (made > 0).sum() / (lines > 0).sum() < 1.2
    for one, other in ((made, lines), (lines, made)):
        assert (distance_transform_edt(one[0] == 0)[other[0] > 0] < 2).mean() > 0.93


@pytest.mark.parametrize("kind", ["scene", "silhouette", "noise", "flat", "stripes"])
def test_what_is_no_drawing_has_its_outlines_taken(kind: str) -> None:
    image = scene(5)
    if kind == "silhouette":
        image = Image.new("L", (64, 64), 255)
        ImageDraw.Draw(image).ellipse((20, 20, 44, 44), fill=0)
    elif kind == "noise":
        image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    elif kind == "flat":
        image = Image.new("L", (64, 64), 70)
    elif kind == "stripes":
        image = Image.fromarray(np.tile(np.repeat(np.array([0, 255], np.uint8), 32), (64, 1)))
    made, note = brought("outlines", image)
    assert np.array_equal(made, make("outlines", pixels(image)))
    assert note == "its outlines were taken"


def test_a_photograph_of_another_shape_is_fitted_and_its_outlines_taken() -> None:
    image = scene(2, 300).crop((0, 0, 300, 200))
    assert brought("outlines", image)[1] == (
        "300 × 200 px fitted to 64 × 64 px (the centre kept); its outlines were taken"
    )
    assert brought("gray", image, fit="pad")[1] == (
        "300 × 200 px fitted to 64 × 64 px (the rest in its edge's mean colour)"
    )
    assert edges.lines_of(image, 64, "crop") is None


def test_transparent_pixels_are_the_hole() -> None:
    image = scene(4, 128).convert("RGBA")
    image.paste((0, 0, 0, 0), (20, 40, 60, 100))
    made, note = brought("masked", image)
    expected = np.zeros((64, 64), bool)
    expected[20:50, 10:30] = True
    assert np.array_equal(made[-1] > 0, expected)
    assert (made[:3, expected] == 128).all()
    assert note == "128 × 128 px fitted to 64 × 64 px; its transparent part is the hole"
    opaque, note = brought("masked", scene(4).convert("RGBA"))
    assert np.array_equal(opaque, make("masked", pixels(scene(4))))
    assert note == "a hole was cut into it"


def test_a_picture_that_is_small_already_is_only_enlarged() -> None:
    image = scene(6)
    tiny = image.resize((16, 16), Image.Resampling.BOX)
    made, note = brought("small", tiny)
    assert np.abs(made.astype(int) - make("small", pixels(image))).max() <= 1
    assert note == "16 × 16 px enlarged to 64 × 64 px"
    assert brought("small", image.resize((32, 32)))[1] == "32 × 32 px fitted to 64 × 64 px"


def test_a_given_half_of_a_pair_is_fitted_to_what_was_trained() -> None:
    made, note = read("pairs", stream(scene(1, 100)), COLOUR, GREY, "crop")
    assert made.shape == (1, 64, 64)
    assert note == "100 × 100 px fitted to 64 × 64 px"
    made, note = read("pairs", stream(scene(1).convert("L")), GREY, COLOUR, "crop")
    assert made.shape == (3, 64, 64)
    assert note is None


@pytest.mark.parametrize("kind", [*MADE, "pairs"])
@pytest.mark.parametrize("content", [b"", b"no picture", stream(scene(0)).getvalue()[:900]])
def test_a_bad_picture_is_bad_and_nothing_else(kind: ConditionKind, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    condition = COLOUR if kind == "pairs" else condition_spec(kind, COLOUR)
    for file in (io.BytesIO(content), tmp_path / "a.png", tmp_path / "not there.png"):
        with pytest.raises(BadPicture):
            read(kind, file, COLOUR, condition, "crop")
