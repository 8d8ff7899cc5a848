"""The referee on laws whose odds are known: as good as the likelihood ratio, up to what learning costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score
from torch import Tensor

from evenodds.core.spec import PictureSpec, RowSpec, Span
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn
from evenodds.metrics.referee import (
    MOST_PICTURES,
    MOST_ROWS,
    Lesson,
    Ruling,
    cross,
    decoded,
    highest,
    linear,
    rule,
    ruled,
    taught,
    with_condition_channels,
)

PAIR = RowSpec((Span(0, 1, "number"), Span(1, 2, "number")))
CHOICE = RowSpec((Span(0, 1, "number"), Span(1, 4, "category")))
SMALL = PictureSpec(1, 8, 8)
Answer = NDArray[Any]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def rows(n: int, shift: float = 0.0) -> Tensor:
    """Normal pairs, the first number shifted."""
    return torch.randn(n, 2) + torch.tensor([shift, 0.0])


def noise(n: int, spec: PictureSpec = SMALL) -> Tensor:
    return torch.rand(n, *spec.shape) * 2 - 1


def stripes(n: int, share: float = 1.0) -> Tensor:
    """The same law of pixels, but this share of them is negative in even columns and positive in odd ones."""
    striped = noise(n).abs()
    striped[..., ::2] *= -1
    return torch.where(torch.rand_like(striped) < share, striped, noise(n))


def by_means(x: Tensor, real: Tensor, asked: Tensor) -> Answer:
    """The likelihood ratio of normals, with the means learnt."""
    towards = x[real > 0.5].mean(0) - x[real < 0.5].mean(0)
    return np.asarray((asked @ towards).numpy())


def by_first(x: Tensor, real: Tensor, asked: Tensor) -> Answer:
    return np.asarray(asked.flatten(1)[:, 0].numpy())


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 2.0, -1.0])
def test_trees_on_shifted_normals_come_near_the_likelihood_ratio(shift: float) -> None:
    """No classifier is above Phi(shift / sqrt 2); trees lose a little by learning."""
    ruling = rule(PAIR, rows(1500, shift), rows(1500))
    best = norm.cdf(abs(shift) / math.sqrt(2))
    assert best - 0.07 <= ruling.auc <= best + 0.03
    assert ruling.by == "trees"
    assert ruling.low < ruling.auc < ruling.high
    assert ruling.low <= best


@pytest.mark.parametrize("shift", [0.7, 1.5])
def test_a_classifier_that_has_the_right_form_meets_the_theory(shift: float) -> None:
    ruling = cross("means", by_means, rows(2000, shift), rows(2000))
    assert ruling.auc == pytest.approx(norm.cdf(shift / math.sqrt(2)), abs=0.02)
    assert ruling.low <= norm.cdf(shift / math.sqrt(2)) <= ruling.high
    assert ruling.p_value < 1e-20


def test_a_generator_that_has_the_columns_right_and_not_what_joins_them_is_found_out() -> None:
    """Numbers of the same laws, equal in the reals and independent in the fakes."""
    real = torch.randn(800, 1).expand(-1, 2)
    assert rule(PAIR, real, rows(800)).low > 0.9


def test_levels_drawn_by_other_shares_are_found_out_as_far_as_they_differ() -> None:
    """Shares (p, q) of three levels: the best AUC is P(ratio of a real > ratio of a fake), ties half."""
    p, q = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
    generator = np.random.default_rng(0)

    def drawn(shares: Answer) -> Tensor:
        levels = torch.from_numpy(generator.choice(3, 1500, p=shares))
        return torch.cat([torch.randn(1500, 1), torch.nn.functional.one_hot(levels, 3).float()], dim=1)

    ratio = p / q
    wins = (ratio[:, None] > ratio) + (ratio[:, None] == ratio) / 2
    assert rule(CHOICE, drawn(p), drawn(q)).auc == pytest.approx(float(p @ wins @ q), abs=0.04)


def test_equal_laws_are_mostly_not_told_apart() -> None:
    """20 games: their intervals hold a half in most, and p-values are spread about from 0 to 1."""
    rulings = []
    for seed in range(20):
        torch.manual_seed(seed)
        rulings.append(rule(PAIR, rows(60), rows(60)))
    assert sum(one.low <= 0.5 <= one.high for one in rulings) >= 14
    assert np.mean([one.auc for one in rulings]) == pytest.approx(0.5, abs=0.04)
    values = np.array([one.p_value for one in rulings])
    assert 0.25 < np.median(values) < 0.75
    assert (values < 0.05).mean() <= 0.3
    assert values.max() - values.min() > 0.5


@pytest.fixture(scope="module")
def at_even() -> list[Ruling]:
    """Games of equal laws, before a classifier that learns fast."""
    found = []
    for seed in range(250):
        torch.manual_seed(seed)
        found.append(cross("means", by_means, rows(100), rows(100)))
    return found


@pytest.mark.medium
def test_p_values_and_intervals_under_equal_laws_are_as_rare_as_they_say(at_even: list[Ruling]) -> None:
    assert np.mean([one.p_value < 0.05 for one in at_even]) <= 0.08
    assert np.mean([one.low <= 0.5 <= one.high for one in at_even]) >= 0.92


def test_under_equal_laws_low_and_high_p_values_are_about_as_frequent(at_even: list[Ruling]) -> None:
    values = np.array([one.p_value for one in at_even])
    assert 0.4 < np.median(values) < 0.6
    assert 0.02 < (values < 0.1).mean() < 0.3
    assert 0.02 < (values > 0.9).mean() < 0.3


@pytest.mark.parametrize(("m", "n"), [(10, 10), (13, 8), (4, 4), (5, 30)])
def test_each_sample_is_tested_once_by_one_who_never_saw_it(m: int, n: int) -> None:
    """Samples are their own numbers here; those above 1000 are fakes."""
    real, fake = torch.arange(m).float()[:, None], 1000 + torch.arange(n).float()[:, None]
    tested: list[float] = []

    def answers(x: Tensor, truth: Tensor, asked: Tensor) -> Answer:
        assert torch.equal(truth, (x[:, 0] < 1000).float())
        assert set(x[:, 0].tolist()) | set(asked[:, 0].tolist()) == {*range(m), *range(1000, 1000 + n)}
        assert not set(x[:, 0].tolist()) & set(asked[:, 0].tolist())
        tested.extend(asked[:, 0].tolist())
        return np.asarray(asked[:, 0].numpy())

    ruling = cross("numbers", answers, real, fake)
    assert sorted(tested) == [*range(m), *range(1000, 1000 + n)]
    assert ruling.auc == 0, "it calls fakes the more real ones, always"


def test_learning_by_heart_tells_nothing() -> None:
    """Remembers each sample it saw and has no opinion on others."""

    def answers(x: Tensor, real: Tensor, asked: Tensor) -> Answer:
        known = {tuple(row.tolist()): float(truth) for row, truth in zip(x, real, strict=True)}
        return np.array([known.get(tuple(row.tolist()), 0.5) for row in asked])

    assert cross("heart", answers, rows(50), rows(50, 3)).auc == 0.5


def test_the_ruling_is_the_mean_of_both_folds() -> None:
    """A classifier whose scale changes from fold to fold is not judged by the scale."""
    real, fake = rows(31, 1.0), rows(20)
    areas = []
    for test in (0, 1):
        said = torch.cat([real[test::2], fake[test::2]])[:, 0].numpy()
        areas.append(roc_auc_score([1] * len(real[test::2]) + [0] * len(fake[test::2]), said))
    scale = iter((1.0, 1000.0))

    def answers(x: Tensor, truth: Tensor, asked: Tensor) -> Answer:
        return by_first(x, truth, asked) * next(scale)

    assert cross("first", answers, real, fake).auc == pytest.approx(np.mean(areas))


def test_a_surer_finding_has_a_lower_p_value_and_more_samples_a_narrower_interval() -> None:
    rulings = [cross("first", by_first, rows(300, shift), rows(300)) for shift in (0.0, 0.3, 1.0)]
    assert rulings[0].p_value > rulings[1].p_value > rulings[2].p_value
    few, many = (cross("first", by_first, rows(n, 1.0), rows(n)) for n in (50, 5000))
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(10, rel=0.2)


def test_the_same_random_state_gives_the_same_ruling() -> None:
    for spec, real, fake in ((SMALL, noise(20), noise(20)), (PAIR, rows(20), rows(20))):
        torch.manual_seed(1)
        first = rule(spec, real, fake)
        torch.manual_seed(1)
        assert rule(spec, real, fake) == first


def test_a_referee_looks_at_no_more_rows_than_it_says() -> None:
    real, fake = rows(MOST_ROWS + 300), rows(MOST_ROWS + 300)
    fake[MOST_ROWS:] += 100
    assert rule(PAIR, real, fake) == rule(PAIR, real[:MOST_ROWS], fake[:MOST_ROWS])
    assert rule(PAIR, real, fake).auc < 0.55


def test_a_referee_looks_at_no_more_pictures_than_it_says() -> None:
    seen = []

    def extract(x: Tensor) -> Answer:
        seen.append(len(x))
        return x.flatten(1).numpy()

    tiny = PictureSpec(1, 4, 4)
    rule(tiny, noise(MOST_PICTURES + 50, tiny), noise(MOST_PICTURES + 50, tiny), extract)
    assert seen == [MOST_PICTURES] * 2  # each described once


def test_stripes_of_either_phase_are_told_from_noise() -> None:
    phases = torch.randint(0, 2, (100, 1, 1, 1)) * 2 - 1
    ruling = rule(SMALL, noise(100), stripes(100) * phases)
    assert ruling.auc > 0.97
    assert ruling.by == "convolutions"


def test_faint_stripes_are_told_from_noise_as_well_as_counting_could_or_little_worse() -> None:
    """A sign agrees with its column by 1/2 + share / 2 instead of 1/2; their number in 64 is all that tells."""
    counts = np.arange(65)
    faint, even = binom.pmf(counts, 64, 0.65), binom.pmf(counts, 64, 0.5)
    best = float(faint @ ((counts[:, None] > counts) + (counts[:, None] == counts) / 2) @ even)
    assert best - 0.15 < rule(SMALL, noise(100), stripes(100, 0.3)).auc < best + 0.03


def test_pictures_of_one_law_are_not_told_apart() -> None:
    ruling = rule(SMALL, noise(100), noise(100))
    assert ruling.auc == pytest.approx(0.5, abs=0.16)
    assert ruling.p_value > 1e-4


def lines(pictures: Tensor) -> Answer:
    """The mean product of neighbours in a row, and the mean: (n, 2)."""
    joined = (pictures[..., 1:] * pictures[..., :-1]).mean((1, 2, 3))
    return np.stack([joined.numpy(), pictures.mean((1, 2, 3)).numpy()], axis=1)


def far_pairs(n: int) -> Tensor:
    """Noise in which two corners are equal: one number of 64, which few steps do not find."""
    x = noise(n)
    x[:, :, -1, -1] = x[:, :, 0, 0]
    return x


def corners(pictures: Tensor) -> Answer:
    return (pictures[:, 0, :1, 0] - pictures[:, 0, -1:, -1]).abs().numpy()


def first(pictures: Tensor) -> Answer:
    return pictures.flatten(1)[:, :1].numpy()


@pytest.mark.medium
def test_the_stricter_answer_wins_where_features_see_more() -> None:
    ruling = rule(SMALL, noise(60), far_pairs(60), corners)
    assert ruling.by == "features"
    assert ruling.auc == 1.0


@pytest.mark.medium
def test_the_stricter_answer_wins_where_features_see_less() -> None:
    real, fake = noise(60), stripes(60)
    ruling = rule(SMALL, real, fake, first)
    assert ruling.by == "convolutions"
    own = cross("features", linear, *(torch.from_numpy(first(side)) for side in (real, fake)))
    assert ruling.auc > own.auc + 0.1


def test_features_are_asked_about_pictures_alone() -> None:
    def extract(x: Tensor) -> Answer:
        raise AssertionError("rows have no such features")

    assert rule(PAIR, rows(10), rows(10), extract).by == "trees"


def test_linear_features_that_tell_all_tell_all() -> None:
    known, made = (torch.from_numpy(lines(side)) for side in (noise(50), stripes(50)))
    assert cross("features", linear, known, made).auc == 1.0


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_linear_answers_do_not_hang_on_the_features_units(scale: float) -> None:
    rng = np.random.default_rng(0)
    x, asked = rng.normal(size=(200, 5)), rng.normal(size=(50, 5))
    truth = (np.arange(200) < 100).astype(float)
    x[:100] += 0.5
    seen, told, known = (torch.from_numpy(block) for block in (x, truth, asked))
    one, other = linear(seen, told, known), linear(seen * scale + 3 * scale, told, known * scale + 3 * scale)
    np.testing.assert_allclose(other, one, rtol=1e-2, atol=1e-3)
    assert np.corrcoef(one, asked.sum(1))[0, 1] > 0.9


@pytest.mark.medium
def test_a_g_that_does_not_heed_what_it_is_given_is_found() -> None:
    """Light or dark by the label; the fakes are as light and dark, whatever they were asked for."""
    label = torch.eye(2)[torch.randint(0, 2, (120,))]
    light = (label[:, 0] * 2 - 1)[:, None, None, None] * 0.5
    real = light + 0.3 * noise(120)
    fake = light[torch.randperm(120)] + 0.3 * noise(120)
    assert rule(SMALL, real, fake).auc < 0.65
    seen = [with_condition_channels(side, label) for side in (real, fake)]
    assert seen[0].shape == (120, 3, *real.shape[2:])
    assert rule(PictureSpec(3, *SMALL.shape[1:]), *seen).auc > 0.7


def test_pictures_that_were_given_stand_beside() -> None:
    x, c = noise(4), noise(4)
    assert torch.equal(with_condition_channels(x, c), torch.cat([x, c], dim=1))


# With a lesson, and its power


def near(n: int, shift: float) -> Tensor:
    """Normal pairs whose product is shifted: what only many rows show."""
    x = rows(n)
    x[:, 1] = x[:, 1] * (1 - shift) + x[:, 0] * shift
    return x


def test_a_lesson_finds_what_few_held_out_rows_cannot_teach() -> None:
    """30 held-out rows: trees cannot split them at all, and 4,000 training rows teach them."""
    real, fake = near(30, 0.8), rows(120)
    alone = rule(PAIR, real, fake)
    assert alone.auc == 0.5
    assert alone.abstains(0.55)
    learnt = rule(PAIR, real, fake, lesson=Lesson(near(4000, 0.8), rows(4000)))
    assert learnt.auc > 0.75
    assert learnt.significant


def test_a_lesson_from_copied_rows_does_not_hide_what_held_out_rows_show() -> None:
    """A G that gives back training rows, which lie elsewhere than held-out ones: from the lesson both look alike."""
    train = rows(600, 1.5)
    ruling = rule(PAIR, rows(600), train, lesson=Lesson(train, train[torch.randperm(600)]))
    assert ruling.auc > 0.8


@pytest.mark.medium
@pytest.mark.parametrize("shift", [0.0, 0.2, 0.4])
def test_what_lies_at_the_stated_power_is_found_in_19_of_20_and_nothing_in_as_few(shift: float) -> None:
    """The law's own AUC is Phi(shift / sqrt 2); the classifier of the right form loses next to nothing."""
    found, power = [], 0.0
    for seed in range(200):
        torch.manual_seed(seed)
        real, fake = rows(500, shift), rows(2000)
        ruling = taught("means", by_means, Lesson(rows(3000, shift), rows(3000)), real, fake)
        found.append(ruling.significant)
        power = ruling.power
    best = norm.cdf(shift / math.sqrt(2))
    if best >= power:
        assert np.mean(found) >= 0.93
    elif not shift:
        assert np.mean(found) <= 0.09
    assert power == pytest.approx(0.5 + 2 * 1.645 * math.sqrt(2501 / (12 * 500 * 2000)), abs=1e-3)


