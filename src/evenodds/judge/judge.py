"""The judge: how real a sample looks, as a score, a probability and a p-value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from evenodds.core import bundle
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec, SampleSpec, spec_from_json, spec_to_json
from evenodds.data.images.alpha import premultiplied
from evenodds.data.images.values import NUMBERS, Values
from evenodds.data.store import Block
from evenodds.data.tables.codec import TableCodec
from evenodds.judge.calibration import p_values
from evenodds.judge.features import input_spec, nearest_distance, preprocess, to_samples
from evenodds.judge.scoring import Floats, Scale, Units, Weights, score_inputs
from evenodds.judge.support import Look, Oddity, Support
from evenodds.networks.classifier import Classifier

LAYOUT = 2
"""Raised whenever a stored judge would be read or made differently."""
READABLE = (1, LAYOUT)
"""Layouts that are read. A judge of layout 1 knows no support of its rows, and judges as it did."""
FLAG = 0.05
"""A sample with a p-value below this is an outlier."""
_BATCH = 512


@dataclass(frozen=True)
class JudgeFacts:
    """How a judge was trained, and how well it is calibrated."""

    checkpoint: str
    """The run's best checkpoint at that time."""
    calibration_error: float
    """Expected calibration error in [0, 1], cross-validated on ``calibration_n`` samples."""
    calibration_n: int
    heldout_n: int
    """Held-out reals that p-values compare with."""
    auc: dict[str, float]
    """P(a held-out real scores above a fake), by kind of fake."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As a JSON object with these fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """From ``to_json``'s object; other keys are ignored. Raises KeyError for a missing one."""
        return cls(**{field.name: facts[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Judge:
    """A calibrated classifier of reals and fakes. Trained by ``judge.train``, stored in RUN/judge.

    Percent real is the probability, in percent, that a sample is real if half of all samples are real and the others
    are fakes: 40 % present ones, 20 % of earlier in the game, 40 % corrupted reals (``dataset.SHARES``). With other
    fakes, or more of them, the probability is another.

    Rows are also compared with what real rows show at all (``support``): a value beyond the range, a level or a missing
    value where there was none, levels that never stand together. Few fakes lie there, so that evidence lowers
    the probability by what it says of reals alone, below the 1 / (m + 2) that m held-out reals could show.
    """

    spec: SampleSpec
    codec: TableCodec | None
    networks: tuple[Classifier, ...]
    width: int
    reals: Tensor
    units: Units
    weights: Weights
    scale: Scale
    heldout: Floats
    """The scores of the held-out reals, sorted."""
    facts: JudgeFacts
    support: Support | None = None
    """What values real rows have; None of pictures, and of a judge of layout 1."""
    values: Values | None = None
    """What levels stand for where pictures of 16 bits or bands are judged in their own values: the run's, which are not
    stored here."""

    @property
    def current(self) -> bool:
        """Whether it was made as judges are made now."""
        return self.codec is None or self.support is not None

    # As scikit-learn's outlier detectors: X is a table, or uint8 pictures (n, H, W, C).

    def score_samples(self, X: pd.DataFrame | NDArray[Any]) -> Floats:
        """Score how real each sample looks, (n,): higher is more real. Raises UserError for samples of another kind."""
        return self.score(*self.look(X))

    def predict(self, X: pd.DataFrame | NDArray[Any]) -> NDArray[np.int64]:
        """Predict +1 for an inlier, -1 for an outlier: p-value below 0.05, which 5 % of new reals have. Shape (n,)."""
        return np.where(self.p_value(self.score_samples(X)) < FLAG, -1, 1)

    def encode(self, X: pd.DataFrame | NDArray[Any]) -> Block:
        """Encode a table, or uint8 pictures (n, H, W, C) or (n, H, W) of the run's size, as a store keeps them;
        pictures in its ``values`` where the judge has some.

        A value of a row that lies outside of what training saw becomes the nearest one that it saw. Raises UserError
        for samples of another kind or size.
        """
        return self.look(X).block

    def look(self, X: pd.DataFrame | NDArray[Any]) -> Look:
        """Encode samples, and measure by how much what lies outside lowers their scores (n,).

        Raises UserError as ``encode`` does.
        """
        if self.codec is not None:
            if not isinstance(X, pd.DataFrame):
                raise UserError(
                    f"this judge takes rows: give them as a DataFrame with the columns {', '.join(self.codec.required)}"
                )
            if self.support is not None:
                return self.support.look(X)
            return Look(self.codec.encode(X, np.random.default_rng(0)), np.zeros(len(X)))
        if isinstance(X, pd.DataFrame):
            raise UserError("this judge takes pictures, not rows: give uint8 (n, H, W, C)")
        pictures, spec = np.asarray(X), cast(PictureSpec, self.spec)
        if pictures.ndim == 3:
            pictures = pictures[..., None]
        c, h, w = spec.shape
        valued = self.values is not None and (spec.bands or pictures.dtype != np.uint8)
        if valued and pictures.shape[1:] == (h, w, c) and pictures.dtype.kind in NUMBERS:
            pictures = cast(Values, self.values).levels(pictures)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (h, w, c):
            raise UserError(
                f"pictures of {pictures.dtype} {pictures.shape} cannot be judged, give uint8 (n, {h}, {w}, {c})"
            )
        pictures = premultiplied(pictures) if spec.alpha else pictures
        return Look(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), np.zeros(len(pictures)))

    def examine(self, rows: pd.DataFrame) -> tuple[Look, list[tuple[Oddity, ...]]]:
        """``look``, and what of each row lies outside of what real rows show, what decides most first; raises as
        ``encode`` does."""
        return (self.look(rows), [()] * len(rows)) if self.support is None else self.support.examine(rows)

    def score(self, block: Block, lowers: ArrayLike = 0.0) -> Floats:
        """Score stored samples (n, ...): a weighted sum of logit and distances, less what lies outside lowers it by
        (``look``; encoded rows alone lie inside), float64 (n,)."""
        small = preprocess(self.spec, block)
        if not len(small):
            return np.empty(0)
        inside = self.weights.logit(inputs_of(self.networks, small, self.reals, self.units))
        return np.asarray(inside - np.asarray(lowers))

    def percent_real(self, score: Floats, lowers: ArrayLike = 0.0) -> Floats:
        """Calibrated percent for scores (n,) and what they were lowered by (``look``), within 0 and 100; see the class
        for what it refers to."""
        return 100 * self.scale.probability(score + np.asarray(lowers), lowers)

    def p_value(self, score: Floats) -> Floats:
        """The share of held-out reals, and the sample itself, that score no higher, for scores (n,); in (0, 1]."""
        return p_values(score, self.heldout)

    def save(self, folder: Path) -> None:
        """Write the judge to ``folder``, whole or not at all. Raises Unwritable if it cannot be written."""
        tensors = {f"network{index}": net.state_dict() for index, net in enumerate(self.networks)}
        stored = {"reals": self.reals, "heldout": torch.from_numpy(self.heldout)}
        if self.support is not None:
            stored |= self.support.pairs.to_tensors()
        state = {
            "layout": LAYOUT,
            "spec": spec_to_json(self.spec),
            "codec": None if self.codec is None else self.codec.to_json(),
            "width": self.width,
            "units": vars(self.units),
            "weights": {"slopes": self.weights.slopes.tolist(), "offset": self.weights.offset},
            "scale": self.scale._asdict(),
            "facts": self.facts.to_json(),
            "support": None if self.support is None else self.support.to_json(),
        }
        bundle.write(folder, {**tensors, "kept": stored}, state)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Load the judge at ``folder``; None if there is none, or it is damaged or of another layout."""
        try:
            tensors, state = bundle.read(folder)
        except UserError:
            return None
        if state.get("layout") not in READABLE:
            return None
        spec = spec_from_json(state["spec"])
        stored = tensors.pop("kept")
        networks = []
        for name in sorted(tensors):
            with torch.random.fork_rng():
                network = Classifier(input_spec(spec), state["width"])
            network.load_state_dict(tensors[name])
            networks.append(network.eval())
        codec = None if state["codec"] is None else TableCodec.from_json(state["codec"])
        weights, support = state["weights"], state.get("support")
        return cls(
            spec,
            codec,
            tuple(networks),
            state["width"],
            stored["reals"],
            Units(**state["units"]),
            Weights(np.array(weights["slopes"]), weights["offset"]),
            Scale(**state["scale"]),
            stored["heldout"].numpy(),
            JudgeFacts.from_json(state["facts"]),
            None if codec is None or support is None else Support.from_json(codec, support, stored),
        )


def inputs_of(networks: tuple[Classifier, ...], block: Block, reals: Tensor, units: Units) -> Floats:
    """The score's inputs (n, 3) of samples as ``preprocess`` leaves them (n, ...); ``reals`` are points (m, k)."""
    logit, far = logits_of(networks, block), nearest_distance(block, reals)
    return np.asarray(score_inputs(torch.from_numpy(logit), torch.from_numpy(far), units).numpy())


@torch.inference_mode()
def logits_of(networks: tuple[Classifier, ...], block: Block) -> Floats:
    """The networks' mean logit of samples as ``preprocess`` leaves them (n, ...), float64 (n,)."""
    device = next(networks[0].parameters()).device
    parts = []
    for start in range(0, len(block), _BATCH):
        x = to_samples(torch.from_numpy(block[start : start + _BATCH]).to(device))
        parts.append(torch.stack([network(x) for network in networks]).mean(0).cpu().double().numpy())
    return np.concatenate(parts)
