"""The referee: can a classifier that knows neither player tell held-out reals from fakes? (Lopez-Paz and Oquab 2017,
1610.06545)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from torch import Tensor

from evenodds.core.spec import PictureSpec, SampleSpec, at_most
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.columns import CategoryColumn
from evenodds.data.tables.fitting import Column
from evenodds.metrics.columns import comparable, number
from evenodds.metrics.odds import LEVEL, interval
from evenodds.networks.classifier import Classifier, fit, logits

MOST_ROWS, MOST_PICTURES, MOST_PIXELS, FEWEST = 4_000, 1_000, 10_000_000, 200
"""Samples a side that a referee looks at, at most: rows, pictures, large pictures by their pixels, the largest ones."""
WIDTH, STEPS, BATCH = 16, 150, 64
"""The convolutional network, and how long it learns: these bound its time."""
MORE_FAKES = 4
"""Times as many fakes as reals are tested, at most: they cost little, and halve a ruling's variance."""
LEVELS = 254
"""Levels of a category that trees tell apart; rarer ones count as one."""

Answers = Callable[[Tensor, Tensor, Tensor], NDArray[Any]]
"""(samples to learn from, which of them are real, samples to answer for) -> how real each looks."""
Extract = Callable[[Tensor], NDArray[Any]]
"""Pictures (n, C, H, W) in [-1, 1] -> feature vectors (n, k)."""

Vectors = Callable[[], tuple[NDArray[Any], NDArray[Any]]]
"""Feature vectors of reals and of fakes."""


class Ruling(NamedTuple):
    """A referee's finding. ``auc`` is P(a held-out real looks more real to it than a fake), 0.5 where it cannot
    tell, with a 95 % interval; ``p_value`` that of so high an AUC where there is nothing to tell."""

    auc: float
    low: float
    high: float
    p_value: float
    by: str
    deviation: float = 0.0
    """Standard deviation of the AUC where there is nothing to tell."""
    learners: int = 1
    """How many classifiers' AUCs this is the highest of."""

    @property
    def power(self) -> float:
        """The smallest AUC that is found in 19 of 20 games; no finding says nothing about what lies below."""
        return detectable(self.deviation, self.learners)

    @property
    def significant(self) -> bool:
        """Whether reals are told from fakes, beyond chance."""
        return self.p_value < LEVEL

    def abstains(self, margin: float) -> bool:
        """Whether nothing was found, and an AUC of ``margin`` would not have been either."""
        return not self.significant and self.power > margin


class Lesson(NamedTuple):
    """Training reals (m, *shape) and further fakes (n, *shape): a referee may learn from them, and is not tested on
    them."""

    real: Tensor
    fake: Tensor


def detectable(deviation: float, learners: int = 1) -> float:
    """The smallest AUC that a test at LEVEL finds with probability 1 - LEVEL, at most 1; of several ``learners`` each
    has its share of the level (Bonferroni).

    >>> round(detectable(0.02), 3)
    0.566
    """
    return float(min(1.0, 0.5 + (norm.isf(LEVEL / learners) + norm.isf(LEVEL)) * deviation))


def rule(
    spec: SampleSpec,
    real: Tensor,
    fake: Tensor,
    *extracts: Extract,
    codec: TableCodec | None = None,
    lesson: Lesson | None = None,
    most: int | None = None,
) -> Ruling:
    """The strictest ruling on held-out reals and fakes, (m, *shape) and (n, *shape), four of each or more.

    Tables: gradient-boosted trees, on rows as the players see them and, with a ``codec``, on the values they stand for.
    Pictures: a small convolutional network, and a linear classifier on the vectors of each of ``extracts``.
    Each learns on one half of both and answers for the other, then the other way round, so that every sample is tested
    once by a classifier that never saw it. With a ``lesson`` they learn once more from that alone, which finds more,
    and answer for all. At most ``most`` reals are looked at. Random numbers come from torch's state.
    """
    most = most or most_samples(spec)
    real, fake = real[:most], fake[: MORE_FAKES * most]
    vectors = [partial(both, extract, real, fake) for extract in extracts]
    return strictest(spec, real, fake, vectors, codec, lesson)


