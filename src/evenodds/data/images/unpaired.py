"""Two sets of pictures without partners: what is to be made is of one set, what it is made from of the other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from evenodds.core.errors import UserError
from evenodds.core.spec import sides_of
from evenodds.data.images.album import Album
from evenodds.data.images.arrays import Bytes, Channels, Fit, Range
from evenodds.data.images.ingest import Chunk, Ingest, Watch
from evenodds.data.images.ingest_report import IngestReport
from evenodds.data.images.pairs import SIDES, Choose, Direction

TESTS = {"testa": 0, "testb": 1}
"""Which side a subfolder of held-out pictures holds, by its name in lower case."""


class Unpaired:
    """Both sets on their way in: ``samples`` are to be made, ``inputs`` are what they are made from.

    Subfolders A and B, or trainA and trainB (in any case), hold one set each; testA and testB, where they are there,
    what is held out of it.
    """

    def __init__(
        self,
        album: Album,
        direction: Direction,
        choose: Choose,
        watch: Watch | None = None,
        every_frame: bool = False,
    ) -> None:
        """Looks at every picture's header, and takes the first frame of each or ``every_frame``. Raises
        UserError where a set is missing or cannot be read."""
        both = sets_of(album)
        first, second = both if direction == "AtoB" else both[::-1]
        self.album = album
        self.inputs, self.samples = (
            Ingest(album, watch, every_frame, sorted(side)) for side in (first, second)
        )
        self._tests = {index for side in both for index, test in side.items() if test}
        self._others = [name for index, name in enumerate(album.names) if index not in {**first, **second}]
        self.size, self.notes = choose(self.samples.sizes)

    def chunks(
        self,
        fit: Fit,
        channels: Channels,
        channels_of_inputs: Channels,
        spans: tuple[Range | None, Range | None] = (None, None),
    ) -> Generator[Chunk, None, IngestReport]:
        """The samples and then the inputs, each uint8 (n, channels, height, width): a chunk has none of the other.
        ``spans`` are the ranges by which wide pictures of both become black and white.

        Returns a report of the samples, with what was skipped of both and what the album holds out.
        """
        width, height = sides_of(self.size)
        no_sample, no_input = (
            np.empty((0, c, height, width), np.uint8) for c in (channels, channels_of_inputs)
        )
        samples = yield from mapped(
            self.samples.chunks(self.size, fit, channels, span=spans[0]), lambda chunk: (chunk, no_input)
        )
        inputs = yield from mapped(
            self.inputs.chunks(self.size, fit, channels_of_inputs, span=spans[1]),
            lambda chunk: (no_sample, chunk),
        )
        outside = dict.fromkeys(self._others, "it lies in neither of both sets")
        return replace(
            samples,
            skipped={**samples.skipped, **inputs.skipped, **outside},
            heldout=(self._heldout(samples), self._heldout(inputs)),
        )

    def _heldout(self, report: IngestReport) -> list[int] | None:
        """Which rows of a set the album holds out; None where it leaves that open."""
        rows = [row for row, index in enumerate(report.indices) if index in self._tests]
        return rows if 0 < len(rows) < len(report.indices) else None


def mapped(
    chunks: Generator[Chunk, None, IngestReport], paired: Callable[[Bytes], Chunk]
) -> Generator[Chunk, None, IngestReport]:
    """What ``paired`` makes of each chunk. Returns what the generator returns."""
    while True:
        try:
            chunk = next(chunks)
        except StopIteration as end:
            report: IngestReport = end.value
            return report
        yield chunk if isinstance(chunk, tuple) else paired(chunk)


def sets_of(album: Album) -> tuple[dict[int, bool], dict[int, bool]]:
    """Which pictures lie in A and in B, and whether each is held out. Raises UserError where a set is missing."""
    both: tuple[dict[int, bool], dict[int, bool]] = ({}, {})
    for index, name in enumerate(album.names):
        parts = PurePosixPath(name).relative_to(album.top).parts
        folder = parts[0].lower() if len(parts) > 1 else ""
        if folder in SIDES:
            both[SIDES[folder]][index] = False
        elif folder in TESTS:
            both[TESTS[folder]][index] = True
    if not all(False in side.values() for side in both):
        raise UserError(
            f"{album.path} holds no two sets of pictures: give subfolders A and B, or trainA and trainB, "
            "of which --direction says which is made from which"
        )
    return both


def sample_names(album: Album, direction: Direction) -> list[str]:
    """The files of an album of two sets that samples come from, in order."""
    return [album.names[index] for index in sorted(sets_of(album)[1 if direction == "AtoB" else 0])]
