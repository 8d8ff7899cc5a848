"""Judges samples: files, folders, rows, tables and arrays, by the judge of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from evenodds.core.observer import Say
from evenodds.core.spec import PictureSpec
from evenodds.data.inputs import BATCH, Named, NamedRows, pictures_from, rows_from
from evenodds.data.store import Block
from evenodds.data.tables.codec import TableCodec
from evenodds.judge.judge import Judge
from evenodds.judge.oddities import sentence
from evenodds.judge.support import Look, Oddity
from evenodds.judge.train import judge_of
from evenodds.runs.run import Run


class Prediction(NamedTuple):
    """What the judge predicts for one sample: percent_real in [0, 100], p_value in (0, 1], score unbounded."""

    input: str
    percent_real: float
    p_value: float
    score: float
    """Ranks samples: percent and p-value tie at their ends, the score does not."""
    oddities: tuple[Oddity, ...] = ()
    """What of a row lies outside of what real rows show, what decides most first."""

    def to_json(self) -> dict[str, str | float]:
        """What a user sees: input, percent_real (0 to 100), p_value, and in words why, where a row lies outside.

        >>> Prediction("a.png", 97.0, 0.4, 2.5).to_json()
        {'input': 'a.png', 'percent_real': 97.0, 'p_value': 0.4, 'why': ''}
        """
        why = "; ".join(map(sentence, self.oddities))
        return {"input": self.input, "percent_real": self.percent_real, "p_value": self.p_value, "why": why}


def predict(
    run: Run, inputs: list[str], device: torch.device, say: Say = lambda text: None
) -> tuple[Judge, list[Prediction]]:
    """Judge files, folders and rows; returns the run's judge, trained if need be, and predictions in input order.

    Raises UserError for whatever is wrong with the run or an input. Inputs are opened before a judge is trained.
    """
    readers = [read_input(run, text, say) for text in inputs]
    first = [next(parts) for parts in readers]
    judge = judge_of(run, device, say)
    parts = chain.from_iterable(chain([start], rest) for start, rest in zip(first, readers, strict=True))
    return judge, [one for names, block in parts for one in predict_block(judge, names, block)]


def read_input(run: Run, text: str, say: Say) -> Iterator[Named] | Iterator[NamedRows]:
    """Read the samples of one input, a batch at a time: pictures as the run's store would keep them, or rows.

    Raises UserError for an input that cannot be read.
    """
    if isinstance(run.spec, PictureSpec):
        settings = run.recipe.data
        if run.range_of_samples is not None:
            low, high = run.range_of_samples
            settings = settings.model_copy(update={"range": f"{low!r}:{high!r}"})
        return pictures_from(text, run.spec, settings, say, run.values)
    return rows_from(text, TableCodec.from_json(run.codec()))


def predict_block(judge: Judge, names: list[str], samples: Block | pd.DataFrame) -> Iterator[Prediction]:
    """Judge stored pictures (n, C, H, W) or rows (n), a batch at a time; ``names`` (n) are what they are called."""
    step = 8 * BATCH
    for start in range(0, len(samples), step):
        part = samples[start : start + step]
        if isinstance(part, pd.DataFrame):
            seen, oddities = judge.examine(part)
        else:
            seen, oddities = Look(part, np.zeros(len(part))), [()] * len(part)
        score = judge.score(*seen)
        percent, p = judge.percent_real(score, seen.lowers), judge.p_value(score)
        columns = (names[start : start + step], percent.tolist(), p.tolist(), score.tolist(), oddities)
        yield from map(Prediction, *columns)


def to_table(predictions: list[Prediction]) -> pd.DataFrame:
    """Predictions as a table of input, percent_real (0 to 100), p_value and why."""
    columns = ["input", "percent_real", "p_value", "why"]
    return pd.DataFrame([one.to_json() for one in predictions], columns=columns)


def predict_frame(
    run: Run, x: str | Path | pd.DataFrame | NDArray[Any], device: torch.device
) -> pd.DataFrame:
    """Judge a path, a row as text, a table or pictures (n, H, W, C) as ``Judge.encode`` takes them, and return the
    table of ``to_table``.

    Raises UserError as ``predict`` does.
    """
    if isinstance(x, str | Path):
        return to_table(predict(run, [str(x)], device)[1])
    judge = replace(judge_of(run, device), values=run.values)
    samples = x if isinstance(x, pd.DataFrame) else judge.encode(x)
    names = [str(name) for name in (x.index if isinstance(x, pd.DataFrame) else np.arange(len(samples)))]
    if isinstance(x, pd.DataFrame) and judge.codec is None:
        judge.encode(x)  # which refuses them
    return to_table(list(predict_block(judge, names, samples)))
