"""A person at the studio: every page is clicked through in Chromium, with the rest of the world out of reach."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from evenodds.runs.run import Run
from tests.studio.conftest import SHOTS, Server, wait_for

pytestmark = pytest.mark.slow
PAGES = ("play", "how", "judge", "steer", "draw", "runs", "lecture")
BROKEN_OFF = ("AbortError", "Connection errored out")
"""What a page says of streams that end because one leaves it."""
PATIENCE = 90_000
"""Milliseconds: other programs may want the machine too."""


class Visitor:
    """A browser window that reaches the studio alone; what it asked of others is in ``outside``."""

    def __init__(self, browser: Any, server: Server, locale: str = "en-US", width: int = 1280) -> None:
        self.server = server
        self.context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.context.route("**/*", self.let)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda problem: self.errors.append(str(problem)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def let(self, route: Any) -> None:
        """Only what the studio itself serves."""
        address = route.request.url
        if address.startswith((self.server.url, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(address)
            route.abort()

    def open(self, run: str, page: str = "play") -> Any:
        """A page of the studio with a run chosen."""
        before = len(self.errors)
        self.page.goto(f"{self.server.url}/?run={run}")
        self.page.wait_for_selector("#board > *", state="attached")
        left = self.errors[before:]
        self.errors[before:] = [said for said in left if not any(words in said for words in BROKEN_OFF)]
        self.page.wait_for_function("document.querySelector('#run input')?.value !== ''")
        return self.turn(page)

    def turn(self, page: str) -> Any:
        """To another page."""
        self.page.locator("[role=tab]").nth(PAGES.index(page)).click()
        self.page.wait_for_selector(f"#tab-{page}", state="visible")
        return self.page

    def shot(self, name: str) -> None:
        """A screenshot, kept as the test's output."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(1200)  # for what moves to come to rest
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def field(self, name: str) -> Any:
        """A text field by its element's id."""
        return self.page.locator(f"#{name} textarea, #{name} input").first


def choose(page: Any, run: str) -> None:
    """Another run, for all pages."""
    page.locator("#run input").click()
    page.locator("[role=option]", has_text=run).first.click()


@pytest.fixture
def visitor(chromium: Any, served: Server) -> Iterator[Visitor]:
    """Somebody with an English browser. Nothing may have gone wrong, and nothing been asked of others, at the end."""
    visitor = Visitor(chromium, served)
    yield visitor
    visitor.context.close()
    assert visitor.outside == []
    assert visitor.errors == []


def test_people_to_its_verdict(visitor: Visitor) -> None:
    page = visitor.open("heights")
    if not page.locator("#start").is_visible():
        page.locator("#new-game button").first.click()
    visitor.field("budget").fill("600rounds")
    visitor.field("name").fill("watched")
    page.locator("#start").click()
    page.wait_for_selector(".eo-playing, .eo-preparing")
    page.wait_for_selector("#board .eo-meter")
    page.wait_for_selector("#pause:not([disabled])")
    visitor.shot("training")
    page.wait_for_selector(".eo-verdict", timeout=3 * PATIENCE)
    assert re.search(r"D wins \d+ of 100 pairs", page.locator("#board .eo-meter").inner_text())
    assert page.locator("#scene .eo-cloud .eo-fakes circle").count() == 500
    assert page.locator("#scene .eo-cloud .eo-reals circle").count() == 500
    page.wait_for_selector(".eo-film img")
    verdict = Run.open(visitor.server.runs / "watched").verdict()
    assert verdict is not None
    assert verdict.verdict in ("even", "plateau", "budget")
    visitor.shot("play")
    points = page.locator("#scene .eo-fakes circle").first
    now = points.get_attribute("cx")
    page.locator("#film input[type=number]").fill("0")
    page.locator("#film input[type=number]").press("Enter")
    page.wait_for_function(
        f"document.querySelector('#scene .eo-fakes circle').getAttribute('cx') !== '{now}'"
    )
    assert "After 0 rounds" in page.locator("#scene").inner_text()


def test_fakes_stand_beside_reals(visitor: Visitor) -> None:
    page = visitor.open("hand")
    for frame in ("#scene .eo-fakes-frame img", "#scene .eo-reals-frame img"):
        page.wait_for_selector(frame)
        wait_for(lambda frame=frame: page.locator(frame).first.evaluate("one => one.naturalWidth") > 100, 30)
    visitor.shot("play-pictures")


