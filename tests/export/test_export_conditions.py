"""Every kind of condition travels: opened by onnxruntime, from a hub folder, and as a page in Chromium."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from evenodds.core.errors import UserError
from evenodds.core.spec import ConditionKind
from evenodds.data.images import conditions
from evenodds.data.images.arrays import to_pictures, to_tensor
from evenodds.data.tables.codec import TableCodec
from evenodds.export.browser import export_browser
from evenodds.export.hub import export_hub
from evenodds.export.onnx import TOLERANCE, export_onnx, players, ports, write
from evenodds.export.onnxruntime_web import unpack
from evenodds.gan import Gan
from evenodds.runs.run import Run
from evenodds.runs.sample import load_generator
from evenodds.steer.editor import LatentEditor
from tests.conftest import mixed

CPU = torch.device("cpu")
SIZE = 16
SMALL: dict[str, Any] = {"budget": "2rounds", "width": 8, "latent": 8, "head_start": 0, "batch": 8, "seed": 3}
GAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "labels": ("classes", {"condition": "labels", "network": "dcgan", "size": SIZE}),
    "columns": ("penguins", {"condition": "species,flipper"}),
    "pairs": ("pairs", {"condition": "pairs", "size": SIZE, "network": "resunet"}),
    "unpaired": ("pairs", {"condition": "unpaired", "size": SIZE}),
    "outlines": ("photographs", {"condition": "outlines", "size": SIZE, "network": "pix2pix"}),
    "gray": ("photographs", {"condition": "gray", "size": SIZE, "network": "resunet"}),
    "small": ("photographs", {"condition": "small", "size": SIZE, "network": "resunet"}),
    "masked": ("photographs", {"condition": "masked", "size": SIZE, "network": "resunet"}),
}
PLAIN = {"rows": ("penguins", {}), "pictures": ("photographs", {"network": "dcgan", "size": SIZE})}

Exported = Callable[[str], tuple[Run, Path]]


def save(pixels: NDArray[Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, photographs: Path, penguins: Path, runtime: str | None
) -> Exported:
    """A short game and its page, or its ONNX files where there can be no page, made when first asked for."""
    sources = tmp_path_factory.mktemp("sources")
    rng = np.random.default_rng(0)
    for number in range(24):
        for place, low in (("dark", 0), ("light", 180)):
            save(rng.integers(low, low + 60, (20, 20, 3)), sources / "classes" / place / f"{number}.png")
        picture = rng.integers(0, 256, (4, 4, 3)).repeat(5, 0).repeat(5, 1)
        save(picture, sources / "pairs" / "A" / f"{number}.png")
        save(255 - picture.mean(2), sources / "pairs" / "B" / f"{number}.png")
    known = {"photographs": photographs, "penguins": penguins}
    done: dict[str, tuple[Run, Path]] = {}

    def export(game: str) -> tuple[Run, Path]:
        if game not in done:
            name, more = {**GAMES, **PLAIN}[game]
            folder = tmp_path_factory.mktemp("run")
            gan = Gan(**{**SMALL, **more}).fit(known.get(name, sources / name), folder / "run")
            run = gan.fitted()
            done[game] = run, (export_onnx if runtime else export_browser)(run, folder / "out")
        return done[game]

    return export


@pytest.mark.slow
@pytest.mark.parametrize("kind", GAMES)
def test_every_condition_s_network_is_the_same_in_onnxruntime(
    kind: str, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, folder = exported(kind)
    facts = json.loads((folder / "model.json").read_text("utf-8"))
    assert facts["condition"]["kind"] == kind
    path = str(folder / "generator.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    c = known_conditions(run)[:5]
    count = len(c)
    feeds = {"z": torch.randn(count, 8), "c": c}
    for one in session.get_inputs():
        if one.name == "noise":
            feeds["noise"] = torch.rand(count, one.shape[1])
    numbers = iter(feeds["noise"].split(1, dim=1)) if "noise" in feeds else iter(())

    def next_numbers(like: Tensor) -> Tensor:
        return torch.cat([next(numbers) for _ in range(like[0].numel())], dim=1).reshape(like.shape)

    def dropped(x: Tensor, p: float, training: bool) -> Tensor:
        assert training
        return torch.where(next_numbers(x) < p, 0.0, x / (1 - p))

    def chosen(logits: Tensor, tau: float, hard: bool) -> Tensor:
        assert hard
        best = (logits - (-next_numbers(logits).log()).log()).argmax(1)
        return torch.eye(logits.shape[1])[best]

    monkeypatch.setattr(nn.functional, "dropout", dropped)
    monkeypatch.setattr(nn.functional, "gumbel_softmax", chosen)
    expected = load_generator(run, CPU)(feeds["z"], c)
    assert next(numbers, None) is None
    found = session.run(None, {name: value.numpy() for name, value in feeds.items()})[0]
    assert found.shape == (count, *run.spec.shape)
    assert found == pytest.approx(expected.numpy(), abs=1e-4)
    if kind == "columns":
        assert run.condition is not None
        assert found[:, list(run.condition.places)] == pytest.approx(c.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "pairs", "outlines"])
def test_a_discriminator_that_is_told_the_condition_travels(
    kind: str, exported: Exported, tmp_path: Path
) -> None:
    run, _ = exported(kind)
    port = next(port for port in ports(run, None) if port.name == "discriminator")
    path = tmp_path / "discriminator.onnx"
    assert write(port, path) <= TOLERANCE
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    c = known_conditions(run)[:4]
    x = torch.randn(len(c), *run.spec.shape)
    expected = players(run)[1](x, c)
    found = session.run(None, {"x": x.numpy(), "c": c.numpy()})[0]
    assert found == pytest.approx(expected.numpy(), abs=1e-4)
    assert found.ndim == (1 if kind == "labels" else 2)


def known_conditions(run: Run) -> Tensor:
    """Some that the data held, as G takes them."""
    kept = run.stored_conditions()[0]["known"]["given"]
    return to_tensor(kept.numpy()) if kept.dtype == torch.uint8 else kept


WISHES: dict[str, Any] = {"columns": {"species": "gentoo", "flipper": "200"}}


@pytest.mark.slow
@pytest.mark.parametrize("kind", GAMES)
def test_every_condition_s_hub_folder_samples_the_same(kind: str, exported: Exported, tmp_path: Path) -> None:
    run, _ = exported(kind)
    save(np.full((30, 40, 3), 200), tmp_path / "mine.png")
    wish = WISHES.get(kind, tmp_path / "mine.png")
    if kind == "labels":
        wish = {run.stored_conditions()[1]["codec"]["columns"][0]["name"]: "dark"}
    ours, there = Gan.load(run.path), Gan.from_pretrained(export_hub(run, tmp_path / "hub"))
    assert np.array_equal(same(ours, wish), same(there, wish))
    if run.condition is not None and run.condition.pictures:
        assert all(
            len(block) == 0 for block in load_file(tmp_path / "hub/condition/known.safetensors").values()
        )
        with pytest.raises(UserError, match="holds no pictures of its data, give a picture"):
            there.sample(1)
        with_reals = Gan.from_pretrained(export_hub(run, tmp_path / "with", reals=True))
        assert np.array_equal(same(ours, None), same(with_reals, None))
    else:
        assert np.array_equal(same(ours, None), same(there, None))


def same(gan: Gan, wish: Any) -> NDArray[Any]:
    return np.asarray(gan.sample(6, seed=2, condition=wish), str)


# The page, in Chromium


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def visit(runtime: str | None, chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a folder's page from a plain web server; a request to anywhere else, and an error on the page, fails."""
    if runtime:
        pytest.skip(runtime)
    servers: list[ThreadingHTTPServer] = []
    wrong: list[str] = []
    contexts: list[Any] = []

    def open_page(folder: Path, **how: Any) -> Any:
        handler = functools.partial(Quiet, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        context = chromium.new_context(**{"locale": "en-GB", **how})
        contexts.append(context)
        page = context.new_page()

        def guard(route: Any) -> None:
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                wrong.append(f"asked for {route.request.url}")
                route.abort()

        context.route("**/*", guard)
        page.on("pageerror", lambda problem: wrong.append(str(problem)))
        page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
        page.goto(address + "index.html")
        page.wait_for_selector("#main[data-shown]", timeout=120_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    for server in servers:
        server.shutdown()
        server.server_close()
    assert not wrong


def count(page: Any) -> int:
    return int(page.locator("#main").get_attribute("data-shown"))


def after(page: Any, act: Callable[[], Any]) -> str:
    """What the page shows once it has shown anew."""
    before = count(page)
    act()
    for _ in range(300):
        if count(page) > before:
            break
        page.wait_for_timeout(100)
    assert count(page) > before, page.locator("#status").inner_text()
    return look(page)


def look(page: Any) -> str:
    """What came out: a picture's bytes, or a table's text."""
    if page.locator("#stage").is_visible():
        return str(page.evaluate("document.getElementById('stage').toDataURL()"))
    return str(page.locator("#rows").inner_text())


def slide(page: Any, name: str, value: float) -> None:
    page.locator(f"#{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", GAMES)
def test_every_condition_s_page_follows_its_controls(
    kind: str, exported: Exported, visit: Any, tmp_path: Path
) -> None:
    _, folder = exported(kind)
    page = visit(folder)
    first = look(page)
    if kind in ("labels", "columns"):
        at = int(page.locator("#given-0").evaluate("select => select.selectedIndex"))
        second = after(page, lambda: page.locator("#given-0").select_option(index=1 - at if at < 2 else 0))
        assert second != first
        assert after(page, lambda: page.locator("#given-0").select_option(index=at)) == first
        if kind == "columns":
            moved = after(page, lambda: slide(page, "given-1", 0.9))
            told = page.locator("label:has(#given-1) output").inner_text()
            flippers = [line.split("\t")[2] for line in moved.splitlines()[1:]]
            assert set(flippers) == {told}
        return
    assert not page.locator("#others").is_visible()
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3))
    save(noise, tmp_path / "mine.png")
    loaded = after(page, lambda: page.locator("#file").set_input_files(str(tmp_path / "mine.png")))
    assert loaded != first
    page.locator("#pen").evaluate("(pen) => { pen.value = 9; pen.dispatchEvent(new Event('input')); }")
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    drawn = after(page, lambda: page.mouse.move(box["x"] + 200, box["y"] + 160, steps=4))
    page.mouse.up()
    assert drawn != loaded
    assert after(page, lambda: page.locator("#clear").click()) == first


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["outlines", "gray", "small", "masked", "pairs", "unpaired"])
def test_a_page_gives_what_sampling_gives(
    kind: ConditionKind, exported: Exported, visit: Any, tmp_path: Path
) -> None:
    """Of the same picture file; of the kind "small" browsers enlarge a little differently."""
    run, folder = exported(kind)
    y, x = np.mgrid[:SIZE, :SIZE]
    picture = np.stack([x * 16, y * 16, 255 - x * 8], 2)
    if kind == "outlines":
        picture = np.where((x == 4) | (y == 9), 0, 255)[..., None].repeat(3, 2)
    save(picture, tmp_path / "mine.png")
    assert run.condition is not None
    block, _ = conditions.read(kind, tmp_path / "mine.png", run.spec, run.condition.spec, "crop")  # type: ignore[arg-type]
    page = visit(folder)
    after(page, lambda: page.locator("#file").set_input_files(str(tmp_path / "mine.png")))
    hole = np.argwhere(block[-1] > 0) if kind == "masked" else []
    found = page.evaluate(
        """async hole => {
          const [{ Paper }, facts] = await Promise.all([import("./paper.js"), fetch("model.json").then(a => a.json())]);
          const paper = new Paper(document.createElement("canvas"), facts, () => {});
          await paper.load(document.getElementById("file").files[0]);
          for (const [y, x] of hole) paper.hole[y * facts.condition.spec.width + x] = 255;
          return Array.from(paper.tensor());
        }""",
        [[int(a), int(b)] for a, b in hole],
    )
    levels = (np.array(found) + 1) * 127.5
    apart = np.abs(levels.reshape(block.shape) - block)
    assert apart.max() <= (24 if kind == "small" else 1.01)
    assert apart.mean() <= (6 if kind == "small" else 0.5)


