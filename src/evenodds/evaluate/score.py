"""`evenodds score`: every figure of a run's best state, written into the run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from evenodds.core.device import threads_for
from evenodds.core.distributed import ALONE, Team
from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.core.rng import seed_of, seeded
from evenodds.core.spec import PictureSpec, at_most
from evenodds.data.store import Store
from evenodds.evaluate import images, tables
from evenodds.evaluate.alpha import alpha_metrics
from evenodds.evaluate.extractors import Extractor, extractor_of
from evenodds.evaluate.metric import Metric
from evenodds.evaluate.table_plots import table_plots
from evenodds.metrics.records import target_of
from evenodds.metrics.reference import reference_count
from evenodds.networks.generate import Share
from evenodds.runs.report import write_report
from evenodds.runs.run import Run
from evenodds.runs.source_data import store_of

ROWS, PICTURES, PIXELS = 5_000, 5_000, 100_000_000
"""Fakes, at most, where it is not said how many: rows, pictures, large pictures by their pixels."""
FEWEST = 10
"""Fakes, at least."""


@dataclass(frozen=True)
class ScoreRequest:
    """What is to be scored, and how."""

    n: int | None = None
    """Fakes; None takes as many as there are held-out reals, within bounds."""
    extractor: Extractor | nn.Module = "auto"
    """Pictures: who makes features."""
    classifier: nn.Module | None = None
    """Pictures: who gives logits (n, classes) for an inception-style score."""
    target: str | None = None
    """Tables: the column that classifiers learn; None chooses."""
    seed: int = 0


def score(
    run: Run, request: ScoreRequest, device: torch.device, say: Say = lambda text: None, ranks: Team = ALONE
) -> dict[str, Any]:
    """The figures of the run's best state, as JSON; they are kept in RUN/scores.json and shown in the report.

    checkpoint, seed, seconds, figures (a list), the name of the file with the worst copies, and for tables the shapes
    and trends of each column and pair. Of several ``ranks`` each makes its share of pictures and their features, rank 0
    does the rest, and the others get {}. Raises UserError for a run without a checkpoint, for data that is gone, and
    for what is asked and cannot be.
    """
    start = time.monotonic()
    best, store = run.checkpoints.best().name, store_of(run)
    n = count_of(store, request.n)
    say(f"{n:,} fakes against {reference_count(store):,} training and {store.n_heldout:,} held-out reals")
    with seeded(seed_of(request.seed, "score"), device), threads_for(run.spec):
        if isinstance(run.spec, PictureSpec):
            result = of_pictures(run, store, n, request, device, say, ranks)
        else:
            result = of_rows(run, store, n, request, device) if ranks.leads else None
    if result is None:
        return {}
    figures, more = result
    facts = {
        "checkpoint": best,
        "seed": request.seed,
        "seconds": round(time.monotonic() - start, 1),
        "figures": [figure.to_json() for figure in figures],
        **more,
    }
    run.write_scores("score", facts)
    write_report(run, store)
    return facts


def count_of(store: Store, requested: int | None) -> int:
    """How many fakes are made. Raises UserError for too few."""
    if requested is not None and requested < FEWEST:
        raise UserError(f"-n {requested} is too few to be scored, give {FEWEST} or more")
    return requested or max(FEWEST, min(store.n_heldout, at_most(store.spec, ROWS, PICTURES, PIXELS)))


def of_pictures(
    run: Run, store: Store, n: int, request: ScoreRequest, device: torch.device, say: Say, ranks: Team
) -> tuple[list[Metric], dict[str, Any]] | None:
    """Figures, and where the worst copies are shown; None where another rank has them."""
    if request.target is not None:
        raise UserError(f"--target is for tables, and {run.path} makes pictures: leave it out")
    extractor = extractor_of(request.extractor, store, device)
    say(f"features of {extractor.name}; those of reals are made once")
    mine = images.fakes(run, store, n, request.seed, device, Share(ranks.rank, ranks.size))
    features, fake = ranks.gather(extractor.extract(mine)), ranks.gather(mine)
    if features is None or fake is None:
        return None
    figures = list(images.figures(store, fake, features, extractor, device))
    if isinstance(store.spec, PictureSpec) and store.spec.alpha:
        figures += alpha_metrics(store, fake)
    if request.classifier is not None:
        figures.append(images.certainty(store, fake, request.classifier, device))
    sheet = run.path / "copies.png"
    mirrored = run.recipe.game.mirror == "on"
    return [*figures, images.copying_metric(store, fake, sheet, mirrored)], {"copies": sheet.name}


def of_rows(
    run: Run, store: Store, n: int, request: ScoreRequest, device: torch.device
) -> tuple[list[Metric], dict[str, Any]]:
    """Figures, where the closest rows are, and each column's and pair's likeness; columns are counted to be plotted."""
    if request.extractor != "auto" or request.classifier is not None:
        raise UserError(
            f"--extractor and a classifier are for pictures, and {run.path} makes rows: leave them out"
        )
    splits = tables.table_splits(run, store, n, request.seed, device)
    target = target_of(splits.train.table, splits.kinds, request.target)
    table = run.path / "copies.csv"
    lesson = tables.lesson_for(run, splits, request.seed, device)
    figures = [*tables.figures(splits, lesson, store, target), *tables.copying_metrics(splits, table)]
    if len(splits.heldout.table) >= tables.FEWEST:
        figures += tables.membership_metrics(splits)
    alike = tables.details(splits)
    run.write_plots(table_plots(run, store, splits, alike, request.seed, device).model_dump(mode="json"))
    return figures, {"copies": table.name, **alike}