def sides_of(steps: list[str]) -> list[int]:
    """The sides in pixels of the maps that are named, in order."""
    return [int(found[1]) for text in steps if (found := re.search(r"of (\d+) ×", text))]


def test_how_it_works(visitor: Visitor) -> None:
    page = visitor.open("hand", "how")
    page.wait_for_selector("#grows .eo-maps")
    assert sides_of(page.locator("#grows .eo-step").all_inner_texts()) == [4, 8]
    assert sides_of(page.locator("#looks .eo-step").all_inner_texts()) == [8, 4]
    assert page.locator("#looks .eo-meter").count() == 1
    assert page.locator("#pools figure").count() >= 3
    visitor.shot("how")


def test_judge_tells_a_likely_from_an_unlikely_person(visitor: Visitor) -> None:
    page = visitor.open("heights", "judge")
    wait_for(lambda: visitor.field("row").input_value().startswith("height="), 60)
    percents = []
    for weight in (63, 150):
        visitor.field("row").fill(f"height=170,weight={weight}")
        page.locator("#judge-it").click()
        page.wait_for_function(
            "weight => document.querySelector('#opinion .eo-meter') && "
            "document.querySelector('#opinion').dataset.weight !== weight",
            arg=str(weight),
        )
        page.wait_for_timeout(1500)
        told = page.locator("#opinion .eo-meter").get_attribute("aria-label")
        percents.append(float(re.search(r"([\d.]+) % real", told)[1]))  # type: ignore[index]
    assert percents[0] > 30
    assert percents[1] < 3
    assert "p = 0.0" in page.locator("#opinion").inner_text()
    assert page.locator("#opinion .eo-table tbody tr").count() == 4
    visitor.shot("judge")


def test_a_picture_is_judged(visitor: Visitor) -> None:
    page = visitor.open("hand", "judge")
    sheet = sorted((visitor.server.runs / "hand" / "samples").glob("*.png"))[-1]
    page.wait_for_selector("#picture", state="visible")
    page.locator("#picture input[type=file]").set_input_files(sheet)
    page.wait_for_selector("#picture img")
    page.locator("#judge-it").click()
    page.wait_for_selector("#opinion .eo-meter", timeout=3 * PATIENCE)
    assert page.locator("#opinion img").evaluate("one => one.naturalWidth") > 200
    visitor.shot("judge-picture")


def test_a_direction_moves_the_picture(visitor: Visitor) -> None:
    page = visitor.open("hand", "steer")
    page.wait_for_selector("#thumbs img")
    page.locator("#discover").click()
    page.wait_for_selector("#direction-told li", timeout=2 * PATIENCE)
    page.wait_for_selector("#steered img")
    page.wait_for_timeout(1500)
    before = page.locator("#steered img").get_attribute("src")
    slider = page.locator("#slider-0 input[type=number]")
    slider.fill("1.5")
    slider.press("Enter")
    page.wait_for_function("before => document.querySelector('#steered img')?.src !== before", arg=before)
    assert page.locator("#steered img").get_attribute("src") != before
    visitor.shot("steer")


def test_a_generator_tuned_to_ones_own_picture_makes_it(visitor: Visitor, tmp_path: Path) -> None:
    stroke = np.zeros((16, 16), np.uint8)
    stroke[3:13, 6:9] = 255
    Image.fromarray(stroke).save(tmp_path / "one.png")
    page = visitor.open("hand", "steer")
    page.wait_for_selector("#steered img")
    page.get_by_role("button", name="A picture of your own").click()
    page.locator("#own input[type=file]").set_input_files(tmp_path / "one.png")
    page.wait_for_selector("#own img")
    off = []
    for tune in (False, True):
        page.locator("#tune input").set_checked(tune)
        page.locator("#invert").click()
        told = page.get_by_text("Found, off by")
        told.filter(has_not_text=str(off[-1]) if off else "nothing yet").wait_for(timeout=4 * PATIENCE)
        off.append(re.search(r"off by ([0-9.]+)", told.inner_text())[1])
    assert float(off[1]) < 0.7 * float(off[0])
    visitor.shot("steer-own")


