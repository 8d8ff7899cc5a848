"""Whether pictures look alike in a mirror: can a classifier tell a picture from its mirror image?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta
from torch import Tensor
from torch.nn import functional as F

from evenodds.metrics.odds import LEVEL

LIMIT = 0.6
"""Right about so large a share of pairs of a picture and its mirror image, a classifier tells them apart: as if one in
five pictures were told for certain, and the others not at all."""
FEWEST = 200
"""With fewer pictures, and nothing to be told, the bound would lie above LIMIT too often."""
FEWEST_OF_LEVEL = 40
"""A label's level is looked at alone from so many pictures on."""
SIDE = 64
"""Pictures are averaged down to at most this many pixels a side; at 32 text is told half as well."""
CELLS, COMPONENTS = 16, 64
"""Cells a side in which colours are averaged, and principal components of them."""
MOST_NUMBERS, FEWEST_NUMBERS = 2_048, 8
"""Numbers in a vector that has them for each value of a label, at most; and of each value, at least."""
ROUNDING = 1e-5
"""Smaller differences between a picture and its mirror image are those of rounding."""
FILTERS, SECOND, LARGE = (8, 5), (64, 3), 48
"""Random filters of both layers and their sides; from LARGE pixels on a picture is halved between them."""


class MirrorTest(NamedTuple):
    """How well mirror images are told from pictures, by the classifier that tells them best.

    ``right`` is the share of pairs of a picture and its mirror image that it is right about, 0.5 where it cannot tell,
    and ``bound`` the upper end of the one-sided 95 % interval. ``by`` is what it looked at: "layout", "strokes", a
    label that it was given, or a level of one, "facing=left", whose pictures were looked at alone.
    """

    right: float
    bound: float
    by: str
    pictures: int
    label: str | None = None
    """The label that it was given, or under one level of which it tells."""

    @property
    def symmetric(self) -> bool:
        """Whether mirror images are told from pictures for less than LIMIT of pairs, with 95 % confidence."""
        return self.bound < LIMIT

    @property
    def significant(self) -> bool:
        """Whether they are told beyond chance: else a bound above LIMIT means too few pictures."""
        return lower(self.right, self.pictures) > 0.5


class Labels(NamedTuple):
    """The values c (n, k) that pictures were made under, and the places and levels of each label in them; a number has
    no levels."""

    c: Tensor
    places: Mapping[str, slice]
    levels: Mapping[str, tuple[str, ...]]


def mirror_test(x: Tensor, labels: Labels | None = None) -> MirrorTest:
    """Tests whether a linear classifier can tell pictures x (n, C, H, W) from their mirror images, n at least 2.

    It learns from one half of the pictures and answers for the other, then the other way round: by layout, then by
    strokes. With ``labels`` it is given these too, one by one, since under a label pictures may have a side that
    together they have not; and each level's pictures are looked at alone. The first that is told ends the test. The
    same pictures give the same answer.

    >>> mirror_test(torch.ones(200, 1, 8, 8)).symmetric
    True
    """
    every: list[MirrorTest] = []
    for ruling in rulings(shrunk(x), labels):
        every.append(ruling)
        if not ruling.symmetric:
            break
    return max(every, key=lambda ruling: ruling.bound)


def rulings(x: Tensor, labels: Labels | None) -> Iterator[MirrorTest]:
    """What each classifier's answers say of all pictures, and of each level under which it surely tells."""
    for by, extract in EXTRACTS.items():
        sides = extract(x)
        for label in (None, *(labels.places if labels is not None else ())):
            correct = cross(sides if labels is None or label is None else by_value(sides, labels, label))
            right = float(correct.mean())
            yield MirrorTest(right, upper(right, len(correct)), label or by, len(correct), label)
            if labels is not None:
                yield from levels_told(correct, labels)


