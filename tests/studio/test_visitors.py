"""Two random but seeded visitors, one in each language, click through all pages at once; and a page that is left open
on a live game. EVENODDS_VISIT_SECONDS says for how long: half a minute of each in the suite, half an hour by hand."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studio.conftest import Server, studio, train, wait_for
from tests.studio.test_browser import BROKEN_OFF, PAGES, Visitor

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("EVENODDS_VISIT_SECONDS", "25"))
LONG = 300
"""Seconds from which on visitors also start what takes its time: judges, directions, exports, games."""
WAIT = 10_000
"""Milliseconds until which a control that was used has done something."""
COSTLY = (
    "train-small", "play-strong", "judge-row", "judge-picture", "by-labels", "by-examples", "discover",
    "sum-slots", "walk", "invert", "export", "go", "sum", "pause", "resume",
)  # fmt: skip
NEVER = ("delete", "delete-yes")
FIELDS = {
    "seeds": "0 1 5", "row": "height=170,weight=63", "direction": "facing=right",
    "slot-with": "0 1 2", "slot-without": "3 4 5", "slot-A": "0 1", "slot-B": "2", "slot-C": "3",
}  # fmt: skip
"""What is written into the fields of these ids."""

CONTROLS = """() => {
  const seen = (one) => one.offsetParent !== null && !one.disabled && one.getClientRects().length;
  const panel = [...document.querySelectorAll("[role=tabpanel]")].find(seen);
  if (!panel) return [];
  const kinds = "button, summary, input[type=range], input[type=checkbox], input[type=radio], .eo-stage img.eo-face";
  return [...panel.querySelectorAll(kinds)].filter(seen).map((one, place) => {
    one.dataset.visit = place;
    const near = one.closest("[id]:not([id^=component])");
    const text = (one.innerText || one.ariaLabel || "").trim().slice(0, 40);
    return { place, tag: one.tagName, type: one.type || "", id: one.id || near?.id || "", text };
  });
}"""
WATCH = """() => {
  window.visits = 0;
  window.visitor ??= new MutationObserver((changes) => {
    for (const one of changes) {
      const place = one.target.nodeType === 1 ? one.target : one.target.parentElement;
      if (!place?.closest(".eo-live-clock") && one.attributeName !== "data-visit") window.visits++;
    }
  });
  window.visitor.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
WRONG = """() => [...document.querySelectorAll(".toast-body.error, .eo-wrong, .eo-alert[role=alert]")]
  .map((one) => one.innerText.trim())
  .concat(document.body.innerText.match(/Error rendering[^\\n]*|[^\\n]*is not defined/g) || [])
  .filter(Boolean)"""


class Wanderer:
    """A visitor who uses one control after the other, as a seed decides."""

    def __init__(self, browser: Any, server: Server, locale: str, seed: int, width: int) -> None:
        self.visitor = Visitor(browser, server, locale, width)
        self.page, self.random, self.korean = self.visitor.page, random.Random(seed), locale == "ko-KR"
        self.dead: list[str] = []
        self.used = 0
        self.trail: list[str] = []
        self.requests = 0
        self.page.on("request", self.count)
        self.page.on("download", self.count)
        self.page.on("filechooser", self.count)
        self.page.on("popup", self.close)
        self.visitor.open("heights")

    def count(self, _: Any) -> None:
        self.requests += 1

    def close(self, popup: Any) -> None:
        self.requests += 1
        popup.close()

    def step(self) -> None:
        """One thing that a visitor does."""
        choice = self.random.random()
        if choice < 0.15:
            self.turn()
        elif choice < 0.2:
            self.choose()
        elif choice < 0.3:
            self.write()
        else:
            self.use()
        self.used += 1
        self.problems()

    def turn(self) -> None:
        page = self.random.choice(PAGES)
        self.trail.append(f"page {page}")
        tabs = self.page.locator("[role=tab]:visible")
        if tabs.count() == len(PAGES):
            tabs.nth(PAGES.index(page)).click()
        self.page.wait_for_timeout(400)

    def choose(self) -> None:
        run = self.random.choice(("heights", "hand", "lines"))
        self.trail.append(f"run {run}")
        self.page.locator("#run input").click()
        option = self.page.locator("[role=option]", has_text=run)
        option.first.click()
        self.page.wait_for_timeout(400)

    def write(self) -> None:
        fields = [name for name in FIELDS if self.visitor.field(name).is_visible()]
        if fields:
            name = self.random.choice(fields)
            self.trail.append(f"write {name}")
            self.visitor.field(name).fill(FIELDS[name])

    def use(self) -> None:
        """A control of the page that is in sight; it does something, or is dead."""
        controls = [one for one in self.page.evaluate(CONTROLS) if self.allowed(one)]
        if not controls:
            return
        control = self.random.choice(controls)
        self.trail.append(f"{control['tag']} {control['type']} #{control['id']} {control['text']!r}")
        before = self.requests
        self.page.evaluate(WATCH)
        place = self.page.locator(f"[data-visit='{control['place']}']:visible").first
        try:
            self.press(place, control)
        except Exception as problem:
            if "Timeout" in str(problem) or "not attached" in str(
                problem
            ):  # it went away, or was covered meanwhile
                return
            raise
        end = time.monotonic() + WAIT / 1000
        while self.requests == before and not self.page.evaluate("window.visits"):
            if time.monotonic() > end:
                self.dead.append(self.trail[-1])
                return
            self.page.wait_for_timeout(100)

    def press(self, place: Any, control: dict[str, Any]) -> None:
        if control["type"] == "range":
            place.focus(timeout=3000)
            self.page.keyboard.press(self.random.choice(("ArrowLeft", "ArrowRight", "Home", "End")))
        else:
            place.click(timeout=3000)

    def allowed(self, control: dict[str, Any]) -> bool:
        if control["id"] in NEVER or (control["type"] == "radio" and not control["id"]):
            return False
        return SECONDS >= LONG or control["id"] not in COSTLY

    def problems(self) -> None:
        """Error boxes that are none of our own sentences, and ours in another language than the page's."""
        for text in self.page.evaluate(WRONG):
            own = text.partition("\n")[2] or text
            if re.search(r"Traceback|is not defined|Error rendering|undefined|Unexpected|TypeError", text):
                pytest.fail(f"{text!r} after {self.trail[-8:]}")
            if self.korean and not re.search(r"[가-힣]", own):
                pytest.fail(f"{text!r} on the Korean page after {self.trail[-8:]}")

    def console(self) -> list[str]:
        """What the console had to say, but of streams that ended because a page was left."""
        return [said for said in self.visitor.errors if not any(words in said for words in BROKEN_OFF)]


@pytest.fixture
def wanderers(chromium: Any, served: Server) -> Iterator[list[Wanderer]]:
    ways = (("en-US", 1, 1280), ("ko-KR", 2, 1440))
    both = [Wanderer(chromium, served, *way) for way in ways]
    yield both
    for one in both:
        one.visitor.context.close()


def test_two_random_visitors_meet_no_error_and_no_dead_control(wanderers: list[Wanderer]) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for one in wanderers:
            one.step()
    for one in wanderers:
        assert one.console() == [], one.trail[-10:]
        assert one.dead == []
        assert one.visitor.outside == []
        assert one.used > 3


def test_a_page_that_is_left_open_keeps_its_memory(chromium: Any, tmp_path: Path) -> None:
    """Of a live game: the heap after each collection, in MB, does not grow with the frames that were shown."""
    runs = tmp_path / "runs"
    train(runs, "heights", "people", "--budget", "20rounds", "--stop", "budget")
    with studio(runs) as server:
        visitor = Visitor(chromium, server)
        page = visitor.open("heights")
        page.locator("#resume").wait_for()
        page.get_by_placeholder("Go on with a budget of").fill(f"{60 + int(2 * SECONDS)}s")
        page.locator("#resume:not([disabled])").click()
        page.wait_for_function("document.querySelector('.eo-live')?.dataset.frames > 5", timeout=90_000)
        session = visitor.context.new_cdp_session(page)
        session.send("Performance.enable")
        heaps, frames, end = [], [], time.monotonic() + SECONDS
        while time.monotonic() < end:
            page.wait_for_timeout(max(1000, 1000 * SECONDS / 60))
            session.send("HeapProfiler.collectGarbage")
            metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
            heaps.append((metrics["JSHeapUsedSize"] / 2**20, int(metrics["Nodes"])))
            frames.append(int(page.locator(".eo-live").get_attribute("data-frames") or 0))
        print("heap MB, nodes, frames:", *zip(heaps, frames, strict=True), sep="\n")
        assert frames[-1] > frames[0]
        third = len(heaps) // 3
        early, late = (max(part) for part in (heaps[third : 2 * third], heaps[-third:]))
        assert late[0] < early[0] + 3
        assert (
            max(nodes for _, nodes in heaps[-third:]) < 1.2 * max(nodes for _, nodes in heaps[:third]) + 500
        )
        wait_for(lambda: not visitor.errors, 1)
        visitor.context.close()
