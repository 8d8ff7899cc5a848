"""Lines of the lecture: the widget of each is opened from the cards, moved, and its numbers change as the lecture says.
The studio begins with an empty folder: all but what a test plays comes from the gallery."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from evenodds.studio.i18n import Language, Words, speaker, texts
from tests.studio.conftest import Server, studio, wait_for
from tests.studio.test_browser import BROKEN_OFF, Visitor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio without a run of its own."""
    pytest.importorskip("gradio", reason="the extra studio is not installed")
    with studio(tmp_path_factory.mktemp("lecture") / "runs") as server:
        yield server


class Learner(Visitor):
    """Goes from card to card in one language."""

    def __init__(self, chromium: Any, server: Server, language: Language) -> None:
        super().__init__(chromium, server, {"en": "en-US", "ko": "ko-KR"}[language], width=1440)
        self.say: Words = speaker(language)
        self.language = language
        self.page.goto(f"{server.url}/?run=gallery:people")
        self.page.wait_for_selector("#board .eo-verdict")

    def card(self, number: int) -> Any:
        """Its widget, opened by the card's button."""
        self.turn("lecture")
        self.page.locator(f"#card-{number} [data-show]").click()
        self.page.wait_for_selector(f".eo-guide[data-ready='{number}']")
        return self.page

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.inner_text())

    def fact(self, key: str, name: str, selector: str) -> float:
        """The number that a text gives for one of its facts."""
        escaped = re.escape(texts()[key][self.language].replace(",", ""))
        said = re.sub(r"\\\{(\w+)[^{}]*?\\\}", r"(?P<\1>[\\d.]+(?: × \\d+)?)", escaped)
        found = wait_for(lambda: re.search(said, self.text(selector).replace(",", "")), 30)
        return float(found[name])

    def percents(self, selector: str) -> list[float]:
        return [float(one) for one in re.findall(r"([\d.]+) %", self.text(selector))]

    def press(self, held: str) -> None:
        """A button of the game that is played by hand, until its steps are done."""
        self.page.locator(f".eo-held:not([aria-busy]) [data-held={held}]").click()
        self.page.wait_for_selector(".eo-held:not([aria-busy])")

    def play(self, on: bool) -> None:
        """Lets the game go on by itself, or stops it."""
        button = self.page.locator("[data-held=play]")
        button.click()
        assert button.get_attribute("aria-pressed") == str(on).lower()
        if not on:
            self.page.wait_for_selector(".eo-held:not([aria-busy])")

    def slide(self, name: str, value: float) -> None:
        field = self.page.locator(f"#{name} input[type=number]")
        field.fill(str(value))
        field.press("Enter")


@pytest.fixture(scope="module", params=["en"], ids=["english"])
def learner(request: pytest.FixtureRequest, chromium: Any, fresh: Server) -> Iterator[Learner]:
    learner = Learner(chromium, fresh, request.param)
    yield learner
    learner.context.close()
    assert learner.outside == []
    assert [said for said in learner.errors if not any(words in said for words in BROKEN_OFF)] == []


def judged_real(learner: Learner) -> float:
    return learner.percents("#opinion .eo-figures")[1]


def pairs(learner: Learner) -> float:
    """Of 100 pairs of a fake and a real one, those about which D is right."""
    return learner.fact("live pairs", "wins", ".eo-live-pairs")


def middle(page: Any) -> str:
    """Where the fakes' middle is."""
    return str(page.locator(".eo-live").get_attribute("data-middle"))


def test_l1_a_person_near_the_standard_weight_is_plausible_and_one_far_off_is_not(learner: Learner) -> None:
    page = learner.card(1)
    page.wait_for_selector("#opinion .eo-meter")
    assert judged_real(learner) > 30
    learner.field("row").fill("height=170,weight=150")
    page.locator("#judge-it").click()
    wait_for(lambda: judged_real(learner) < 1, 60)


def test_l2_noise_is_no_face_and_a_fake_may_be_one(learner: Learner) -> None:
    learner.card(2)
    noise = learner.fact("few far", "times", "#few-faces .eo-said")
    assert noise > 2
    learner.slide("few-share", 100)
    wait_for(lambda: learner.fact("few far", "times", "#few-faces .eo-said") < noise / 2, 60)
    assert learner.fact("few numbers", "count", "#few-faces") == 32 * 32 * 3


def test_l3_and_l12_the_police_train_alone_and_then_the_forger_catches_up(learner: Learner) -> None:
    page = learner.card(3)
    stands = middle(page)
    undecided = learner.percents(".eo-live-answer")[0]
    learner.press("d")
    wait_for(lambda: learner.percents(".eo-live-answer")[0] > undecided + 5, 60)
    assert middle(page) == stands, "G learnt nothing"
    lead = pairs(learner)
    assert lead > 80
    learner.play(on=True)
    wait_for(lambda: pairs(learner) < lead - 15, 120)
    learner.play(on=False)
    assert middle(page) != stands