@pytest.mark.slow
def test_a_page_s_rows_are_decoded_as_ours(exported: Exported, visit: Any) -> None:
    """Every kind of column, missing values too."""
    frame = mixed()
    frame["note"] = pd.Series(frame["day"]).dt.strftime("%d.%m.%Y")
    frame["two"] = np.where(np.arange(len(frame)) % 2, 5.0, 90.0) + frame["height"] / 100
    codec = TableCodec.fit(frame, (), np.random.default_rng(0))
    block = codec.encode(frame, np.random.default_rng(1))
    page = visit(exported("rows")[1])
    found = page.evaluate(
        """async ([columns, rows]) => {
          const { decode, widthOf } = await import("./codec.js");
          return rows.map(row => {
            let start = 0;
            return columns.map(column => decode(column, row.slice(start, start += widthOf(column)), () => 0));
          });
        }""",
        [codec.to_json()["columns"], block.tolist()],
    )
    expected = codec.decode(block, np.random.default_rng(0))
    theirs = pd.DataFrame(found, columns=list(codec.names))
    for name in codec.names:
        absent = expected[name].isna().to_numpy()
        assert (theirs[name].isna().to_numpy() == absent).all(), name
        ours, page_s = expected[name][~absent], theirs[name][~absent]
        if name == "day":
            ours = ours.dt.strftime("%Y-%m-%d")
        if ours.dtype.kind in "if" or str(ours.dtype) == "Int64":
            assert page_s.astype(float).to_numpy() == pytest.approx(
                ours.astype(float).to_numpy(), abs=1e-9
            ), name
        else:
            assert page_s.astype(str).tolist() == ours.astype(str).tolist(), name


