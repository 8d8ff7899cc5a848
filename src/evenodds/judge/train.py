"""Makes a run's judge, or finds the one that was made."""

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
from evenodds.core.rng import seed_of, set_random
from evenodds.core.spec import PictureSpec, SampleSpec, at_most
from evenodds.data.store import Block, Store
from evenodds.data.tables.codec import TableCodec
from evenodds.judge.calibration import calibrate, cross_validated_error, fit_logistic
from evenodds.judge.dataset import JudgeData, Split
from evenodds.judge.features import KEPT, distance, input_spec, points, to_samples
from evenodds.judge.judge import Judge, inputs_of, logits_of
from evenodds.judge.scoring import Floats, Units, Weights, score_inputs
from evenodds.metrics.odds import odds
from evenodds.networks.classifier import Classifier, fit
from evenodds.runs.report import write_report
from evenodds.runs.run import JUDGE, Run
from evenodds.runs.source_data import store_of

ASIDE = 0.15
"""Share of the training reals on which the evidence is weighed, and not learnt from."""
PIXELS = 16_000_000
"""Pixels of the reals that a judge looks at, at most."""
ROWS = 20_000
"""Rows that it looks at, at most, and pictures."""
HELDOUT = 5_000
FEWEST_FAKES = 4_000
"""Fakes that networks learn from, at least: each kind of broken ones must be seen, however few the reals."""


class Effort(NamedTuple):
    """How much is learnt: networks whose logits are averaged, and for each its width, steps and batch."""

    networks: int
    width: int
    steps: int
    batch: int
    fakes: int
    """Fakes for a real."""


FOR_ROWS = Effort(networks=3, width=128, steps=500, batch=256, fakes=5)
FOR_PICTURES = Effort(networks=2, width=24, steps=500, batch=64, fakes=2)


def judge_of(run: Run, device: torch.device, say: Say = lambda text: None) -> Judge:
    """The run's judge: the stored one if it was made for the best checkpoint, else a new one, which is stored.

    Where the data is gone, an older judge serves, and ``say`` tells so. Raises UserError where the run is not trained
    yet, and where a judge has to be made and the data is gone or another.
    """
    found = fresh_judge(run)
    if found is not None:
        return found
    # Others wait; a training may go on meanwhile.
    with atomic.alone(run.path / ".judge.lock"):
        found = fresh_judge(run)  # another process may have made it while this one waited
        if found is not None:
            return found
        try:
            store = store_of(run)
        except UserError as problem:
            older = Judge.load(run.path / JUDGE)
            if older is None:
                raise
            say(f"the judge is still that of round {int(older.facts['checkpoint']):,}: {problem}")
            return older
        say("training the judge, once for this state of the run")
        judge = make(run, store, device)
        judge.save(run.path / JUDGE)
        write_report(run, store)  # which shows how well the judge is calibrated
    return judge


def fresh_judge(run: Run) -> Judge | None:
    """The stored judge, if it was made for the run's best checkpoint. Raises UserError where there is none."""
    best = run.checkpoints.best().name
    found = Judge.load(run.path / JUDGE)
    return found if found is not None and found.facts["checkpoint"] == best else None


