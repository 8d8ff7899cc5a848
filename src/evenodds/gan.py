"""The Python API: `Gan(network="dcgan", size=64).fit("photos/").sample(16)`."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self

import numpy as np
import pandas as pd
import torch
from sklearn import exceptions
from sklearn.utils import Tags, TargetTags
from torch import nn

from evenodds.config import keywords
from evenodds.config.keywords import Configured, Device, Keywords
from evenodds.core.device import find_device
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.images.alpha import straight
from evenodds.data.source import Source, find, source_of
from evenodds.data.tables.codec import TableCodec
from evenodds.data.tables.containers import Container, contained, is_table, table_of
from evenodds.evaluate.extractors import Extractor
from evenodds.evaluate.score import ScoreRequest, score
from evenodds.export.pretrained import open_hub, open_run
from evenodds.judge.judge import Judge
from evenodds.judge.predict import predict_frame
from evenodds.judge.train import judge_of
from evenodds.runs.conditions import ConditionRequest, resolve_condition
from evenodds.runs.hub_folder import fetch
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler
from evenodds.runs.sample_request import check_truncation
from evenodds.steer.editor import LatentEditor
from evenodds.training.context import Context
from evenodds.training.session import train_run

Settings = ParamSpec("Settings")


class NotFittedError(UserError, exceptions.NotFittedError):  # type: ignore[misc]
    """A call needs a trained model, and nothing was trained yet; scikit-learn's NotFittedError, too."""


def _takes(
    settings: Callable[Settings, Any],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, Settings], None]]:
    """Gives a constructor the keywords of a settings class, for editors, type checkers and `help`."""

    def typed(init: Callable[..., None]) -> Callable[Concatenate[Any, Settings], None]:
        init.__signature__ = keywords.signature()  # type: ignore[attr-defined]
        return init

    return typed