def shrunk(x: Tensor) -> Tensor:
    """Pictures averaged down to SIDE or less."""
    cell = -(-min(x.shape[-2:]) // SIDE)
    return F.avg_pool2d(x, cell) if cell > 1 else x


def by_value(sides: Tensor, labels: Labels, label: str) -> Tensor:
    """Vectors (n, k) as one for each value of a label, side by side: what speaks for a side under one of them may speak
    against it under another. Of many values fewer numbers are kept of each."""
    width = labels.c[:, labels.places[label]].shape[1]
    sides = sides[:, : max(FEWEST_NUMBERS, MOST_NUMBERS // width)]
    return (sides[:, :, None] * labels.c[:, None, labels.places[label]]).flatten(1)


def cross(sides: Tensor) -> NDArray[np.float64]:
    """Whether each picture is told from its mirror image by a classifier that never saw it: 1, 0, or 0.5 for a tie.

    ``sides`` (n, k) are of the pictures, and of their mirror images the same with the other sign. Logistic regression
    without an intercept takes both, so that where pictures are symmetric each is right with probability 1/2.
    """
    # Here and not above: it takes a moment, and most commands ask nothing.
    from sklearn.linear_model import LogisticRegression

    correct = np.empty(len(sides))
    for test in (0, 1):
        learn = sides[1 - test :: 2].numpy()
        model = LogisticRegression(C=0.1, fit_intercept=False, max_iter=200)
        model.fit(np.concatenate([learn, -learn]), np.repeat([1, 0], len(learn)))
        correct[test::2] = (np.sign(model.decision_function(sides[test::2].numpy())) + 1) / 2
    return correct


def levels_told(correct: NDArray[np.float64], labels: Labels) -> Iterator[MirrorTest]:
    """The levels whose pictures are surely told from their mirror images; what few pictures leave open is no ruling.

    Levels have their share of the level of significance (Bonferroni).
    """
    count = sum(len(levels) for levels in labels.levels.values())
    for name, levels in labels.levels.items():
        codes = labels.c[:, labels.places[name]].argmax(1).numpy()
        for code, level in enumerate(levels):
            own = correct[codes == code]
            if len(own) >= FEWEST_OF_LEVEL and own.mean() > LIMIT:
                right = float(own.mean())
                if lower(right, len(own), LEVEL / count) > 0.5:
                    yield MirrorTest(right, upper(right, len(own)), f"{name}={level}", len(own), name)


def upper(right: float, pictures: int, level: float = LEVEL) -> float:
    """The upper end of a share's one-sided interval (Clopper and Pearson 1934).

    Both folds count as one: what one half's pictures have by chance, the other's classifier has learnt or not, and then
    both are right or both are wrong.
    """
    tested = pictures // 2
    return 1.0 if right >= 1 else float(beta.isf(level, right * tested + 1, (1 - right) * tested))


def lower(right: float, pictures: int, level: float = LEVEL) -> float:
    """The lower end of a share's one-sided interval."""
    return 1 - upper(1 - right, pictures, level)


def layout(x: Tensor) -> Tensor:
    """What colours lie where: principal components (n, k) of the left half's cells less those of the mirror image."""
    cells = F.adaptive_avg_pool2d(x, CELLS)
    differences = F.hardshrink((cells - cells.flip(3))[..., : CELLS // 2].flatten(1), ROUNDING)
    # Of all pictures, since the sign of none of them counts: the answers for one half are not known to it.
    _, _, directions = torch.linalg.svd(differences, full_matrices=False)
    components = differences @ directions[:COMPONENTS].T
    scaled: Tensor = components / components.std().clamp_min(1e-6)
    return scaled


def strokes(x: Tensor) -> Tensor:
    """What lines run which way, wherever they lie (n, k): the mean strength of two layers of random filters less that
    in the mirror image, as the scattering transform has it with wavelets (Bruna and Mallat 2013, 1203.1513)."""
    gray = x.mean(1, keepdim=True)
    gray = gray - gray.mean((2, 3), keepdim=True)
    gray = gray / gray.std((2, 3), keepdim=True).clamp_min(0.05)
    random = torch.Generator().manual_seed(0)
    first, second = random_filters(1, *FILTERS, random), random_filters(FILTERS[0], *SECOND, random)

    def strength(part: Tensor) -> Tensor:
        edges = F.conv2d(part, first, padding="same").abs()
        if part.shape[-1] >= LARGE:
            edges = F.avg_pool2d(edges, 2)
        edges = edges - edges.mean((2, 3), keepdim=True)
        return F.conv2d(edges, second, padding="same").abs().mean((2, 3))

    parts = torch.split(gray, 128)
    differences = torch.cat([strength(part) - strength(part.flip(3)) for part in parts])
    differences = F.hardshrink(differences, ROUNDING)
    return 0.3 * differences / differences.std(0).clamp_min(1e-6)


def random_filters(channels: int, count: int, side: int, random: torch.Generator) -> Tensor:
    """Filters (count, channels, side, side) of sum 0 and norm 1."""
    filters = torch.randn(count, channels, side, side, generator=random)
    filters = filters - filters.mean((1, 2, 3), keepdim=True)
    norm: Tensor = filters.flatten(1).norm(dim=1)
    return filters / norm[:, None, None, None]


EXTRACTS: dict[str, Callable[[Tensor], Tensor]] = {"layout": layout, "strokes": strokes}
"""Vectors of pictures that are those of their mirror images with the other sign, the quickest first."""
