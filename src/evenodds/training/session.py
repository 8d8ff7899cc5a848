"""Trains a run from a source to a verdict: prepare, resolve, play, report. The command line and Python both use it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evenodds.config.contradictions import refuse_settings_of_others
from evenodds.config.data_settings import NOTHING_FAKED, READ_BEFORE
from evenodds.config.presets import GENERATION, filled, followed, resolve
from evenodds.config.settings import Recipe, ScaleName
from evenodds.config.sizes import start_of
from evenodds.core.atomic import Unwritable
from evenodds.core.distributed import team
from evenodds.core.errors import UserError
from evenodds.core.observer import Observer
from evenodds.core.optional import installed
from evenodds.core.spec import PICTURED, condition_to_json, sides_of, spec_to_json
from evenodds.data.conditioning import kind_of
from evenodds.data.prepare import prepare
from evenodds.data.source import Source
from evenodds.data.store import Store
from evenodds.evaluate.pairs import fidelity
from evenodds.networks.build import family_for
from evenodds.runs.conditions import sampled_conditions
from evenodds.runs.data_facts import MEASURED, DataFacts
from evenodds.runs.gallery import in_gallery
from evenodds.runs.initial_weights import InitialWeights, find_weights
from evenodds.runs.loggers import LoggerName, logging
from evenodds.runs.run import Run, facts_of, is_run
from evenodds.runs.verdict import Verdict
from evenodds.training.context import Context
from evenodds.training.forecast import expectation, foreseeable, planned
from evenodds.training.initial_players import refuse_frozen_anew, with_network_of
from evenodds.training.loop import follow, train
from evenodds.training.mirroring import with_mirror


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to. On ranks other than 0, which write nothing down, only the verdict."""

    verdict: Verdict
    run: Path | None = None
    report: Path | None = None
    pairs: dict[str, Any] | None = None
    """Scores on held-out pairs, of a game that makes pictures from pictures."""

    def to_json(self) -> dict[str, Any]:
        """As `train --json` prints it."""
        paths = {} if self.run is None else {"run": str(self.run), "report": str(self.report)}
        return {**paths, **self.verdict.to_json(), **({"pairs": self.pairs} if self.pairs else {})}


def train_run(
    source: Source, named: str, recipe: Recipe, folder: Path, context: Context, log: LoggerName = "none"
) -> TrainingResult:
    """Trains on ``source`` in ``folder``, made or resumed, to a verdict, and writes the report.

    ``named`` is what the user called the source, ``log`` where the journal's figures go too. The context's team is made
    here, of the processes that torchrun started. Raises UserError for whatever is wrong with the source, the recipe or
    the folder, and KeyboardInterrupt where it is stopped before the game began.
    """
    if in_gallery(folder):
        raise UserError(
            f"{folder} is finished and read-only and cannot be resumed: give --init {folder} and another --out"
        )
    request = recipe
    recipe = with_choices_of(folder, recipe)
    if source.kind == "table" and request.data.rules is None and recipe.data.rules is False:
        context.observer.say(
            f"{folder} was begun without rules of its own finding and goes on so, as with --no-rules"
        )
    # A run that has begun needs it no more.
    initial = None if recipe.plan.init is None or is_run(folder) else find_weights(recipe.plan.init)
    store = prepare_source(source, recipe, context)
    if not is_run(folder):
        refuse_settings_of_others(recipe, store.spec)
    recipe = with_faked(with_range(recipe, store), store)
    if initial is not None:
        recipe = with_network_of(recipe, initial, store)
    request, recipe = recipe, resolve(recipe, store.spec, store.n_train, named, store.condition)
    family_for(store.spec, recipe.network, store.condition)  # refused before a folder is made
    if initial is not None:
        refuse_frozen_anew(recipe, initial, store)
    with team(context.device) as ranks:
        context = replace(context, team=ranks)
        if ranks.share(store.fingerprint) != store.fingerprint:
            raise UserError(
                f"{named} is not the same data on rank {ranks.rank} as on rank 0, give all the same"
            )
        recipe = agreed_scale(folder, request, recipe, store, named, context)
        recipe = agreed_mirror(folder, recipe, store, context)
        run = ranks.first(lambda: open_run(folder, named, recipe, store, context.observer, initial))
        if run is None:  # the others' work is rank 0's to write down
            return TrainingResult(follow(recipe, store, context))
        with logging(run, log):
            return train_and_report(run, store, context)


