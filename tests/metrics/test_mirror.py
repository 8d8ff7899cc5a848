"""Which pictures look alike in a mirror, and which do not: alone, and under labels."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from evenodds.config.data_settings import DataSettings
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from evenodds.metrics.mirror import EXTRACTS, FEWEST, LIMIT, SIDE, Labels, lower, mirror_test, shrunk, upper
from evenodds.training.mirroring import labels_of, pictures_of
from tests.conftest import SHARED

LETTERS = "abcdefghijklmnopqrstuvwxyz"
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not beside the project")


def tensor(pictures: np.ndarray) -> Tensor:
    """uint8 (n, C, H, W) in [-1, 1]."""
    return torch.from_numpy(pictures.astype(np.float32)) / 127.5 - 1


def text(n: int, anywhere: bool) -> Tensor:
    """Words on pictures of 64 px: lines that begin at the left, dark on light, or anywhere, dark or light."""
    draws = random.Random(0)
    pictures = []
    for _ in range(n):
        ground = draws.choice([40, 220]) if anywhere else 220
        picture = Image.new("L", (64, 64), ground)
        pen = ImageDraw.Draw(picture)
        font = ImageFont.load_default(draws.randint(11, 20))
        for line in range(2):
            word = "".join(draws.choice(LETTERS) for _ in range(draws.randint(2, 6)))
            reach = 64 - pen.textlength(word, font=font) if anywhere else 6
            left = draws.uniform(min(0, reach), max(0, reach))
            pen.text((left, 30 * line + draws.randint(0, 8)), word, fill=255 - ground, font=font)
        pictures.append(np.asarray(picture))
    return tensor(np.stack(pictures)[:, None])


def symmetric(n: int, seed: int, side: int = 16) -> Tensor:
    """Smooth noise of which no side is preferred."""
    noise = torch.randn(n, 1, side, side, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)


def arrows(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noise with a bright stroke to the left or to the right, as often, and which (n,)."""
    x = symmetric(n, seed)
    right = torch.from_numpy(np.random.default_rng(seed).integers(0, 2, n))
    x[right == 0, :, 7, 1:6] += 3
    x[right == 1, :, 7, 10:15] += 3
    return x, right


def as_labels(codes: Tensor, name: str, levels: tuple[str, ...]) -> Labels:
    """One label, one-hot."""
    return Labels(
        torch.nn.functional.one_hot(codes, len(levels)).float(),
        {name: slice(0, len(levels))},
        {name: levels},
    )


@pytest.mark.parametrize("anywhere", [False, True])
@pytest.mark.parametrize("n", [300, 800])
def test_text_is_told_from_its_mirror_image(anywhere: bool, n: int) -> None:
    ruling = mirror_test(text(n, anywhere))
    assert not ruling.symmetric
    assert ruling.significant
    assert ruling.right > LIMIT


def test_builtin_digits_are_told() -> None:
    store = prepare(find("digits"), DataSettings())
    ruling = mirror_test(pictures_of(store, 300))
    assert (ruling.symmetric, ruling.significant) == (False, True)


@needs_data
@pytest.mark.parametrize("n", [300, 2000])
def test_mnist_is_told(n: int) -> None:
    with np.load(SHARED / "mnist.npz") as file:
        ruling = mirror_test(tensor(file["x_train"][:n, None]))
    assert (ruling.symmetric, ruling.significant) == (False, True)


@needs_data
@pytest.mark.medium
@pytest.mark.parametrize("condition", [None, "breed"])
def test_cats_are_not_told(condition: str | None) -> None:
    store = prepare(find(str(SHARED / "cats256.zip")), DataSettings(size=64, condition=condition))
    ruling = mirror_test(pictures_of(store, store.n_train), labels_of(store))
    assert ruling.symmetric
    assert ruling.bound < 0.57


