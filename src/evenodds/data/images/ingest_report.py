"""What came of an album: which pictures were taken in, which were skipped, and what the user should know of both."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any

from evenodds.core.spec import Size, sides_of
from evenodds.data.images.arrays import Fit, Header

Heldout = tuple[list[int] | None, list[int] | None]
"""Which rows are held out, of the samples and of the conditions; None of a set that is split by chance."""


@dataclass(frozen=True)
class IngestReport:
    """What came of an album, once all of it was read."""

    indices: list[int]
    """Of the files that the pictures came from, in ``album.names``."""
    headers: list[Header]
    """Of the same pictures."""
    skipped: dict[str, str]
    """File names, and why each is left out."""
    every_frame: bool = False
    """Whether each frame of a file is a picture of its own."""
    heldout: Heldout | None = None
    """Where the album itself says what is held out, of unpaired pictures."""

    def facts(self) -> dict[str, Any]:
        """Sizes in pixels and modes of the pictures, and what was skipped, as JSON values."""
        headers = self.headers
        return {
            "skipped": [{"file": name, "reason": self.skipped[name]} for name in sorted(self.skipped)],
            "width": _range([header.width for header in headers]),
            "height": _range([header.height for header in headers]),
            "modes": dict(Counter(header.mode for header in headers).most_common()),
        }

    def notes(self, size: Size, fit: Fit, alpha: bool) -> list[str]:
        """What the user should know of how the pictures were treated; ``alpha`` says that transparency is learnt."""
        headers, (width, height) = self.headers, sides_of(size)
        square = width == height
        rest = "square" if square else "picture"
        treated = {
            "crop": "the centre is kept (--fit pad keeps everything)",
            "pad": f"the rest of the {rest} is their edge's mean colour (--fit crop keeps the centre only)",
            "stretch": "they are stretched (--fit crop keeps their centre as it is)",
        }
        others = "are not square" if square else f"have another aspect than {width}x{height}"
        pixels = f"{width}" if square else f"{width}x{height}"
        enlarged = all if fit == "pad" else any
        unused = sum(h.frames - 1 for h in headers)
        counts = (
            (sum(h.width * height != h.height * width for h in headers), f"{others}: {treated[fit]}"),
            (
                sum(enlarged((h.width < width, h.height < height)) for h in headers),
                f"are smaller than {pixels} px and are enlarged (--size takes another size)",
            ),
            (
                0 if alpha else sum(h.transparent for h in headers),
                "have transparency: they are laid on white (--channels alpha learns it)",
            ),
            (
                0 if self.every_frame else sum(h.frames > 1 for h in headers),
                f"have more than one frame or page: {unused} beside the first are not taken (--frames all)",
            ),
            (
                sum(h.frames > 1 for h in headers) if self.every_frame else 0,
                "are frames or pages of files that hold several",
            ),
        )
        return [f"{count} of {len(headers)} pictures {what}" for count, what in counts if count]


def _range(values: list[int]) -> dict[str, int]:
    return {"min": min(values), "median": round(statistics.median(values)), "max": max(values)}
