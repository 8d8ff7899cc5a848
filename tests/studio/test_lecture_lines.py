"""Every line of the lecture, in Korean and English: its widget is opened from the cards, moved, and its numbers change
as the lecture says. The studio begins with an empty folder: all but what a test plays comes from the gallery."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from evenodds.runs.run import Run
from evenodds.studio.i18n import Language, Words, speaker, texts
from tests.studio.conftest import Server, studio, train, wait_for
from tests.studio.test_browser import BROKEN_OFF, Visitor, choose

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio without a run of its own."""
    pytest.importorskip("gradio", reason="the extra studio is not installed")
    with studio(tmp_path_factory.mktemp("lecture") / "runs") as server:
        yield server


@pytest.fixture(scope="module")
def dense(fresh: Server) -> str:
    """A run whose G has no convolution."""
    train(fresh.runs, "dense", "digits", "--network", "gan", "--size", "16", "--budget", "2rounds")
    return "dense"


@pytest.fixture(scope="module")
def outlines(fresh: Server) -> str:
    """A run that makes digits from their outlines."""
    flags = ["--condition", "outlines", "--size", "16", "--width", "8", "--budget", "20rounds"]
    train(fresh.runs, "outlines", "digits", *flags)
    return "outlines"


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
        button = self.page.locator(f"#card-{number} [data-show]")
        button.evaluate("one => one.scrollIntoView({block: 'center'})")  # away from under the guide's bar
        button.click()
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


@pytest.fixture(scope="module", params=["en", "ko"], ids=["english", "korean"])
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


def test_l4_the_discriminator_says_of_each_sample_by_what_percent_it_is_fake(learner: Learner) -> None:
    page = learner.card(4)
    first = learner.text(".eo-live-answer")
    assert sum(learner.percents(".eo-live-answer")) == 100
    page.locator(".eo-live > canvas").press("ArrowRight")
    wait_for(lambda: learner.text(".eo-live-answer") != first, 30)
    assert sum(learner.percents(".eo-live-answer")) == 100


def test_l5_at_first_nearly_all_are_called_fake_and_then_they_come_nearer(learner: Learner) -> None:
    page = learner.card(5)
    wait_for(lambda: int(page.evaluate("document.querySelector('.eo-live').dataset.round")) >= 300, 120)
    learner.play(on=False)
    film = page.locator(".eo-live-film input")
    called = []
    for place in ("1", film.get_attribute("max")):
        film.evaluate(
            "(one, at) => { one.value = at; one.dispatchEvent(new Event('input', {bubbles: true})); }", place
        )
        called.append(learner.fact("live called", "called", ".eo-live-called"))
    count = learner.fact("live called", "count", ".eo-live-called")
    assert called[0] > 0.9 * count
    assert called[1] < called[0]


def test_l6_the_discriminator_moves_the_answer_up_and_the_generator_moves_it_down(learner: Learner) -> None:
    learner.card(6)
    moved: dict[str, list[int]] = {}

    def both() -> bool:
        here = learner.text(".eo-beat")
        for key in ("beat d moves", "beat g moves"):
            if here.split(":")[0] == learner.say(key).split(":")[0]:
                moved[key] = list(map(int, re.findall(r"(\d+) %", here)))
        return len(moved) == 2

    wait_for(both, 60)
    assert moved["beat d moves"][1] >= moved["beat d moves"][0]
    assert moved["beat g moves"][1] <= moved["beat g moves"][0]


def test_l7_when_the_answer_nears_one_half_the_game_is_over(learner: Learner) -> None:
    page = learner.card(7)
    assert learner.say("verdict even").lower() in learner.text("#board .eo-verdict").lower()
    page.wait_for_selector(".eo-live:not([hidden])")
    assert 40 <= pairs(learner) <= 65


def test_l8_transposed_convolutions_grow_maps_and_nothing_pools(learner: Learner) -> None:
    page = learner.card(8)
    page.wait_for_selector("#grows .eo-maps")
    steps = page.locator("#grows .eo-step").all_inner_texts()
    sides = [int(found[1]) for text in steps if (found := re.search(r"(\d+) × \d+", text))]
    assert sides == [sides[0] * 2**place for place in range(len(sides))]
    assert len(sides) >= 2
    before = page.locator("#grows .eo-made").get_attribute("src")
    learner.slide("which", 3)
    page.wait_for_function("before => document.querySelector('#grows .eo-made').src !== before", arg=before)


def test_l9_a_dense_generator_has_no_maps(learner: Learner, dense: str) -> None:
    page = learner.card(8)
    page.wait_for_selector("#grows .eo-maps")
    choose(page, dense)
    page.wait_for_selector("#grows .eo-maps", state="detached")
    wait_for(lambda: learner.say("dense") in learner.text("#grows"), 60)


