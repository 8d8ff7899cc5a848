"""By what the best state of a game is chosen, and when one is better than another beyond noise."""

from __future__ import annotations

from typing import NamedTuple

from evenodds.metrics.distribution import Floats, deviation_of

HYSTERESIS = 0.25
"""Standard errors of the difference by which a state must be better than the one kept. A whole one kept states that
were up to 45 % farther from unseen rows than the best (docs/experiments/referee.md, 2026-11-28)."""


class Selection(NamedTuple):
    """What a state is chosen by, lower is better, measured on the same latents and reals at each check."""

    value: float
    """Rows: the unbiased squared energy distance. Pictures: the Fréchet distance."""
    influence: Floats | None = None
    """How much each fake and then each real moves the value; None where that is not known, as of pictures."""
    fakes: int = 0
    """How many of these are fakes."""

    @property
    def error(self) -> float | None:
        """The value's standard error."""
        return None if self.influence is None else deviation_of(self.influence, self.fakes)

    def better_than(self, other: Selection) -> bool:
        """Whether it is lower beyond the noise of the difference, which is taken in pairs."""
        if self.influence is None or other.influence is None or len(self.influence) != len(other.influence):
            return self.value < other.value
        noise = deviation_of(self.influence - other.influence, self.fakes)
        return self.value < other.value - HYSTERESIS * noise
