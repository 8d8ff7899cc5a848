"""`evenodds judge`: the probability that pictures or rows are real."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING

from evenodds.cli.options import Device, RunFolder
from evenodds.cli.remarks import say
from evenodds.data.images.album import is_archive

if TYPE_CHECKING:
    from evenodds.judge.predict import Prediction

MEANING = (
    "Percent real: the probability that it is real, where half of all samples are and the others are fakes of this "
    "run or broken reals.\np: the share of {count:,} held-out real ones that look no more real; below 0.05 is an "
    "outlier, as one real in 20 is."
)
SHOWN = 1_000
"""Lines at most; the rest is for --out and --json."""


def judge(
    run: RunFolder,
    *inputs: str,
    json: bool = False,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Estimate the probability that pictures or rows are real, with a p-value.

    A classifier of its own, trained on the run's data and fakes, gives both. The first call trains it, which takes
    seconds to minutes, and stores it in RUN/judge.

    Parameters
    ----------
    inputs:
        Pictures, folders of pictures (the output is then ranked), table files, or rows such as height=170,weight=63.
    json:
        Print one JSON list of objects with input, percent_real, p_value and why, in the order given.
    out:
        Write a .csv or .parquet file instead of printing lines.
    """
    from evenodds.core.errors import UserError

    if not inputs:
        raise UserError("judge what? Give a picture, a folder, a table or a row such as height=170,weight=63")
    from evenodds.core.device import find_device
    from evenodds.export.pretrained import open_run
    from evenodds.judge.predict import predict

    trained, predictions = predict(open_run(run), list(inputs), find_device(device), say)
    if out is not None:
        write(predictions, out)
    if json:
        print(jsonlib.dumps([one.to_json() for one in predictions]))
    elif out is None:
        tell(predictions, len(trained.heldout), ranked=any(map(holds_many, inputs)))


def write(predictions: list[Prediction], out: Path) -> None:
    """Write the predictions as a table file."""
    from evenodds.data.tables.files import write_table
    from evenodds.judge.predict import to_table

    say(f"{write_table([to_table(predictions)], out):,} judged in {out}")


def holds_many(text: str) -> bool:
    """Whether an input is a folder or archive, which is ranked."""
    path = Path(text).expanduser()
    return path.is_dir() or is_archive(path)


def tell(predictions: list[Prediction], heldout: int, *, ranked: bool) -> None:
    """A line each, a folder's most real first, below it what of a row lies outside, and what the figures mean."""
    from evenodds.judge.oddities import sentence

    if ranked:
        predictions = sorted(predictions, key=lambda prediction: -prediction.score)
    for prediction in predictions[:SHOWN]:
        print(line(prediction, heldout))
        for oddity in prediction.oddities:
            print(f"  {sentence(oddity)}")
    if len(predictions) > SHOWN:
        print(f"... and {len(predictions) - SHOWN:,} more: --out FILE.csv takes them all")
    print(MEANING.format(count=heldout))


def line(prediction: Prediction, heldout: int) -> str:
    """`photo.png: 12 % real, 88 % fake (p = 0.03: 2 of 100 real ones look no more real)`."""
    # p counts the sample itself among the real ones, as if it were one.
    count = round(prediction.p_value * (heldout + 1)) - 1
    real, fake = percent(prediction.percent_real), percent(100 - prediction.percent_real)
    why = f"{count:,} of {heldout:,} real ones look no more real"
    return f"{prediction.input}: {real} real, {fake} fake (p = {prediction.p_value:.2g}: {why})"


def percent(value: float) -> str:
    """Whole percents, a decimal or two near the ends, and 0.01 and 99.99 at most."""
    if not 0.01 <= value <= 99.99:
        return "under 0.01 %" if value < 50 else "over 99.99 %"
    decimals = 0 if 1 <= value <= 99 else 1 if 0.1 <= value <= 99.9 else 2
    return f"{value:.{decimals}f} %"