def make(run: Run, store: Store, device: torch.device) -> Judge:
    """A judge of ``store``'s reals against ``run``'s fakes, in three steps that share no sample.

    Networks learn from 85 % of the training reals; their logit and the distance to the nearest of those reals are
    weighed against each other on the other 15 %, which gives the score; and the held-out reals, which had no say in the
    score, calibrate its probability and are what p-values compare with. So p-values are exact for new reals.
    """
    start = time.monotonic()
    effort = FOR_PICTURES if isinstance(store.spec, PictureSpec) else FOR_ROWS
    with torch.random.fork_rng(), threads_for(run.spec):
        set_random(seed_of(run.recipe.plan.seed, "judge"), device)
        learn, weighing, heldout = sides(run, store, effort, device)
        networks = learnt(learn, input_spec(store.spec), effort, device)
        reals = points(learn.real[:KEPT])
        units, weights = weighed(weighing, networks, reals)
        block, real, weight = heldout.all()
        score = weights.logit(inputs_of(networks, block, reals, units))
    rng = np.random.default_rng(run.recipe.plan.seed)
    facts = {
        "checkpoint": run.checkpoints.best().name,
        "calibration_error": round(cross_validated_error(score, real, weight, rng), 5),
        "calibration_n": len(score),
        "heldout_n": int(real.sum()),
        "auc": auc_by_kind(heldout, score),
        "seconds": round(time.monotonic() - start, 1),
    }
    return Judge(
        spec=store.spec,
        codec=None if store.codec_json is None else TableCodec.from_json(store.codec_json),
        networks=tuple(network.cpu() for network in networks),
        width=effort.width,
        reals=reals,
        units=units,
        weights=weights,
        scale=calibrate(score, real, weight),
        heldout=np.sort(score[real]),
        facts=facts,
    )


def sides(run: Run, store: Store, effort: Effort, device: torch.device) -> tuple[Split, Split, Split]:
    """What the networks learn from, what the evidence is weighed on, and what calibrates."""
    seen = input_spec(store.spec)
    most = at_most(seen, ROWS, ROWS, PIXELS)
    chosen = np.random.default_rng(seed_of(run.recipe.plan.seed, "judge")).permutation(store.n_train)[:most]
    cut = max(1, round(ASIDE * len(chosen)))
    heldout = np.arange(min(store.n_heldout, HELDOUT, most))
    witnesses = JudgeData(run, store, device)

    def side(name: str, real: Block, least: int, first: int, last: int) -> Split:
        fakes = max(least, len(real) * (effort.fakes if name == "learn" else 1))
        return witnesses.side(name, real, fakes, first, last)

    return (
        side("learn", store.train(chosen[cut:]), FEWEST_FAKES, 0, 6),
        side("aside", store.train(chosen[:cut]), FEWEST_FAKES // 4, 6, 8),
        side("heldout", store.heldout(heldout), FEWEST_FAKES // 4, 8, 10),
    )


def learnt(side: Split, spec: SampleSpec, effort: Effort, device: torch.device) -> tuple[Classifier, ...]:
    """Networks fitted to a side."""
    block, real, _ = side.all()
    x, target = torch.from_numpy(block).to(device), torch.from_numpy(real).float().to(device)

    def change(batch: Tensor) -> Tensor:
        return to_samples(batch)

    networks = []
    for _ in range(effort.networks):
        network = Classifier(spec, effort.width).to(device)
        fit(network, x, target, steps=effort.steps, batch=effort.batch, change=change)
        networks.append(network)
    return tuple(networks)


def weighed(side: Split, networks: tuple[Classifier, ...], reals: Tensor) -> tuple[Units, Weights]:
    """The units of the evidence and its weights, from a side that the networks did not see."""
    block, real, weight = side.all()
    logit, far = logits_of(networks, block), distance(block, reals)
    cap, near = np.quantile(logit[real], 0.99), far[real]
    units = Units(
        cap=float(cap),
        median=float(np.median(near)),
        far=float(np.quantile(near, 0.95)),
        spread=float(near.std()) or 1.0,
    )
    inputs = score_inputs(torch.from_numpy(logit), torch.from_numpy(far), units).numpy()
    return units, fit_logistic(inputs, real, weight)


def auc_by_kind(side: Split, score: Floats) -> dict[str, float]:
    """P(a held-out real scores above a fake), for each kind of fake that there is."""
    found, start = {}, len(side.real)
    for name, block in side.fakes.items():
        if len(block):
            found[name] = round(odds(score[: len(side.real)], score[start : start + len(block)]).value, 4)
        start += len(block)
    return found