def test_thumbnails_name_a_direction_and_are_added_up(visitor: Visitor) -> None:
    page = visitor.open("hand", "steer")
    page.wait_for_selector("#thumbs img")
    for slot, seeds in {"with": (0, 1, 2), "without": (3, 4, 5)}.items():
        page.locator(f"#slot input[value={slot}]").check()
        for seed in seeds:
            page.locator("#thumbs button:has(img)").nth(seed).click()
            wait_for(
                lambda slot=slot, seed=seed: str(seed) in visitor.field(f"slot-{slot}").input_value(), 30
            )
    visitor.field("direction").fill("mine")
    page.locator("#by-examples").click()
    page.wait_for_selector("#direction-told li")
    assert "mine" in page.locator("#direction-told").inner_text()
    for slot, seeds_text in {"A": "0 1 2", "B": "3 4 5", "C": "6 7 8"}.items():
        visitor.field(f"slot-{slot}").fill(seeds_text)
    page.get_by_role("button", name="Arithmetic").click()
    page.locator("#sum-slots").click()
    page.wait_for_selector("#sum figure")
    assert page.locator("#sum figure").count() == 4


def test_a_fake_is_moved_on_the_stage_and_thumbnails_are_dragged_onto_a_sum(visitor: Visitor) -> None:
    page = visitor.open("hand", "steer")
    page.wait_for_selector(".eo-stage:not([hidden]) .eo-thumbs img")
    if not page.locator(".eo-chips button").count():
        page.locator("#discover").click()
    page.wait_for_selector(".eo-strip img")
    assert page.locator(".eo-strip button").count() == 9
    face = page.locator(".eo-face")
    still = face.get_attribute("src")
    page.locator(".eo-strip button").first.click()
    wait_for(lambda: face.get_attribute("src") != still, 60)
    assert "−2.00" in page.locator(".eo-amount").inner_text()
    wait_for(lambda: "Beyond strength 1" in page.locator(".eo-reach").inner_text(), 60)
    moved = face.get_attribute("src")
    page.locator(".eo-amount input").press("End")
    wait_for(lambda: face.get_attribute("src") not in (still, moved), 60)
    page.locator('.eo-stage [data-act="rest"]').click()
    wait_for(lambda: face.get_attribute("src") == still, 60)
    thumbs = page.locator(".eo-thumbs button")
    page.locator(
        ".eo-sumline"
    ).scroll_into_view_if_needed()  # a page that scrolls while something is dragged drags another
    thumbs.nth(1).drag_to(page.locator('[data-slot="A"]'))
    thumbs.nth(2).press("b")
    thumbs.nth(3).click()
    wait_for(lambda: face.get_attribute("alt") == "Fake 3", 60)
    page.locator('[data-put="C"]').click()
    result = page.locator(".eo-result img")
    result.wait_for(state="visible")
    for slot, number in zip("ABC", (1, 2, 3), strict=True):
        inside = page.locator(f'[data-slot="{slot}"] div button')
        assert inside.get_attribute("aria-label") == f"Take fake {number} out of {slot}"
    page.locator('[data-slot="B"] div button').click()
    result.wait_for(state="hidden")
    assert page.locator(".eo-stage .eo-wrong").inner_text() == ""
    visitor.shot("steer-stage")


def test_a_chapter_turns_the_film_to_it(visitor: Visitor) -> None:
    page = visitor.open("heights")
    marks = page.locator("#chapters button")
    marks.first.wait_for()
    assert "G enters" in page.locator("#chapters").inner_text()
    last = page.locator("#scene h3").first.inner_text()
    enters = marks.filter(has_text="G enters")
    number = enters.locator("b").inner_text()
    enters.click()
    wait_for(lambda: page.locator("#scene h3").first.inner_text() != last, 60)
    assert number in page.locator("#scene h3").first.inner_text()


