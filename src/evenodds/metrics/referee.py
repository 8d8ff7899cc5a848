"""The referee: can a classifier that knows neither player tell held-out reals from fakes? (Lopez-Paz and Oquab 2017,
1610.06545)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from torch import Tensor

from evenodds.core.spec import PictureSpec, SampleSpec, at_most
from evenodds.metrics.odds import interval
from evenodds.networks.classifier import Classifier, fit, logits

MOST_ROWS, MOST_PICTURES, MOST_PIXELS, FEWEST = 4_000, 1_000, 10_000_000, 200
"""Samples a side that a referee looks at, at most: rows, pictures, large pictures by their pixels, the largest ones."""
WIDTH, STEPS, BATCH = 16, 150, 64
"""The convolutional network, and how long it learns: these bound its time."""

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


def rule(spec: SampleSpec, real: Tensor, fake: Tensor, extract: Extract | None = None) -> Ruling:
    """The strictest ruling on held-out reals and fakes, (m, *shape) and (n, *shape), four of each or more.

    Tables: gradient-boosted trees. Pictures: a small convolutional network, and a linear classifier on the vectors of
    ``extract`` where there is one. Each learns on one half of both and answers for the other, then the other way round,
    so that every sample is tested once by a classifier that never saw it. Random numbers come from torch's state.
    """
    real, fake = real[: most(spec)], fake[: most(spec)]
    return strictest(spec, real, fake, None if extract is None else lambda: (extract(real), extract(fake)))


def strictest(spec: SampleSpec, real: Tensor, fake: Tensor, vectors: Vectors | None) -> Ruling:
    """The same with ``vectors`` of both, (m, k) and (n, k), which may be extracted already."""
    real, fake = real[: most(spec)], fake[: most(spec)]
    if not isinstance(spec, PictureSpec):
        return cross("trees", trees, real, fake)
    rulings = [cross("convolutions", lambda *halves: convolutions(spec, *halves), real, fake)]
    if vectors is not None:
        # Only now: loading an extractor may draw random numbers, and a resumed game must draw the same ones.
        real_vectors, fake_vectors = (torch.from_numpy(side[: most(spec)]) for side in vectors())
        rulings.append(cross("features", linear, real_vectors, fake_vectors))
    return max(rulings, key=lambda ruling: ruling.auc)


def with_condition_channels(x: Tensor, c: Tensor) -> Tensor:
    """Pictures (n, C, H, W) with what they were made under, values (n, k) or pictures (n, k, H, W), as k further
    channels: a referee that sees both finds a G which does not heed what it is given."""
    planes = c if c.dim() == 4 else c[:, :, None, None].expand(-1, -1, *x.shape[-2:])
    return torch.cat([x, planes], dim=1)


def most(spec: SampleSpec) -> int:
    """Samples a side that a referee looks at, at most."""
    return at_most(spec, MOST_ROWS, MOST_PICTURES, MOST_PIXELS, FEWEST)


def cross(by: str, answers: Answers, real: Tensor, fake: Tensor) -> Ruling:
    """A ruling over two folds; the AUCs of both are averaged, since two classifiers' answers have no common scale."""
    aucs = []
    for test in (0, 1):
        x = torch.cat([real[1 - test :: 2], fake[1 - test :: 2]])
        truth = torch.cat([torch.ones(len(real[1 - test :: 2])), torch.zeros(len(fake[1 - test :: 2]))])
        x_test = torch.cat([real[test::2], fake[test::2]])
        answers_given = answers(x, truth, x_test)
        count = len(real[test::2])
        aucs.append(roc_auc_score(np.arange(len(x_test)) < count, answers_given))
    # Both AUCs rise and fall together, since what one fold learns by chance the other is tested on: no surer than one.
    value, m, n = float(np.mean(aucs)), len(real) // 2, len(fake) // 2
    deviation = np.sqrt((m + n + 1) / (12 * m * n))  # of an AUC where both are alike (Mann and Whitney 1947)
    return Ruling(value, *interval(value, m, n), float(norm.sf((value - 0.5) / deviation)), by)


def trees(x: Tensor, real: Tensor, x_test: Tensor) -> NDArray[Any]:
    """Gradient-boosted trees on rows."""
    # Here and not above, as in linear: it takes a moment, and a game's first checks ask no referee.
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, early_stopping=False, random_state=0
    )
    model.fit(x.cpu().numpy(), real.numpy())
    return np.asarray(model.predict_proba(x_test.cpu().numpy())[:, 1])


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
