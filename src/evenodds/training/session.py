"""One call from a source to a verdict: prepare, compose, play, report. The command line and Python both take it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

import torch

from evenodds.config.presets import resolve
from evenodds.config.settings import Recipe
from evenodds.core.atomic import Unwritable
from evenodds.core.device import find_device
from evenodds.core.distributed import Team, team
from evenodds.core.errors import UserError
from evenodds.core.spec import PICTURED, condition_to_json, spec_to_json
from evenodds.data.conditioning import kind_of
from evenodds.data.prepare import prepare
from evenodds.data.source import Source
from evenodds.data.store import Store
from evenodds.evaluate.pairs import fidelity
from evenodds.networks.build import family_for
from evenodds.networks.layers import doublings
from evenodds.runs.conditions import known
from evenodds.runs.loggers import LoggerName, logging
from evenodds.runs.run import Run, facts_of, is_run
from evenodds.training.clock import Moment
from evenodds.training.loop import play_along, train


class Watcher(Protocol):
    """Who is told what happens."""

    def say(self, text: str) -> None:
        """One line that matters."""

    def prepare(self, what: str, done: int, total: int) -> None:
        """How far a preparation is."""

    def moment(self, moment: Moment) -> None:
        """Where the game is."""

    def end(self, verdict: dict[str, Any], report: Path) -> None:
        """Why it ended, and the page to look at."""


def start(
    source: Source,
    named: str,
    recipe: Recipe,
    folder: Path,
    device: str,
    watcher: Watcher,
    stop: threading.Event | None = None,
    log: LoggerName = "none",
) -> dict[str, Any]:
    """Trains on ``source`` in ``folder``, made or resumed, to a verdict; returns it with the run's place.

    ``named`` is how the user called the source, ``log`` where the journal's figures go too. Raises UserError for
    whatever is wrong with the source, the recipe or the folder.
    """
    place = find_device(device)
    grows = recipe.network.network != "gan" and kind_of(recipe.data.condition) not in PICTURED
    if source.kind == "pictures" and recipe.data.size and grows:
        doublings(recipe.data.size)  # refused before a long preparation, not after it

    def prepared(what: str, done: int, total: int) -> None:
        watcher.prepare(what, done, total)
        if (
            stop is not None and stop.is_set()
        ):  # a preparation may take minutes, and is made anew the next time
            raise KeyboardInterrupt

    store = prepare(source, recipe.data, prepared)
    told = store.facts
    for note in (*told["notes"], *filter(None, [told["licence"]])):
        watcher.say(note)
    if told["skipped"]:
        first = told["skipped"][0]
        watcher.say(f"{len(told['skipped'])} skipped, such as {first['file']}: {first['reason']}")
    recipe = resolve(recipe, store.spec, store.n_train, named, store.condition)
    family_for(store.spec, recipe.network, store.condition)  # refused before a folder is made
    with team(place) as ranks:
        if ranks.share(store.fingerprint) != store.fingerprint:
            raise UserError(
                f"{named} is not the same data on rank {ranks.rank} as on rank 0, give all the same"
            )
        run = ranks.first(lambda: open_run(folder, named, recipe, store, watcher))
        if run is None:  # the others' work is rank 0's to write down
            return play_along(recipe, store, place, ranks, stop)
        with logging(run, log):
            return write_down(run, store, place, watcher, stop, ranks)


def write_down(
    run: Run, store: Store, place: torch.device, watcher: Watcher, stop: threading.Event | None, ranks: Team
) -> dict[str, Any]:
    """Trains the run to its verdict, and scores and reports it."""
    try:
        before = run.verdict()
        verdict = train(run, store, place, watcher.moment, stop, watcher.say, ranks)
        if verdict != before or run.scores("pairs") is None:  # a game that was over keeps its scores
            # Who stops a game does not wait for them.
            pairs = None if verdict["verdict"] == "interrupted" else fidelity(run, store, place)
            run.write_scores("pairs", pairs)
        # Here and not above: its plots take a second to import, which the game need not wait for.
        from evenodds.runs.report import write_report

        report = write_report(run, store)
    except Unwritable as problem:
        raise UserError(
            f"{problem.path} cannot be written ({problem.reason}): make room and give the same command again, "
            "which goes on from the last whole checkpoint"
        ) from problem
    watcher.end(verdict, report)
    pairs = run.scores("pairs")
    return {"run": str(run.path), "report": str(report), **verdict, **({"pairs": pairs} if pairs else {})}


def open_run(folder: Path, named: str, recipe: Recipe, store: Store, watcher: Watcher) -> Run:
    """The run at ``folder`` if it is the same game, a new one if nothing is there.

    Raises UserError with the differences where the run there is another game's.
    """
    data = {
        "fingerprint": store.fingerprint,
        "spec": spec_to_json(store.spec),
        "condition": condition_to_json(store.condition),
        **({"container": store.facts["container"]} if "container" in store.facts else {}),
        "told": {key: store.facts.get(key) for key in ("counts", "notes", "skipped", "licence")},
    }
    facts = facts_of(recipe, named, data)
    if not is_run(folder):
        return Run.create(folder, facts, store.codec_json, known(store))
    run = Run.open(folder)
    if run.mended is not None:
        watcher.say(f"{folder / 'recipe.json'} was damaged ({run.mended}), its copy serves")
    changes = run.differences(facts)
    if changes:
        raise UserError(
            f"{folder} is a run of another recipe ({'; '.join(changes)}), choose another --out or take these back"
        )
    if run.checkpoints.last() is not None:
        watcher.say(f"going on with {folder}")
    with run.lock():
        run.rewrite(facts)
    return run
