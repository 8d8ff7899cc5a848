"""How far rows are from the closest training row, and what fakes are good for."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from evenodds.core.errors import UserError
from evenodds.metrics.columns import Kind, codes, number

ROWS = 256
"""Rows whose distances to all others are held at once."""
MOST_LEVELS = 20
"""A column of more is no target."""


def closest(
    of: pd.DataFrame, among: pd.DataFrame, kinds: dict[str, Kind], scale: pd.DataFrame | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each row the distance to its closest record of another table, in [0, 1], and that record's place.

    The mean over columns, as SDMetrics defines it (its documentation: DCRBaselineProtection): of numbers the difference
    over the range they have in ``scale`` (in ``among`` by default), 1 at most; of categories 0 or 1; a missing
    value is at 0 from another missing one and at 1 from all else.
    """
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    scale = among if scale is None else scale
    pairs = [scaled(number(of[name]), number(among[name]), number(scale[name])) for name in numbers]
    levels = [codes(among[name], of[name]) for name in kinds if name not in numbers]
    least, position = np.empty(len(of)), np.empty(len(of), np.int64)
    for start in range(0, len(of), ROWS):
        rows = slice(start, start + ROWS)
        total = np.zeros((len(of.iloc[rows]), len(among)), np.float32)
        for x, a in pairs:
            distances = np.abs(x[rows, None] - a)
            total += np.where(
                np.isnan(distances), np.isnan(x[rows, None]) != np.isnan(a), np.minimum(distances, 1)
            )
        for b, y in levels:
            total += y[rows, None] != b
        position[rows] = total.argmin(1)
        least[rows] = total.min(1) / len(kinds)
    return least, position


def scaled(
    x: NDArray[np.float64], among: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both over the range of ``scale``, so that what lies outside by more than that is at 1 from all of it."""
    kinds_known = scale[~np.isnan(scale)]
    least = float(kinds_known.min()) if len(kinds_known) else 0.0
    # Where all are the same, any other value is at 1 and more.
    reach = (float(np.ptp(kinds_known)) if len(kinds_known) else 0.0) or np.finfo(np.float32).tiny
    first, second = (np.clip((side - least) / reach, -1, 2).astype(np.float32) for side in (x, among))
    return first, second


def target_of(real: pd.DataFrame, kinds: dict[str, Kind], requested: str | None) -> str | None:
    """The category that a classifier is to tell from the other columns: the one wanted, or the last with 2 to
    MOST_LEVELS levels; None where there is none. Raises UserError for a wanted one that cannot be."""
    fitting = [
        name
        for name, kind in kinds.items()
        if kind == "category" and 2 <= real[name].nunique() <= MOST_LEVELS
    ]
    if requested is None:
        return fitting[-1] if fitting and len(kinds) > 1 else None
    if requested not in kinds:
        raise UserError(
            f"--target {requested} is no column that was learnt, the columns are {', '.join(kinds)}"
        )
    if requested not in fitting or len(kinds) == 1:
        among = f", take one of {', '.join(fitting)}" if fitting else ", and the table has none that is"
        raise UserError(
            f"--target {requested} is no category of 2 to {MOST_LEVELS} levels beside others{among}"
        )
    return requested


def usefulness(
    learn: pd.DataFrame, test: pd.DataFrame, kinds: dict[str, Kind], target: str
) -> dict[str, float]:
    """F1 on ``test`` of classifiers that learnt the target's column from ``learn`` (train on synthetic, test on real;
    Esteban 2017, 1706.02633, section 4.2): gradient-boosted trees and logistic regression. Of two levels the F1 of the
    one that is rarer in the test rows, of more the mean over levels."""
    inputs = [name for name in kinds if name != target]
    kinds_known, real = (plain(table[list(kinds)], kinds) for table in (learn, test))
    x, x_test, y, truth = kinds_known[inputs], real[inputs], kinds_known[target], real[target]
    texts = [name for name in inputs if kinds[name] == "category"]
    numbers = [name for name in inputs if kinds[name] == "number"]
    order = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    trees = make_pipeline(
        make_column_transformer((order, texts), remainder="passthrough"),
        HistGradientBoostingClassifier(random_state=0),
    )
    hot = OneHotEncoder(handle_unknown="ignore", min_frequency=10)
    linear = make_pipeline(
        make_column_transformer((StandardScaler(), numbers), (hot, texts)),
        LogisticRegression(max_iter=500),
    )
    models = {"trees": (trees, x, x_test), "logistic": (linear, filled(x, x), filled(x_test, x))}
    return {name: f1(model, rows, y, tested, truth) for name, (model, rows, tested) in models.items()}


def f1(model: Any, x: pd.DataFrame, y: pd.Series[str], x_test: pd.DataFrame, truth: pd.Series[str]) -> float:
    """The F1 of a model; where it has one level only to learn from, of always saying that one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as good as it became
        predicted = model.fit(x, y).predict(x_test) if y.nunique() > 1 else np.full(len(x_test), y.iloc[0])
    levels = truth.value_counts()
    if len(levels) == 2:
        return float(f1_score(truth == levels.index[-1], predicted == levels.index[-1], zero_division=0))
    return float(f1_score(truth, predicted, labels=sorted(levels.index), average="macro", zero_division=0))


def plain(table: pd.DataFrame, kinds: dict[str, Kind]) -> pd.DataFrame:
    """Numbers as float64 with nan, categories as text in which missing is a word of its own."""
    return pd.DataFrame(
        {
            name: number(table[name])
            if kinds[name] == "number"
            else table[name].astype(object).where(table[name].notna(), "missing").astype("str")
            for name in map(str, table)
        }
    )


def filled(table: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """Missing numbers as the mean of those learnt from."""
    means = training.select_dtypes("number").mean().fillna(0.0)
    return table.fillna(means.to_dict())
