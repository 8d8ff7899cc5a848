"""Every page of the studio, and the pages that are exported, on rectangles with transparency."""

from __future__ import annotations

import base64
import gc
import importlib.util
import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the extra studio is not installed")

from starlette.requests import Request

from evenodds import Gan
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import on_checkerboard, straight
from evenodds.data.images.arrays import to_image, to_pictures
from evenodds.export.space import export_space
from evenodds.judge.train import judge_of
from evenodds.studio import play_view, stage_view, steer_view
from evenodds.studio.app import build
from evenodds.studio.cache import CPU
from evenodds.studio.i18n import speaker
from evenodds.studio.pages import draw, few_faces, how
from evenodds.studio.server import RunFiles
from evenodds.studio.state import Studio
from tests.test_rectangles import SMALL

pytestmark = pytest.mark.medium

SAY = speaker("en")
WIDE = (24, 16)
CUT = Image.new("RGBA", WIDE, (255, 0, 0, 0))
CUT.paste((0, 0, 255, 255), (4, 4, 14, 12))
"""A picture of one's own: a blue box, and red where nobody sees it."""


def badges(folder: Path) -> Path:
    """40 rectangles, a disc of any color on nothing, in a subfolder for each half that it lies in."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :24]
    for index in range(40):
        disc = (y - rng.integers(5, 11)) ** 2 + (x - 6 - 11 * (index % 2)) ** 2 < 20
        pixels = np.concatenate(
            [np.broadcast_to(rng.integers(0, 256, 3), (16, 24, 3)), 255 * disc[..., None]], -1
        )
        path = folder / ("left", "right")[index % 2] / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A studio with fakes of noise, and with fakes of outlines."""
    runs, source = tmp_path_factory.mktemp("runs"), badges(tmp_path_factory.mktemp("badges"))
    Gan(network="dcgan", size=WIDE, **SMALL).fit(source, runs / "badges")
    Gan(condition="outlines", network="pix2pix", size=WIDE, **SMALL).fit(source, runs / "lines")
    return Studio(runs, local=True)


@pytest.fixture(scope="module")
def pages(studio: Studio) -> Callable[..., Any]:
    """What the pages answer, by the name of an endpoint: the last of what is answered bit by bit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # gradio leaves an event loop open
        endpoints = {one.api_name: one.fn for one in build(studio, "en").fns.values()}
        gc.collect()

    def call(name: str, *arguments: Any) -> Any:
        answer = endpoints[name](*arguments)
        return list(answer)[-1] if hasattr(answer, "__next__") else answer

    return call


@pytest.fixture
def upload(tmp_path: Path) -> str:
    """The path of one's own picture."""
    CUT.save(tmp_path / "cut.png")
    return str(tmp_path / "cut.png")


def inlined(page: str) -> list[Image.Image]:
    """The pictures of a page, in their order."""
    return [
        Image.open(io.BytesIO(base64.b64decode(content)))
        for content in re.findall(r"data:image/\w+;base64,([\w+/=]+)", page)
    ]


def sees_through(image: Image.Image) -> bool:
    """Whether a picture is transparent somewhere and not everywhere."""
    return image.mode == "RGBA" and 0 < (np.asarray(image)[..., 3] < 128).mean() < 1


def fakes_of(studio: Studio, count: int) -> list[Image.Image]:
    """The first fakes as files hold them."""
    steer = studio.cache.steer(studio.run("badges"))
    return [to_image(one) for one in to_pictures(steer.generate(steer.latents(range(count))))]


def small(image: Image.Image) -> Any:
    """A picture that was enlarged by repeating pixels, as it was."""
    times = image.height // WIDE[1]
    assert image.size == (times * WIDE[0], times * WIDE[1])
    return np.asarray(image)[::times, ::times]


def test_play_shows_fakes_and_reals_with_their_alpha(studio: Studio, pages: Callable[..., Any]) -> None:
    [sheet] = inlined(pages("sample", "badges", 6, 0, ""))
    assert sheet.size == (6 * (4 * 24 + 2) - 2, 4 * 16)
    fakes = Gan.load(studio.root / "badges").sample(6)
    np.testing.assert_array_equal(np.asarray(sheet)[:64:4, : 4 * 24 : 4], fakes[0])
    run = studio.run("badges")
    pin = play_view.pinned(SAY, run, list(run.samples("png"))[-1])
    assert small(inlined(pin)[0]).shape == (16, 24, 4)
    request = Request({"type": "http", "path_params": {"name": "badges"}})
    answer = RunFiles(studio).real_sheet(request)
    assert sees_through(Image.open(io.BytesIO(bytes(answer.body))))


