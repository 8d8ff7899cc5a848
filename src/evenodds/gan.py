"""The Python face: `Gan(network="dcgan", size=64).fit("photos/").sample(16)`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel
from torch import nn

from evenodds.config.settings import (
    DataSettings,
    GameSettings,
    NetworkSettings,
    ObjectiveSettings,
    PlanSettings,
    Recipe,
)
from evenodds.core.device import find_device
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.source import find
from evenodds.evaluate.extractors import Extractor
from evenodds.evaluate.score import ScoreRequest, score
from evenodds.export.pretrained import fetch, open_hub
from evenodds.judge.judge import Judge
from evenodds.judge.predict import ask_in_python
from evenodds.judge.train import judge_of
from evenodds.runs import sample as sampling
from evenodds.runs.conditions import Wanted, resolve_condition
from evenodds.runs.run import Run
from evenodds.steer.editor import Steer
from evenodds.training.clock import Moment
from evenodds.training.session import start

ROOMS: dict[str, type[BaseModel]] = {
    "plan": PlanSettings,
    "data": DataSettings,
    "network": NetworkSettings,
    "objective": ObjectiveSettings,
    "game": GameSettings,
}


class Gan:
    """A game on one source. Settings are the command line's flags: `Gan(budget="90s", network="gan", lr_g=5e-4)`.

    Raises UserError for a setting that is not known, and pydantic's ValidationError (a ValueError) for a value that
    makes no sense.
    """

    def __init__(self, *, device: str = "auto", **settings: Any) -> None:
        chosen: dict[str, dict[str, Any]] = {room: {} for room in ROOMS}
        for name, value in settings.items():
            room = next((room for room, kind in ROOMS.items() if name in kind.model_fields), None)
            if room is None:
                known = sorted(name for kind in ROOMS.values() for name in kind.model_fields)
                raise UserError(f"there is no setting {name!r}, the settings are: {', '.join(known)}")
            chosen[room][name] = value
        self.recipe = Recipe(**{room: kind(**chosen[room]) for room, kind in ROOMS.items()})
        self.device = device
        self.run: Run | None = None
        self.verdict: dict[str, Any] | None = None
        self.steering: Steer | None = None

    def fit(self, source: str | Path, out: str | Path | None = None) -> Self:
        """Trains on a built-in, a folder or zip of pictures, or a table file, to the verdict.

        The run goes to ``out``, where an earlier one is gone on with, or to a temporary folder. Raises UserError for
        whatever is wrong with the source or the settings.
        """
        folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="evenodds-")) / "run"
        self.verdict = start(find(str(source)), str(source), self.recipe, folder, self.device, Silent())
        self.run = Run.open(folder)
        return self

    def sample(self, n: int, seed: int = 0, condition: Wanted | None = None) -> np.ndarray | pd.DataFrame:
        """n fakes: pictures as uint8 (n, H, W, C), or rows as a table.

        ``condition`` is for a game that was trained with one: values by name or as text, pictures as uint8
        (m, H, W, C) or by their path, taken in turn. Raises UserError before ``fit`` and for a condition that does not
        fit.
        """
        run, place = self.fitted(), find_device(self.device)
        with torch.random.fork_rng():
            wish = resolve_condition(run, condition, seed)
            if isinstance(run.spec, PictureSpec):
                return np.concatenate(list(sampling.pictures(run, n, seed, place, wish)))
            return pd.concat(list(sampling.rows(run, n, seed, place, wish)), ignore_index=True)

    def judge(self, x: str | Path | np.ndarray | pd.DataFrame) -> pd.DataFrame:
        """How real samples look: a table of input, percent_real (0 to 100) and p_value, a row a sample.

        ``x`` is a path as on the command line, a row such as "height=170,weight=63", a table, or uint8 pictures
        (n, H, W, C). The first call trains the judge. Raises UserError before ``fit`` and for what does not fit.
        """
        return ask_in_python(self.fitted(), x, find_device(self.device))

    def outlier_detector(self) -> Judge:
        """The judge itself, with scikit-learn's ``score_samples`` and ``predict``; trained on the first call."""
        return judge_of(self.fitted(), find_device(self.device))

    def score(
        self,
        n: int | None = None,
        *,
        extractor: Extractor | nn.Module = "auto",
        classifier: nn.Module | None = None,
        target: str | None = None,
        seed: int = 0,
    ) -> dict[str, Any]:
        """How good n fakes are, as `evenodds score --json` tells: ``figures`` is a list of scores, each with what it
        was measured on.

        Pictures: ``extractor`` makes features, your own network from float32 (n, C, H, W) in [-1, 1] to (n, ...) or one
        of "efficientnet", "layout" and "inception"; a ``classifier`` that gives logits (n, classes) adds an
        inception-style score. Tables: ``target`` is the column that classifiers learn. Raises UserError before ``fit``,
        and for what does not fit.
        """
        asked = ScoreRequest(n, extractor, classifier, target, seed)
        return score(self.fitted(), asked, find_device(self.device))

    @property
    def steer(self) -> Steer:
        """The latent space of the best generator: ``find`` and ``apply`` directions, ``mix``, ``walk``, ``turn``,
        ``invert`` pictures, ``make`` samples of latents. Latents and samples are tensors. Raises UserError before
        ``fit``, and for a game that makes pictures from pictures."""
        run = self.fitted()
        if self.steering is None or self.steering.best != run.checkpoints.best():
            self.steering = Steer(run, find_device(self.device))
        return self.steering

    def save(self, path: str | Path) -> None:
        """Copies the run to ``path``. Raises UserError where something is there already."""
        run = self.fitted()
        if Path(path).exists():
            raise UserError(f"{path} is there already, choose another place to save to")
        shutil.copytree(run.path, path, symlinks=True)

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> Self:
        """The game in the run folder ``path``. Raises UserError where there is none."""
        gan = cls(device=device)
        gan.run = Run.open(Path(path))
        gan.recipe, gan.verdict = gan.run.recipe, gan.run.verdict()
        return gan

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str = "auto") -> Self:
        """The game in a folder that ``export --format hub`` left, or in one of that name on the Hugging Face Hub.

        It samples, and judges if its judge was taken along. Only safetensors and JSON are read, and never code. Raises
        UserError where it is not there or does not fit together.
        """
        folder = Path(name)
        run = open_hub(folder if folder.is_dir() else fetch(str(name)))
        gan = cls(device=device)
        gan.run, gan.recipe, gan.verdict = run, run.recipe, run.verdict()
        return gan

    def fitted(self) -> Run:
        """The run, once there is one."""
        if self.run is None:
            raise UserError("nothing was trained yet, call fit(source) or Gan.load(path) first")
        return self.run


class Silent:
    """Watches and says nothing."""

    def say(self, text: str) -> None: ...

    def prepare(self, what: str, done: int, total: int) -> None: ...

    def moment(self, moment: Moment) -> None: ...

    def end(self, verdict: dict[str, Any], report: Path) -> None: ...
