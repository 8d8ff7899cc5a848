"""The built-in ``digits``: 1,797 handwritten digits, 8 × 8."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SIZE = 16
"""Pixels a side that they are enlarged to when none is asked for."""

LICENCE = "Optical Recognition of Handwritten Digits by E. Alpaydin and C. Kaynak (UCI), CC BY 4.0"


def load() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer[Any]]]:
    """The pictures, uint8 (1797, 8, 8) from 0 to 255 with white ink, and which digit each is."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # They come as counts of 0 to 16 ink dots in a cell.
    return np.rint(bunch.images * (255 / 16)).astype(np.uint8), bunch.target