def test_steer_shows_fakes_with_their_alpha(
    studio: Studio, pages: Callable[..., Any], upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STEPS", "DESCENT"):
        monkeypatch.setattr(f"evenodds.steer.inversion.{name}", 20)
    fakes = fakes_of(studio, 4)
    thumbs = steer_view.thumbnails(studio, studio.cache.steer(studio.run("badges")))
    times = steer_view.SIDE // 24
    for (image, _), fake in zip(thumbs, fakes, strict=False):
        large = fake.resize((24 * times, 16 * times), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(np.asarray(image), np.asarray(on_checkerboard(large)))
    opened = stage_view.answer(studio, SAY, ["open", "badges", {}])
    np.testing.assert_array_equal(small(inlined(opened["thumbs"][1])[0]), np.asarray(fakes[1]))
    moved = pages("steer", "badges", "0 1", None, [], *[0.0] * 10)
    [sheet] = inlined(moved)
    np.testing.assert_array_equal(np.asarray(sheet)[: 5 * 16 : 5, : 5 * 24 : 5], np.asarray(fakes[0]))
    summed = pages("sum_of_seeds", "badges", "0", "1", "2")
    assert [small(one).shape for one in inlined(summed)] == [(16, 24, 4)] * 4
    film, file = pages("walk", "badges", "0 1", 8, True, False)
    [image] = inlined(film)
    assert (image.size, image.n_frames) == ((24 * 16, 16 * 16), 8)
    corner = {image.convert("RGB").getpixel((x, 0)) for x in range(16)}
    assert Path(file).suffix == ".gif"
    assert len(corner) > 1, "a checkerboard"
    picture, note = pages("invert", "badges", upload, False)
    assert "0." in note
    pages("steer", "badges", "0", picture, [], *[0.0] * 10)


def test_draw_takes_a_picture_with_alpha_and_paints_one(
    studio: Studio, pages: Callable[..., Any], upload: str
) -> None:
    before, after = inlined(pages("draw", "lines", upload))
    assert small(before).shape == small(after).shape == (16, 24, 4)
    assert draw.shaper(studio)("lines") == [512, 341]
    content = io.BytesIO()
    Image.new("RGB", (512, 341), "white").save(content, "PNG")
    drawing = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    painted = draw.painter(studio, SAY)(["lines", drawing])
    assert small(inlined(painted["image"])[0]).shape == (16, 24, 4)


def test_judge_shows_a_picture_beside_the_nearest_reals(
    studio: Studio, pages: Callable[..., Any], upload: str
) -> None:
    judge_of(studio.run("badges"), CPU)
    answer = pages("judge", "badges", "", upload)
    sheet = inlined(answer)[-1]
    times = sheet.height // 16
    first = np.asarray(sheet)[::times, : 24 * times : times]
    np.testing.assert_array_equal(first[..., 3], np.asarray(CUT)[..., 3])
    assert (first[6, 8] == (0, 0, 255, 255)).all()
    assert sees_through(sheet.crop((sheet.width - 24 * times, 0, sheet.width, sheet.height)))
    [real] = Gan.load(studio.root / "badges").judge(np.asarray(CUT)[None])["percent_real"]
    assert f"{real:.0f}" in answer


def test_how_shows_maps_and_what_lies_between_noise_and_a_fake(studio: Studio) -> None:
    run = studio.run("badges")
    judge = judge_of(run, CPU)
    grows, looks, pools = how.maps_of(studio, SAY, run, 0)
    fake = fakes_of(studio, 1)[0]
    for page in (grows, looks):
        assert any(one.mode == "RGBA" and (small(one) == fake).all() for one in inlined(page))
    assert inlined(pools)[0].size == (128, 85)
    nearest = few_faces.nearest_fake(studio, run)
    fakes = Gan.load(run.path).sample(few_faces.FAKES)
    assert (nearest[0] == fakes[few_faces.distances(judge, fakes).argmin()]).all()
    shown = inlined(few_faces.between(studio, SAY, run, 1.0))[0]
    np.testing.assert_array_equal(small(shown), straight(judge.encode(nearest).transpose(0, 2, 3, 1))[0])


def test_a_space_shows_what_sampling_gives(studio: Studio, tmp_path: Path) -> None:
    run = studio.run("badges")
    studio.cache.steer(run).discover(1, "weights")
    app = app_of(export_space(run, tmp_path / "space"))
    np.testing.assert_array_equal(app.sample(2, 0, None), Gan.load(run.path).sample(2))
    for (image, _), fake in zip(app.steer(0, 0.0), fakes_of(studio, 8), strict=True):
        large = fake.resize((240, 160), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(np.asarray(image), np.asarray(on_checkerboard(large)))
    lines = app_of(export_space(studio.run("lines"), tmp_path / "lines"))
    assert lines.MODE == "RGBA"
    assert lines.sample(1, 0, np.asarray(CUT))[0].shape == (16, 24, 4)
    assert studio.run("lines").spec == PictureSpec(4, 16, 24)


def app_of(folder: Path) -> Any:
    """A Space's app as a module, not yet served."""
    spec = importlib.util.spec_from_file_location(f"app_{folder.name}", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