class Gan(Configured):
    """A GAN trained on one source of data, with the habits of a scikit-learn estimator.

    The keywords are the flags of `evenodds train`. One that is left out has its default, or what was measured best for
    the network (a preset). `get_params`, `set_params` and `sklearn.base.clone` work on them.

    Raises
    ------
    TypeError
        For a keyword that does not exist.
    InvalidSettingError
        A UserError and a ValueError, for a value that makes no sense.

    Attributes
    ----------
    recipe : Recipe
        The settings, by group.
    run : Run or None
        The run folder, once there is one.
    verdict : dict or None
        Why training ended.

    Examples
    --------
    >>> from evenodds import Gan
    >>> gan = Gan(budget="20rounds", seed=1).fit("people")
    >>> gan.sample(2).columns.tolist()
    ['height', 'weight']
    >>> gan
    Gan(budget='20rounds', seed=1)
    """

    @_takes(Keywords)
    def __init__(self, **settings: Any) -> None:
        super().__init__("Gan", settings)
        self.run: Run | None = None
        self.verdict: dict[str, Any] | None = None
        self.steering: LatentEditor | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return self.run is not None

    def __sklearn_tags__(self) -> Any:
        return Tags(estimator_type=None, target_tags=TargetTags(required=False))

    def fit(self, source: Any, out: str | Path | None = None, *, labels: Any = None) -> Self:
        """Train to the verdict, or continue an earlier run.

        Parameters
        ----------
        source :
            A path or a name, as `evenodds train` takes it: a built-in, a folder or zip of pictures, a table file, or
            a data set such as "hf:user/name". Or an object in memory:

            - a pandas, polars or pyarrow table. `sample` gives the same kind of table, with the same dtypes. A named
              index of pandas is learnt as columns; another is not learnt, and fakes are numbered from 0;
            - a NumPy array or a tensor of numbers (n, k); `sample` gives an array of as many columns and this dtype;
            - pictures as a NumPy array (n, H, W) or (n, H, W, C), a tensor (n, H, W) or (n, C, H, W), or a list of
              PIL pictures or arrays;
            - a torch Dataset or DataLoader that gives pictures or (picture, label), or a `datasets.Dataset`.

            Pictures are uint8 from 0 to 255, or floats from 0 to 1, as torchvision's ToTensor makes them: leave out a
            Normalize. C is 1, 3 or 4. Without ``size`` they get the power of two at or above their own side, from 8 to
            64 px.
        out :
            The run folder, where a run of the same data and settings continues; a temporary folder when left out.
        labels :
            Labels of pictures in memory: n numbers or texts, or a DataFrame with n rows. ``condition="labels"`` trains
            with them.

        Raises
        ------
        UserError
            For whatever is wrong with the source or the settings.

        Examples
        --------
        >>> import numpy as np
        >>> pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
        >>> Gan(budget="2rounds", width=8).fit(pictures).sample(3).shape
        (3, 8, 8, 1)
        """
        source, address = self._source(source, labels)
        folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="evenodds-")) / "run"
        context = Context(find_device(self.device))
        self.verdict = train_run(source, address, self.recipe, folder, context).to_json()
        self.run = Run.open(folder)
        return self

    def _source(self, data: Any, labels: Any) -> tuple[Source, str]:
        """What is to be learnt, and how the run calls it."""
        if not isinstance(data, str | Path):
            source = source_of(data, self.recipe.data, labels)
            return source, source.address
        if labels is not None:
            raise UserError(f"labels are for pictures in memory, and {data} has its own: leave them out")
        return find(str(data), self.recipe.data), str(data)

    def sample(
        self,
        n: int,
        seed: int = 0,
        condition: ConditionRequest | None = None,
        truncation: float = 1.0,
        **former: Any,
    ) -> Any:
        """Generate n fakes.

        Parameters
        ----------
        n :
            How many, 0 or more.
        seed :
            The same seed gives the same fakes.
        condition :
            For a run trained with a condition: values by name or as text such as "label=7"; row by row as a DataFrame
            or a table file, which fakes take in turn; pictures as uint8 (m, H, W, C), or their path, taken in turn.
            Unnamed values follow the training distribution.
        truncation :
            Of pictures: above 0 and up to 1; below 1 latents lie nearer to their mean, and fakes vary
            less.
        former :
            ``given``, the former name of ``condition``; it is taken with a DeprecationWarning.

        Returns
        -------
        ndarray or table
            Pictures as uint8 (n, H, W, C); those of 16 bits as uint16 (n, H, W, 1) and bands (n, H, W, C) in their own
            dtype, both in the values of the data. Rows as the kind of table that was fitted, with its dtypes and
            columns, less those that are not learnt; as a DataFrame where it came from a file.

        Raises
        ------
        UserError
            For a condition that does not fit, and a truncation that is out of range or of rows; NotFittedError before
            `fit`.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"kind": ["a", "b"] * 20, "size": pd.array([1, 2, 3, None] * 10, dtype="Int64")})
        >>> fakes = Gan(budget="2rounds", width=8).fit(frame).sample(5)
        >>> fakes.dtypes.equals(frame.dtypes)
        True
        """
        if strange := set(former) - {"given"}:
            raise TypeError(f"sample() got an unexpected keyword argument {strange.pop()!r}")
        if former:
            if condition is not None:
                raise TypeError("sample() got both condition and given, its former name")
            warnings.warn("sample(given=...) is now sample(condition=...)", DeprecationWarning, stacklevel=2)
            condition = former["given"]
        run, device = self.fitted(), find_device(self.device)
        if n < 0:
            raise UserError(f"{n} fakes cannot be made, ask for 0 or more")
        check_truncation(run, truncation, "truncation=")
        some = max(1, n)  # of none, one shows the shape and the dtypes
        with torch.random.fork_rng():
            resolved = resolve_condition(run, condition, seed)
            sampler = Sampler(run, device)
            if isinstance(run.spec, PictureSpec):
                parts = sampler.pictures(some, seed, resolved, truncation=truncation, deep=True)
                made = np.concatenate(list(parts))[:n]
                return straight(made) if run.spec.alpha else made
            rows = pd.concat(list(sampler.rows(some, seed, resolved)), ignore_index=True)
        codec = TableCodec.from_json(run.codec())
        return contained(codec.in_memory(rows.head(n)), container_of(run))

    def judge(self, x: Any) -> pd.DataFrame:
        """Tell how real samples look: a table of input, percent_real (0 to 100), p_value and why, a row a sample.

        ``x`` is a path as on the command line, a row such as "height=170,weight=63", a table as `fit` takes it, or
        pictures (n, H, W, C) of the run's size as `sample` returns them. The first call trains the judge. Raises
        UserError for what does not fit, and NotFittedError before `fit`.
        """
        run = self.fitted()
        return predict_frame(run, _as_learnt(run, x), find_device(self.device))

    def outlier_detector(self) -> Judge:
        """Return the judge, with scikit-learn's ``score_samples`` and ``predict``; the first call trains it."""
        run = self.fitted()
        return replace(judge_of(run, find_device(self.device)), values=run.values)

    def score(
        self,
        n: int | None = None,
        *,
        extractor: Extractor | nn.Module = "auto",
        classifier: nn.Module | None = None,
        target: str | None = None,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Measure how good n fakes are, as `evenodds score --json` does.

        ``figures`` in what it returns is a list of scores, each with what it was measured on.

        Pictures: ``extractor`` makes features, your own network from float32 (n, C, H, W) in [-1, 1] to (n, ...) or one
        of "efficientnet", "layout" and "inception"; a ``classifier`` that gives logits (n, classes) adds an
        inception-style score. Tables: ``target`` is the column that classifiers learn. Raises UserError before ``fit``,
        and for what does not fit.
        """
        request = ScoreRequest(n, extractor, classifier, target, seed)
        return score(self.fitted(), request, find_device(self.device))

    @property
    def steer(self) -> LatentEditor:
        """The latent space of the best generator: ``find`` and ``apply`` directions, ``mix``, ``walk``, ``turn``,
        ``invert`` pictures, ``make`` samples of latents. Latents and samples are tensors. Raises UserError before
        ``fit``, and for a game that makes pictures from pictures."""
        run = self.fitted()
        if self.steering is None or self.steering.best != run.checkpoints.best():
            self.steering = LatentEditor(run, find_device(self.device))
        return self.steering

    def save(self, path: str | Path) -> None:
        """Copies the run to ``path``. Raises UserError where something is there already."""
        run = self.fitted()
        if Path(path).exists():
            raise UserError(f"{path} is there already, choose another place to save to")
        shutil.copytree(run.path, path, symlinks=True)

    @classmethod
    def load(cls, path: str | Path, device: Device = "auto") -> Self:
        """Open the run folder ``path``, or gallery:NAME; the keywords are those of the run.

        Raises UserError where there is none.
        """
        return cls._of_run(open_run(path), device)

    @classmethod
    def from_pretrained(cls, name: str | Path, device: Device = "auto") -> Self:
        """Open a folder that ``export --format hub`` left, or in one of that name on the Hugging Face Hub.

        It samples, and judges if its judge was taken along. Only safetensors and JSON are read, and never code. Raises
        UserError where it is not there or does not fit together.
        """
        folder = Path(name)
        return cls._of_run(open_hub(folder if folder.is_dir() else fetch(str(name))), device)

    @classmethod
    def _of_run(cls, run: Run, device: Device) -> Self:
        gan = cls(device=device)
        gan._settings |= keywords.chosen_in(run.recipe)
        verdict = run.verdict()
        gan.run, gan.verdict = run, None if verdict is None else verdict.to_json()
        return gan

    def fitted(self) -> Run:
        """The run, once there is one."""
        if self.run is None:
            raise NotFittedError("nothing was trained yet, call fit(source) or Gan.load(path) first")
        return self.run


Gan.__doc__ = f"{inspect.getdoc(Gan)}\n\n{keywords.documentation()}\n"


def container_of(run: Run) -> Container | None:
    """What the run's table was held in when it was fitted, None where it came from a file."""
    container: Container | None = run.facts["data"].get("container")
    return container


def _as_learnt(run: Run, x: Any) -> Any:
    """Rows of a caller's table as the run learnt such rows; anything else as it is."""
    if isinstance(run.spec, PictureSpec) or not is_table(x):
        return x
    if not isinstance(x, pd.DataFrame):
        return table_of(x).frame
    return x if container_of(run) is None else table_of(x).frame.set_axis(x.index)
