"""A run asked about samples: opened once, then as many inputs as there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from evenodds.core.observer import Say
from evenodds.core.spec import PictureSpec
from evenodds.data.inputs import BATCH, Named, pictures_from, rows_from
from evenodds.data.store import Block
from evenodds.data.tables.codec import TableCodec
from evenodds.judge.judge import Judge
from evenodds.judge.train import judge_of
from evenodds.runs.run import Run


class Prediction(NamedTuple):
    """What the judge says of one sample."""

    input: str
    percent_real: float
    p_value: float
    score: float
    """Its place in a ranking: percent and p-value tie at their ends, the score does not."""

    def told(self) -> dict[str, str | float]:
        """What a user is told: input, percent_real (0 to 100) and p_value."""
        return {"input": self.input, "percent_real": self.percent_real, "p_value": self.p_value}


def ask(
    run: Run, inputs: list[str], device: torch.device, say: Say = lambda text: None
) -> tuple[Judge, list[Prediction]]:
    """The run's judge, made if need be, and what it says of files, folders and rows, in the order given.

    Raises UserError for whatever is wrong with the run or an input; inputs are looked at before a judge is trained.
    """
    waiting = [named(run, text, say) for text in inputs]
    first = [next(parts) for parts in waiting]
    judge = judge_of(run, device, say)
    parts = chain.from_iterable(chain([start], rest) for start, rest in zip(first, waiting, strict=True))
    return judge, [opinion for names, block in parts for opinion in opinions(judge, names, block)]


def named(run: Run, text: str, say: Say) -> Iterator[Named]:
    """The samples that one input holds, as the run's store would keep them."""
    if isinstance(run.spec, PictureSpec):
        return pictures_from(text, run.spec, run.recipe.data, say)
    return rows_from(text, TableCodec.from_json(run.codec()))


def opinions(judge: Judge, names: list[str], block: Block) -> Iterator[Prediction]:
    """What ``judge`` says of stored samples (n, ...), a batch at a time."""
    step = 8 * BATCH
    for start in range(0, len(block), step):
        score = judge.score(block[start : start + step])
        columns = (judge.percent_real(score).tolist(), judge.p_value(score).tolist(), score.tolist())
        for name, *figures in zip(names[start : start + step], *columns, strict=True):
            yield Prediction(name, *figures)


def table_of(found: list[Prediction]) -> pd.DataFrame:
    """Opinions as a table of input, percent_real (0 to 100) and p_value."""
    return pd.DataFrame([one.told() for one in found], columns=["input", "percent_real", "p_value"])


def ask_in_python(
    run: Run, x: str | Path | pd.DataFrame | NDArray[Any], device: torch.device
) -> pd.DataFrame:
    """As ``ask``, of a path, a row in words, a table or uint8 pictures (n, H, W, C), as a table."""
    if isinstance(x, str | Path):
        return table_of(ask(run, [str(x)], device)[1])
    judge = judge_of(run, device)
    block = judge.encode(x)
    names = [str(name) for name in (x.index if isinstance(x, pd.DataFrame) else np.arange(len(block)))]
    return table_of(list(opinions(judge, names, block)))
