"""Takes an album in: looks at every header, then decodes in order with several threads."""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from evenodds.core.errors import UserError
from evenodds.core.spec import Size, sides_of
from evenodds.data.images.album import Album, BadPicture
from evenodds.data.images.alpha import uses_alpha
from evenodds.data.images.arrays import (
    Bytes,
    Channels,
    Fit,
    Header,
    Range,
    decode,
    decode_bands,
    is_gray,
    look,
    sample_bands,
    sample_values,
)
from evenodds.data.images.decoding import Reel, is_wide, whole
from evenodds.data.images.ingest_report import IngestReport
from evenodds.data.images.values import Values, measured, of_bands

Chunk = Bytes | tuple[Bytes, Bytes]
"""Pictures (n, C, H, W), and what is given of each where something is."""

Watch = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

_CHUNK_BYTES = 8 * 2**20
_QUOTED = 3
PREPARING = "preparing pictures"
"""What is told to ``Watch`` of pictures that get their size."""
_VALUES, _FEWEST_VALUES = 2_000_000, 100
"""Values of wide pictures that their range is measured by, and the fewest of one picture."""
_LOOKED_THROUGH = 500
"""Pictures that are decoded to see whether they use their transparency, at most twice as many."""
Floats = NDArray[np.float32]

_Result = TypeVar("_Result")


class Frame(NamedTuple):
    """One frame or page of a file of an album."""

    file: str
    number: int = 0
    """From 0."""

    def __str__(self) -> str:
        return f"{self.file} ({self.number + 1})" if self.number else self.file