def test_the_strictest_of_several_is_held_to_a_stricter_level() -> None:
    one, two = ruled("a", 0.56, 200, 200), ruled("b", 0.5, 200, 200)
    both = highest([one, two])
    assert both.auc == one.auc
    assert both.p_value == pytest.approx(2 * one.p_value)
    assert both.power > one.power


def test_few_rows_abstain_where_they_find_nothing_and_speak_where_they_do() -> None:
    assert ruled("a", 0.5, 35, 35).abstains(0.55)
    assert not ruled("a", 0.95, 35, 35).abstains(0.55)
    assert not ruled("a", 0.5, 2000, 4000).abstains(0.55)
    assert ruled("a", 0.5, 1, 1).power == 1


def test_values_show_what_encoded_rows_hide_from_trees() -> None:
    """Whole numbers: the fakes are as often odd as even, the reals always even; and a level that goes with it."""
    rng = np.random.default_rng(0)
    count = 1500

    def table(step: int) -> pd.DataFrame:
        number = step * rng.integers(0, 40 // step, count)
        return pd.DataFrame({"number": number, "level": np.where(rng.random(count) < 0.5, "a", "b")})

    real, fake = table(2), table(1)
    codec = TableCodec.fit(pd.concat([real, fake], ignore_index=True), (), rng)
    sides = [torch.from_numpy(codec.encode(one, rng)) for one in (real, fake)]
    ruling = rule(codec.spec, *sides, codec=codec)
    assert ruling.auc > 0.7
    # Half of the fakes are even: no one wins more than three quarters of the pairs.
    assert ruling.auc < 0.78


def test_values_are_numbers_codes_and_gaps() -> None:
    table = pd.DataFrame(
        {
            "level": ["b", "b", "b", None, "a", "b"] * 3,
            "number": [1.5, 2.0, None, 4.0, 5.0, 6.0] * 3,
            "yes": [True, True, True, False, True, False] * 3,
        }
    )
    codec = TableCodec.fit(table, (), np.random.default_rng(0))
    values = decoded(codec, codec.encode(table, np.random.default_rng(0)))[:6]
    np.testing.assert_array_equal(values[:, 0], [0, 0, 0, np.nan, 1, 0])
    np.testing.assert_array_equal(values[:, 2], [0, 0, 0, 1, 0, 1])
    number = codec.columns[1]
    expected = table["number"] if not isinstance(number, CategoryColumn) else pd.Series(values[:, 1])
    np.testing.assert_allclose(values[:, 1], expected[:6])