def both(extract: Extract, real: Tensor, fake: Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """The vectors of reals and of as many fakes."""
    return extract(real), extract(fake[: len(real)])


def strictest(
    spec: SampleSpec,
    real: Tensor,
    fake: Tensor,
    vectors: Sequence[Vectors] = (),
    codec: TableCodec | None = None,
    lesson: Lesson | None = None,
) -> Ruling:
    """The same with ``vectors`` of both, (m, k) and (m, k) each, which may be extracted already."""
    if isinstance(spec, PictureSpec):
        learners: list[tuple[str, Answers]] = [("convolutions", partial(convolutions, spec))]
    else:
        learners = [("trees", trees)]
        # A number that is no choice beside orders rows as its value does, which is all that trees look at.
        if codec is not None and any(column.width > 1 for column in codec.columns):
            learners.append(("trees on values", trees_on_values(codec)))
    equal = fake[: len(real)]
    rulings = [cross(by, answers, real, equal) for by, answers in learners]
    if lesson is not None:
        rulings += [taught(by, answers, lesson, real, fake) for by, answers in learners]
    for extracted in vectors if isinstance(spec, PictureSpec) else ():
        # Only now: loading an extractor may draw random numbers, and a resumed game must draw the same ones.
        real_vectors, fake_vectors = (torch.from_numpy(side) for side in extracted())
        rulings.append(cross("features", linear, real_vectors, fake_vectors))
    return highest(rulings)


def highest(rulings: Sequence[Ruling]) -> Ruling:
    """The ruling with the highest AUC, its p-value that of the highest of so many."""
    best = max(rulings, key=lambda ruling: ruling.auc)
    return best._replace(
        p_value=min(1.0, len(rulings) * best.p_value),
        deviation=min(ruling.deviation for ruling in rulings),
        learners=len(rulings),
    )


def with_condition_channels(x: Tensor, c: Tensor) -> Tensor:
    """Pictures (n, C, H, W) with what they were made under, values (n, k) or pictures (n, k, H, W), as k further
    channels: a referee that sees both finds a G which does not heed what it is given."""
    planes = c if c.dim() == 4 else c[:, :, None, None].expand(-1, -1, *x.shape[-2:])
    return torch.cat([x, planes], dim=1)


def most_samples(spec: SampleSpec) -> int:
    """Reals that a referee looks at, at most, while a game is played."""
    return at_most(spec, MOST_ROWS, MOST_PICTURES, MOST_PIXELS, FEWEST)


def cross(by: str, answers: Answers, real: Tensor, fake: Tensor) -> Ruling:
    """A ruling over two folds; the AUCs of both are averaged, since two classifiers' answers have no common scale."""
    aucs = []
    for test in (0, 1):
        x, truth = labelled(real[1 - test :: 2], fake[1 - test :: 2])
        aucs.append(area(answers, x, truth, real[test::2], fake[test::2]))
    # Both AUCs rise and fall together, since what one fold learns by chance the other is tested on: no surer than one.
    return ruled(by, float(np.mean(aucs)), len(real) // 2, len(fake) // 2)


def taught(by: str, answers: Answers, lesson: Lesson, real: Tensor, fake: Tensor) -> Ruling:
    """A ruling of one classifier that learnt from a lesson, on all samples."""
    return ruled(by, area(answers, *labelled(*lesson), real, fake), len(real), len(fake))


def labelled(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both as samples to learn from, and which of them are real."""
    return torch.cat([real, fake]), torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])


def area(answers: Answers, x: Tensor, truth: Tensor, real: Tensor, fake: Tensor) -> float:
    """The AUC on reals and fakes of who learnt from x."""
    looks = answers(x, truth, torch.cat([real, fake]))
    return float(roc_auc_score(np.arange(len(real) + len(fake)) < len(real), looks))


def ruled(by: str, auc: float, m: int, n: int) -> Ruling:
    """An AUC over m reals and n fakes, with what chance does to it (Mann and Whitney 1947)."""
    deviation = float(np.sqrt((m + n + 1) / (12 * m * n)))
    return Ruling(auc, *interval(auc, m, n), float(norm.sf((auc - 0.5) / deviation)), by, deviation)


def trees(x: Tensor, real: Tensor, x_test: Tensor) -> NDArray[Any]:
    """Gradient-boosted trees on rows."""
    return boosted(x.cpu().numpy(), real, x_test.cpu().numpy())


def trees_on_values(codec: TableCodec) -> Answers:
    """Gradient-boosted trees on the values that encoded rows stand for: a category is one column to them, and a rounded
    number is rounded."""
    categories = np.array([isinstance(column, CategoryColumn) for column in codec.columns])

    def answers(x: Tensor, real: Tensor, x_test: Tensor) -> NDArray[Any]:
        train, test = (decoded(codec, rows.cpu().numpy()) for rows in (x, x_test))
        return boosted(train, real, test, categories)

    return answers


def decoded(codec: TableCodec, rows: NDArray[Any]) -> NDArray[np.float64]:
    """Encoded rows (n, width) as values (n, columns): numbers as they are, categories as codes, nan where missing."""
    rng = np.random.default_rng(0)
    table = comparable(codec.decode(codec.mended(rows, rng), rng), codec)
    return np.stack([value_codes(column, table[column.name]) for column in codec.columns], axis=1)


def value_codes(column: Column, values: pd.Series[Any]) -> NDArray[np.float64]:
    """One column's values as numbers."""
    if not isinstance(column, CategoryColumn):
        return number(values)
    code = pd.Index(column.levels).get_indexer(pd.Index(values)).astype(np.float64)
    return np.where(code < 0, np.nan, np.minimum(code, LEVELS))


def boosted(
    x: NDArray[Any], real: Tensor, x_test: NDArray[Any], categories: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """Histogram gradient boosting: how real each row of x_test looks."""
    # Here and not above, as in linear: it takes a moment, and a game's first checks ask no referee.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=15,
        early_stopping=False,
        categorical_features=categories,
        random_state=0,
    )
    # One thread: a second one gains a third, and loses tenfold where another program wants the core.
    with threadpool_limits(1, "openmp"):
        model.fit(x, real.numpy())
        return np.asarray(model.predict_proba(x_test)[:, 1])


def convolutions(spec: PictureSpec, x: Tensor, real: Tensor, x_test: Tensor) -> NDArray[Any]:
    """A small convolutional network, from nothing."""
    network = Classifier(spec, WIDTH).to(x.device)
    fit(network, x, real.to(x.device), steps=STEPS, batch=BATCH)
    return logits(network, x_test).numpy()


def linear(x: Tensor, real: Tensor, x_test: Tensor) -> NDArray[Any]:
    """Logistic regression on feature vectors (n, k)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    model.fit(x.numpy(), real.numpy())
    return np.asarray(model.decision_function(x_test.numpy()))
