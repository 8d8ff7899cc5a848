"""D's answer over a plane of two numbers, as colors: orange for fake, white for undecided, blue for real, and nothing
where no sample lies. D's score has no limit there, and says nothing of what it never saw."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evenodds.config.settings import LossName
from evenodds.metrics.probability import probability

FAKE_HEAT, REAL_HEAT = (238, 138, 98), (84, 144, 205)
"""Red, green and blue of a place that D calls fake, and real, for sure."""
REACH = 0.035
"""How far a sample makes itself felt, as a share of either axis: the standard deviation of its bell."""

Axes = dict[str, tuple[float, float]]
"""Two columns with their least and greatest value, across and up."""


class Heat(NamedTuple):
    """What D answers over the plane, rows upwards."""

    probability: NDArray[np.float64]
    """P(real), (down, across)."""
    presence: NDArray[np.float64]
    """How near reals or fakes lie, 0 (none) to 1, (down, across)."""

    def rgba(self) -> NDArray[np.uint8]:
        """The plane's colors, (down, across, 4)."""
        return heat_color(self.probability, self.presence)


def heat_color(probability: ArrayLike, presence: ArrayLike) -> NDArray[np.uint8]:
    """Red, green, blue and opacity (..., 4) of P(real) and presence, both 0 to 1 and of one shape (...).

    White moves to FAKE_HEAT or REAL_HEAT by |2 P - 1|, and the opacity is the presence.

    >>> heat_color([0.0, 0.5, 1.0], [1.0, 1.0, 0.0]).tolist()
    [[238, 138, 98, 255], [255, 255, 255, 255], [84, 144, 205, 0]]
    """
    lean = 2 * np.asarray(probability, np.float64)[..., None].clip(0, 1) - 1
    end = np.where(lean < 0, FAKE_HEAT, REAL_HEAT)
    color = 255 + np.abs(lean) * (end - 255)
    opacity = 255 * np.asarray(presence, np.float64)[..., None].clip(0, 1)
    return np.concatenate([color, opacity], -1).round().astype(np.uint8)


def heat_of(
    loss: LossName, scores: NDArray[np.floating], axes: Axes, real: pd.DataFrame, fake: pd.DataFrame
) -> Heat:
    """What D's ``scores`` over the plane (down, across) mean beside reals and fakes, whose own scores are read off the
    plane."""
    plane = np.asarray(scores, np.float64)
    places = [shares(frame, axes) for frame in (real, fake)]
    read = [off_plane(plane, at) for at in places]
    return Heat(probability(loss, plane, *read), presence(np.concatenate(places), plane.shape))


def shares(frame: pd.DataFrame, axes: Axes) -> NDArray[np.float64]:
    """Rows as places on the plane, (n, 2), each 0 to 1 within its column's range; rows with a gap are left out."""
    columns = [
        (frame[name].to_numpy(np.float64) - low) / ((high - low) or 1) for name, (low, high) in axes.items()
    ]
    places = np.stack(columns, 1)
    return places[np.isfinite(places).all(1)]


def off_plane(plane: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The plane's values (n,) at places (n, 2), linear between its points."""
    from scipy.ndimage import map_coordinates

    down, across = plane.shape
    coordinates = np.stack([places[:, 1] * (down - 1), places[:, 0] * (across - 1)])
    return np.asarray(map_coordinates(plane, coordinates, order=1, mode="nearest"), np.float64)


def presence(places: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How near places (n, 2) lie to each point of a plane (down, across): 1 - exp(-the sum of their bells)."""
    down, across = shape

    def bells(at: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        apart = at[:, None] - np.linspace(0, 1, count)
        return np.asarray(np.exp(-((apart / REACH) ** 2) / 2), np.float64)

    return np.asarray(1 - np.exp(-(bells(places[:, 1], down).T @ bells(places[:, 0], across))), np.float64)