def test_l10_a_step_along_a_direction_puts_glasses_on(learner: Learner) -> None:
    learner.card(9)
    wait_for(lambda: "glasses=yes" in learner.text("#steered .eo-said"), 60)
    before, after = map(
        float, re.findall(r"glasses=yes ([\d.]+) % → ([\d.]+) %", learner.text("#steered .eo-said"))[0]
    )
    assert after > before + 30
    learner.slide("slider-2", -1.5)
    wait_for(lambda: "glasses=no" in learner.text("#steered .eo-said"), 60)


def test_l11_with_glasses_minus_without_plus_another_has_glasses(learner: Learner) -> None:
    page = learner.card(10)
    page.wait_for_selector("#sum .eo-table")
    for feature in ("glasses=yes", "hair_length=long"):
        [row] = [one for one in page.locator("#sum tr").all_inner_texts() if one.startswith(feature)]
        man, other_man, woman, total = (float(one) for one in re.findall(r"([\d.]+) %", row))
        if feature == "glasses=yes":
            assert man > 50 > max(other_man, woman)
            assert total > 50, "glasses appear by the label reader"
        else:
            assert woman > 50 > max(man, other_man)
            assert total > 50, "and it is still the other's hair"


def test_l12_a_discriminator_that_is_too_strong_starves_the_generator(learner: Learner) -> None:
    page = learner.card(11)
    if not page.locator("#signal table").count():
        page.locator("#play-strong").click()
    wait_for(lambda: page.locator("#signal thead th").count() >= 4, 240)
    cells = page.locator("#signal tbody tr").first.locator("td").all_inner_texts()
    shares = [float(one.split()[0]) for one in cells if one.strip()]
    assert 99 < shares[0] < 101, "both begin alike"
    assert shares[2] < 10, "a tenth of the level game's, in the same rounds"


def test_l13_less_reaches_the_first_word_of_a_longer_sentence_and_nothing_a_chosen_one(
    learner: Learner,
) -> None:
    page = learner.card(11)
    page.wait_for_selector("#writing .eo-levels")
    learner.slide("sentence-length", 2)
    wait_for(lambda: " 2" in learner.text("#writing .eo-dim"), 60)
    short = learner.percents("#writing .eo-levels")
    learner.slide("sentence-length", 40)
    wait_for(lambda: "40" in learner.text("#writing .eo-dim"), 60)
    long = learner.percents("#writing .eo-levels")
    assert short[0] > 100 * long[0]
    assert short[1] == long[1] == 0


def test_l14_a_conditional_generator_fills_in_outlines(learner: Learner, outlines: str) -> None:
    page = learner.card(12)
    page.wait_for_selector("#canvas canvas", state="visible")
    wait_for(lambda: page.locator("#canvas .eo-wrong").get_attribute("data-run") == outlines, 60)
    box = page.locator("#canvas canvas").bounding_box()
    seen = [""]
    for shift in (0, 60):
        page.mouse.move(box["x"] + 60 + shift, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 160, box["y"] + 160 + shift, steps=6)
        page.mouse.up()
        page.wait_for_function(
            "before => document.querySelector('#canvas .eo-result').src.length > 500 && "
            "document.querySelector('#canvas .eo-result').src !== before",
            arg=seen[-1],
        )
        page.wait_for_timeout(800)
        seen.append(page.locator("#canvas .eo-result").get_attribute("src"))
    assert seen[1] != seen[2]


def test_data_drawn_with_the_mouse_is_learnt_with_settings_chosen_by_hand(learner: Learner) -> None:
    page = learner.turn("play")
    if page.locator("[data-guide=close]").is_visible():
        page.locator("[data-guide=close]").click()
    if not page.locator("#start").is_visible():
        page.locator("#new-game button").first.click()
    for part in ("drawn-data", "own-settings"):
        page.locator(f"#{part} button").first.click()
    page.locator("[data-shape=two]").click()
    box = page.locator("#drawn canvas").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=8)
    page.mouse.up()
    wait_for(lambda: learner.fact("drawn count", "count", "#drawn [role=status]") > 400, 30)
    for field, value in {"own-width": "24", "own-d-steps": "3", "own-lr-g": "0.002"}.items():
        learner.field(field).fill(value)
    name = f"drawn-{learner.language}"
    learner.field("budget").fill("30rounds")
    learner.field("name").fill(name)
    page.locator("#start").click()
    verdict = learner.server.runs / name / "verdict.json"
    wait_for(
        lambda: page.wait_for_timeout(200) or verdict.exists(), 120
    )  # the page's requests pass meanwhile
    run = Run.open(learner.server.runs / name)
    assert [column["name"] for column in run.codec()["columns"]] == ["x", "y"]
    assert run.facts["data"]["told"]["counts"]["samples"] > 400
    assert (run.recipe.network.width, run.recipe.game.d_steps, run.recipe.game.lr_g) == (24, 3, 0.002)
    page.wait_for_selector("#scene .eo-cloud")