def agreed_scale(
    folder: Path, request: Recipe, resolved: Recipe, store: Store, named: str, context: Context
) -> Recipe:
    """The recipe ``resolved`` from a request, at the scale that rank 0 chooses where a run begins and nobody named one;
    what to expect of its pictures is said."""
    if is_run(folder) or not foreseeable(resolved, store):
        return resolved

    def choose() -> ScaleName:
        throughput = planned(request, store, named, context.device, context.team.size)
        if sentence := expectation(throughput, store):
            context.observer.say(sentence)
        return throughput.recipe.network.scale

    scale = context.team.share(context.team.first(choose))
    network = request.network.model_copy(update={"scale": scale})
    return resolve(
        request.model_copy(update={"network": network}), store.spec, store.n_train, named, store.condition
    )


def agreed_mirror(folder: Path, recipe: Recipe, store: Store, context: Context) -> Recipe:
    """The recipe with ``mirror`` on or off, as rank 0 chooses where a run begins; one that goes on keeps its own."""

    def choose() -> str:
        if not is_run(folder):
            return with_mirror(recipe, store, context.observer.say).game.mirror
        return Run.open(folder).recipe.game.mirror if recipe.game.mirror == "auto" else recipe.game.mirror

    mirror = context.team.share(context.team.first(choose))
    return recipe.model_copy(update={"game": recipe.game.model_copy(update={"mirror": mirror})})


def with_choices_of(folder: Path, recipe: Recipe) -> Recipe:
    """The recipe with what the run at ``folder`` chose, if there is one, where the recipe leaves it open: its held-out
    share, channels, range of values, scale, and whether rules are sought; where it began with other networks, its own;
    where it was begun with other presets, their values."""
    if not is_run(folder):
        return recipe
    run = Run.open(folder)
    chosen: dict[str, Any] = {}
    data = run.recipe.data
    left_open: dict[str, Any] = {} if recipe.data.holdout else {"holdout": data.holdout}
    if recipe.data.range == "auto":
        left_open["range"] = data.range
    if recipe.data.channels == "auto":
        left_open["channels"] = data.channels
    if recipe.data.read is None and data.read == READ_BEFORE:
        left_open["read"] = READ_BEFORE
    if recipe.data.rules is None and data.rules is False:
        left_open["rules"] = False
    if recipe.data.faked is None:
        left_open["faked"] = data.faked
    chosen["data"] = recipe.data.model_copy(update=left_open)
    if recipe.network.scale == "auto":
        chosen["network"] = recipe.network.model_copy(update={"scale": run.recipe.network.scale})
    if run.recipe.plan.init is not None:
        chosen["network"] = followed(recipe.network, run.recipe.network)
    # Of another condition it is another game, which is said later: its network would not fit.
    if run.facts["presets"] != GENERATION and recipe.data.condition == run.recipe.data.condition:
        for name in ("network", "objective", "game"):
            chosen[name] = filled(getattr(recipe, name), getattr(run.recipe, name).model_dump())
    return recipe.model_copy(update=chosen)


def with_range(recipe: Recipe, store: Store) -> Recipe:
    """The recipe with the range of values that was measured of wide pictures: what is judged and inverted is read by
    it."""
    if recipe.data.range != "auto" or "range" not in store.facts:
        return recipe
    text = ":".join(f"{end:.9g}" for end in store.facts["range"])
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"range": text})})