class Ingest:
    """Reads an album. ``usable`` are indices into ``frames``; ``skipped`` says why others are not."""

    def __init__(
        self,
        album: Album,
        watch: Watch | None = None,
        every_frame: bool = False,
        indices: Sequence[int] | None = None,
    ) -> None:
        """Looks at the header of every picture, or of those at ``indices``, and takes the first frame of each or
        ``every_frame``; of arrays every one. Raises UserError where none can be read."""
        self.album, self.every_frame = album, every_frame or album.arrays
        self.frames = [Frame(name) for name in album.names]
        self.skipped: dict[str, str] = {}
        self.headers: dict[int, Header] = {}
        self._watch = watch
        chosen = range(len(album.names)) if indices is None else indices
        for index, header in self._each("looking at pictures", chosen, self._header):
            self.headers[index] = header
        self.bands = self._most_bands()
        """How many bands the pictures have; 0 where they are gray or in color."""
        self.usable = list(self.headers)
        self._refuse_none()
        if self.every_frame:
            self._take_all()

    @property
    def gray(self) -> bool:
        """Whether every picture is grey."""
        return all(is_gray(self.headers[index]) for index in self.usable)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of every picture."""
        headers = (self.headers[index] for index in self.usable)
        return [(header.width, header.height) for header in headers]

    def transparent(self, indices: Sequence[int] | None = None) -> int:
        """How many of the pictures, all of them by default, use their transparency: counted, or of very many told
        from some."""
        usable = self.usable if indices is None else indices
        able = [index for index in usable if self.headers[index].transparent]
        some = able[:: max(1, len(able) // _LOOKED_THROUGH)]

        def read(reel: Reel, frame: int) -> bool:
            return uses_alpha(whole(reel, frame))

        uses = [one for _, one in self._each_frame("looking for transparency", some, read)]
        self._leave_skipped()
        return round(len(able) * sum(uses) / len(uses)) if uses else 0

    def value_range(self) -> Range | None:
        """What wide pictures hold, all together, from the 0.1st to the 99.9th percentile of their values; None where
        there are none, and where they hold more than half of the range of their kind, which then stands."""
        wide = [index for index in self.usable if is_wide(self.headers[index].mode)]
        if not wide:
            return None
        count = max(_FEWEST_VALUES, _VALUES // len(wide))

        def read(reel: Reel, frame: int) -> Floats:
            return sample_values(reel, count, frame)

        values = np.concatenate([part for _, part in self._each_frame("measuring values", wide, read)])
        self._leave_skipped()
        return measured(values)

    def band_values(self, span: Range | None, full: bool) -> tuple[Values, float]:
        """The ranges of the pictures' bands as ``of_bands`` has them, and the share of values that are no finite
        numbers."""
        count = max(_FEWEST_VALUES, _VALUES // (len(self.usable) * self.bands))

        def read(reel: Reel, frame: int) -> NDArray[Any]:
            return sample_bands(reel, count, frame)

        samples = [part for _, part in self._each_frame("measuring values", self.usable, read)]
        self._leave_skipped()
        finite = sum(np.isfinite(part).sum() for part in samples) / sum(part.size for part in samples)
        return of_bands(samples, span, full), float(1 - finite)

    def chunks(
        self,
        size: Size,
        fit: Fit,
        channels: Channels,
        make: Callable[[Bytes], Bytes] | None = None,
        span: Range | None = None,
    ) -> Generator[Chunk, None, IngestReport]:
        """Yields the pictures as uint8 (n, channels, height, width) in the album's order, and what ``make`` makes of
        each.

        Returns a report of those that came and those that were skipped. Raises UserError where none can be read.
        """

        def read(reel: Reel, frame: int) -> tuple[Bytes, Bytes | None]:
            picture = decode(reel, size, fit, channels, span, frame)
            return picture, None if make is None else make(picture)

        pictures = self._each_frame(PREPARING, self.usable, read)
        return self._chunks(pictures, channels * math.prod(sides_of(size)))

    def band_chunks(self, size: Size, fit: Fit, values: Values) -> Generator[Chunk, None, IngestReport]:
        """Yields pictures of bands as uint8 (n, C, height, width), each band by its range, as ``chunks`` does."""

        def read(reel: Reel, frame: int) -> tuple[Bytes, Bytes | None]:
            return decode_bands(reel, size, fit, values, frame), None

        pictures = self._each_frame(PREPARING, self.usable, read)
        return self._chunks(pictures, values.channels * math.prod(sides_of(size)))

    def _chunks(
        self, pictures: Iterable[tuple[int, tuple[Bytes, Bytes | None]]], each: int
    ) -> Generator[Chunk, None, IngestReport]:
        """``pictures`` and what is made of them by index, of so many bytes each, some at a time."""
        per_chunk = max(1, _CHUNK_BYTES // each)
        chunk: list[tuple[Bytes, Bytes | None]] = []
        indices: list[int] = []
        for index, result in pictures:
            indices.append(index)
            chunk.append(result)
            if len(chunk) == per_chunk:
                yield _stacked(chunk)
                chunk = []
        self.usable = indices
        self._refuse_none()
        if chunk:
            yield _stacked(chunk)
        indices_of = {name: index for index, name in enumerate(self.album.names)}
        files = [indices_of[self.frames[index].file] for index in indices]
        headers = [self.headers[index] for index in indices]
        return IngestReport(files, headers, self.skipped, self.every_frame)

    def _header(self, index: int) -> Header:
        with self.album.open(self.frames[index].file) as file:
            return look(file)

    def _take_all(self) -> None:
        """Makes every frame of a file that holds several a picture of its own."""
        headers = [(self.frames[index].file, header) for index, header in self.headers.items()]
        each = [(Frame(name, frame), header) for name, header in headers for frame in range(header.frames)]
        self.frames = [frame for frame, _ in each]
        self.headers = {index: header for index, (_, header) in enumerate(each)}
        self.usable = list(self.headers)

    def _leave_skipped(self) -> None:
        """Leaves out of ``usable`` what could not be read meanwhile."""
        self.usable = [index for index in self.usable if str(self.frames[index]) not in self.skipped]
        self._refuse_none()

    def _most_bands(self) -> int:
        """How many bands most pictures have; the others are skipped."""
        counts = Counter(header.bands for header in self.headers.values())
        most = max(counts, key=lambda bands: (counts[bands], -bands), default=0)
        others = f"most files have {most} bands" if most else "most files are pictures in gray or color"
        for index in [index for index, header in self.headers.items() if header.bands != most]:
            header = self.headers.pop(index)
            mine = f"{header.bands} bands" if header.bands else "in gray or color"
            self.skipped[str(self.frames[index])] = f"{mine}, and {others}"
        return most

    def _each(
        self, what: str, indices: Iterable[int], read: Callable[[int], _Result]
    ) -> Iterator[tuple[int, _Result]]:
        """``read`` of every index, in order; what cannot be read is put down in ``skipped``."""

        def job(group: list[int]) -> Iterator[_Result | BadPicture]:
            for index in group:
                try:
                    yield read(index)
                except BadPicture as bad:
                    yield bad

        return self._in_order(what, [[index] for index in indices], job)

    def _each_frame(
        self, what: str, indices: Iterable[int], read: Callable[[Reel, int], _Result]
    ) -> Iterator[tuple[int, _Result]]:
        """``read`` of every index's file and frame, as ``_each``; a file is opened once for its frames."""

        def job(group: list[int]) -> Iterator[_Result | BadPicture]:
            reel: Reel | None = None
            with ExitStack() as files:
                for index in group:
                    name, frame = self.frames[index]
                    try:
                        reel = reel or Reel(files.enter_context(self.album.open(name)))
                        yield read(reel, frame)
                    except BadPicture as bad:
                        yield bad

        groups = [list(group) for _, group in groupby(indices, lambda index: self.frames[index].file)]
        return self._in_order(what, groups, job)

    def _in_order(
        self,
        what: str,
        groups: list[list[int]],
        job: Callable[[list[int]], Iterator[_Result | BadPicture]],
    ) -> Iterator[tuple[int, _Result]]:
        """What ``job`` gives for groups of indices, in order; what cannot be read is put down in ``skipped``."""
        total = sum(map(len, groups))
        indices = (index for group in groups for index in group)
        with warnings.catch_warnings():
            # Pillow warns of small damage that it reads past. Set here, since filters are not a thread's own.
            warnings.simplefilter("ignore")
            for done, (index, result) in enumerate(zip(indices, _in_order(job, groups), strict=True), 1):
                if isinstance(result, BadPicture):
                    self.skipped[str(self.frames[index])] = str(result)
                else:
                    yield index, result
                if self._watch is not None:
                    self._watch(what, done, total)

    def _refuse_none(self) -> None:
        if self.usable:
            return
        raise UserError(
            f"None of the {len(self.skipped)} pictures in {self.album.path} can be read "
            f"({self._reasons()}): give pictures that open in a viewer."
        )

    def _reasons(self) -> str:
        """The first reasons for which pictures are skipped."""
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(self.skipped.items())[:_QUOTED])
        return reasons + ("; ..." if len(self.skipped) > _QUOTED else "")


def _stacked(results: list[tuple[Bytes, Bytes | None]]) -> Chunk:
    pictures = np.stack([picture for picture, _ in results])
    conditions = [made for _, made in results if made is not None]
    return (pictures, np.stack(conditions)) if conditions else pictures


def _in_order(job: Callable[[list[int]], Iterator[_Result]], groups: list[list[int]]) -> Iterator[_Result]:
    """Results in order from a few threads (decoders release the lock), a bounded number under way. A group of several
    is gone through by whoever waits for it, one at a time."""
    workers = min(16, max(2, os.cpu_count() or 2))  # each may hold 100 megapixels
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[list[_Result]] | Iterator[_Result]] = deque()

    def first() -> Iterable[_Result]:
        one = waiting.popleft()
        return one.result() if isinstance(one, Future) else one

    try:
        for group in groups:
            waiting.append(pool.submit(lambda one: list(job(one)), group) if len(group) == 1 else job(group))
            if len(waiting) >= 4 * workers:
                yield from first()
        while waiting:
            yield from first()
    finally:
        pool.shutdown(cancel_futures=True)
