"""A game that is watched as it is played, and one that is played by hand, in Chromium and by the server's answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from evenodds.runs.run import Run
from evenodds.studio.i18n import speaker
from tests.studio.conftest import Server, wait_for
from tests.studio.test_browser import BROKEN_OFF, PATIENCE, Visitor
from tests.studio.test_server import ask

pytestmark = pytest.mark.slow


@pytest.fixture(params=["en-US", "ko-KR"])
def visitor(request: pytest.FixtureRequest, chromium: Any, served: Server) -> Iterator[Visitor]:
    visitor = Visitor(chromium, served, locale=request.param)
    yield visitor
    visitor.context.close()
    assert visitor.outside == []
    assert visitor.errors == []


def language(visitor: Visitor) -> Any:
    return speaker("ko" if "/ko/" in visitor.page.url else "en")


def text(page: Any, selector: str) -> str:
    return str(page.locator(selector).inner_text())


def test_a_game_is_seen_as_it_is_played(visitor: Visitor) -> None:
    page = visitor.open("heights")
    name = f"seen-{page.url.rsplit('/', 2)[-2]}"
    page.wait_for_timeout(5000)
    if not page.locator("#start").is_visible():
        page.locator("#new-game button").first.click()
    visitor.field("budget").fill("400rounds")
    visitor.field("name").fill(name)
    page.locator("#start").click()
    page.wait_for_selector(".eo-live:not([hidden])", timeout=3 * PATIENCE)
    rounds: list[int] = []

    def moves() -> bool:
        here = page.evaluate("document.querySelector('.eo-live').dataset")
        if here.get("round") and (not rounds or int(here["round"]) != rounds[-1]):
            rounds.append(int(here["round"]))
        return len(rounds) >= 5

    wait_for(moves, 120)
    assert rounds == sorted(rounds)
    say = language(visitor)
    number = re.escape(say("live round", round="ROUND")).replace("ROUND", r"[\d,]+")
    left = re.escape(say("live left", time="TIME")).replace("TIME", r"[\d:]+")
    wait_for(lambda: re.fullmatch(f"{number} · {left}", text(page, ".eo-live-clock")), 30)
    assert page.locator("#scene").is_hidden(), "one picture of the game at a time"
    first = text(page, ".eo-live-answer")
    page.locator(".eo-live > canvas").click(position={"x": 300, "y": 200})
    page.locator(".eo-live > canvas").press("ArrowRight")
    wait_for(lambda: text(page, ".eo-live-answer") != first, 30)
    percents = [int(one) for one in re.findall(r"(\d+) %", text(page, ".eo-live-answer"))]
    assert sum(percents) == 100
    visitor.shot(f"live-{name}")
    page.wait_for_selector(".eo-verdict", timeout=3 * PATIENCE)
    page.wait_for_selector(".eo-live", state="hidden")
    page.wait_for_selector("#scene .eo-cloud")
    assert not (visitor.server.runs / name / "live").exists()
    assert Run.open(visitor.server.runs / name).verdict() is not None


def test_a_step_is_shown_beat_by_beat(visitor: Visitor) -> None:
    page = visitor.open("heights")
    page.wait_for_timeout(5000)
    page.locator("[data-held=open]").click()
    page.wait_for_selector(".eo-live:not([hidden])")
    page.locator("[data-held=untrained]").click()
    wait_for(lambda: page.evaluate("document.querySelector('.eo-live').dataset.round") == "0", 60)

    def fake() -> int:
        return int(re.findall(r"(\d+) %", text(page, ".eo-live-answer"))[0])

    undecided = fake()
    assert 30 <= undecided <= 70
    for _ in range(3):
        page.locator("[data-held=d]").click()
        page.wait_for_selector(".eo-held:not([aria-busy])")
    wait_for(lambda: fake() > undecided, 60)
    page.locator("[data-held=slow]").click()
    beats: list[str] = []

    def all_six() -> bool:
        here = text(page, ".eo-beat")
        if here and here not in beats:
            beats.append(here)
        return len(beats) == 6

    wait_for(all_six, 120)
    say = language(visitor)
    assert beats[0] == say("beat noise")
    before, between = map(int, re.findall(r"(\d+) %", beats[3]))
    after = int(re.findall(r"(\d+) %", beats[5])[1])
    assert between >= before, "the discriminator calls it fake the more"
    assert after <= between, "the generator's answer"
    visitor.shot(f"slow-{page.url.rsplit('/', 2)[-2]}")
    page.locator("[data-held=close]").click()
    page.wait_for_selector("#scene .eo-cloud")


def test_cards_lead_to_where_a_point_is_seen(visitor: Visitor) -> None:
    page = visitor.open("heights", "lecture")
    cards = page.locator("[data-card]")
    assert cards.count() == 12
    say = language(visitor)
    count = say("lecture count").format
    wait_for(lambda: text(page, ".eo-count") == count(done=0, all=12), 30)
    cards.nth(3).locator("input").check()
    assert text(page, ".eo-count") == count(done=1, all=12)
    visitor.shot(f"lecture-{page.url.rsplit('/', 2)[-2]}")
    cards.nth(10).locator("[data-show]").click()
    page.wait_for_selector("#play-strong.eo-looked", state="visible")
    page.wait_for_selector(".eo-guide[data-ready='11']")
    page.locator("[data-guide=close]").click()
    page.wait_for_selector(".eo-guide", state="hidden")
    visitor.turn("lecture")
    wait_for(lambda: text(page, ".eo-count") == count(done=2, all=12), 30)
    page.goto(f"{page.url.split('?')[0]}?run=heights&card=4")
    left = [said for said in visitor.errors if not any(words in said for words in BROKEN_OFF)]
    visitor.errors[:] = left  # streams end where a page is left
    page.wait_for_selector("#card-4.eo-looked", state="visible")
    assert page.locator("#card-4 input").is_checked(), "a tick stays"


def test_frames_are_asked_for_by_number(served: Server) -> None:
    code, content, _ = ask(f"{served.url}/runs/heights/live?after=0")
    assert code == 200
    assert json.loads(content)["frames"] == [], "the game is over"
    for after in ("-1", "x", "1e3", "1" * 13):
        assert ask(f"{served.url}/runs/heights/live?after={after}")[0] == 400
    assert ask(f"{served.url}/runs/..%2fheights/live")[0] in (403, 404)