def test_the_result_follows_the_pen(visitor: Visitor) -> None:
    page = visitor.open("lines", "draw")
    page.wait_for_selector("#canvas canvas", state="visible")
    wait_for(lambda: page.locator("#canvas .eo-wrong").get_attribute("data-run") == "lines", 60)
    box = page.locator("#canvas canvas").bounding_box()
    seen = []
    for radius in (0.3, 0.15):
        ring = [(0.5 + radius * math.cos(t / 4), 0.5 + radius * math.sin(t / 4)) for t in range(27)]
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ring]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()
        page.wait_for_function(
            "before => document.querySelector('#canvas .eo-result').src.length > 500 && "
            "document.querySelector('#canvas .eo-result').src !== before",
            arg=seen[-1] if seen else "",
        )
        page.wait_for_timeout(1500)
        seen.append(page.locator("#canvas .eo-result").get_attribute("src"))
    assert seen[0] != seen[1]
    assert re.fullmatch(r"\d+ ms", page.locator(".eo-time").inner_text())
    visitor.shot("draw")


@pytest.mark.parametrize("run", ["lines", "heights"], ids=["the run from the start", "another run before"])
def test_drawing_works_for_who_takes_their_time(visitor: Visitor, run: str) -> None:
    """Opened seconds after the page was loaded, and after another run was chosen, which leaves nothing to draw upon."""
    page = visitor.open(run)
    page.wait_for_timeout(5_000)
    visitor.turn("draw")
    if run != "lines":
        page.wait_for_selector("#draw-note .eo-alert")
        assert not page.locator("#canvas canvas").is_visible()
        choose(page, "lines")
    page.wait_for_selector("#canvas canvas", state="visible")
    wait_for(lambda: page.locator("#canvas .eo-wrong").get_attribute("data-run") == "lines", 60)
    assert page.locator("#canvas button").all_inner_texts() == ["Pen", "Eraser", "Undo", "Clear"]
    assert "Error" not in page.locator("#canvas").inner_text()
    box = page.locator("#canvas canvas").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 160)
    page.mouse.up()
    page.wait_for_function("document.querySelector('#canvas .eo-result').src.length > 500")
    # Away and back to it.
    visitor.turn("judge")
    page.wait_for_timeout(1_000)
    visitor.turn("draw")
    page.wait_for_selector("#canvas canvas", state="visible")
    assert "Error" not in page.locator("#canvas").inner_text()


def test_runs_are_compared_exported_and_deleted_only_when_sure(visitor: Visitor) -> None:
    from shutil import copytree

    copytree(visitor.server.runs / "heights", visitor.server.runs / "spare", symlinks=True)
    page = visitor.open("heights", "runs")
    page.locator("#look-again").click()
    page.wait_for_selector(".eo-card a:has-text('spare')")

    def choose(name: str) -> None:
        """By the keyboard, as the card's own box."""
        page.locator(f"#listing input[data-run='{name}']").focus()
        page.keyboard.press("Space")

    choose("heights")
    choose("hand")
    page.locator("#compare").click()
    page.wait_for_selector("#beside .eo-table")
    assert page.locator("#beside polyline").count() == 2
    beside = page.locator("#beside").inner_text()
    assert "D's turns a round" in beside
    assert not re.search(r"[a-z]+\.[a-z_]+|[0-9a-f]{16}", beside), (
        "dotted keys and hashes tell nobody anything"
    )
    visitor.shot("runs")
    with page.expect_download() as film:
        page.locator(".eo-card:has(input[data-run='heights']) a[download$='film.gif']").click()
    assert Path(film.value.path()).read_bytes()[:4] == b"GIF8"
    visitor.open("heights", "runs")
    page.wait_for_selector("#listing input[data-run='spare']")
    choose("spare")
    page.locator("#export").click()
    page.wait_for_selector("#beside p:has-text('spare-onnx')", timeout=120_000)
    with page.expect_download() as packed:
        page.locator("#download").click()
    assert {"generator.onnx", "model.json"} <= set(ZipFile(packed.value.path()).namelist())
    assert (visitor.server.runs / "spare-onnx" / "model.json").exists()
    page.locator("#delete").click()
    page.wait_for_selector("#sure .eo-alert")
    assert "spare" in page.locator("#sure").inner_text()
    assert (visitor.server.runs / "spare").exists()
    page.locator("#delete-no").click()
    page.wait_for_selector("#sure .eo-alert", state="hidden")
    page.locator("#delete").click()
    page.wait_for_selector("#sure .eo-alert")
    page.locator("#delete-yes").click()
    wait_for(lambda: not (visitor.server.runs / "spare").exists(), 30)