def with_faked(recipe: Recipe, store: Store) -> Recipe:
    """The recipe with the columns that are made up, so that they are the same where Faker is not installed, and with
    none where it is not installed now. Where Faker noticed none it would notice none again, and nothing is stated."""
    if recipe.data.faked is not None or store.codec_json is None:
        return recipe
    made = [f"{key['name']}:{key['kind']}" for key in store.codec_json.get("keys", ()) if "by" in key]
    if not made and installed("faker"):
        return recipe
    update = {"faked": ",".join(made) or NOTHING_FAKED}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=update)})


def prepare_source(source: Source, recipe: Recipe, context: Context) -> Store:
    """The source as a store, made or taken from the cache. The observer is told what is to be said of the data."""
    grows = recipe.network.network != "gan" and kind_of(recipe.data.condition) not in PICTURED
    size = recipe.data.pixels
    if source.kind == "pictures" and size is not None and grows:
        start_of(*sides_of(size))  # refused before a long preparation, not after it
    observer = context.observer

    def progress(what: str, done: int, total: int) -> None:
        observer.prepare(what, done, total)
        if context.stop.is_set():  # a preparation may take minutes, and is made anew the next time
            raise KeyboardInterrupt

    store = prepare(source, recipe.data, progress)
    facts = DataFacts.from_json(store.facts)
    for note in (*facts.notes, *filter(None, [facts.license])):
        observer.say(note)
    if facts.skipped:
        first = facts.skipped[0]
        observer.say(f"{len(facts.skipped)} skipped, such as {first.file}: {first.reason}")
    return store


def train_and_report(run: Run, store: Store, context: Context) -> TrainingResult:
    """Trains the run to its verdict, and scores and reports it."""
    try:
        before = run.verdict()
        verdict = train(run, store, context)
        if verdict != before or run.scores("pairs") is None:  # a game that was over keeps its scores
            # Who stops a game does not wait for them.
            pairs = None if verdict.verdict == "interrupted" else fidelity(run, store, context.device)
            run.write_scores("pairs", pairs)
        # Here and not above: its plots take a second to import, which the game need not wait for.
        from evenodds.runs.report import write_report

        report = write_report(run, store)
    except Unwritable as problem:
        raise UserError(
            f"{problem.path} cannot be written ({problem.reason}): make room and give the same command again, "
            "which goes on from the last whole checkpoint"
        ) from problem
    context.observer.end(verdict, report)
    return TrainingResult(verdict, run.path, report, run.scores("pairs"))


def open_run(
    folder: Path,
    named: str,
    recipe: Recipe,
    store: Store,
    observer: Observer,
    initial: InitialWeights | None = None,
) -> Run:
    """The run at ``folder`` if it is the same game, a new one if nothing is there, which begins with ``initial``.

    Raises UserError with the differences where the run there is another game's.
    """
    measured: dict[str, Any] = {name: store.facts[name] for name in MEASURED if name in store.facts}
    data = {
        "fingerprint": store.fingerprint,
        "spec": spec_to_json(store.spec),
        "condition": condition_to_json(store.condition),
        **({"container": store.facts["container"]} if "container" in store.facts else {}),
        **measured,
        "told": DataFacts.from_json(store.facts).to_json(),
    }
    facts = facts_of(recipe, named, data)
    if initial is not None:
        facts["init"] = {"source": initial.name, "fingerprint": initial.fingerprint}
    if not is_run(folder):
        return Run.create(folder, facts, store.codec_json, sampled_conditions(store))
    run = Run.open(folder)
    if run.mended is not None:
        observer.say(f"{folder / 'recipe.json'} was damaged ({run.mended}), its copy serves")
    changes = run.differences(facts)
    if changes:
        raise UserError(
            f"{folder} is a run of another recipe ({'; '.join(changes)}), choose another --out or take these back"
        )
    if run.checkpoints.last() is not None:
        observer.say(f"going on with {folder}")
    with run.lock():
        run.rewrite({**facts, **{name: run.facts[name] for name in ("presets", "init") if name in run.facts}})
    return run