@pytest.mark.slow
def test_a_page_of_pictures_has_seeds_sliders_and_two_languages(exported: Exported, visit: Any) -> None:
    page = visit(exported("pictures")[1], viewport={"width": 380, "height": 800})
    first = look(page)
    assert page.evaluate("document.documentElement.scrollWidth <= 380"), "it fits a narrow screen"
    assert page.locator("#sliders input").count() == 6
    moved = after(page, lambda: slide(page, "slider-0", 2))
    assert moved != first
    assert after(page, lambda: page.locator("#rest").click()) == first
    page.wait_for_selector("#thumbs[data-seed='1']")
    third = after(page, lambda: page.locator("#thumbs button").nth(2).click())
    assert page.locator("#seed").input_value() == "3"
    assert third != first
    assert after(page, lambda: page.locator("#seed").fill("0")) == first
    page.locator("#language").click()
    assert page.locator("html").get_attribute("lang") == "ko"
    assert page.locator("#steer-title").inner_text() == "조종"
    korean = visit(exported("pictures")[1], locale="ko-KR")
    assert korean.locator("#steer-title").inner_text() == "조종"
    assert look(korean) == first, "a seed gives the same everywhere"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pictures", "labels"])
def test_fake_0_of_a_page_is_that_of_steering(kind: str, exported: Exported, visit: Any) -> None:
    """Under the label that steering gives G, which the page's control names at first."""
    run, folder = exported(kind)
    steer = LatentEditor(run, CPU)
    page = visit(folder)
    assert page.title() == page.locator("h1").inner_text() == run.facts["source"].split("/")[-1]
    for seed in (0, 3):
        after(page, lambda seed=seed: page.locator("#seed").fill(str(seed)))
        shown = page.locator("#stage").evaluate(
            "one => Array.from(one.getContext('2d').getImageData(0, 0, one.width, one.height).data)"
        )
        [expected] = to_pictures(steer.generate(steer.latents([seed]))).astype(int)
        found = np.reshape(shown, (SIZE, SIZE, 4))[..., : expected.shape[-1]]
        assert np.abs(found - expected).max() <= 1, "but for rounding"


def test_another_package_than_the_known_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.tgz").write_bytes(b"something else")
    with pytest.raises(UserError, match="SHA-512 is another"):
        unpack(tmp_path / "other.tgz", tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