def test_two_people_do_not_see_each_others_sliders(chromium: Any, served: Server) -> None:
    visitors = [Visitor(chromium, served), Visitor(chromium, served)]
    try:
        pages = [visitor.open("heights", "steer") for visitor in visitors]
        visitors[0].field("direction").fill("weight")
        pages[0].locator("#by-labels").click()
        pages[0].wait_for_selector("#slider-0", state="visible")
        pages[1].reload()
        visitors[1].turn("steer")
        pages[1].wait_for_selector("#slider-0", state="visible")
        pages[0].locator("#slider-0 input[type=number]").fill("2")
        pages[0].locator("#slider-0 input[type=number]").press("Enter")
        pages[0].wait_for_timeout(2000)
        values = [page.locator("#slider-0 input[type=number]").input_value() for page in pages]
        assert values == ["2", "0"]
        rows = [page.locator("#steered").inner_text() for page in pages]
        assert rows[0] != rows[1]
    finally:
        for visitor in visitors:
            visitor.context.close()


def test_a_page_that_is_turned_to_at_once_is_made_ready(visitor: Visitor) -> None:
    """Also where what the browser asked first is answered last: it turns to the first page by itself."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    visitor.context.route("**/queue/join*", hold)
    visitor.page.goto(f"{visitor.server.url}/?run=hand")
    page = visitor.turn("steer")
    page.wait_for_timeout(1000)
    visitor.context.unroute("**/queue/join*", hold)
    turns = [route for route in held if route.request.post_data_json["event_data"]]
    for route in [*reversed(turns), *(route for route in held if route not in turns)]:
        route.continue_()
        page.wait_for_timeout(500)
    page.wait_for_selector("#thumbs img")


def test_korean_by_the_browser_and_by_the_switch(chromium: Any, served: Server) -> None:
    visitor = Visitor(chromium, served, "ko-KR")
    try:
        page = visitor.open("heights")
        page.wait_for_selector("#board .eo-meter")
        assert page.evaluate("document.documentElement.lang") == "ko"
        assert "가짜" in page.locator("#board").inner_text()
        for name in PAGES:
            visitor.turn(name)
            page.wait_for_timeout(800)
            visitor.shot(f"{name}-ko")
        page.locator("#switch a[lang=en]").click()
        page.wait_for_url("**/en/**")
        page.wait_for_selector("#board .eo-meter")
        assert "fake" in page.locator("#board .eo-meter").inner_text()
        page.wait_for_function("document.documentElement.lang === 'en'")
    finally:
        visitor.context.close()


def test_a_narrow_screen_is_enough(chromium: Any, served: Server) -> None:
    visitor = Visitor(chromium, served, width=360)
    try:
        page = visitor.open("heights")
        for name in PAGES:
            narrow(visitor, name)
            page.wait_for_timeout(1000)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
            visitor.shot(f"{name}-narrow")
    finally:
        visitor.context.close()


def narrow(visitor: Visitor, name: str) -> None:
    """To another page where not all tabs are in sight: the others are behind a button."""
    page = visitor.page
    tab = page.locator("[role=tab]:visible").filter(has_text=re.compile(f"^{LABELS[name]}$"))
    if not tab.count():
        page.locator(".overflow-menu > button").first.click()
        page.locator(".overflow-dropdown button").filter(has_text=LABELS[name]).click()
    else:
        tab.first.click()


LABELS = dict(zip(PAGES, ("Play", "How it works", "Judge", "Steer", "Draw", "Runs", "Lecture"), strict=True))


def test_everything_is_reached_by_the_keyboard(visitor: Visitor) -> None:
    page = visitor.open("heights")
    page.wait_for_selector("#board .eo-meter")
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(document.activeElement.closest('[id]:not([id^=component])')?.id || '') + ' ' + "
                "(document.activeElement.getAttribute('role') || '') + "
                "(document.activeElement.getAttribute('hreflang') || '')"
            )
        )
    text = " ".join(sorted(reached))
    for part in ("run", "ko", "tab-judge-button", "resume", "new-game", "film"):
        assert part in text, text
    page.locator("#tab-judge-button").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#tab-judge", state="visible")
