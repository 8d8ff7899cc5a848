"""How near fakes come to held-out reals, and to the pictures they were made from, where a picture is given."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from evenodds.core.spec import ConditionKind, at_most
from evenodds.data.conditioning import BETWEEN
from evenodds.data.images import conditions
from evenodds.data.images.arrays import to_tensor
from evenodds.data.store import Store
from evenodds.evaluate.unpaired import translation_scores
from evenodds.metrics.distribution import frechet
from evenodds.metrics.reference import reference_count, reference_features
from evenodds.runs.conditions import turns
from evenodds.runs.run import Run
from evenodds.runs.sample import Sampler

PAIRS, PIXELS, FEWEST = 500, 8_000_000, 50
"""Held-out pairs that are looked at, at most: of large ones by their pixels."""
CLEAN = 99.0
REACH = 2
"""Pixels by which an outline may be off."""

Bytes = NDArray[np.uint8]


def fidelity(run: Run, store: Store, device: torch.device) -> dict[str, Any] | None:
    """Scores of the best G on held-out pairs, or None where no picture is given.

    pairs; l1 (0 to 1), psnr (dB) and ssim (Wang 2004, IEEE TIP 13) to the real, means over pairs; distance (Fréchet, on
    the game's features); and ``honoured``, how far the given picture is found again in the fake. Of unpaired pictures
    what ``translation_scores`` gives.
    """
    if run.condition is None or not run.condition.pictures:
        return None
    if not run.condition.paired:
        return translation_scores(run, store, device)
    places = np.arange(min(store.n_heldout, at_most(store.spec, PAIRS, PAIRS, PIXELS, FEWEST)))
    inputs = cast(Bytes, store.conditions("heldout", places))
    real = store.heldout(places)
    made = Sampler(run, device).pictures(len(places), run.recipe.plan.seed, turns(inputs))
    fake = np.concatenate(list(made)).transpose(0, 3, 1, 2)
    return {
        "pairs": len(places),
        "l1": round(float(np.abs(real.astype(float) - fake).mean() / 255), 4),
        "psnr": round(float(np.mean([psnr(*pair) for pair in zip(real, fake, strict=True)])), 2),
        "ssim": round(float(np.mean([ssim(*pair) for pair in zip(real, fake, strict=True)])), 4),
        "distance": round(distance(store, real, fake), 4),
        "honoured": condition_consistency(run.condition.kind, inputs, fake),
    }


def psnr(real: Bytes, fake: Bytes) -> float:
    """Peak signal-to-noise ratio of two pictures (C, H, W) in dB, at most CLEAN, which equal ones have."""
    from skimage.metrics import peak_signal_noise_ratio

    if np.array_equal(real, fake):
        return CLEAN
    return min(CLEAN, float(peak_signal_noise_ratio(real, fake, data_range=255)))  # type: ignore[no-untyped-call]


def ssim(real: Bytes, fake: Bytes) -> float:
    """Structural similarity of two pictures (C, H, W), at most 1."""
    from skimage.metrics import structural_similarity

    return float(structural_similarity(real, fake, channel_axis=0, data_range=255))  # type: ignore[no-untyped-call]


def distance(store: Store, real: Bytes, fake: Bytes) -> float:
    """Fréchet distance of pictures (n, C, H, W) on features fitted to training reals."""
    features = reference_features(store, reference_count(store))
    return frechet(features(to_tensor(real)), features(to_tensor(fake)))


def condition_consistency(kind: ConditionKind, pictures: Bytes, fake: Bytes) -> dict[str, float]:
    """How far condition ``pictures`` (n, c, H, W) are found again in fakes (n, C, H, W), means over pictures.

    outlines: precision, recall and f1 of outlines taken from the fake, a pixel counting where one of the other side
    lies within REACH. gray, small, masked: the mean absolute difference (0 to 1) between the condition and the same
    taken from the fake; of masked ones outside of the hole. Pairs that come as such: nothing can be told.
    """
    if kind in BETWEEN:
        return {}
    if kind == "outlines":
        measured = [
            outlines_met(condition_lines[0] > 127, conditions.make(kind, one)[0] > 127)
            for condition_lines, one in zip(pictures, fake, strict=True)
        ]
        named = zip(("precision", "recall", "f1"), np.mean(measured, axis=0), strict=True)
        return {name: round(float(mean), 4) for name, mean in named}
    if kind == "masked":
        difference = np.abs(pictures[:, :-1].astype(float) - fake)
        outside = np.broadcast_to(pictures[:, -1:] < 128, difference.shape)
        return {"difference": round(float(difference[outside].mean() / 255), 4)}
    again = np.stack([conditions.make(kind, one) for one in fake])
    return {"difference": round(float(np.abs(pictures.astype(float) - again).mean() / 255), 4)}


def outlines_met(
    condition_lines: NDArray[np.bool_], measured: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """(precision, recall, F1) of outlines ``found`` (H, W) against those ``asked`` for, within REACH pixels; 1 where
    both are empty."""
    if not condition_lines.any() or not measured.any():
        same = float(condition_lines.any() == measured.any())
        return same, same, same
    precision = float((distance_transform_edt(~condition_lines)[measured] <= REACH).mean())
    recall = float((distance_transform_edt(~measured)[condition_lines] <= REACH).mean())
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)