@pytest.mark.parametrize("n", [300, 1000])
def test_a_label_that_says_left_or_right_is_told_of(n: int) -> None:
    x, right = arrows(n)
    assert mirror_test(x).right < LIMIT  # as often to the left as to the right
    ruling = mirror_test(x, as_labels(right, "facing", ("left", "right")))
    assert (ruling.symmetric, ruling.significant) == (False, True)
    assert ruling.label == "facing"
    assert ruling.right > 0.9


def test_a_number_that_changes_its_sign_in_the_mirror_is_told_of() -> None:
    x, right = arrows(600)
    labels = Labels((2.0 * right - 1)[:, None] + 0.1, {"angle": slice(0, 1)}, {})
    assert not mirror_test(x, labels).symmetric


def test_one_level_of_many_is_told_of() -> None:
    x = symmetric(1200, 1)
    codes = torch.arange(1200) % 12
    x[codes == 5, :, 3:8, 1:4] += 3
    assert mirror_test(x).symmetric
    ruling = mirror_test(x, as_labels(codes, "kind", tuple(LETTERS[:12])))
    assert not ruling.symmetric
    assert ruling.label == "kind"
    assert ruling.by in ("kind", "kind=f")


def test_a_label_that_says_nothing_of_sides_is_let_pass() -> None:
    x, _ = arrows(1000)
    codes = torch.arange(1000) % 3
    assert mirror_test(x, as_labels(codes, "kind", ("a", "b", "c"))).symmetric


def test_symmetric_pictures_are_seldom_taken_for_others() -> None:
    """Where nothing is to be told the bound lies below LIMIT most of the time, from FEWEST pictures on."""
    few = sum(mirror_test(symmetric(FEWEST, seed, 8)).symmetric for seed in range(20))
    more = sum(mirror_test(symmetric(600, seed, 8)).symmetric for seed in range(20))
    assert few >= 6
    assert more >= 18


def test_pictures_of_which_a_third_has_a_side_are_seldom_let_pass() -> None:
    """Right about more than LIMIT of pairs: at most one in twenty is let pass, and fewer since the bound is careful."""
    passed = 0
    for seed in range(20):
        x = symmetric(300, seed, 8)
        x[::3, :, 2:4, 0:2] += 4
        passed += mirror_test(x.roll(seed, 0)[torch.randperm(300)]).symmetric
    assert passed <= 1


@pytest.mark.parametrize("name", list(EXTRACTS))
def test_a_mirror_image_has_the_other_sides(name: str) -> None:
    x = symmetric(40, 0, 24)
    both = EXTRACTS[name](torch.cat([x, x.flip(3)]))
    assert torch.allclose(both[:40], -both[40:], atol=1e-3)
    assert both.abs().max() > 0.1


def test_the_same_pictures_give_the_same_answer_and_leave_the_random_state() -> None:
    x, right = arrows(300)
    before = torch.get_rng_state()
    labels = as_labels(right, "facing", ("left", "right"))
    assert mirror_test(x, labels) == mirror_test(x, labels)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("x", [torch.zeros(200, 3, 16, 16), torch.eye(16).expand(200, 1, 16, 16)])
def test_pictures_that_are_all_alike(x: Tensor) -> None:
    assert mirror_test((x + x.flip(3)) / 2).symmetric
    assert mirror_test(x).symmetric == (not x.any())


def test_pictures_are_averaged_down() -> None:
    x = torch.rand(2, 3, 256, 256)
    assert shrunk(x).shape == (2, 3, SIDE, SIDE)
    assert torch.equal(shrunk(x[..., :28, :28]), x[..., :28, :28])


@pytest.mark.parametrize("pictures", [2, 200, 2000])
@pytest.mark.parametrize("right", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_bounds_lie_on_both_sides(right: float, pictures: int) -> None:
    assert 0 <= lower(right, pictures) <= right <= upper(right, pictures) <= 1


def test_the_bound_is_the_binomial_distributions() -> None:
    from scipy.stats import binomtest

    exact = binomtest(60, 100, alternative="less").proportion_ci(0.95, "exact").high
    assert upper(0.6, 200) == pytest.approx(exact)
