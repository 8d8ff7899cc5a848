"""Trains a run's judge, or loads the stored one.

At equilibrium the discriminator outputs 50 % for every input, so the judge is a separate classifier.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from evenodds.core import atomic
from evenodds.core.device import threads_for
from evenodds.core.errors import UserError
from evenodds.core.observer import Say
from evenodds.core.rng import seed_of, seeded
from evenodds.core.spec import PictureSpec, SampleSpec, at_most
from evenodds.data.store import Block, Store
from evenodds.data.tables.codec import TableCodec
from evenodds.judge.calibration import calibrate, cross_validated_error, fit_logistic
from evenodds.judge.dataset import JudgeData, Split
from evenodds.judge.features import MAX_REFERENCES, input_spec, nearest_distance, to_points, to_samples
from evenodds.judge.judge import Judge, JudgeFacts, inputs_of, logits_of
from evenodds.judge.scoring import Floats, Units, Weights, score_inputs
from evenodds.judge.support import Look, Support
from evenodds.metrics.odds import odds
from evenodds.networks.classifier import Classifier, fit
from evenodds.runs.report import write_report
from evenodds.runs.run import JUDGE, Run
from evenodds.runs.source_data import store_of

FITTING_SHARE = 0.15
"""Share of the training reals on which the score's weights are fitted; networks do not train on them."""
PIXELS = 16_000_000
"""Most pixels, of all reals together, that a judge is trained on."""
ROWS = 20_000
"""Most rows, or pictures, that a judge is trained on."""
HELDOUT = 5_000
"""Most held-out reals."""
FEWEST_FAKES = 4_000
"""Fewest fakes that networks train on: they must see each kind of corruption, however few the reals."""


class Effort(NamedTuple):
    """How much is trained: networks whose logits are averaged, and for each its width, steps and batch."""

    networks: int
    width: int
    steps: int
    batch: int
    fakes: int
    """Fakes per real."""


FOR_ROWS = Effort(networks=3, width=128, steps=500, batch=256, fakes=5)
FOR_PICTURES = Effort(networks=2, width=24, steps=500, batch=64, fakes=2)


def judge_of(run: Run, device: torch.device, say: Say = lambda text: None) -> Judge:
    """Load the run's judge if it fits the best checkpoint; otherwise train one and store it.

    If the data is gone, an older judge is returned, with a message to ``say``: of an earlier state, or of a version
    before. Raises UserError if the run has no checkpoint yet, and if a judge has to be trained and the data is gone or
    has changed.
    """
    stored = current_judge(run)
    if stored is not None:
        return stored
    # Others wait; a training may go on meanwhile.
    with atomic.alone(run.path / ".judge.lock"):
        stored = current_judge(run)  # another process may have trained it while this one waited
        if stored is not None:
            return stored
        try:
            store = store_of(run)
        except UserError as problem:
            outdated = Judge.load(run.path / JUDGE)
            if outdated is None:
                raise
            of = (
                "a version before"
                if fresh_judge(run) is not None
                else f"round {int(outdated.facts.checkpoint):,}"
            )
            say(f"the judge is still that of {of}: {problem}")
            return outdated
        say("training the judge, once for this state of the run")
        judge = train_judge(run, store, device)
        judge.save(run.path / JUDGE)
        write_report(run, store)  # which shows how well the judge is calibrated
    return judge


def fresh_judge(run: Run) -> Judge | None:
    """The stored judge, of any version, if it was trained for the run's best checkpoint.

    Raises UserError if there is no checkpoint.
    """
    best = run.checkpoints.best().name
    stored = Judge.load(run.path / JUDGE)
    return stored if stored is not None and stored.facts.checkpoint == best else None


def current_judge(run: Run) -> Judge | None:
    """The stored judge, if it need not be trained: of the run's best checkpoint, and made as judges are made now."""
    stored = fresh_judge(run)
    return stored if stored is not None and stored.current else None


