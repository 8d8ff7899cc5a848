"""`evenodds score`: metrics of a run's fakes."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from evenodds.cli.options import Device, RunFolder

if TYPE_CHECKING:
    from evenodds.runs.verdict import Verdict


def score(
    run: RunFolder,
    *,
    n: Annotated[int | None, Parameter(alias="-n")] = None,
    extractor: Literal["auto", "efficientnet", "layout", "inception"] = "auto",
    target: str | None = None,
    seed: int = 0,
    json: bool = False,
    device: Device = "auto",
) -> None:
    """Measure a run's fakes against real data: distances, precision, recall, density, coverage, copying, the referee.

    For tables also column shapes and pair trends, the F1 of classifiers trained on fakes and tested on real rows, the
    distance to the closest record, and what fakes give away of who was trained on (membership). The metrics are written
    to RUN/scores.json and to the report, and the fakes nearest to training data to RUN/copies.png or copies.csv. Under
    torchrun each process generates its share of the pictures and their features.

    Parameters
    ----------
    n:
        Number of fakes, 10 or more; by default as many as there are held-out real samples, at most 5,000.
    extractor:
        Pictures: the network whose features are compared. auto takes EfficientNet-Lite0 if evenodds[features] is
        installed, else layout, the features of the checks; inception needs torch-fidelity with its weights.
    target:
        Tables: the category that classifiers predict; by default the last column with 2 to 20 levels.
    seed:
        Random seed: the same seed gives the same fakes.
    json:
        Print one JSON object with run, checkpoint, seed, seconds, figures, copies and the verdict's summary.
    """
    from evenodds.core.device import find_device
    from evenodds.core.distributed import team
    from evenodds.evaluate.score import ScoreRequest
    from evenodds.evaluate.score import score as scored
    from evenodds.export.pretrained import open_run

    opened = open_run(run)
    request = ScoreRequest(n=n, extractor=extractor, target=target, seed=seed)
    torch_device = find_device(device)
    with team(torch_device) as ranks:
        facts = scored(opened, request, torch_device, lambda text: print(text, file=sys.stderr), ranks)
    if not ranks.leads:
        return
    verdict = opened.verdict()
    if json:
        pairs = opened.scores("pairs")
        more = {
            **({} if verdict is None else {"summary": verdict.summary}),
            **({"pairs": pairs} if pairs else {}),
        }
        print(jsonlib.dumps({"run": str(opened.path), **facts, **more}))
    else:
        tell(opened.path, facts, verdict)


def tell(run: Path, facts: dict[str, Any], verdict: Verdict | None) -> None:
    """The verdict's sentence, the figures as a table, and where to look."""
    from evenodds.runs.report_sentences import score_cells
    from evenodds.runs.report_texts import REPORT
    from evenodds.runs.status import verdict_sentences

    if verdict is not None:
        print(*verdict_sentences(verdict), sep="\n")

    lines = [("figure", "fakes (95 %)", "reals", "measured on"), *map(score_cells, facts["figures"])]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
    print(REPORT["report beside"])
    print(f"nearest to training data: {run / facts['copies']}; the page: {run / 'report.html'}")