def train_judge(run: Run, store: Store, device: torch.device) -> Judge:
    """Train a judge of ``store``'s reals against ``run``'s fakes, in three steps that share no sample.

    Networks are trained on 85 % of the training reals. On the other 15 %, a logistic regression weighs their logit and
    the distance to the nearest of those reals, which gives the score. The held-out reals, which the score was not
    fitted to, calibrate its probability, and p-values compare with them. So p-values are exact for new reals. What rows
    show at all, their ``Support``, comes of all training reals; held-out ones lie outside as often as new ones do.
    """
    start = time.monotonic()
    effort = FOR_PICTURES if isinstance(store.spec, PictureSpec) else FOR_ROWS
    codec = None if store.codec_json is None else TableCodec.from_json(store.codec_json)
    with seeded(seed_of(run.recipe.plan.seed, "judge"), device), threads_for(run.spec):
        train, fitting, heldout = split_data(run, store, effort, device)
        networks = train_networks(train, input_spec(store.spec), effort, device)
        reals = to_points(train.real[:MAX_REFERENCES])
        units, weights = fit_weights(fitting, networks, reals)
        block, real, weight = heldout.stack()
        support = None if codec is None else Support.fit(codec, np.concatenate([train.real, fitting.real]))
        seen = Look(block, np.zeros(len(block))) if support is None else support.look_at_stored(block)
        inside = weights.logit(inputs_of(networks, seen.block, reals, units))
    score = inside - seen.lowers
    rng = np.random.default_rng(run.recipe.plan.seed)
    facts = JudgeFacts(
        checkpoint=run.checkpoints.best().name,
        calibration_error=round(cross_validated_error(inside, real, weight, rng, seen.lowers), 5),
        calibration_n=len(score),
        heldout_n=int(real.sum()),
        auc=auc_by_kind(heldout, score),
        seconds=round(time.monotonic() - start, 1),
    )
    return Judge(
        spec=store.spec,
        codec=codec,
        networks=tuple(network.cpu() for network in networks),
        width=effort.width,
        reals=reals,
        units=units,
        weights=weights,
        scale=calibrate(inside, real, weight),
        heldout=np.sort(score[real]),
        facts=facts,
        support=support,
    )


def split_data(run: Run, store: Store, effort: Effort, device: torch.device) -> tuple[Split, Split, Split]:
    """Split reals and fakes: to train the networks, to fit the score's weights, and to calibrate."""
    spec = input_spec(store.spec)
    most = at_most(spec, ROWS, ROWS, PIXELS)
    chosen = np.random.default_rng(seed_of(run.recipe.plan.seed, "judge")).permutation(store.n_train)[:most]
    n_fit = max(1, round(FITTING_SHARE * len(chosen)))
    heldout = np.arange(min(store.n_heldout, HELDOUT, most))
    data = JudgeData(run, store, device)

    def split(name: str, real: Block, least: int, first: int, last: int) -> Split:
        fakes = max(least, len(real) * (effort.fakes if name == "learn" else 1))
        return data.split(name, real, fakes, first, last)

    return (
        split("learn", store.train(chosen[n_fit:]), FEWEST_FAKES, 0, 6),
        split("aside", store.train(chosen[:n_fit]), FEWEST_FAKES // 4, 6, 8),
        split("heldout", store.heldout(heldout), FEWEST_FAKES // 4, 8, 10),
    )


def train_networks(
    split: Split, spec: SampleSpec, effort: Effort, device: torch.device
) -> tuple[Classifier, ...]:
    """Train ``effort.networks`` classifiers of reals and fakes on one split."""
    block, real, _ = split.stack()
    x, target = torch.from_numpy(block).to(device), torch.from_numpy(real).float().to(device)

    def change(batch: Tensor) -> Tensor:
        return to_samples(batch)

    networks = []
    for _ in range(effort.networks):
        network = Classifier(spec, effort.width).to(device)
        fit(network, x, target, steps=effort.steps, batch=effort.batch, change=change)
        networks.append(network)
    return tuple(networks)


def fit_weights(split: Split, networks: tuple[Classifier, ...], reals: Tensor) -> tuple[Units, Weights]:
    """Fit the score's units and weights on a split that the networks were not trained on."""
    block, real, weight = split.stack()
    logit, far = logits_of(networks, block), nearest_distance(block, reals)
    cap, near = np.quantile(logit[real], 0.99), far[real]
    units = Units(
        cap=float(cap),
        median=float(np.median(near)),
        far=float(np.quantile(near, 0.95)),
        spread=float(near.std()) or 1.0,
    )
    inputs = score_inputs(torch.from_numpy(logit), torch.from_numpy(far), units).numpy()
    return units, fit_logistic(inputs, real, weight)


def auc_by_kind(split: Split, score: Floats) -> dict[str, float]:
    """P(a held-out real scores above a fake), for each kind of fake in the split."""
    stored, start = {}, len(split.real)
    for name, block in split.fakes.items():
        if len(block):
            stored[name] = round(odds(score[: len(split.real)], score[start : start + len(block)]).value, 4)
        start += len(block)
    return stored
